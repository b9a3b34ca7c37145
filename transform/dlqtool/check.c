/* The engine itself judges, one record at a time: what is refused here is refused by the daemon. What hangs on
 * other records (late, a duplicate, no room for another group) cannot be known here, and is no reason. */
#include <stdio.h>
#include <stdlib.h>

#include "transform/dlqtool/internal.h"
#include "transform/partition/partition.h"

/* The partition keeps groups of what it took, and starts anew before they are many. */
#define RECORDS_MAX 4096

struct rs_dlq_check {
    const struct rs_engine *engine;
    const struct rs_stream *stream;
    struct rs_partition *partition;
    int64_t next; /* offset */
    struct rs_dlq_verdict verdict;
};

int rs_dlq_check_new(const struct rs_engine *engine, const struct rs_stream *stream,
                     struct rs_dlq_check **out, struct rs_error *error)
{
    struct rs_dlq_check *check = calloc(1, sizeof *check);
    if (!check) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    check->engine = engine;
    check->stream = stream;
    *out = check;
    return 0;
}

void rs_dlq_check_free(struct rs_dlq_check **check)
{
    if (*check) {
        rs_partition_free(&(*check)->partition);
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

int rs_dlq_check_run(struct rs_dlq_check *check, const struct rs_dlq_letter *letter,
                     struct rs_dlq_verdict *out, struct rs_error *error)
{
    const struct rs_dead_letter_sink sink = {.self = check, .ops = &ops};
    if (!check->partition || check->next >= RECORDS_MAX) {
        rs_partition_free(&check->partition);
        check->next = 0;
        int rc = rs_partition_new(check->engine, check->stream->index, 0, &check->partition, error);
        if (rc < 0) {
            return rc;
        }
    }
    const struct rs_record record = {.key = letter->key,
                                     .value = letter->value,
                                     .offset = check->next++,
                                     .timestamp_us = letter->original_us};
    check->verdict = (struct rs_dlq_verdict){0};
    if (rs_partition_apply(check->partition, &record, 1, &sink) != 1) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    *out = check->verdict;
    return 0;
}
