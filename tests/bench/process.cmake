# Programs of the process-level benches; tests/bench/run and tests/bench/peers drive them.
add_executable(bare_consumer bench/bare_consumer.c)
rs_target_defaults(bare_consumer)
target_link_libraries(bare_consumer PRIVATE PkgConfig::RDKAFKA)
add_executable(latency bench/latency.c)
rs_target_defaults(latency)
target_link_libraries(latency PRIVATE PkgConfig::RDKAFKA PkgConfig::HIREDIS Threads::Threads)
# tests/bench/peers fills its topics with it.
add_executable(peer_trades bench/peer_trades.c)
rs_target_defaults(peer_trades)
target_link_libraries(peer_trades PRIVATE rs_base PkgConfig::RDKAFKA m)
