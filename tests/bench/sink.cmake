add_executable(sink_bench bench/sink_bench.c)
rs_target_defaults(sink_bench)
target_link_libraries(sink_bench PRIVATE rs_sink)
