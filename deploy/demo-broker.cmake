# librdkafka's mock cluster as a program: for the demo and the tests, not installed.
add_executable(rollstat-demo-broker demo-broker.c)
rs_target_defaults(rollstat-demo-broker)
target_link_libraries(rollstat-demo-broker PRIVATE PkgConfig::RDKAFKA)
