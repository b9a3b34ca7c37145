#include "sink/deadletter/dead_letters.h"

#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/kafka/client.h"
#include "base/kafka/config.h"
#include "base/thread.h"
#include "sink/deadletter/message.h"
#include "sink/deadletter/topics.h"

#define DEFAULT_BYTES   ((size_t)64 << 20)
#define RETRY_MIN_US    INT64_C(250000)
#define RETRY_MAX_US    INT64_C(10000000)
#define REPORT_EVERY_US INT64_C(10000000)
#define POLL_MS         INT64_C(1000)
/* Once woken it waits a little for more: one look costs as much as sending several letters, and where all are
 * rejected it would look for each. librdkafka waits longer than that (linger.ms). */
#define GATHER_MS 2
/* Dead letters given to librdkafka at once: its own queue would hold 100,000 and refuse the rest. */
#define INFLIGHT_MAX 10000
/* Lines about dropped dead letters within REPORT_EVERY_US; the others are counted. */
#define DROPS_REPORTED 10
#define STALL_US       INT64_C(10000000) /* without any answer, it is reported */

struct rs_dead_letters {
    rd_kafka_conf_t *conf; /* the template: a producer that broke for good is replaced */
    char **topics, **input_topics;
    size_t streams;
    size_t added; /* lock: inputs up to here were added later, */
    size_t seen;  /* and the thread has seen those up to here */
    size_t max_bytes;
    const struct rs_clock *clock;
    struct rs_report report;
    int wake; /* eventfd: something to send, something answered, or stop */
    pthread_t thread;
    bool joined;

    pthread_mutex_t lock; /* guards what follows up to the blank line */
    struct rs_dead_letter_lines lines;
    struct rs_dead_letter_messages waiting; /* to be sent */
    size_t solo_count; /* letters that are to be sent alone: nothing new is taken meanwhile */
    struct rs_dead_letters_status status;
    bool stopping;
    int64_t deadline_us;

    /* The thread's own. */
    rd_kafka_t *producer;
    rd_kafka_queue_t *queue;
    struct rs_dead_letter_topics *known;
    struct rs_dead_letter_messages parked; /* for topics that are missing */
    size_t inflight;
    int64_t retry_us, retry_pause_us, report_us;
    bool failed_now;   /* a delivery failed since the last look */
    int64_t answer_us; /* of the last letter that was settled, or when there were none */
    int64_t drops_since_us;
    uint32_t drops_reported, drops_unreported; /* since then */
};

/* ---- the table ---- */

/* Copied without the lock, so that workers do not wait for each other: together they may pass the limit by
 * a record each. A stream that keeps none counts the record and goes on, as if it were taken. */
static bool table_put(void *self, const struct rs_dead_letter *from)
{
    struct rs_dead_letters *letters = self;
    RS_ASSERT(from->stream < letters->streams);
    bool keep = letters->topics[from->stream] != NULL;
    size_t size = from->record->key.size + from->record->value.size;
    pthread_mutex_lock(&letters->lock);
    letters->status.discarded += !keep;
    bool full = letters->stopping || letters->solo_count > 0 ||
                (letters->status.pending > 0 && letters->status.pending_bytes + size > letters->max_bytes);
    pthread_mutex_unlock(&letters->lock);
    if (!keep || full) {
        return !keep;
    }
    struct rs_dead_letter_message *letter =
        rs_dead_letter_message_new(from, letters->input_topics[from->stream]);
    if (!letter) {
        return false;
    }
    pthread_mutex_lock(&letters->lock);
    bool taken = rs_dead_letter_lines_add(&letters->lines, letter);
    bool first = !letters->waiting.first;
    if (taken) {
        rs_dead_letter_messages_push(&letters->waiting, letter);
        letters->status.pending++;
        letters->status.pending_bytes += letter->memory;
    }
    pthread_mutex_unlock(&letters->lock);
    if (!taken) {
        rs_dead_letter_message_free(letter);
        return false;
    }
    if (first) { /* with others the thread is awake, or woken by what it waits for */
        rs_wake(letters->wake);
    }
    return true;
}

