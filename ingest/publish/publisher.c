#include "ingest/publish/publisher.h"

#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/kafka/client.h"
#include "base/kafka/config.h"
#include "base/kafka/fault.h"
#include "base/thread.h"
#include "ingest/publish/stage.h"

#define RS_PUBLISHER_TIMEOUT_MS 30000
#define RS_PUBLISHER_SLICE_MS   100 /* how late an interruption or the end of the thread may be seen */
/* Waiting for room: at a million messages a second the default queue of 100,000 does not run dry in this
 * time. */
#define RS_PUBLISHER_ROOM_MS  5
#define RS_PUBLISHER_ASK_MS   500 /* one request for metadata */
#define RS_PUBLISHER_TEXT_MAX 512
/* How long events wait for others of their partition. With linger.ms below it nothing waits. */
#define RS_PUBLISHER_STAGE_MS 2
/* Without an answer: when it is told first, and then again. */
#define RS_PUBLISHER_SILENT_MS 1500
#define RS_PUBLISHER_REMIND_MS 10000

/* The publisher's thread: whether brokers answer while there is something to answer. */
struct rs_publisher_silence {
    int64_t since_ms;    /* 0: they do, or have nothing to */
    int64_t reported_ms; /* 0: not reported */
    int queued;          /* as of the last look */
    uint64_t answers;
};

struct rs_publisher {
    rd_kafka_t *rk;
    rd_kafka_topic_t *topic;
    rd_kafka_queue_t *queue;             /* of everything librdkafka has to tell */
    struct rs_publisher_options options; /* without the pointers of its caller but the callbacks */
    int64_t timeout_ms;
    size_t max_bytes;
    bool direct;
    pthread_t thread;
    bool thread_runs;
    atomic_bool stop;
    atomic_bool interrupted;
    atomic_uint_fast64_t published;
    atomic_uint_fast64_t failed;
    atomic_uint_fast64_t bytes;

    atomic_bool dead; /* a fatal error: librdkafka takes nothing any more */

    pthread_mutex_t stage_mutex; /* guards the stage and refusing */
    struct rs_stage stage;
    bool refusing;                   /* an event that left the stage is not yet counted as failed */
    struct rs_stage_refusal refusal; /* the publisher's thread */
    pthread_mutex_t mutex;           /* guards last_fault */
    char last_fault[RS_PUBLISHER_TEXT_MAX];

    atomic_bool asking;           /* for the topic; see rs_publisher_connect */
    atomic_uint_fast64_t answers; /* to that */
    struct rs_publisher_silence silence;
};

/* ---- time ---- */

static int64_t now_ms(void)
{
    return rs_clock_mono(rs_clock_system()) / 1000;
}

static void pause_ms(int64_t ms)
{
    struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL); /* a signal cuts it short, which is as well */
}

/* ---- events, all on the publisher's thread ---- */

static void report_failure(struct rs_publisher *p, const struct rs_publisher_failure *failure)
{
    if (p->options.on_failure) {
        p->options.on_failure(p->options.self, failure);
    }
}

static void on_delivery(struct rs_publisher *p, const rd_kafka_message_t *message)
{
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        return;
    }
    /* Only what a fatal error left behind is purged while callbacks are called. */
    bool purged = message->err == RD_KAFKA_RESP_ERR__PURGE_QUEUE;
    report_failure(p, &(struct rs_publisher_failure){
                          .key = rs_slice_of(message->key, message->key_len),
                          .value = rs_slice_of(message->payload, message->len),
                          .tag = message->_private,
                          .text = rd_kafka_err2str(purged ? RD_KAFKA_RESP_ERR__FATAL : message->err),
                      });
    atomic_fetch_add(&p->failed, 1);
}

/* "All brokers down" says less than what each of them said before. */
static void on_error(struct rs_publisher *p, rd_kafka_event_t *event)
{
    if (rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR__FATAL) {
        atomic_store(&p->dead, true);
    }
    if (rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
        (void)pthread_mutex_lock(&p->mutex);
        (void)snprintf(p->last_fault, sizeof p->last_fault, "%s", rd_kafka_event_error_string(event));
        (void)pthread_mutex_unlock(&p->mutex);
    }
}

