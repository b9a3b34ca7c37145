#include "transform/dlqtool/send.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/kafka/client.h"
#include "base/kafka/config.h"
#include "base/record.h"

#define BATCH_MAX     500
#define BATCH_BYTES   ((size_t)4 << 20)
#define FLUSH_MS      10000 /* more than RS_DLQ_DELIVER_MS: every answer is there by then */
#define REFUSALS_TOLD 10

/* One record of the batch, which it owns until the batch is settled. */
struct entry {
    int64_t letter;
    rd_kafka_headers_t *headers;
    uint8_t *bytes; /* key, then value */
    size_t key_size, value_size;
    bool has_key, has_value;
    int64_t ms;        /* its time; 0: now */
    int32_t wanted;    /* partition */
    int32_t partition; /* where it came to lie */
    int64_t offset;
    rd_kafka_resp_err_t err;
    bool answered;
};

struct rs_dlq_sender {
    struct rs_dlq_tool *tool;
    const char *to;
    rd_kafka_t *producer;
    struct rs_kafka_reader *own;    /* the tool's, with which letters are being read */
    struct rs_kafka_reader *reader; /* and another */
    const char *topic;              /* of the letters */
    int32_t partition;
    uint64_t session;
    int64_t looked;    /* offset of `topic` up to which it is known who began */
    int64_t looked_us; /* and when; monotonic */
    int64_t due_us;    /* of the next record, with --rate */
    struct entry batch[BATCH_MAX];
    size_t count, bytes;
    struct entry marker;
    struct rs_dlq_sent total;
};

static int64_t now_us(void)
{
    return rs_clock_mono(rs_clock_system());
}

/* ---- the producer ---- */

static void free_entry(struct entry *entry)
{
    if (entry->headers) {
        rd_kafka_headers_destroy(entry->headers);
    }
    free(entry->bytes);
    *entry = (struct entry){0};
}

static void forget_batch(struct rs_dlq_sender *sender)
{
    for (size_t i = 0; i < sender->count; i++) {
        free_entry(&sender->batch[i]);
    }
    sender->count = sender->bytes = 0;
}

static void on_delivery(rd_kafka_t *producer, const rd_kafka_message_t *message, void *opaque)
{
    struct entry *entry = message->_private;
    (void)producer;
    (void)opaque;
    entry->answered = true;
    entry->err = message->err;
    entry->partition = message->partition;
    entry->offset = message->offset;
}

static int open_producer(struct rs_dlq_sender *sender, struct rs_error *error)
{
    static const char *const own[][2] = {
        {"enable.idempotence", "true"}, /* implies acks=all and order */
        {"message.timeout.ms", RS_DLQ_DELIVER_MS},
        {"message.max.bytes", "1000000000"}, /* the broker is the judge */
        {"partitioner", "murmur2_random"},   /* as rollstat-publish and the Java client */
        {"linger.ms", "5"},
        {"log_level", "0"},
        {NULL, NULL},
    };
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    int rc = rs_kafka_config_apply(rs_dlq_kafka(sender->tool), conf, error);
    rc = rc == 0 ? rs_kafka_config_set_all(conf, own, error) : rc;
    if (rc < 0) {
        rd_kafka_conf_destroy(conf);
        return rc;
    }
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    return rs_kafka_client_new(RD_KAFKA_PRODUCER, &conf, "kafka", &sender->producer, error);
}

int rs_dlq_sender_new(struct rs_dlq_tool *tool, const char *to, struct rs_dlq_sender **out,
                      struct rs_error *error)
{
    struct rs_dlq_sender *sender = calloc(1, sizeof *sender);
    if (!sender) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    sender->tool = tool;
    sender->own = tool->kafka;
    sender->to = to;
    int rc =
        rs_kafka_reader_new(rs_dlq_kafka(tool), (int)tool->request.timeout_s * 1000, &sender->reader, error);
    rc = rc == 0 && !tool->request.dry_run ? open_producer(sender, error) : rc;
    if (rc < 0) {
        rs_dlq_sender_free(&sender);
        return rc;
    }
    *out = sender;
    return 0;
}

