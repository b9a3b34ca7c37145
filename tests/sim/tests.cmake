# The engine in virtual time; every seed prints itself when it fails.
add_executable(engine_sim sim/engine_sim.c sim/engine_model.c)
rs_target_defaults(engine_sim)
target_link_libraries(engine_sim PRIVATE engine_fixture)
add_test(NAME sim.engine COMMAND engine_sim --seeds 600)
set_tests_properties(sim.engine PROPERTIES LABELS sim TIMEOUT 300)
