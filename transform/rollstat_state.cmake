# rollstat-state: reads state logs, for operators.
add_executable(rollstat-state
  rollstat_state.c
  rollstat_state_judge.c
  rollstat_state_json.c
  rollstat_state_kafka.c
  rollstat_state_text.c
)
rs_target_defaults(rollstat-state)
target_link_libraries(rollstat-state PRIVATE rs_transform rs_schemas rs_base PkgConfig::RDKAFKA Threads::Threads)
install(TARGETS rollstat-state RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
