/* rollstat-dlq: what the program's own files share. Everything that comes from a dead-letter topic is from
 * outside: whoever may write there may write anything, so that it is checked before it is used and made
 * printable before it is shown. Bytes of a payload are printed where the operator asks for them, and nowhere
 * else.
 * Thread: one. */
#ifndef RS_TRANSFORM_DLQTOOL_INTERNAL_H
#define RS_TRANSFORM_DLQTOOL_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/config/config.h"
#include "base/dead_letter.h"
#include "base/error.h"
#include "base/kafka/reader.h"
#include "base/usage.h"
#include "schemas/decoder.h"
#include "schemas/stream.h"
#include "transform/plan/asking.h"

extern const struct rs_program_info rs_dlq_info;

/* ---- a record of a dead-letter topic: letter.c ---- */

/* Of a record that was sent again, and of the markers that say so: replay.c. */
#define RS_REPLAYED       "rollstat.replayed"
#define RS_REPLAY         "rollstat.replay"
#define RS_REPLAY_TO      "rollstat.replay_to"
#define RS_REPLAY_SESSION "rollstat.replay_session"
#define RS_REPLAY_LETTERS "rollstat.replay_letters"
#define RS_REPLAY_AFTER   "rollstat.replay_after"

/* Borrows from the message. Texts: data NULL, it does not say. */
struct rs_dlq_letter {
    const char *topic;
    int32_t partition;
    int64_t offset;
    int64_t time_us; /* when it became a letter; RS_TIME_NONE */
    struct rs_slice key, value;
    rd_kafka_headers_t *headers;
    size_t original_headers; /* the first so many are the original's */
    struct rs_slice reason, text, input, rule, rule_reason, field, schema;
    int32_t input_partition;
    int64_t input_offset;
    int64_t original_us; /* the record's own time; RS_TIME_NONE */
    int64_t byte;        /* -1 */
    bool cut;            /* something of the original is left out */
};

enum rs_dlq_kind { RS_DLQ_LETTER, RS_DLQ_MARKER, RS_DLQ_FOREIGN };

/* *why: what a foreign record lacks. `topic` is borrowed. */
enum rs_dlq_kind rs_dlq_letter_parse(const char *topic, const rd_kafka_message_t *message,
                                     struct rs_dlq_letter *out, const char **why);
/* The last header of that name; data NULL: none. */
struct rs_slice rs_dlq_header(const rd_kafka_headers_t *headers, const char *name);
/* A whole number from 0 to `max` and nothing else. */
bool rs_dlq_number(struct rs_slice text, int64_t max, int64_t *out);
/* "TOPIC:PARTITION:OFFSET" */
void rs_dlq_position(const struct rs_dlq_letter *letter, struct rs_buf *out);

/* ---- which letters: filter.c ---- */

struct rs_dlq_filter {
    const char *reasons; /* names with commas between; NULL: all. So the others. */
    const char *field, *rule, *schema;
    int64_t partition;            /* of the input; -1: all */
    int64_t since_us, until_us;   /* [since, until) of when it became a letter */
    const char *const *positions; /* "TOPIC:PARTITION:OFFSET" */
    size_t position_count;        /* 0: all */
};

/* The first of `reasons` that is none; data NULL: all are. */
struct rs_slice rs_dlq_filter_wrong_reason(const struct rs_dlq_filter *filter);
bool rs_dlq_filter_takes(const struct rs_dlq_filter *filter, const struct rs_dlq_letter *letter);

/* ---- which letters were replayed: marks.c ---- */

struct rs_dlq_range {
    int64_t from, to; /* both included */
};
struct rs_dlq_offset {
    int32_t partition;
    int64_t offset;
};
/* Of one partition of a dead-letter topic and one topic that letters are sent to. Zero-initialised but for
 * `to`. */
struct rs_dlq_marks {
    struct rs_slice to;
    struct rs_dlq_range *ranges; /* ascending, apart */
    size_t count, capacity;
    uint64_t session;            /* the newest that began; 0: none */
    bool open;                   /* and did not end */
    int64_t newest;              /* offset of its newest marker */
    struct rs_dlq_offset *after; /* of `to`: what it sent and did not mark is not below these */
    size_t after_count, after_capacity;
    uint64_t damaged; /* markers that make no sense; they count for nothing */
};

void rs_dlq_marks_fini(struct rs_dlq_marks *marks);
RS_MUST_USE int rs_dlq_marks_add(struct rs_dlq_marks *marks, int64_t from, int64_t to,
                                 struct rs_error *error);
bool rs_dlq_marks_have(const struct rs_dlq_marks *marks, int64_t offset);
/* Takes a marker; one for another topic changes nothing. RS_ENOMEM. */
RS_MUST_USE int rs_dlq_marks_take(struct rs_dlq_marks *marks, const struct rs_dlq_letter *marker,
                                  struct rs_error *error);
/* What a replay of this partition may send no message to below; -1: it has sent none there. */
int64_t rs_dlq_marks_after(const struct rs_dlq_marks *marks, int32_t partition);
RS_MUST_USE int rs_dlq_marks_set_after(struct rs_dlq_marks *marks, int32_t partition, int64_t offset,
                                       struct rs_error *error);

/* ---- the program: args.c, main.c ---- */

struct rs_dlq_request {
    const char *config, *stream, *command;
    struct rs_dlq_filter filter;
    const char *to, *output, *raw;
    int64_t limit, rate, timeout_s; /* limit and rate 0: none */
    bool json, dry_run, force, pending;
};