static int64_t table_acknowledged(void *self, uint32_t stream, int32_t partition)
{
    struct rs_dead_letters *letters = self;
    pthread_mutex_lock(&letters->lock);
    int64_t oldest = rs_dead_letter_lines_oldest(&letters->lines, stream, partition);
    pthread_mutex_unlock(&letters->lock);
    return oldest;
}

static const struct rs_dead_letter_ops table = {.put = table_put, .acknowledged = table_acknowledged};

struct rs_dead_letter_sink rs_dead_letters_table(struct rs_dead_letters *letters)
{
    return (struct rs_dead_letter_sink){.self = letters, .ops = &table};
}

/* ---- outcomes; on the thread, with the lock held ---- */

/* An acknowledgement ends `failing`. A drop does not, since it shows nothing about the topic. */
static void finish_letter(struct rs_dead_letters *letters, struct rs_dead_letter_message *letter,
                          bool dropped)
{
    letters->status.acknowledged += !dropped;
    letters->status.dropped += dropped;
    letters->status.values_dropped += !dropped && letter->value_left < letter->value_size;
    letters->status.cut += !dropped && letter->cut;
    letters->answer_us = rs_clock_mono(letters->clock);
    letters->status.pending--;
    letters->status.pending_bytes -= letter->memory;
    letters->status.failing = letters->status.failing && dropped;
    letters->solo_count -= letter->alone;
    rs_dead_letter_lines_remove(&letters->lines, letter);
    rs_dead_letter_message_free(letter);
}

/* What the broker has against the letter and not against the topic: asking again changes nothing. */
static bool too_large(rd_kafka_resp_err_t err)
{
    return err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE || err == RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE ||
           err == RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE;
}

static bool unacceptable(rd_kafka_resp_err_t err)
{
    return too_large(err) || err == RD_KAFKA_RESP_ERR_INVALID_RECORD ||
           err == RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP ||
           err == RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT;
}

static bool no_topic(rd_kafka_resp_err_t err)
{
    return err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ||
           err == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
}

enum outcome { AGAIN, AT_ONCE, DROP };

/* The broker judges a set of messages as a whole, so a letter may be refused for its neighbours: first it is
 * sent alone, then with less and less in it. No limit is asked for: it may be the topic's or the broker's,
 * hold for the compressed size, and change at any time; the answers are always right. */
static enum outcome mend(struct rs_dead_letters *letters, struct rs_dead_letter_message *letter,
                         rd_kafka_resp_err_t err)
{
    if (err == RD_KAFKA_RESP_ERR__PURGE_QUEUE || err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT ||
        err == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        return AT_ONCE;
    }
    if (!unacceptable(err)) {
        return AGAIN;
    }
    if (!letter->alone) {
        letter->alone = true;
        letters->solo_count++;
        return AT_ONCE;
    }
    if (!letter->was_alone || (too_large(err) && rs_dead_letter_message_cut(letter))) {
        return AT_ONCE;
    }
    return too_large(err) && !letter->minimal ? AGAIN : DROP; /* there was no memory to cut it */
}

static void fail_letter(struct rs_dead_letters *letters, const struct rs_dead_letter_message *letter,
                        rd_kafka_resp_err_t err)
{
    char remedy[384] = "";
    if (err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) {
        snprintf(remedy, sizeof remedy,
                 ". Grant the right with: kafka-acls.sh --bootstrap-server HOST:PORT --add --allow-principal "
                 "User:NAME --operation Write --topic %.249s",
                 letters->topics[letter->stream]);
    }
    if (no_topic(err)) {
        rs_dead_letter_topics_doubt(letters->known, letter->stream);
    }
    letters->failed_now = true;
    letters->status.errors++;
    letters->status.failing = true;
    letters->status.last_error_us = rs_clock_wall(letters->clock);
    snprintf(letters->status.last_error, sizeof letters->status.last_error,
             "dead letters: topic %s cannot be written: %s; its partitions wait%s",
             letters->topics[letter->stream], rd_kafka_err2str(err), remedy);
}

