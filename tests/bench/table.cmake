add_executable(table_bench bench/table_bench.c bench/slices.c)
rs_target_defaults(table_bench)
target_link_libraries(table_bench PRIVATE engine_fixture)