/* A consumer's property in the shared section is no fault of this producer. */
static void on_log(struct rs_publisher *p, rd_kafka_event_t *event)
{
    const char *facility = NULL;
    const char *text = NULL;
    int level = 0;
    if (rd_kafka_event_log(event, &facility, &text, &level) == 0 && p->options.on_log &&
        strcmp(facility, "CONFWARN") != 0) {
        p->options.on_log(p->options.self, level, text);
    }
}

static void serve(struct rs_publisher *p, rd_kafka_event_t *event)
{
    const rd_kafka_message_t *message;
    switch (rd_kafka_event_type(event)) {
    case RD_KAFKA_EVENT_DR:
        while ((message = rd_kafka_event_message_next(event))) {
            on_delivery(p, message);
        }
        break;
    case RD_KAFKA_EVENT_ERROR: on_error(p, event); break;
    case RD_KAFKA_EVENT_LOG: on_log(p, event); break;
    default: break;
    }
}

/* ---- waiting for brokers, on the publisher's thread ---- */

static void report_waiting(struct rs_publisher *p)
{
    struct rs_kafka_fault fault = {.reason = "it does not answer"};
    char text[RS_PUBLISHER_TEXT_MAX];
    char servers[RS_KAFKA_ADDRESS_MAX] = "";
    size_t size = sizeof servers;
    (void)pthread_mutex_lock(&p->mutex);
    bool known = rs_kafka_fault_parse(p->last_fault, &fault);
    (void)pthread_mutex_unlock(&p->mutex);
    (void)rd_kafka_conf_get(rd_kafka_conf(p->rk), "bootstrap.servers", servers, &size);
    (void)snprintf(text, sizeof text, "waiting for Kafka at %s: %s; trying again",
                   known ? fault.address : servers, fault.reason);
    p->options.on_wait(p->options.self, text);
}

/* Messages leave the queue when they are acknowledged or given up; reports of success there are none. */
static void watch(struct rs_publisher *p)
{
    struct rs_publisher_silence *silence = &p->silence;
    int64_t now = now_ms();
    int queued = rd_kafka_outq_len(p->rk);
    uint64_t answers = atomic_load(&p->answers);
    bool answered = answers != silence->answers || queued < silence->queued;
    bool waits = queued > 0 || atomic_load(&p->asking);

    silence->answers = answers;
    silence->queued = queued;
    if (answered || !waits) {
        if (answered && silence->reported_ms != 0) {
            p->options.on_wait(p->options.self, "Kafka answers again");
        }
        silence->reported_ms = answered ? 0 : silence->reported_ms;
        silence->since_ms = 0;
        return;
    }
    silence->since_ms = silence->since_ms == 0 ? now : silence->since_ms;
    if (now - silence->since_ms >= RS_PUBLISHER_SILENT_MS &&
        (silence->reported_ms == 0 || now - silence->reported_ms >= RS_PUBLISHER_REMIND_MS)) {
        silence->reported_ms = now;
        report_waiting(p);
    }
}

/* Sends what waits, as far as there is room, up to the first event that is refused. */
static int send_or_take_refused(struct rs_publisher *p)
{
    struct rs_error ignored;
    (void)pthread_mutex_lock(&p->stage_mutex);
    int rc = rs_stage_send(&p->stage, &ignored);
    p->refusing = rc < 0 && rs_stage_take_refused(&p->stage, &p->refusal);
    (void)pthread_mutex_unlock(&p->stage_mutex);
    if (rc == RS_EPRODUCER) {
        atomic_store(&p->dead, true);
    }
    return rc;
}

static void fail_refused(struct rs_publisher *p)
{
    const struct rs_buf *bytes = &p->refusal.bytes;
    size_t key_size = p->refusal.key_size;
    report_failure(p, &(struct rs_publisher_failure){
                          .key = rs_slice_of(bytes->data, key_size),
                          .value = rs_slice_of(bytes->data + key_size, bytes->size - key_size),
                          .tag = p->refusal.tag,
                          .text = p->refusal.text,
                      });
    (void)pthread_mutex_lock(&p->stage_mutex);
    atomic_fetch_add(&p->failed, 1);
    p->refusing = false;
    (void)pthread_mutex_unlock(&p->stage_mutex);
}

