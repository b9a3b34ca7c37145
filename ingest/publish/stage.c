#include "ingest/publish/stage.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Set while this thread hands over an event: only then does the number of partitions told to the partitioner
 * say that all earlier events have theirs. (librdkafka also calls it on a thread of its own, for events that
 * came before the topic was known, one after the other; a run sent in between would overtake them.) */
static _Thread_local bool handing_over;

static int32_t on_partition(const rd_kafka_topic_t *topic, const void *key, size_t size, int32_t partitions,
                            void *topic_opaque, void *message_opaque)
{
    struct rs_stage *stage = topic_opaque;
    if (handing_over) {
        stage->told = partitions;
    }
    return rd_kafka_msg_partitioner_murmur2_random(topic, key, size, partitions, NULL, message_opaque);
}

void rs_stage_configure(struct rs_stage *stage, rd_kafka_topic_conf_t *conf)
{
    *stage = (struct rs_stage){.max_bytes = SIZE_MAX};
    rd_kafka_topic_conf_set_opaque(conf, stage);
    rd_kafka_topic_conf_set_partitioner_cb(conf, on_partition);
}

static void free_runs(struct rs_stage *stage)
{
    for (int32_t i = 0; i < stage->partitions; i++) {
        free(stage->runs[i].messages);
        rs_buf_fini(&stage->runs[i].bytes);
    }
    free(stage->runs);
    stage->runs = NULL;
    stage->partitions = 0;
}

void rs_stage_fini(struct rs_stage *stage)
{
    free_runs(stage);
    stage->count = 0;
}

/* ---- handing over ---- */

static int too_large(struct rs_error *error)
{
    return rs_fail(error, RS_ERECORD,
                   "the event is larger than message.max.bytes of the kafka section allows");
}

static int refused(struct rs_stage *stage, rd_kafka_resp_err_t code, struct rs_error *error)
{
    stage->why = code;
    if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        return RS_STAGE_FULL;
    }
    if (code == RD_KAFKA_RESP_ERR__FATAL) {
        return rs_fail(error, RS_EPRODUCER, "a fatal error of the producer");
    }
    if (code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE) {
        return too_large(error);
    }
    return rs_fail(error, RS_EBROKER, "topic \"%s\": %s", rd_kafka_topic_name(stage->topic),
                   rd_kafka_err2str(code));
}

/* librdkafka chooses the partition; it copies and does not write through the pointer it takes. */
static int hand_over(struct rs_stage *stage, struct rs_slice key, struct rs_slice value, void *tag,
                     struct rs_error *error)
{
    handing_over = true;
    int failed = rd_kafka_produce(stage->topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY,
                                  (void *)value.data, value.size, key.data, key.size, tag);
    handing_over = false;
    return failed == 0 ? RS_STAGE_TAKEN : refused(stage, rd_kafka_last_error(), error);
}

static int hand_over_message(struct rs_stage *stage, const rd_kafka_message_t *m, struct rs_error *error)
{
    return hand_over(stage, rs_slice_of(m->key, m->key_len), rs_slice_of(m->payload, m->len), m->_private,
                     error);
}

/* Drops the first message. The bytes of the others stay where they are until the run is empty. */
static void drop_first(struct rs_stage *stage, struct rs_stage_run *run)
{
    stage->count--;
    run->count--;
    memmove(run->messages, run->messages + 1, run->count * sizeof *run->messages);
    if (run->count == 0) {
        rs_buf_reset(&run->bytes);
    }
}

/* The topic was made anew with fewer partitions: each event goes where it now belongs. */
static int scatter_run(struct rs_stage *stage, struct rs_stage_run *run, struct rs_error *error)
{
    while (run->count > 0) {
        int rc = hand_over_message(stage, &run->messages[0], error);
        if (rc != RS_STAGE_TAKEN) {
            return rc;
        }
        drop_first(stage, run);
    }
    return RS_STAGE_TAKEN;
}

/* Drops what librdkafka has taken, and says why it refused the first of the others. Each message that it refused
 * bears its error, which none that waits does; between those it may have taken others, but none behind the first
 * that found no room. */
static rd_kafka_resp_err_t keep_refused(struct rs_stage *stage, struct rs_stage_run *run)
{
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
    size_t kept = 0;
    for (size_t i = 0; i < run->count; i++) {
        rd_kafka_message_t *m = &run->messages[i];
        if (m->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
            code = kept == 0 ? m->err : code;
            m->err = RD_KAFKA_RESP_ERR_NO_ERROR;
            run->messages[kept++] = *m;
        }
    }
    stage->count -= run->count - kept;
    run->count = kept;
    if (kept == 0) {
        rs_buf_reset(&run->bytes);
    }
    return code;
}

