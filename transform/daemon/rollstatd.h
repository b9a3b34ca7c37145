/* rollstatd: what the program's own files share. These files are the only ones that see all stages; they wire
 * them.
 * Thread: the control thread, where nothing else is said. */
#ifndef RS_TRANSFORM_DAEMON_ROLLSTATD_H
#define RS_TRANSFORM_DAEMON_ROLLSTATD_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/config/config.h"
#include "base/error.h"
#include "base/log.h"
#include "base/usage.h"
#include "ingest/read/rows.h"
#include "schemas/stream.h"
#include "sink/redis/config.h"
#include "transform/partition/partition.h"

/* ---- configuration: settings.c ---- */

enum rs_daemon_mode {
    RS_DAEMON_RUN,
    RS_DAEMON_CHECK,
    RS_DAEMON_EXPLAIN,
    RS_DAEMON_REBUILD,
    RS_DAEMON_FORGET,
    RS_DAEMON_TAKE_OVER,
    RS_DAEMON_RELOAD,
    RS_DAEMON_CREATE_TOPICS,
    RS_DAEMON_REPLAY, /* needs neither `kafka` nor `redis` */
};

struct rs_settings {
    struct rs_config *document;
    struct rs_streams *streams;
    struct rs_engine *engine;
    struct rs_redis_config redis;
    const struct rs_config_node *kafka; /* NULL: absent */
    uint32_t workers;
    int64_t memory_limit;    /* bytes of state, all workers together */
    int64_t history_limit;   /* ended windows waiting for the sink, all workers together */
    const char *http_listen; /* NULL: off */
    enum rs_log_level log_level;
    enum rs_log_form log_form;
    bool state_in_memory;       /* `state: {log: memory}`: nothing is kept over a restart */
    int64_t commit_every_us;    /* between batches of the state log */
    int32_t replication_factor; /* of state topics that are made; -1: the broker's default */
};

/* Reads the whole configuration. Complaints and warnings are appended to `report`, one a line; with
 * complaints the result is RS_ECONFIG. Other errors: the file cannot be read. */
RS_MUST_USE int rs_settings_load(const char *path, enum rs_daemon_mode mode, struct rs_settings *out,
                                 struct rs_buf *report, struct rs_error *error);
void rs_settings_fini(struct rs_settings *settings);
/* Complains about topics that get in each other's way: topics.c. */
void rs_settings_check_topics(const struct rs_settings *settings, enum rs_daemon_mode mode);

/* Client properties from the `kafka` section, with log lines into our own log. The caller's to destroy. */
RS_MUST_USE int rs_settings_kafka(const struct rs_settings *settings, rd_kafka_conf_t **out,
                                  struct rs_error *error);

/* ---- replay: replay.c ---- */

struct rs_replay_options {
    const char *stream;
    int32_t partitions;
    struct rs_rows_options rows;
    const char *const *files;
    size_t file_count;
    bool sample; /* say what would be rejected, in place of keys and accounting */
};

/* Prints the keys on stdout and the accounting on stderr. Returns the program's exit code, or a negative
 * error. */
RS_MUST_USE int rs_replay(const struct rs_settings *settings, const struct rs_replay_options *options,
                          struct rs_error *error);

/* ---- rebuild: rebuild.c ---- */

struct rs_rebuild_options {
    const char *stream; /* NULL: all of them */
    bool has_from;
    int64_t from_us; /* records from this time on; without: from the oldest one */
};

/* Appends to the state log of each partition a claim that makes all before it void, and prints what will be
 * read again. Returns the program's exit code, or a negative error. */
RS_MUST_USE int rs_rebuild(const struct rs_settings *settings, const struct rs_rebuild_options *options,
                           struct rs_error *error);

/* ---- the daemon: run.c ---- */

struct rs_daemon_options {
    const char *path; /* of the configuration, which a reload reads again */
    bool has_level;   /* the level of the log was given on the command line, and stays */
};
/* Runs until told to stop. A reload puts others into *settings, which stay the caller's. Returns the program's exit
 * code, or a negative error. */
RS_MUST_USE int rs_daemon_run(struct rs_settings *settings, const struct rs_daemon_options *options,
                              struct rs_error *error);

/* ---- what the daemon talks to: connect.c ---- */

/* Tries Kafka, the schema registry and Redis, changing nothing, and prints each finding; `path` stands in front of
 * what is wrong. Returns 0, or RS_EBROKER when something would not work. */
RS_MUST_USE int rs_connect_check(struct rs_settings *settings, const char *path, struct rs_error *error);
/* Makes topics that are missing: those of state and dead letters, and those of inputs where `input_partitions` is not
 * 0. What is there is left as it is. The same results. */
RS_MUST_USE int rs_connect_create_topics(struct rs_settings *settings, const char *path,
                                         int32_t input_partitions, struct rs_error *error);

/* ---- an instance that runs, asked over its pages: running.c ---- */

/* Compares with what it runs with, and prints what it would refuse. Returns the program's exit code, or an error. */
RS_MUST_USE int rs_running_compare(const struct rs_settings *fresh, struct rs_error *error);
/* Has it reload, waits for the outcome and prints it. */
RS_MUST_USE int rs_running_reload(const struct rs_settings *settings, struct rs_error *error);

#endif