static void describe_drop(struct rs_dead_letters *letters, const struct rs_dead_letter_message *letter,
                          rd_kafka_resp_err_t err)
{
    snprintf(letters->status.last_dropped, sizeof letters->status.last_dropped,
             "dead letters: the record at topic %s partition %" PRId32 " offset %" PRId64
             " (%s) is left out of topic %s, which refuses it%s: %s; it is only counted. %s",
             letters->input_topics[letter->stream], letter->partition, letter->offset,
             rs_reason_name(letter->reason), letters->topics[letter->stream],
             letter->minimal ? " even without its key, value and headers" : "", rd_kafka_err2str(err),
             letter->minimal ? "Raise the topic's max.message.bytes"
                             : "The topic must not be compacted, and must take records of any time");
}

/* A record that has come back so often goes round by way of another stream: copying it once more would not
 * end. */
static bool drop_round(struct rs_dead_letters *letters, struct rs_dead_letter_message *letter)
{
    if (letter->rounds < RS_DEAD_LETTER_ROUNDS_MAX) {
        return false;
    }
    snprintf(letters->status.last_dropped, sizeof letters->status.last_dropped,
             "dead letters: the record at topic %s partition %" PRId32 " offset %" PRId64
             " (%s) has been a dead letter of this topic %" PRIu32
             " times and comes back; it is only counted. Find what "
             "copies topic %s back into it",
             letters->input_topics[letter->stream], letter->partition, letter->offset,
             rs_reason_name(letter->reason), letter->rounds, letters->topics[letter->stream]);
    finish_letter(letters, letter, true);
    return true;
}

/* True: the letter is dropped, and `status.last_dropped` is to be reported. */
static bool settle_letter(struct rs_dead_letters *letters, struct rs_dead_letter_message *letter,
                          rd_kafka_resp_err_t err)
{
    enum outcome outcome = mend(letters, letter, err);
    if (outcome == DROP) {
        describe_drop(letters, letter, err);
        finish_letter(letters, letter, true);
        return true;
    }
    if (outcome == AGAIN) {
        fail_letter(letters, letter, err);
    }
    rs_dead_letter_messages_push(&letters->waiting, letter);
    return false;
}

/* ---- reporting; on the thread, without the lock ---- */

static void report(struct rs_dead_letters *letters, enum rs_log_level level, const char *text)
{
    int64_t now = rs_clock_mono(letters->clock);
    if (now >= letters->report_us) {
        letters->report_us = now + REPORT_EVERY_US;
        rs_report(&letters->report, level, "%s", text);
    }
}

/* Each by its name, as long as they are few. */
static void report_drop(struct rs_dead_letters *letters)
{
    struct rs_dead_letters_status status;
    char text[sizeof status.last_dropped + 64];
    int64_t now = rs_clock_mono(letters->clock);
    if (now - letters->drops_since_us >= REPORT_EVERY_US) {
        letters->drops_since_us = now;
        letters->drops_reported = 0;
    }
    if (letters->drops_reported >= DROPS_REPORTED) {
        letters->drops_unreported++;
        return;
    }
    rs_dead_letters_status(letters, &status);
    snprintf(text, sizeof text, "%s", status.last_dropped);
    if (letters->drops_unreported > 0) {
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "; %" PRIu32 " others before it",
                 letters->drops_unreported);
    }
    letters->drops_reported++;
    letters->drops_unreported = 0;
    rs_report(&letters->report, RS_LOG_ERROR, "%s", text);
}

