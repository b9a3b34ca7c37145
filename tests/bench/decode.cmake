add_executable(decode_bench bench/decode_bench.c)
rs_target_defaults(decode_bench)
target_link_libraries(decode_bench PRIVATE rs_schemas PkgConfig::AVRO)
