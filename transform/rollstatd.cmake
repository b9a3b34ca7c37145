# The worker's side of the library, and the daemon: the only program that sees all stages.
target_sources(rs_transform PRIVATE
  durable_log.c
  durable_parts.c
  log_kafka.c
  log_kafka_admin.c
  log_kafka_read.c
  log_kafka_write.c
  state_log.c
  state_reader.c
  state_record.c
  worker.c
  worker_claim.c
  worker_commit.c
  worker_health.c
  worker_input.c
  worker_publish.c
  worker_counts.c
  worker_scan.c
  worker_status.c
)
target_link_libraries(rs_transform PUBLIC Threads::Threads)

add_executable(rollstatd
  rollstatd.c
  rollstatd_close.c
  rollstatd_config.c
  rollstatd_health.c
  rollstatd_log.c
  rollstatd_notify.c
  rollstatd_outcomes.c
  rollstatd_pages.c
  rollstatd_rebuild.c
  rollstatd_replay.c
  rollstatd_run.c
  rollstatd_status.c
  rollstatd_topics.c
)
rs_target_defaults(rollstatd)
target_link_libraries(rollstatd PRIVATE rs_transform rs_ingest rs_sink rs_schemas rs_base
  PkgConfig::SYSTEMD PkgConfig::JANSSON PkgConfig::RDKAFKA Threads::Threads)
# Users run it, too (--check, --explain, --replay), and have no sbin in their PATH.
install(TARGETS rollstatd RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
