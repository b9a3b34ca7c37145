add_executable(engine_bench bench/engine_bench.c)
rs_target_defaults(engine_bench)
target_link_libraries(engine_bench PRIVATE engine_fixture PkgConfig::XXHASH)
