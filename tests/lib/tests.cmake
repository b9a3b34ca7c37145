# Programs the Python suites use.
add_executable(kafka_tool lib/kafka_tool.c)
rs_target_defaults(kafka_tool)
target_link_libraries(kafka_tool PRIVATE PkgConfig::RDKAFKA)
add_executable(state_records lib/state_records.c)
rs_target_defaults(state_records)
target_link_libraries(state_records PRIVATE rs_transform)