struct rs_dlq_tool {
    struct rs_dlq_request request;
    struct rs_loaded loaded;      /* its engine: for show and replay */
    struct rs_registry *registry; /* NULL: none, or not for this command */
    struct rs_kafka_reader *kafka;
    uint64_t found, foreign; /* letters taken; records that are no letters */
    uint64_t chosen;         /* by replay, of all streams */
    uint64_t failed;         /* of the letters, with what was asked for: exit 3 */
    bool quiet;              /* foreign records are told and counted by another reading */
};

/* As rs_usage_read. */
RS_MUST_USE int rs_dlq_read_arguments(int argc, char **argv, struct rs_dlq_request *request,
                                      struct rs_error *error);
bool rs_dlq_is(const struct rs_dlq_request *request, const char *command);

const struct rs_config_node *rs_dlq_kafka(const struct rs_dlq_tool *tool);

/* ---- reading: walk.c ---- */

/* Takes a letter that the filter takes. 0: go on; RS_DLQ_ENOUGH ends the walk well. */
#define RS_DLQ_ENOUGH 2
typedef int rs_dlq_take(void *ctx, const struct rs_dlq_letter *letter, const struct rs_stream *stream,
                        struct rs_error *error);

/* Every letter that is wanted, stream by stream and partition by partition, each in order of offset. `stream`
 * is NULL where no stream of the configuration reads the letter's input. */
RS_MUST_USE int rs_dlq_walk(struct rs_dlq_tool *tool, rs_dlq_take *take, void *ctx, struct rs_error *error);

/* The streams whose letters are wanted, one after the other; NULL: no more. */
const struct rs_stream *rs_dlq_next_stream(const struct rs_dlq_tool *tool, const struct rs_stream *after);

/* A record of one partition of a dead-letter topic; of foreign ones nothing comes. */
typedef int rs_dlq_each(void *ctx, enum rs_dlq_kind kind, const struct rs_dlq_letter *letter,
                        struct rs_error *error);
RS_MUST_USE int rs_dlq_read(struct rs_dlq_tool *tool, const char *topic, int32_t partition, int64_t first,
                            int64_t end, rs_dlq_each *each, void *ctx, struct rs_error *error);
/* Raw records of a partition by a reader of one's own; what is trimmed meanwhile is gone like what was trimmed
 * before, and the reading goes on behind it. */
RS_MUST_USE int rs_dlq_read_records(struct rs_kafka_reader *reader, const char *topic, int32_t partition,
                                    int64_t first, int64_t end, rs_kafka_take *take, void *ctx,
                                    struct rs_error *error);
/* Reads what was replayed to marks->to. */
RS_MUST_USE int rs_dlq_read_marks(struct rs_dlq_tool *tool, const char *topic, int32_t partition,
                                  int64_t first, int64_t end, struct rs_dlq_marks *marks,
                                  struct rs_error *error);

/* ---- what the present configuration makes of a letter: check.c ---- */

struct rs_dlq_check;

struct rs_dlq_verdict {
    bool unjudged;         /* the registry did not say what its writer's schema is; `text` says why */
    enum rs_reason reason; /* RS_REASON_NONE: acceptable, by itself */
    char text[512];
};

RS_MUST_USE int rs_dlq_check_new(const struct rs_dlq_tool *tool, const struct rs_stream *stream,
                                 struct rs_dlq_check **out, struct rs_error *error);
void rs_dlq_check_free(struct rs_dlq_check **check);
const struct rs_stream *rs_dlq_check_stream(const struct rs_dlq_check *check);
/* A schema registry has --timeout to answer; once it had that and did not, letters of the same schema do not wait
 * for it, and others half a second, until it does.
 * RS_ENOMEM. */
RS_MUST_USE int rs_dlq_check_run(struct rs_dlq_check *check, const struct rs_dlq_letter *letter,
                                 struct rs_dlq_verdict *out, struct rs_error *error);
/* As rs_decoder_visit, of a letter that rs_dlq_check_run has judged. */
enum rs_reason rs_dlq_check_visit(struct rs_dlq_check *check, const struct rs_dlq_letter *letter,
                                  const struct rs_decoder_visitor *visitor, struct rs_place *place);

/* ---- commands ---- */

RS_MUST_USE int rs_dlq_list(struct rs_dlq_tool *tool, struct rs_error *error);
RS_MUST_USE int rs_dlq_stats(struct rs_dlq_tool *tool, struct rs_error *error);
RS_MUST_USE int rs_dlq_show(struct rs_dlq_tool *tool, struct rs_error *error);
RS_MUST_USE int rs_dlq_export(struct rs_dlq_tool *tool, struct rs_error *error);
RS_MUST_USE int rs_dlq_replay(struct rs_dlq_tool *tool, struct rs_error *error);

/* ---- as text and JSON: print.c ---- */

void rs_dlq_put_time(int64_t us, struct rs_buf *out);
/* The members of an object that say where a letter is and what is wrong: no bytes of the original. */
void rs_dlq_json_head(const struct rs_dlq_letter *letter, const struct rs_stream *stream, struct rs_buf *out);
/* ,"key":…,"value":…,"headers":[…] as hexadecimal digits. */
void rs_dlq_json_payload(const struct rs_dlq_letter *letter, struct rs_buf *out);
void rs_dlq_put_hex(struct rs_slice bytes, struct rs_buf *out);

#endif