/* They went with the message, since copying them costs as much as all the rest of a letter. */
static void take_headers_back(struct rs_dead_letter_message *letter, const rd_kafka_message_t *message)
{
    rd_kafka_headers_t *headers = NULL;
    union {
        const rd_kafka_message_t *seen;
        rd_kafka_message_t *own; /* the callback may take from it */
    } as = {.seen = message};
    if (rd_kafka_message_detach_headers(as.own, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        letter->headers = headers;
    }
}

/* On the thread itself, by rd_kafka_poll or rd_kafka_flush: hence `inflight` needs no lock. */
static void on_delivery(rd_kafka_t *producer, const rd_kafka_message_t *message, void *opaque)
{
    struct rs_dead_letters *letters = opaque;
    struct rs_dead_letter_message *letter = message->_private;
    bool dropped = false;
    (void)producer;
    letters->inflight--;
    take_headers_back(letter, message);
    pthread_mutex_lock(&letters->lock);
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        letters->retry_pause_us = 0;
        finish_letter(letters, letter, false);
    } else {
        dropped = settle_letter(letters, letter, message->err);
    }
    pthread_mutex_unlock(&letters->lock);
    if (dropped) {
        report_drop(letters);
    }
}

/* After a failure nothing is sent for a while, longer each time. */
static void pause_after_failure(struct rs_dead_letters *letters)
{
    struct rs_dead_letters_status status;
    if (!letters->failed_now) {
        return;
    }
    letters->failed_now = false;
    letters->retry_pause_us = letters->retry_pause_us == 0 ? RETRY_MIN_US : 2 * letters->retry_pause_us;
    letters->retry_pause_us = letters->retry_pause_us > RETRY_MAX_US ? RETRY_MAX_US : letters->retry_pause_us;
    letters->retry_us = rs_clock_mono(letters->clock) + letters->retry_pause_us;
    rs_dead_letters_status(letters, &status);
    report(letters, RS_LOG_ERROR, status.last_error);
}

/* ---- sending ---- */

/* `was_alone` says how this attempt travelled, when mend has to judge its refusal. */
static rd_kafka_resp_err_t produce(struct rs_dead_letters *letters, struct rs_dead_letter_message *letter)
{
    uint8_t *value = letter->bytes + letter->key_size;
    letter->was_alone = letter->alone;
    /* No copy: the bytes are the letter's until the delivery report. What is dropped is empty, not null. */
    rd_kafka_resp_err_t err =
        rd_kafka_producev(letters->producer, RD_KAFKA_V_TOPIC(letters->topics[letter->stream]),
                          RD_KAFKA_V_KEY(letter->has_key ? letter->bytes : NULL, letter->key_left),
                          RD_KAFKA_V_VALUE(letter->has_value ? value : NULL, letter->value_left),
                          RD_KAFKA_V_HEADERS(letter->headers), RD_KAFKA_V_OPAQUE(letter), RD_KAFKA_V_END);
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        letter->headers = NULL; /* the message's, until its delivery report */
    }
    return err;
}

/* The next letter that may be sent now. With letters that are to travel alone: one, when nothing is in
 * flight. */
static struct rs_dead_letter_message *take_letter(struct rs_dead_letters *letters)
{
    bool solo = letters->solo_count > 0;
    bool wait = letters->inflight >= INFLIGHT_MAX || (solo && letters->inflight > 0);
    return wait ? NULL : rs_dead_letter_messages_pop(&letters->waiting);
}

/* ---- missing topics ---- */

/* A letter whose topic is missing waits here: librdkafka would hold it for half a minute and then fail. */
static bool park(struct rs_dead_letters *letters, struct rs_dead_letter_message *letter)
{
    if (!rs_dead_letter_topics_missing(letters->known, letter->stream)) {
        return false;
    }
    pthread_mutex_lock(&letters->lock);
    letters->solo_count -= letter->alone;
    letter->alone = false;
    pthread_mutex_unlock(&letters->lock);
    rs_dead_letter_messages_push(&letters->parked, letter);
    return true;
}

/* In front of what waits to be sent: all came before it. */
static void unpark(struct rs_dead_letters *letters)
{
    pthread_mutex_lock(&letters->lock);
    rs_dead_letter_messages_append(&letters->parked, &letters->waiting);
    rs_dead_letter_messages_append(&letters->waiting, &letters->parked);
    pthread_mutex_unlock(&letters->lock);
}