void rs_dlq_sender_free(struct rs_dlq_sender **sender)
{
    if (!*sender) {
        return;
    }
    rs_kafka_reader_free(&(*sender)->reader);
    if ((*sender)->producer) {
        rs_kafka_producer_give_up((*sender)->producer);
        rd_kafka_destroy((*sender)->producer);
    }
    forget_batch(*sender);
    free(*sender);
    *sender = NULL;
}

struct rs_dlq_sent rs_dlq_sender_counts(const struct rs_dlq_sender *sender)
{
    return sender->total;
}

/* ---- markers ---- */

static bool add_header(rd_kafka_headers_t *headers, const char *name, struct rs_slice value)
{
    return rd_kafka_header_add(headers, name, -1, value.data, (ssize_t)value.size) ==
           RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* Waits for the acknowledgement: what a marker says has to be there before what follows from it. */
static int write_marker(struct rs_dlq_sender *sender, const char *kind, const struct rs_buf *letters,
                        const struct rs_buf *after, struct rs_error *error)
{
    char session[17];
    rd_kafka_headers_t *headers = rd_kafka_headers_new(5);
    (void)snprintf(session, sizeof session, "%016" PRIx64, sender->session);
    bool good = !letters->failed && !after->failed && add_header(headers, RS_REPLAY, rs_slice_text(kind)) &&
                add_header(headers, RS_REPLAY_TO, rs_slice_text(sender->to)) &&
                add_header(headers, RS_REPLAY_SESSION, rs_slice_text(session)) &&
                (letters->size == 0 || add_header(headers, RS_REPLAY_LETTERS, rs_buf_slice(letters))) &&
                (after->size == 0 || add_header(headers, RS_REPLAY_AFTER, rs_buf_slice(after)));
    sender->marker = (struct entry){0};
    rd_kafka_resp_err_t code = !good
                                   ? RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE
                                   : rd_kafka_producev(sender->producer, RD_KAFKA_V_TOPIC(sender->topic),
                                                       RD_KAFKA_V_PARTITION(sender->partition),
                                                       RD_KAFKA_V_VALUE(NULL, 0), RD_KAFKA_V_HEADERS(headers),
                                                       RD_KAFKA_V_OPAQUE(&sender->marker), RD_KAFKA_V_END);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        rd_kafka_headers_destroy(headers);
    } else {
        code = rd_kafka_flush(sender->producer, FLUSH_MS);
        code = sender->marker.answered ? sender->marker.err : code;
    }
    return code == RD_KAFKA_RESP_ERR_NO_ERROR
               ? 0
               : rs_fail(error, RS_EBROKER,
                         "topic %s, in which is noted what was replayed, cannot be written: %s",
                         sender->topic, rd_kafka_err2str(code));
}

static void put_item(struct rs_buf *out, const char *format, ...) RS_PRINTF(2, 3);
static void put_item(struct rs_buf *out, const char *format, ...)
{
    va_list args;
    if (out->size > 0) {
        rs_buf_char(out, ',');
    }
    va_start(args, format);
    rs_buf_vprintf(out, format, args);
    va_end(args);
}

static void put_ranges(const struct rs_dlq_marks *marks, struct rs_buf *out)
{
    for (size_t i = 0; i < marks->count; i++) {
        const struct rs_dlq_range *range = &marks->ranges[i];
        if (range->to > range->from) {
            put_item(out, "%" PRId64 "-%" PRId64, range->from, range->to);
        } else {
            put_item(out, "%" PRId64, range->from);
        }
    }
}

static void put_after(const struct rs_dlq_marks *marks, struct rs_buf *out)
{
    for (size_t i = 0; i < marks->after_count; i++) {
        put_item(out, "%" PRId32 ":%" PRId64, marks->after[i].partition, marks->after[i].offset);
    }
}