/* An event that was taken is delivered or fails: one that librdkafka refuses, as it refuses all after a fatal
 * error, must not keep the others of its partition and whoever flushes waiting for ever. No more than a run in
 * one turn: a callback may publish again what is refused again, and librdkafka has other things to tell. */
static bool send_staged(struct rs_publisher *p)
{
    int rc = send_or_take_refused(p);
    for (int i = 1; p->refusing && !atomic_load(&p->stop); i++) {
        fail_refused(p);
        if (i == RS_STAGE_RUN) {
            return true;
        }
        rc = send_or_take_refused(p);
    }
    return rc != RS_STAGE_TAKEN;
}

/* After a fatal error nothing is sent: what librdkafka would have sent again would only fail when its time is
 * up. What is on its way is left alone, an answer to it may come. */
static void purge_dead(struct rs_publisher *p)
{
    if (atomic_load(&p->dead) && rd_kafka_outq_len(p->rk) > 0) {
        (void)rd_kafka_purge(p->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_NON_BLOCKING);
    }
}

static bool is_staged(struct rs_publisher *p)
{
    (void)pthread_mutex_lock(&p->stage_mutex);
    bool staged = p->stage.count > 0;
    (void)pthread_mutex_unlock(&p->stage_mutex);
    return staged;
}

/* Events rather than callbacks: rd_kafka_flush would run callbacks on the thread that flushes. `put` wakes
 * the poll when the first event begins to wait. */
static void *run(void *self)
{
    struct rs_publisher *p = self;
    while (!atomic_load(&p->stop)) {
        bool staged = is_staged(p);
        rd_kafka_event_t *event =
            rd_kafka_queue_poll(p->queue, staged ? RS_PUBLISHER_STAGE_MS : RS_PUBLISHER_SLICE_MS);
        if (event) {
            serve(p, event);
            rd_kafka_event_destroy(event);
        }
        if (staged && send_staged(p)) {
            pause_ms(RS_PUBLISHER_ROOM_MS);
        }
        purge_dead(p);
        if (p->options.on_wait) {
            watch(p);
        }
    }
    return NULL;
}

/* ---- making ---- */

static double get_number(const rd_kafka_conf_t *conf, const char *name, double otherwise)
{
    char text[32] = "";
    size_t size = sizeof text;
    return rd_kafka_conf_get(conf, name, text, &size) == RD_KAFKA_CONF_OK ? strtod(text, NULL) : otherwise;
}

/* What the configuration came to and is needed here too. */
static void take_numbers(struct rs_publisher *p, const rd_kafka_conf_t *conf)
{
    double timeout_ms = get_number(conf, "message.timeout.ms", RS_PUBLISHER_TIMEOUT_MS);
    p->timeout_ms = timeout_ms > 0 ? (int64_t)timeout_ms : INT32_MAX; /* 0: without end */
    p->max_bytes = (size_t)get_number(conf, "message.max.bytes", 1000000);
    p->direct = get_number(conf, "linger.ms", 0) < RS_PUBLISHER_STAGE_MS;
}

/* Ours first where the operator may have another opinion, ours last where correctness rests on it. */
static int fill(struct rs_publisher *p, const struct rs_publisher_options *o, rd_kafka_conf_t *conf,
                struct rs_error *error)
{
    static const char *const defaults[][2] = {
        {"client.id", "rollstat"},
        {"compression.codec", "lz4"},
        {"linger.ms", "10"},
        {"queue.buffering.max.messages", "100000"},
        {"queue.buffering.max.kbytes", "65536"},
        {"message.timeout.ms", "30000"},
        {NULL, NULL},
    };
    static const char *const fixed[][2] = {
        {"enable.idempotence", "true"},
        {"acks", "all"},
        {"delivery.report.only.error", "true"}, /* a report per message is most of what a message costs */
        {"log.queue", "true"},
        {NULL, NULL},
    };
    char timeout[24];
    int rc = rs_kafka_config_set_all(conf, defaults, error);
    if (rc == 0) {
        rc = rs_kafka_config_apply(o->kafka, conf, error);
    }
    if (rc == 0 && o->brokers) {
        rc = rs_kafka_config_set(conf, "bootstrap.servers", o->brokers, error);
    }
    if (rc == 0 && o->timeout_ms > 0) {
        (void)snprintf(timeout, sizeof timeout, "%" PRId64,
                       o->timeout_ms < INT32_MAX ? o->timeout_ms : INT32_MAX);
        rc = rs_kafka_config_set(conf, "message.timeout.ms", timeout, error);
    }
    if (rc == 0) {
        rc = rs_kafka_config_set_all(conf, fixed, error);
    }
    take_numbers(p, conf);
    rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_LOG);
    return rc;
}

