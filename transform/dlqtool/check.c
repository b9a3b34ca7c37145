/* The engine itself judges, one record at a time: what is refused here is refused by the daemon. What hangs on
 * other records (late, a duplicate, no room for another group) cannot be known here, and is no reason. Schemas that
 * the configuration has not are asked for as the daemon does. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "transform/dlqtool/internal.h"
#include "transform/partition/partition.h"
#include "transform/plan/plan.h"

/* The partition keeps groups of what it took, and starts anew before they are many. */
#define RECORDS_MAX 4096

struct rs_dlq_check {
    const struct rs_engine *engine;
    const struct rs_stream *stream;
    const struct rs_decoder *decoder;
    struct rs_learned_table table; /* for visits */
    struct rs_partition *partition;
    int taken;
    struct rs_asking_patience patience;
    struct rs_dlq_verdict verdict;
};

int rs_dlq_check_new(const struct rs_dlq_tool *tool, const struct rs_stream *stream,
                     struct rs_dlq_check **out, struct rs_error *error)
{
    struct rs_dlq_check *check = calloc(1, sizeof *check);
    if (!check) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    check->engine = tool->loaded.engine;
    check->stream = stream;
    check->decoder = check->engine->plans[stream->first].decoder;
    check->patience.timeout_us = tool->request.timeout_s * 1000000;
    *out = check;
    return 0;
}

void rs_dlq_check_free(struct rs_dlq_check **check)
{
    if (*check) {
        rs_partition_free(&(*check)->partition);
        rs_learned_table_fini(&(*check)->table, rs_decoder_learned((*check)->decoder));
        free(*check);
        *check = NULL;
    }
}

const struct rs_stream *rs_dlq_check_stream(const struct rs_dlq_check *check)
{
    return check->stream;
}

static bool put(void *self, const struct rs_dead_letter *letter)
{
    struct rs_dlq_check *check = self;
    struct rs_dlq_verdict *v = &check->verdict;
    if (letter->reason == RS_REASON_LATE || letter->reason == RS_REASON_GROUP_LIMIT) {
        return true;
    }
    v->reason = letter->reason;
    (void)snprintf(v->text, sizeof v->text, "%s", letter->text);
    return true;
}

static int64_t acknowledged(void *self, uint32_t stream, int32_t partition)
{
    (void)self;
    (void)stream;
    (void)partition;
    return INT64_MAX;
}

static const struct rs_dead_letter_ops ops = {.put = put, .acknowledged = acknowledged};

static bool waits(void *partition)
{
    return rs_partition_ask_schema(partition);
}

/* One record; what no answer came for is not judged. */
static int apply(struct rs_dlq_check *check, const struct rs_record *record, struct rs_error *error)
{
    const struct rs_dead_letter_sink sink = {.self = check, .ops = &ops};
    struct rs_error why;
    struct rs_registry_key key;
    char name[RS_REGISTRY_KEY_TEXT];
    while (rs_partition_apply(check->partition, record, 1, &sink) != 1) {
        if (!rs_partition_wants_schema(check->partition, &key)) {
            return rs_fail(error, RS_ENOMEM, "out of memory");
        }
        if (!rs_asking_await_schema(&check->patience, &key, waits, check->partition)) {
            rs_registry_key_name(&key, name);
            rs_partition_schema_why(check->partition, &why);
            check->verdict.unjudged = true;
            (void)snprintf(check->verdict.text, sizeof check->verdict.text,
                           "the schema registry does not say what schema %s is: %.400s", name, why.text);
            return 0;
        }
    }
    return 0;
}

/* Of the original's alone. */
static bool header_of(const struct rs_dlq_letter *letter, const char *name, struct rs_slice *out)
{
    const char *found = NULL;
    const void *value = NULL;
    size_t size = 0;
    *out = (struct rs_slice){0};
    for (size_t i = 0;
         i < letter->original_headers &&
         rd_kafka_header_get_all(letter->headers, i, &found, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
         i++) {
        if (strcmp(found, name) == 0) {
            *out = value ? rs_slice_of(value, size) : (struct rs_slice){0};
        }
    }
    return true;
}

static bool find_header(const struct rs_record *record, const char *name, struct rs_slice *out)
{
    return header_of(*(const struct rs_dlq_letter *const *)record->origin, name, out);
}

/* What the record says of itself is what it said when it was rejected: its place after a replay is not known. */
int rs_dlq_check_run(struct rs_dlq_check *check, const struct rs_dlq_letter *letter,
                     struct rs_dlq_verdict *out, struct rs_error *error)
{
    const struct rs_dlq_letter *source = letter;
    int rc = 0;
    if (!check->partition || check->taken >= RECORDS_MAX) {
        rs_partition_free(&check->partition);
        check->taken = 0;
        rc = rs_partition_new(check->engine, check->stream->index, 0, &check->partition, error);
        if (rc < 0) {
            return rc;
        }
    }
    const struct rs_record record = {.key = letter->key,
                                     .value = letter->value,
                                     .offset = letter->input_offset < INT64_MAX ? letter->input_offset
                                                                                : INT64_MAX - 1,
                                     .timestamp_us = letter->original_us,
                                     .origin = &source,
                                     .header = find_header};
    check->taken++;
    rs_partition_renumber(check->partition, letter->input_partition);
    check->verdict = (struct rs_dlq_verdict){0};
    rc = apply(check, &record, error);
    *out = check->verdict;
    return rc;
}

enum rs_reason rs_dlq_check_visit(struct rs_dlq_check *check, const struct rs_dlq_letter *letter,
                                  const struct rs_decoder_visitor *visitor, struct rs_place *place)
{
    if (check->stream->framing.header) {
        (void)header_of(letter, RS_REGISTRY_HEADER, &check->table.header);
    }
    return rs_decoder_visit(check->decoder, &check->table, letter->value, visitor, place);
}
