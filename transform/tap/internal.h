/* rollstat-tap: what the program's own files share. Everything that comes from a topic is from outside: it is made
 * printable before it is shown, and values of an event are shown only for fields that were named.
 * It reads with a client of its own, of no group, and judges with an engine of its own: it asks nothing of an
 * instance, commits nothing and writes nothing.
 * Thread: one, and the schema registry's. */
#ifndef RS_TRANSFORM_TAP_INTERNAL_H
#define RS_TRANSFORM_TAP_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/dead_letter.h"
#include "base/error.h"
#include "base/record.h"
#include "base/usage.h"
#include "schemas/decoder.h"
#include "schemas/stream.h"
#include "transform/partition/look.h"
#include "transform/plan/asking.h"

extern const struct rs_program_info rs_tap_info;

/* ---- the command line: args.c ---- */

#define RS_TAP_FIELDS_MAX 64

enum rs_tap_verdict {
    RS_TAP_APPLIED,
    RS_TAP_LATE,
    RS_TAP_DUPLICATE,
    RS_TAP_FILTERED,
    RS_TAP_REJECTED,
    RS_TAP_UNJUDGED, /* the registry does not say what its writer's schema is */
    RS_TAP_VERDICTS,
};
const char *rs_tap_verdict_name(enum rs_tap_verdict verdict);

#define RS_TAP_LATEST   (-1)
#define RS_TAP_EARLIEST (-2)

struct rs_tap_request {
    const char *config, *stream, *topic;
    const char *by[RS_TAP_FIELDS_MAX]; /* "exchange=A" */
    size_t by_count;
    const char *fields[RS_TAP_FIELDS_MAX]; /* lists with commas between */
    size_t field_count;
    uint32_t verdicts;             /* bits; 0: all */
    bool reasons[RS_REASON_COUNT]; /* with any_reason: only these */
    bool any_reason;
    int64_t from, partition, count, rate, timeout_s; /* partition -1: all; count, rate 0: no end, no limit */
    bool json, end;
};

/* As rs_usage_read. */
RS_MUST_USE int rs_tap_read_arguments(int argc, char **argv, struct rs_tap_request *request,
                                      struct rs_error *error);

/* ---- values of fields that were named: fields.c ---- */

struct rs_tap_fields;

/* RS_EUSAGE: the stream has no such field, or it is no single value; RS_ENOMEM. `registry`: NULL or the one that
 * the engine asks. */
RS_MUST_USE int rs_tap_fields_new(const struct rs_tap_request *request, const struct rs_streams *streams,
                                  const struct rs_stream *stream, struct rs_registry *registry,
                                  struct rs_tap_fields **out, struct rs_error *error);
void rs_tap_fields_free(struct rs_tap_fields **fields);
/* Reads them from a message, if it can be read. Values live until the next call, as the record does. */
void rs_tap_fields_read(struct rs_tap_fields *fields, const struct rs_record *record);
/* Whether what was read last is as --by asks. */
bool rs_tap_fields_match(const struct rs_tap_fields *fields);
/* How many are to be shown; name and text of one of what was read last. As JSON: a JSON value. */
size_t rs_tap_fields_shown(const struct rs_tap_fields *fields);
const char *rs_tap_field_name(const struct rs_tap_fields *fields, size_t number);
void rs_tap_field_put(const struct rs_tap_fields *fields, size_t number, bool json, struct rs_buf *out);

/* ---- what the engine makes of a record: judge.c ---- */

struct rs_tap_event {
    const struct rs_stream *input;
    int32_t partition;
    size_t slot; /* number of the partition among all that are read */
    struct rs_record record;
    enum rs_tap_verdict verdict;
    int64_t time_us; /* of the event; RS_TIME_NONE */
    /* REJECTED; UNJUDGED has `text`. Texts: empty, there is none. */
    enum rs_reason reason;
    char text[512], rule[256], field[RS_PLACE_PATH_MAX], schema[RS_DECODER_SCHEMA_MAX];
    int64_t byte; /* -1 */
    /* APPLIED, LATE and FILTERED: by aggregate of the stream's */
    const struct rs_look *looks;
    size_t look_count;
};

struct rs_tap_judge;

/* For so many partitions. */
RS_MUST_USE int rs_tap_judge_new(const struct rs_engine *engine, size_t slots, int64_t timeout_us,
                                 struct rs_tap_judge **out, struct rs_error *error);
void rs_tap_judge_free(struct rs_tap_judge **judge);
/* Fills everything in `event` behind `record`. RS_ENOMEM. */
RS_MUST_USE int rs_tap_judge_run(struct rs_tap_judge *judge, struct rs_tap_event *event,
                                 struct rs_error *error);

/* ---- reading: read.c ---- */

/* 0: go on; RS_TAP_ENOUGH ends the reading well. */
#define RS_TAP_ENOUGH 1
typedef int rs_tap_take(void *ctx, struct rs_tap_event *event, struct rs_error *error);
/* Nothing is waiting. */
typedef int rs_tap_idle(void *ctx, struct rs_error *error);

struct rs_tap_reader;

/* Finds out where to begin in each topic of the stream. RS_EBROKER, RS_EUSAGE: no such topic, partition, offset. */
RS_MUST_USE int rs_tap_reader_new(const struct rs_tap_request *request, const struct rs_config_node *kafka,
                                  const struct rs_streams *streams, const struct rs_stream *stream,
                                  struct rs_tap_reader **out, struct rs_error *error);
void rs_tap_reader_free(struct rs_tap_reader **reader);
size_t rs_tap_reader_slots(const struct rs_tap_reader *reader);
/* Until `take` or `idle` says so, a signal comes, or, with --end, what was there at the beginning is read. */
RS_MUST_USE int rs_tap_reader_run(struct rs_tap_reader *reader, rs_tap_take *take, rs_tap_idle *idle,
                                  void *ctx, struct rs_error *error);

/* ---- lines: print.c ---- */

void rs_tap_put_event(const struct rs_tap_event *event, const struct rs_tap_fields *fields,
                      const struct rs_engine *engine, bool json, struct rs_buf *out);

#endif