static int open_topic(struct rs_publisher *p, const char *name, struct rs_error *error)
{
    rd_kafka_topic_conf_t *conf = rd_kafka_default_topic_conf_dup(p->rk);
    rs_stage_configure(&p->stage, conf);
    p->queue = rd_kafka_queue_get_main(p->rk);
    p->topic = rd_kafka_topic_new(p->rk, name, conf);
    if (!p->topic) {
        return rs_fail(error, RS_ECONFIG, "kafka: topic \"%s\": %s", name,
                       rd_kafka_err2str(rd_kafka_last_error()));
    }
    p->stage.topic = p->topic;
    p->stage.max_bytes = p->max_bytes;
    p->stage.direct = p->direct;
    return 0;
}

static int open_client(struct rs_publisher *p, const struct rs_publisher_options *o, struct rs_error *error)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    int rc = fill(p, o, conf, error);
    if (rc != 0) {
        rd_kafka_conf_destroy(conf);
        return rc;
    }
    rc = rs_kafka_client_new(RD_KAFKA_PRODUCER, &conf, "kafka", &p->rk, error);
    if (rc == 0) {
        rc = rs_kafka_client_log_to(p->rk, NULL, error);
    }
    return rc == 0 ? open_topic(p, o->topic, error) : rc;
}

int rs_publisher_new(const struct rs_publisher_options *options, struct rs_publisher **out,
                     struct rs_error *error)
{
    struct rs_publisher *p = calloc(1, sizeof *p);
    if (!p) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    (void)pthread_mutex_init(&p->mutex, NULL); /* Linux: cannot fail for a plain mutex */
    (void)pthread_mutex_init(&p->stage_mutex, NULL);
    p->options.on_failure = options->on_failure;
    p->options.on_log = options->on_log;
    p->options.on_wait = options->on_wait;
    p->options.self = options->self;
    int rc = open_client(p, options, error);
    if (rc == 0) {
        rc = rs_thread_start(&p->thread, run, p, "the publisher", error);
    }
    p->thread_runs = rc == 0;
    if (rc != 0) {
        rs_publisher_free(&p);
        return rc;
    }
    *out = p;
    return 0;
}

void rs_publisher_free(struct rs_publisher **publisher)
{
    struct rs_publisher *p = *publisher;
    if (!p) {
        return;
    }
    atomic_store(&p->stop, true);
    if (p->thread_runs) {
        rd_kafka_queue_yield(p->queue); /* or it would notice only after its slice */
        (void)pthread_join(p->thread, NULL);
    }
    if (p->rk) {
        (void)rd_kafka_purge(p->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT |
                                        RD_KAFKA_PURGE_F_NON_BLOCKING);
        rs_kafka_queue_free(&p->queue);
        if (p->topic) {
            rd_kafka_topic_destroy(p->topic);
        }
        rd_kafka_destroy(p->rk);
    }
    rs_stage_fini(&p->stage);
    rs_buf_fini(&p->refusal.bytes);
    (void)pthread_mutex_destroy(&p->stage_mutex);
    (void)pthread_mutex_destroy(&p->mutex);
    free(p);
    *publisher = NULL;
}

/* ---- waiting ---- */

static int interrupted(struct rs_error *error)
{
    return rs_fail(error, RS_EINVAL, "interrupted");
}