/* ---- who began, and what lies in the other topic ---- */

static int ask_ends(struct rs_dlq_sender *sender, struct rs_dlq_marks *ends, struct rs_error *error)
{
    int32_t count = 0;
    int rc = rs_kafka_reader_partitions(sender->reader, sender->to, &count, error);
    if (rc == 0 && count == 0) {
        return rs_fail(error, RS_EBROKER, "there is no topic %s", sender->to);
    }
    for (int32_t i = 0; i < count && rc == 0; i++) {
        int64_t first = 0;
        int64_t end = 0;
        rc = rs_kafka_reader_extent(sender->reader, sender->to, i, &first, &end, error);
        rc = rc == 0 ? rs_dlq_marks_set_after(ends, i, end, error) : rc;
    }
    return rc;
}

struct search {
    struct rs_dlq_sender *sender;
    struct rs_dlq_marks *landed;
    char prefix[272]; /* "TOPIC:PARTITION:" */
};

static int take_landed(void *ctx, const rd_kafka_message_t *message, struct rs_error *error)
{
    const struct search *s = ctx;
    rd_kafka_headers_t *headers = NULL;
    int64_t letter = 0;
    size_t size = strlen(s->prefix);
    if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return 0;
    }
    struct rs_slice name = rs_dlq_header(headers, RS_REPLAYED);
    bool ours = name.data && name.size > size && memcmp(name.data, s->prefix, size) == 0 &&
                rs_dlq_number(rs_slice_of(name.data + size, name.size - size), INT64_MAX - 1, &letter);
    return ours ? rs_dlq_marks_add(s->landed, letter, letter, error) : 0;
}

/* What lies in `to` behind marks->after; then `after` is where it ends. */
static int search(struct rs_dlq_sender *sender, const struct rs_dlq_marks *marks, struct rs_dlq_marks *landed,
                  struct rs_error *error)
{
    struct search s = {.sender = sender, .landed = landed};
    (void)snprintf(s.prefix, sizeof s.prefix, "%s:%" PRId32 ":", sender->topic, sender->partition);
    int rc = ask_ends(sender, landed, error);
    for (size_t i = 0; i < landed->after_count && rc == 0; i++) {
        int64_t from = rs_dlq_marks_after(marks, landed->after[i].partition);
        int64_t first = 0;
        int64_t end = 0;
        rc = rs_kafka_reader_extent(sender->reader, sender->to, landed->after[i].partition, &first, &end,
                                    error);
        rc = rc == 0 ? rs_dlq_read_records(sender->reader, sender->to, landed->after[i].partition,
                                           from > first ? from : first, landed->after[i].offset, take_landed,
                                           &s, error)
                     : rc;
    }
    return rc;
}

static int merge(struct rs_dlq_marks *into, const struct rs_dlq_marks *from, struct rs_error *error)
{
    int rc = 0;
    for (size_t i = 0; i < from->count && rc == 0; i++) {
        rc = rs_dlq_marks_add(into, from->ranges[i].from, from->ranges[i].to, error);
    }
    return rc;
}

struct foreign {
    struct rs_dlq_sender *sender;
    bool began;
};

static int take_begin(void *ctx, enum rs_dlq_kind kind, const struct rs_dlq_letter *letter,
                      struct rs_error *error)
{
    struct foreign *f = ctx;
    struct rs_dlq_marks marks = {.to = rs_slice_text(f->sender->to)};
    int rc = kind == RS_DLQ_MARKER ? rs_dlq_marks_take(&marks, letter, error) : 0;
    bool begin = kind == RS_DLQ_MARKER &&
                 rs_slice_equal(rs_dlq_header(letter->headers, RS_REPLAY), rs_slice_text("begin"));
    f->began = f->began || (begin && marks.session != 0 && marks.session != f->sender->session);
    rs_dlq_marks_fini(&marks);
    return rc;
}

