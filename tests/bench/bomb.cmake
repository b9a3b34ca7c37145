add_executable(bomb_bench bench/bomb_bench.c)
rs_target_defaults(bomb_bench)
target_link_libraries(bomb_bench PRIVATE rs_transform)