/* The thread alone looks after topics. */
static void see_added(struct rs_dead_letters *letters)
{
    pthread_mutex_lock(&letters->lock);
    size_t added = letters->added;
    pthread_mutex_unlock(&letters->lock);
    for (; letters->seen < added; letters->seen++) {
        rs_dead_letter_topics_add(letters->known, letters->seen);
    }
}

static void serve_topics(struct rs_dead_letters *letters)
{
    see_added(letters);
    char why[RS_DEAD_LETTER_MISSING_MAX];
    if (rs_dead_letter_topics_serve(letters->known)) {
        unpark(letters);
    }
    size_t missing = rs_dead_letter_topics_report(letters->known, why);
    pthread_mutex_lock(&letters->lock);
    letters->status.topics_missing = missing;
    memcpy(letters->status.missing, why, sizeof why);
    pthread_mutex_unlock(&letters->lock);
}

static bool dropped_round(struct rs_dead_letters *letters, struct rs_dead_letter_message *letter)
{
    pthread_mutex_lock(&letters->lock);
    bool dropped = drop_round(letters, letter);
    pthread_mutex_unlock(&letters->lock);
    if (dropped) {
        report_drop(letters);
    }
    return dropped;
}

/* What is refused on the spot is settled like what a broker refuses. */
static void send_letters(struct rs_dead_letters *letters)
{
    while (rs_clock_mono(letters->clock) >= letters->retry_us) {
        pthread_mutex_lock(&letters->lock);
        struct rs_dead_letter_message *letter = take_letter(letters);
        pthread_mutex_unlock(&letters->lock);
        if (!letter) {
            return;
        }
        if (park(letters, letter) || dropped_round(letters, letter)) {
            continue;
        }
        rd_kafka_resp_err_t err = produce(letters, letter);
        if (err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            letters->inflight++;
            continue;
        }
        pthread_mutex_lock(&letters->lock);
        bool dropped = settle_letter(letters, letter, err);
        pthread_mutex_unlock(&letters->lock);
        if (dropped) {
            report_drop(letters);
        }
        pause_after_failure(letters);
        if (err == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            return; /* the next delivery makes room */
        }
    }
}

/* ---- the producer ---- */

/* One descriptor wakes for everything: deliveries, answers about topics, and what workers put. */
static int open_producer(struct rs_dead_letters *letters, struct rs_error *error)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_dup(letters->conf);
    int code = rs_kafka_client_new(RD_KAFKA_PRODUCER, &conf, "dead letters", &letters->producer, error);
    if (code != 0) {
        return code;
    }
    letters->queue = rd_kafka_queue_get_main(letters->producer);
    rs_kafka_queue_wakes(letters->queue, letters->wake);
    rs_dead_letter_topics_open(letters->known, letters->producer, letters->wake);
    return 0;
}

static void close_producer(struct rs_dead_letters *letters)
{
    if (!letters->producer) {
        return;
    }
    rs_kafka_producer_give_up(letters->producer);
    rs_dead_letter_topics_close(letters->known);
    rs_kafka_queue_free(&letters->queue);
    rd_kafka_destroy(letters->producer);
    letters->producer = NULL;
    letters->inflight = 0;
}

/* An idempotent producer may lose its way for good. Dead letters may be twice in the topic then, but none
 * is missing. */
static void replace_producer(struct rs_dead_letters *letters)
{
    char reason[256];
    char text[512];
    struct rs_error error = {0};
    if (letters->producer && rd_kafka_fatal_error(letters->producer, reason, sizeof reason) == 0) {
        return;
    }
    if (letters->producer) {
        snprintf(text, sizeof text, "dead letters: the producer is replaced: %s", reason);
        report(letters, RS_LOG_WARNING, text);
        close_producer(letters);
    }
    if (open_producer(letters, &error) != 0) {
        report(letters, RS_LOG_ERROR, error.text);
    }
}

static void serve_deliveries(struct rs_dead_letters *letters)
{
    if (letters->producer) {
        rd_kafka_poll(letters->producer, 0);
    }
    pause_after_failure(letters);
}