/* For readings of a partition that the tool is in the midst of reading. */
static void lend_reader(struct rs_dlq_sender *sender, bool lend)
{
    sender->tool->kafka = lend ? sender->reader : sender->own;
    sender->tool->quiet = lend;
}

/* Whether another session began in [looked, end) of the letters' topic. */
static int look_for_others(struct rs_dlq_sender *sender, int64_t end, bool *began, struct rs_error *error)
{
    struct foreign f = {.sender = sender};
    lend_reader(sender, true);
    int rc = rs_dlq_read(sender->tool, sender->topic, sender->partition, sender->looked, end, take_begin, &f,
                         error);
    lend_reader(sender, false);
    sender->looked = rc == 0 ? end : sender->looked;
    *began = f.began;
    return rc;
}

/* ---- a session ---- */

/* Offsets of `to`, then the markers of [from, *end). */
static int look_from(struct rs_dlq_sender *sender, struct rs_dlq_marks *marks, struct rs_dlq_marks *ends,
                     int64_t from, int64_t *first, int64_t *end, struct rs_error *error)
{
    int rc = ask_ends(sender, ends, error);
    rc = rc == 0 ? rs_kafka_reader_extent(sender->reader, sender->topic, sender->partition, first, end, error)
                 : rc;
    from = from > *first ? from : *first;
    lend_reader(sender, true);
    rc = rc == 0 ? rs_dlq_read_marks(sender->tool, sender->topic, sender->partition, from, *end, marks, error)
                 : rc;
    lend_reader(sender, false);
    return rc;
}

int rs_dlq_sender_look(struct rs_dlq_sender *sender, const char *topic, int32_t partition,
                       struct rs_dlq_marks *marks, int64_t *first, int64_t *end, struct rs_error *error)
{
    struct rs_dlq_marks ends = {0};
    sender->topic = topic;
    sender->partition = partition;
    marks->to = rs_slice_text(sender->to);
    int rc = look_from(sender, marks, &ends, 0, first, end, error);
    rs_dlq_marks_fini(&ends);
    return rc;
}

int rs_dlq_sender_search(struct rs_dlq_sender *sender, struct rs_dlq_marks *marks, struct rs_error *error)
{
    struct rs_dlq_marks landed = {0};
    int rc = search(sender, marks, &landed, error);
    rc = rc == 0 ? merge(marks, &landed, error) : rc;
    rs_dlq_marks_fini(&landed);
    return rc;
}

static int new_session(struct rs_dlq_sender *sender, struct rs_error *error)
{
    sender->session = 0;
    while (sender->session == 0) {
        if (getrandom(&sender->session, sizeof sender->session, 0) != (ssize_t)sizeof sender->session) {
            return rs_fail(error, RS_EIO, "the system gives no random numbers");
        }
    }
    return 0;
}

/* What the session before has under way is in the topic after a while, or given up. */
static int take_over(struct rs_dlq_sender *sender, struct rs_dlq_marks *marks, struct rs_error *error)
{
    struct rs_dlq_marks landed = {0};
    struct rs_buf letters = {0};
    struct rs_buf after = {0};
    int64_t until_us = now_us() + RS_DLQ_TAKE_OVER_US;
    fprintf(stderr, "%s: %s partition %" PRId32 ": a replay to %s did not end; taking over in %d s\n",
            rs_dlq_info.name, sender->topic, sender->partition, sender->to,
            (int)(RS_DLQ_TAKE_OVER_US / 1000000));
    while (now_us() < until_us) {
        (void)rd_kafka_poll(sender->producer, 100);
    }
    int rc = search(sender, marks, &landed, error);
    if (rc == 0) {
        put_ranges(&landed, &letters);
        put_after(&landed, &after);
        rc = write_marker(sender, "sent", &letters, &after, error);
    }
    rc = rc == 0 ? merge(marks, &landed, error) : rc;
    rs_buf_fini(&letters);
    rs_buf_fini(&after);
    rs_dlq_marks_fini(&landed);
    return rc;
}