static int fatal(struct rs_publisher *p, struct rs_error *error)
{
    char text[RS_PUBLISHER_TEXT_MAX] = "";
    (void)rd_kafka_fatal_error(p->rk, text, sizeof text);
    return rs_fail(error, RS_EPRODUCER,
                   "the producer cannot go on, publish again what is not acknowledged: %s", text);
}

/* What the topic's metadata say: 1 ready, 0 not yet, or an error that waiting does not mend. */
static int judge(const struct rs_publisher *p, const struct rd_kafka_metadata *metadata,
                 struct rs_error *error)
{
    const rd_kafka_metadata_topic_t *topic = metadata->topic_cnt > 0 ? &metadata->topics[0] : NULL;
    if (!topic || topic->err == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE ||
        topic->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
        return 0;
    }
    if (topic->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return rs_fail(error, RS_EBROKER, "topic \"%s\" cannot be written: %s", rd_kafka_topic_name(p->topic),
                       rd_kafka_err2str(topic->err));
    }
    return topic->partition_cnt > 0;
}

static int not_connected(struct rs_publisher *p, int64_t timeout_ms, bool answered, struct rs_error *error)
{
    char text[RS_PUBLISHER_TEXT_MAX];
    (void)pthread_mutex_lock(&p->mutex);
    memcpy(text, p->last_fault, sizeof text);
    (void)pthread_mutex_unlock(&p->mutex);
    if (answered) {
        return rs_fail(error, RS_ETIMEOUT,
                       "the broker does not have the topic \"%s\" and did not create it within %" PRId64
                       " ms",
                       rd_kafka_topic_name(p->topic), timeout_ms);
    }
    return rs_fail(error, RS_ETIMEOUT, "no broker answered within %" PRId64 " ms%s%s", timeout_ms,
                   text[0] != '\0' ? ": " : "", text);
}

static int connect_topic(struct rs_publisher *p, int64_t timeout_ms, struct rs_error *error)
{
    int64_t deadline = now_ms() + timeout_ms;
    bool answered = false;
    for (;;) {
        const struct rd_kafka_metadata *metadata = NULL;
        int64_t left = deadline - now_ms();
        if (atomic_load(&p->interrupted)) {
            return interrupted(error);
        }
        if (left <= 0) {
            return not_connected(p, timeout_ms, answered, error);
        }
        int slice = (int)(left < RS_PUBLISHER_ASK_MS ? left : RS_PUBLISHER_ASK_MS);
        if (rd_kafka_metadata(p->rk, 0, p->topic, &metadata, slice) == RD_KAFKA_RESP_ERR_NO_ERROR) {
            int rc = judge(p, metadata, error);
            atomic_fetch_add(&p->answers, 1);
            rd_kafka_metadata_destroy(metadata);
            if (rc != 0) {
                return rc == 1 ? 0 : rc;
            }
            answered = true;
        }
        pause_ms(left < RS_PUBLISHER_SLICE_MS ? left : RS_PUBLISHER_SLICE_MS);
    }
}

int rs_publisher_connect(struct rs_publisher *p, int64_t timeout_ms, struct rs_error *error)
{
    atomic_store(&p->asking, true);
    int rc = connect_topic(p, timeout_ms, error);
    atomic_store(&p->asking, false);
    return rc;
}

/* ---- publishing ---- */

static int wait_for_room(struct rs_publisher *p, int64_t *deadline, struct rs_error *error)
{
    if (*deadline == 0) {
        *deadline = now_ms() + p->timeout_ms;
    }
    if (atomic_load(&p->interrupted)) {
        return interrupted(error);
    }
    if (now_ms() >= *deadline) {
        return rs_fail(error, RS_ETIMEOUT, "the queue to the broker stayed full for %" PRId64 " ms",
                       p->timeout_ms);
    }
    pause_ms(RS_PUBLISHER_ROOM_MS);
    return 0;
}

