add_executable(pane_bench bench/pane_bench.c)
rs_target_defaults(pane_bench)
target_link_libraries(pane_bench PRIVATE rs_transform)