/* Of an unfinished session it is that one's offsets that count. */
static int begin_behind(struct rs_dlq_marks *marks, const struct rs_dlq_marks *ends, struct rs_error *error)
{
    int rc = 0;
    marks->after_count = 0;
    for (size_t i = 0; i < ends->after_count && rc == 0; i++) {
        rc = rs_dlq_marks_set_after(marks, ends->after[i].partition, ends->after[i].offset, error);
    }
    return rc;
}

int rs_dlq_sender_begin(struct rs_dlq_sender *sender, struct rs_dlq_marks *marks, int64_t end,
                        struct rs_error *error)
{
    const struct rs_buf none = {0};
    struct rs_buf after = {0};
    struct rs_dlq_marks ends = {0};
    bool others = false;
    int64_t first = 0;
    int rc = look_from(sender, marks, &ends, end, &first, &end, error);
    rc = rc == 0 && !marks->open ? begin_behind(marks, &ends, error) : rc;
    rs_dlq_marks_fini(&ends);
    bool unfinished = marks->open;
    rc = rc == 0 ? new_session(sender, error) : rc;
    if (rc == 0) {
        put_after(marks, &after);
        sender->looked = end;
        rc = write_marker(sender, "begin", &none, &after, error);
    }
    rs_buf_fini(&after);
    rc = rc == 0 ? look_for_others(sender, sender->marker.offset, &others, error) : rc;
    return rc == 0 && (unfinished || others) ? take_over(sender, marks, error) : rc;
}

/* ---- batches ---- */

/* A copy: what is never answered for may be sent after the batch is forgotten. What is refused on the spot is
 * answered so. */
static rd_kafka_resp_err_t produce(struct rs_dlq_sender *sender, struct entry *entry)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_copy(entry->headers);
    uint8_t *value = entry->bytes + entry->key_size;
    entry->answered = false;
    rd_kafka_resp_err_t code =
        rd_kafka_producev(sender->producer, RD_KAFKA_V_TOPIC(sender->to), RD_KAFKA_V_PARTITION(entry->wanted),
                          RD_KAFKA_V_TIMESTAMP(entry->ms), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                          RD_KAFKA_V_KEY(entry->has_key ? entry->bytes : NULL, entry->key_size),
                          RD_KAFKA_V_VALUE(entry->has_value ? value : NULL, entry->value_size),
                          RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_OPAQUE(entry), RD_KAFKA_V_END);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        rd_kafka_headers_destroy(headers);
        entry->answered = true;
        entry->err = code;
    }
    return code;
}

/* Of a record the topic does not take whoever sends it; anything else may change. */
static bool refused(rd_kafka_resp_err_t err)
{
    return err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE || err == RD_KAFKA_RESP_ERR_INVALID_RECORD ||
           err == RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP ||
           err == RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT ||
           err == RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE;
}

static void tell_refusal(struct rs_dlq_sender *sender, const struct entry *entry)
{
    if (sender->total.refused++ < REFUSALS_TOLD) {
        fprintf(stderr, "%s: %s:%" PRId32 ":%" PRId64 " is not taken by topic %s: %s\n", rs_dlq_info.name,
                sender->topic, sender->partition, entry->letter, sender->to, rd_kafka_err2str(entry->err));
    }
}

/* Sorts the batch's answers: `done` gets the letters that are in the topic, and `after` of each partition in
 * which nothing is in doubt. Returns the error of one that is. */