/* A result of the stage. The first event that waits wakes the thread, which will send it. */
static int try_put(struct rs_publisher *p, struct rs_slice key, struct rs_slice value, void *tag,
                   struct rs_error *error)
{
    (void)pthread_mutex_lock(&p->stage_mutex);
    size_t before = p->stage.count;
    int rc = rs_stage_add(&p->stage, key, value, tag, error);
    bool first = before == 0 && p->stage.count > 0;
    (void)pthread_mutex_unlock(&p->stage_mutex);
    if (first) {
        rd_kafka_queue_yield(p->queue);
    }
    if (rc == RS_EPRODUCER) {
        atomic_store(&p->dead, true);
        rc = fatal(p, error);
    }
    return rc;
}

int rs_publisher_put(struct rs_publisher *p, struct rs_slice key, struct rs_slice value, void *tag,
                     struct rs_error *error)
{
    int64_t deadline = 0;
    int rc;
    if (atomic_load_explicit(&p->dead, memory_order_relaxed)) {
        return fatal(p, error);
    }
    while ((rc = try_put(p, key, value, tag, error)) == RS_STAGE_FULL) {
        rc = wait_for_room(p, &deadline, error);
        if (rc != 0) {
            return rc;
        }
    }
    if (rc == RS_STAGE_TAKEN) {
        atomic_fetch_add_explicit(&p->published, 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&p->bytes, key.size + value.size, memory_order_relaxed);
    }
    return rc;
}

/* Needs stage_mutex. */
static size_t count_staged(const struct rs_publisher *p)
{
    return p->stage.count + (p->refusing ? 1 : 0);
}

/* librdkafka counts its log lines and errors too, which wait in the same queue as delivery reports. Of an event
 * whose report waits there both the message and the report are counted. */
static size_t count_queued(struct rs_publisher *p)
{
    (void)pthread_mutex_lock(&p->stage_mutex);
    size_t others = rd_kafka_queue_length(p->queue);
    size_t all = (size_t)rd_kafka_outq_len(p->rk);
    size_t queued = count_staged(p) + (all > others ? all - others : 0);
    (void)pthread_mutex_unlock(&p->stage_mutex);
    return queued;
}

/* That nothing is left to be told, log lines included, is known for certain. */
static bool is_flushed(struct rs_publisher *p)
{
    (void)pthread_mutex_lock(&p->stage_mutex);
    bool flushed = count_staged(p) == 0 && rd_kafka_outq_len(p->rk) == 0;
    (void)pthread_mutex_unlock(&p->stage_mutex);
    return flushed;
}

int rs_publisher_flush(struct rs_publisher *p, int64_t timeout_ms, struct rs_error *error)
{
    int64_t deadline = now_ms() + timeout_ms;
    for (;;) {
        int64_t left = deadline - now_ms();
        (void)pthread_mutex_lock(&p->stage_mutex);
        int rc = rs_stage_send(&p->stage, error);
        (void)pthread_mutex_unlock(&p->stage_mutex);
        if (rc < 0) { /* the publisher's thread takes out what is refused */
            pause_ms(RS_PUBLISHER_STAGE_MS);
        }
        /* Sends at once what lingers. */
        (void)rd_kafka_flush(
            p->rk, (int)(left < RS_PUBLISHER_SLICE_MS ? (left > 0 ? left : 0) : RS_PUBLISHER_SLICE_MS));
        if (is_flushed(p)) {
            return 0;
        }
        if (atomic_load(&p->interrupted)) {
            return interrupted(error);
        }
        if (left <= 0) {
            size_t queued = count_queued(p);
            return rs_fail(error, RS_ETIMEOUT, "%zu events are still not acknowledged after %" PRId64 " ms",
                           queued > 0 ? queued : 1, timeout_ms);
        }
    }
}

void rs_publisher_interrupt(struct rs_publisher *publisher, bool on)
{
    atomic_store(&publisher->interrupted, on);
}

void rs_publisher_statistics(struct rs_publisher *p, struct rs_publisher_statistics *out)
{
    uint64_t queued = count_queued(p);
    uint64_t failed = atomic_load(&p->failed);
    uint64_t published = atomic_load(&p->published);
    uint64_t open = queued + failed;
    *out = (struct rs_publisher_statistics){
        .published = published,
        .failed = failed,
        .queued = queued,
        .delivered = published > open ? published - open : 0,
        .bytes = atomic_load(&p->bytes),
    };
}
