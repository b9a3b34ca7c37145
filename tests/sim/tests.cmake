# What the engine has to show, computed without it.
add_library(engine_model STATIC sim/engine_model.c sim/engine_model_calendar.c sim/engine_model_lines.c
  sim/engine_model_parts.c sim/engine_model_yaml.c)
rs_target_defaults(engine_model)
target_compile_definitions(engine_model PRIVATE RS_SIM_EXCHANGE="${CMAKE_CURRENT_SOURCE_DIR}/sim/exchange.yaml")
target_link_libraries(engine_model PUBLIC engine_fixture PRIVATE m)

# The engine in virtual time; every seed prints itself when it fails.
add_executable(engine_sim sim/engine_sim.c sim/engine_log.c)
rs_target_defaults(engine_sim)
target_link_libraries(engine_sim PRIVATE engine_model partition_state)
add_test(NAME sim.engine COMMAND engine_sim --seeds 600)
add_test(NAME sim.sessions COMMAND engine_sim --sessions --seeds 600)
set_tests_properties(sim.engine sim.sessions PROPERTIES LABELS sim TIMEOUT 300)

# Rows of a file through an engine that crashes, for the Python suites.
add_executable(restart_tool lib/restart_tool.c)
rs_target_defaults(restart_tool)
target_link_libraries(restart_tool PRIVATE engine_log partition_state rs_transform rs_ingest rs_sink rs_schemas rs_base)

# Several instances of the whole engine with everything around them. tests/sim/run runs more seeds, mutants.py the
# planted errors.
add_executable(cluster_sim sim/cluster_sim.c sim/fate.c sim/oracle.c sim/reference.c
  sim/sim_input.c sim/sim_log.c sim/sim_process.c sim/sim_redis.c sim/witness.c sim/workload.c)
rs_target_defaults(cluster_sim)
target_link_libraries(cluster_sim PRIVATE engine_model partition_state rs_transform rs_sink rs_base PkgConfig::XXHASH)
add_test(NAME sim.cluster COMMAND cluster_sim --seeds 300)
add_test(NAME sim.windows COMMAND cluster_sim --windows --seeds 200)
set_tests_properties(sim.cluster sim.windows PROPERTIES LABELS sim TIMEOUT 300)

# Writers of two consumer groups in one real redis-server, their commands let through one at a time.
add_executable(writers_sim sim/writers_sim.c sim/gates.c)
rs_target_defaults(writers_sim)
target_link_libraries(writers_sim PRIVATE rs_sink rs_base)
add_test(NAME sim.writers COMMAND writers_sim --seeds 20)
set_tests_properties(sim.writers PROPERTIES LABELS sim TIMEOUT 300 SKIP_RETURN_CODE 77)