/* The first of a run goes by the partitioner, which keeps the number of partitions fresh. */
static int send_run(struct rs_stage *stage, int32_t partition, struct rs_error *error)
{
    struct rs_stage_run *run = &stage->runs[partition];
    if (run->count == 0) {
        return RS_STAGE_TAKEN;
    }
    int rc = hand_over_message(stage, &run->messages[0], error);
    if (rc != RS_STAGE_TAKEN) {
        return rc;
    }
    if (run->count > 1) {
        (void)rd_kafka_produce_batch(stage->topic, partition, RD_KAFKA_MSG_F_COPY, run->messages + 1,
                                     (int)run->count - 1);
    }
    rd_kafka_resp_err_t code = keep_refused(stage, run);
    if (code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION) {
        return scatter_run(stage, run, error);
    }
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ? RS_STAGE_TAKEN : refused(stage, code, error);
}

int rs_stage_send(struct rs_stage *stage, struct rs_error *error)
{
    int result = RS_STAGE_TAKEN;
    stage->refused = -1;
    for (int32_t i = 0; i < stage->partitions && stage->count > 0; i++) {
        int rc = send_run(stage, i, error);
        if (rc < 0) {
            stage->refused = i;
            return rc;
        }
        result = rc == RS_STAGE_FULL ? rc : result;
    }
    return result;
}

bool rs_stage_take_refused(struct rs_stage *stage, struct rs_stage_refusal *out)
{
    struct rs_stage_run *run = stage->refused >= 0 ? &stage->runs[stage->refused] : NULL;
    if (!run || run->count == 0) {
        return false;
    }
    const rd_kafka_message_t *m = &run->messages[0];
    rs_buf_reset(&out->bytes);
    if (!rs_buf_reserve(&out->bytes, m->key_len + m->len)) {
        return false;
    }
    rs_buf_put(&out->bytes, m->key, m->key_len);
    rs_buf_put(&out->bytes, m->payload, m->len);
    out->key_size = m->key_len;
    out->tag = m->_private;
    out->text = rd_kafka_err2str(stage->why);
    drop_first(stage, run);
    stage->refused = -1;
    return true;
}

/* ---- taking ---- */

/* Lays the runs out anew once the number of partitions has changed; they must be empty for that. */
static int lay_out(struct rs_stage *stage, int32_t partitions, struct rs_error *error)
{
    if (stage->count > 0) {
        int rc = rs_stage_send(stage, error);
        if (rc != RS_STAGE_TAKEN) {
            return rc;
        }
    }
    free_runs(stage);
    if (partitions > 0) {
        stage->runs = calloc((size_t)partitions, sizeof *stage->runs);
        if (!stage->runs) {
            return rs_fail(error, RS_ENOMEM, "out of memory");
        }
    }
    stage->partitions = partitions;
    return RS_STAGE_TAKEN;
}

static bool make_run(struct rs_stage_run *run)
{
    if (!run->messages) {
        run->messages = calloc(RS_STAGE_RUN, sizeof *run->messages);
    }
    return run->messages && (run->bytes.capacity > 0 || rs_buf_reserve(&run->bytes, RS_STAGE_BYTES));
}

static void append(struct rs_stage *stage, struct rs_stage_run *run, struct rs_slice key,
                   struct rs_slice value, void *tag)
{
    RS_ASSERT(run->messages && run->count < RS_STAGE_RUN);
    uint8_t *at = run->bytes.data + run->bytes.size;
    rs_buf_put(&run->bytes, key.data, key.size);
    rs_buf_put(&run->bytes, value.data, value.size);
    run->messages[run->count++] = (rd_kafka_message_t){
        .key = at,
        .key_len = key.size,
        .payload = at + key.size,
        .len = value.size,
        ._private = tag,
    };
    stage->count++;
}

/* Behind what its partition already holds; the run is sent when it is full. */
static int add_to_run(struct rs_stage *stage, struct rs_slice key, struct rs_slice value, void *tag,
                      struct rs_error *error)
{
    size_t size = key.size + value.size;
    int32_t partition =
        rd_kafka_msg_partitioner_murmur2(stage->topic, key.data, key.size, stage->partitions, NULL, NULL);
    RS_ASSERT(stage->runs && partition >= 0 && partition < stage->partitions);
    struct rs_stage_run *run = &stage->runs[partition];
    if (!make_run(run)) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    if (run->count == RS_STAGE_RUN || size > RS_STAGE_BYTES - run->bytes.size) {
        int rc = send_run(stage, partition, error);
        if (rc != RS_STAGE_TAKEN) {
            return rc;
        }
    }
    if (size > RS_STAGE_BYTES) {
        return hand_over(stage, key, value, tag, error);
    }
    append(stage, run, key, value, tag);
    return RS_STAGE_TAKEN;
}

int rs_stage_add(struct rs_stage *stage, struct rs_slice key, struct rs_slice value, void *tag,
                 struct rs_error *error)
{
    int32_t partitions = stage->told <= RS_STAGE_PARTITIONS_MAX ? stage->told : 0;
    if (key.size + value.size + RS_STAGE_OVERHEAD > stage->max_bytes) {
        return too_large(error);
    }
    if (stage->direct) {
        return hand_over(stage, key, value, tag, error);
    }
    if (partitions != stage->partitions) {
        int rc = lay_out(stage, partitions, error);
        if (rc != RS_STAGE_TAKEN) {
            return rc;
        }
    }
    return !key.data || stage->partitions == 0 ? hand_over(stage, key, value, tag, error)
                                               : add_to_run(stage, key, value, tag, error);
}
