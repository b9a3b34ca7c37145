# Where the daemon's records come from.
target_sources(rs_ingest PRIVATE
  kafka_asker.c
  kafka_brokers.c
  kafka_control.c
  kafka_group.c
  kafka_source.c
  kafka_worker.c
  memory_source.c
)
target_link_libraries(rs_ingest PUBLIC PkgConfig::RDKAFKA Threads::Threads PRIVATE PkgConfig::JANSSON)
