# Programs the Python suites use.
add_executable(kafka_tool lib/kafka_tool.c)
rs_target_defaults(kafka_tool)
target_link_libraries(kafka_tool PRIVATE PkgConfig::RDKAFKA)
