add_executable(json_bench bench/json_bench.c)
rs_target_defaults(json_bench)
target_link_libraries(json_bench PRIVATE rs_schemas PkgConfig::YAJL)