static rd_kafka_resp_err_t sort_answers(struct rs_dlq_sender *sender, struct rs_dlq_marks *done, int *rc,
                                        struct rs_error *error)
{
    rd_kafka_resp_err_t doubt = RD_KAFKA_RESP_ERR_NO_ERROR;
    for (size_t i = 0; i < sender->count; i++) {
        struct entry *entry = &sender->batch[i];
        entry->err = entry->answered ? entry->err : RD_KAFKA_RESP_ERR__TIMED_OUT;
        if (entry->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            *rc = *rc == 0 ? rs_dlq_marks_add(done, entry->letter, entry->letter, error) : *rc;
            sender->total.sent++;
        } else if (refused(entry->err)) {
            tell_refusal(sender, entry);
        } else {
            doubt = entry->err;
        }
    }
    for (size_t i = 0; i < sender->count && doubt == RD_KAFKA_RESP_ERR_NO_ERROR && *rc == 0; i++) {
        const struct entry *entry = &sender->batch[i];
        if (entry->err == RD_KAFKA_RESP_ERR_NO_ERROR &&
            entry->offset >= rs_dlq_marks_after(done, entry->partition)) {
            *rc = rs_dlq_marks_set_after(done, entry->partition, entry->offset + 1, error);
        }
    }
    return doubt;
}

/* Before the first record of a batch: is this session still the one that goes on? */
static int look(struct rs_dlq_sender *sender, struct rs_error *error)
{
    int64_t first = 0;
    int64_t end = 0;
    bool others = false;
    int64_t looked_us = now_us();
    int rc = rs_kafka_reader_extent(sender->reader, sender->topic, sender->partition, &first, &end, error);
    rc = rc == 0 ? look_for_others(sender, end, &others, error) : rc;
    if (rc == 0 && others) {
        return rs_fail(error, RS_EBROKER,
                       "%s partition %" PRId32 ": another replay to %s has begun, and goes on with it",
                       sender->topic, sender->partition, sender->to);
    }
    sender->looked_us = looked_us;
    return rc;
}

/* A broker judges a set of records as a whole, so that one may be refused for its neighbours: each by itself
 * shows which. */
static int send_alone(struct rs_dlq_sender *sender, struct rs_error *error)
{
    int rc = 0;
    for (size_t i = 0; i < sender->count && sender->count > 1 && rc == 0; i++) {
        struct entry *entry = &sender->batch[i];
        if (entry->answered && refused(entry->err)) {
            rc = look(sender, error);
            if (rc == 0 && produce(sender, entry) == RD_KAFKA_RESP_ERR_NO_ERROR) {
                (void)rd_kafka_flush(sender->producer, FLUSH_MS);
            }
        }
    }
    return rc;
}

/* Until all of the batch is answered for and the marker is there. */
static int settle(struct rs_dlq_sender *sender, struct rs_error *error)
{
    struct rs_dlq_marks done = {0};
    struct rs_buf letters = {0};
    struct rs_buf after = {0};
    struct rs_error late = {0};
    int rc = 0;
    if (sender->count == 0) {
        return 0;
    }
    (void)rd_kafka_flush(sender->producer, FLUSH_MS);
    int alone = send_alone(sender, &late); /* what is in the topic is noted in any case */
    rd_kafka_resp_err_t doubt = sort_answers(sender, &done, &rc, error);
    put_ranges(&done, &letters);
    put_after(&done, &after);
    if (rc == 0 && done.count > 0) {
        rc = write_marker(sender, "sent", &letters, &after, error);
    }
    if (rc == 0 && doubt != RD_KAFKA_RESP_ERR_NO_ERROR) {
        rc = rs_fail(error, RS_EBROKER,
                     "topic %s: %s; give the same command again, and it goes on where this ended", sender->to,
                     rd_kafka_err2str(doubt));
    }
    if (rc == 0 && alone < 0) {
        *error = late;
        rc = alone;
    }
    forget_batch(sender);
    rs_buf_fini(&letters);
    rs_buf_fini(&after);
    rs_dlq_marks_fini(&done);
    return rc;
}

static void keep_to_rate(struct rs_dlq_sender *sender)
{
    int64_t rate = sender->tool->request.rate;
    if (rate == 0) {
        return;
    }
    while (now_us() < sender->due_us) {
        int64_t left_ms = (sender->due_us - now_us()) / 1000 + 1;
        (void)rd_kafka_poll(sender->producer, (int)(left_ms < 100 ? left_ms : 100));
    }
    int64_t base_us = sender->due_us > 0 && now_us() - sender->due_us < 1000000 ? sender->due_us : now_us();
    sender->due_us = base_us + 1000000 / rate;
}