/* Brokers that are away, too few replicas, and whatever else librdkafka tries again by itself. */
static void watch_stall(struct rs_dead_letters *letters)
{
    char text[256];
    int64_t now = rs_clock_mono(letters->clock);
    pthread_mutex_lock(&letters->lock);
    uint64_t pending = letters->status.pending;
    if (pending == 0) {
        letters->answer_us = now;
    }
    letters->status.stalled = now - letters->answer_us >= STALL_US;
    bool stalled = letters->status.stalled && letters->status.topics_missing == 0;
    pthread_mutex_unlock(&letters->lock);
    if (stalled) {
        snprintf(text, sizeof text,
                 "dead letters: %" PRIu64 " have had no answer for %" PRId64
                 " s, and their partitions are not "
                 "sealed meanwhile; are the topics' brokers up, are enough replicas in sync?",
                 pending, (now - letters->answer_us) / 1000000);
        report(letters, RS_LOG_WARNING, text);
    }
}

static bool go_on(struct rs_dead_letters *letters)
{
    pthread_mutex_lock(&letters->lock);
    bool more = !letters->stopping ||
                (letters->status.pending > 0 && rs_clock_mono(letters->clock) < letters->deadline_us);
    pthread_mutex_unlock(&letters->lock);
    return more;
}

/* A producer that broke and a stall show by no event, so it never sleeps for longer than POLL_MS. */
static void wait_for_work(struct rs_dead_letters *letters)
{
    struct pollfd fd = {.fd = letters->wake, .events = POLLIN};
    int64_t now = rs_clock_mono(letters->clock);
    int64_t until_us = letters->retry_us > now ? letters->retry_us : now + POLL_MS * 1000;
    pthread_mutex_lock(&letters->lock);
    if (letters->stopping && letters->deadline_us < until_us) {
        until_us = letters->deadline_us;
    }
    bool gather = letters->solo_count == 0; /* else one at a time is sent anyway */
    pthread_mutex_unlock(&letters->lock);
    int64_t ms = until_us > now ? (until_us - now + 999) / 1000 : 0;
    if (poll(&fd, 1, (int)(ms < POLL_MS ? ms : POLL_MS)) > 0 && gather) {
        poll(NULL, 0, GATHER_MS);
    }
    rs_wake_clear(letters->wake);
}

static void *run(void *argument)
{
    struct rs_dead_letters *letters = argument;
    while (go_on(letters)) {
        replace_producer(letters);
        serve_deliveries(letters);
        serve_topics(letters);
        if (letters->producer) {
            send_letters(letters);
        }
        serve_deliveries(letters);
        watch_stall(letters);
        wait_for_work(letters);
    }
    close_producer(letters);
    return NULL;
}

/* ---- life ---- */

static char **copy_names(const char *const *names, size_t count)
{
    char **copy = calloc(count + 1, sizeof *copy);
    for (size_t i = 0; copy && i < count; i++) {
        if (names[i] && !(copy[i] = strdup(names[i]))) {
            while (i > 0) {
                free(copy[--i]);
            }
            free(copy);
            return NULL;
        }
    }
    return copy;
}

static void free_names(char **names, size_t count)
{
    for (size_t i = 0; names && i < count; i++) {
        free(names[i]);
    }
    free(names);
}

static int set_properties(rd_kafka_conf_t *conf, struct rs_error *error)
{
    static const char *const own[][2] = {
        {"enable.idempotence", "true"},      /* implies acks=all and order */
        {"message.timeout.ms", "0"},         /* never: the letter is kept until it is acknowledged */
        {"message.max.bytes", "1000000000"}, /* the broker is the judge */
        {"linger.ms", "5"},
        {NULL, NULL},
    };
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    return rs_kafka_config_set_all(conf, own, error);
}

static int start(struct rs_dead_letters *letters, struct rs_error *error)
{
    int code = rs_wake_open(&letters->wake, error);
    if (code == 0) {
        code = set_properties(letters->conf, error);
    }
    if (code == 0) {
        rd_kafka_conf_set_opaque(letters->conf, letters);
        code = open_producer(letters, error);
    }
    if (code == 0) {
        code = rs_thread_start(&letters->thread, run, letters, "dead letters", error);
    }
    letters->joined = code != 0;
    return code;
}

int rs_dead_letters_add(struct rs_dead_letters *letters, uint32_t stream, const char *topic,
                        const char *input_topic, struct rs_error *error)
{
    RS_ASSERT(stream < letters->streams && !letters->input_topics[stream]);
    char *name = topic ? strdup(topic) : NULL;
    char *input = strdup(input_topic);
    if (!input || (topic && !name)) {
        free(name);
        free(input);
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    pthread_mutex_lock(&letters->lock);
    letters->topics[stream] = name;
    letters->input_topics[stream] = input;
    letters->added = stream + 1 > letters->added ? stream + 1 : letters->added;
    pthread_mutex_unlock(&letters->lock);
    rs_wake(letters->wake);
    return 0;
}

static bool know_topics(struct rs_dead_letters *letters, const struct rs_dead_letters_options *options)
{
    const struct rs_dead_letter_topics_options known = {
        .topics = (const char *const *)letters->topics,
        .streams = letters->streams,
        .replication_factor = options->replication_factor,
        .clock = options->clock,
        .report = options->report,
    };
    letters->known = rs_dead_letter_topics_new(&known);
    return letters->known != NULL;
}

/* `joined` until there is a thread, so that freeing a half-built one waits for none. */
int rs_dead_letters_new(const struct rs_dead_letters_options *options, struct rs_dead_letters **out,
                        struct rs_error *error)
{
    struct rs_dead_letters *letters = calloc(1, sizeof *letters);
    if (!letters) {
        rd_kafka_conf_destroy(options->conf);
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    pthread_mutex_init(&letters->lock, NULL);
    letters->conf = options->conf;
    letters->streams = options->streams;
    letters->max_bytes = options->max_bytes ? options->max_bytes : DEFAULT_BYTES;
    letters->clock = options->clock;
    letters->report = options->report;
    letters->wake = -1;
    letters->joined = true;
    letters->topics = copy_names(options->topics, options->streams);
    letters->input_topics = copy_names(options->input_topics, options->streams);
    letters->answer_us = rs_clock_mono(letters->clock);
    int code = 0;
    if (!letters->topics || !letters->input_topics || !know_topics(letters, options)) {
        code = rs_fail(error, RS_ENOMEM, "out of memory");
    }
    if (code == 0) {
        code = start(letters, error);
    }
    if (code != 0) {
        rs_dead_letters_free(&letters);
        return code;
    }
    *out = letters;
    return 0;
}

size_t rs_dead_letters_stop(struct rs_dead_letters *letters, int64_t within_us)
{
    pthread_mutex_lock(&letters->lock);
    letters->stopping = true;
    letters->deadline_us = rs_clock_mono(letters->clock) + within_us;
    pthread_mutex_unlock(&letters->lock);
    if (!letters->joined) {
        rs_wake(letters->wake);
        pthread_join(letters->thread, NULL);
        letters->joined = true;
    }
    return letters->status.pending;
}

void rs_dead_letters_free(struct rs_dead_letters **out)
{
    struct rs_dead_letters *letters = *out;
    if (!letters) {
        return;
    }
    rs_dead_letters_stop(letters, 0);
    close_producer(letters); /* when its thread never ran */
    rs_dead_letter_topics_free(&letters->known);
    rs_dead_letter_lines_fini(&letters->lines);
    free_names(letters->topics, letters->streams);
    free_names(letters->input_topics, letters->streams);
    rd_kafka_conf_destroy(letters->conf);
    rs_wake_close(&letters->wake);
    pthread_mutex_destroy(&letters->lock);
    free(letters);
    *out = NULL;
}

void rs_dead_letters_status(struct rs_dead_letters *letters, struct rs_dead_letters_status *out)
{
    pthread_mutex_lock(&letters->lock);
    *out = letters->status;
    pthread_mutex_unlock(&letters->lock);
}