/* The original's, without the name of an earlier letter, and this one's. */
static rd_kafka_headers_t *headers_of(const struct rs_dlq_letter *letter)
{
    const char *name = NULL;
    const void *value = NULL;
    size_t size = 0;
    struct rs_buf position = {0};
    rd_kafka_headers_t *headers = rd_kafka_headers_new(letter->original_headers + 1);
    bool good = true;
    for (size_t i = 0;
         good && i < letter->original_headers &&
         rd_kafka_header_get_all(letter->headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
         i++) {
        if (strcmp(name, RS_REPLAYED) != 0) {
            good = rd_kafka_header_add(headers, name, -1, value, value ? (ssize_t)size : 0) ==
                   RD_KAFKA_RESP_ERR_NO_ERROR;
        }
    }
    rs_dlq_position(letter, &position);
    good = good && !position.failed && add_header(headers, RS_REPLAYED, rs_buf_slice(&position));
    rs_buf_fini(&position);
    if (!good) {
        rd_kafka_headers_destroy(headers);
        return NULL;
    }
    return headers;
}

/* NULL in `headers` or `bytes`: out of memory. */
static struct entry entry_of(const struct rs_dlq_letter *letter, int32_t partition)
{
    int64_t ms = letter->original_us == RS_TIME_NONE ? 0 : letter->original_us / 1000;
    struct entry entry = {.letter = letter->offset,
                          .headers = headers_of(letter),
                          .bytes = malloc(letter->key.size + letter->value.size + 1),
                          .key_size = letter->key.size,
                          .value_size = letter->value.size,
                          .has_key = letter->key.data != NULL,
                          .has_value = letter->value.data != NULL,
                          .ms = ms > 0 ? ms : 0,
                          .wanted = partition,
                          .offset = -1};
    if (entry.bytes && entry.has_key) {
        memcpy(entry.bytes, letter->key.data, entry.key_size);
    }
    if (entry.bytes && entry.has_value) {
        memcpy(entry.bytes + entry.key_size, letter->value.data, entry.value_size);
    }
    return entry;
}

static int add_entry(struct rs_dlq_sender *sender, const struct rs_dlq_letter *letter, int32_t partition,
                     struct rs_error *error)
{
    struct entry *entry = &sender->batch[sender->count];
    *entry = entry_of(letter, partition);
    if (!entry->headers || !entry->bytes) {
        free_entry(entry);
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    rd_kafka_resp_err_t code = produce(sender, entry);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR && !refused(code)) {
        free_entry(entry);
        return rs_fail(error, RS_EBROKER, "topic %s: %s", sender->to, rd_kafka_err2str(code));
    }
    sender->count++;
    sender->bytes += entry->key_size + entry->value_size;
    return 0;
}

int rs_dlq_sender_put(struct rs_dlq_sender *sender, const struct rs_dlq_letter *letter, int32_t partition,
                      struct rs_error *error)
{
    int rc = 0;
    keep_to_rate(sender);
    bool old = now_us() - sender->looked_us > RS_DLQ_LOOK_US / 2;
    if (old || sender->count == BATCH_MAX || sender->bytes >= BATCH_BYTES) {
        rc = settle(sender, error);
    }
    if (rc == 0 && sender->count == 0) {
        rc = look(sender, error);
    }
    if (rc == 0 && now_us() - sender->looked_us > RS_DLQ_LOOK_US) {
        return rs_fail(error, RS_EBROKER, "topic %s answers too slowly; give the same command again",
                       sender->topic);
    }
    return rc == 0 ? add_entry(sender, letter, partition, error) : rc;
}

int rs_dlq_sender_end(struct rs_dlq_sender *sender, struct rs_error *error)
{
    const struct rs_buf none = {0};
    int rc = settle(sender, error);
    return rc == 0 ? write_marker(sender, "end", &none, &none, error) : rc;
}
