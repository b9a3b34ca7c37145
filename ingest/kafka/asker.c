/* The asker: the one thread of a Kafka source that waits for answers of brokers.
 * Questions are set where they come up (flags under the mutex, or atomic ones), answers are put beside them,
 * and the control thread is woken to look. Every question has a bound of its own; while one is waited for the
 * others wait, and nobody else does. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/kafka/ask.h"
#include "ingest/kafka/internal.h"

#define METADATA_WAIT_MS 500
#define ENDS_WAIT_MS     1000
#define GROUP_WAIT_MS    1000
#define NAMES_WAIT_MS    3000
#define REPORT_US        INT64_C(30000000) /* between lines about the same */
#define NUDGE_WAIT_MS    50
#define IDLE_MS          1000
#define AGAIN_US         INT64_C(1000000) /* after a broker did not answer */

/* A partition to be asked about: the partition itself may be freed while its broker is asked. */
struct subject {
    const struct rs_stream *stream;
    int32_t partition;
    uint64_t number;
};

/* Takes the next partition of which `wanted` says so. */
static bool next_subject(struct rs_kafka_source *source,
                         bool (*wanted)(struct rs_source_partition *partition), struct subject *out)
{
    bool found = false;

    pthread_mutex_lock(&source->mutex);
    for (size_t i = 0; !found && i < source->options.streams->count; i++) {
        for (size_t j = 0; !found && j < source->tables[i].size; j++) {
            struct rs_source_partition *partition = source->tables[i].partitions[j];
            found = partition && wanted(partition);
            if (found) {
                *out = (struct subject){partition->stream, partition->number, partition->ends.number};
            }
        }
    }
    pthread_mutex_unlock(&source->mutex);
    return found;
}

static bool wants_ends(struct rs_source_partition *partition)
{
    bool wants = partition->ends.state == RS_KAFKA_ENDS_ASKED;

    partition->ends.state = wants ? RS_KAFKA_ENDS_UNDER_WAY : partition->ends.state;
    return wants;
}

/* What a broker that is away would say is not known: it is asked again until it says it. */
static void put_ends(struct rs_kafka_source *source, const struct subject *subject, rd_kafka_resp_err_t code,
                     int64_t low, int64_t high)
{
    pthread_mutex_lock(&source->mutex);
    struct rs_source_partition *partition =
        rs_source_partition_find(source, subject->stream->index, subject->partition);
    if (partition && partition->ends.number == subject->number &&
        partition->ends.state == RS_KAFKA_ENDS_UNDER_WAY) {
        partition->ends.state = rs_kafka_is_away(code) ? RS_KAFKA_ENDS_ASKED : RS_KAFKA_ENDS_KNOWN;
        partition->ends.low = low;
        partition->ends.high = high;
    }
    pthread_mutex_unlock(&source->mutex);
}

/* Where a broker is away all questions pause: the next one would wait for nothing as well. */
static void ask_ends(struct rs_kafka_source *source)
{
    struct rs_kafka_asker *asker = &source->asker;
    struct subject subject;

    while (!atomic_load(&asker->ending) && rs_clock_mono(source->options.clock) >= asker->ends_at_us &&
           next_subject(source, wants_ends, &subject)) {
        int64_t low = -1;
        int64_t high = -1;
        rd_kafka_resp_err_t code = rs_kafka_ask_ends(source->fetcher, subject.stream->topic,
                                                     subject.partition, ENDS_WAIT_MS, &low, &high);
        put_ends(source, &subject, code, low, high);
        if (rs_kafka_is_away(code)) {
            asker->ends_at_us = rs_clock_mono(source->options.clock) + AGAIN_US;
        }
        atomic_store(&source->answered, true);
        rs_wake(source->control_fd);
    }
}

static bool wants_start(struct rs_source_partition *partition)
{
    return partition->start == RS_KAFKA_START_ASKED && partition->hold == RS_KAFKA_OURS;
}

/* Those that had no answer have their next turn. */
static bool ask_unsaid_again(struct rs_kafka_source *source)
{
    bool any = false;

    pthread_mutex_lock(&source->mutex);
    for (size_t i = 0; i < source->options.streams->count; i++) {
        for (size_t j = 0; j < source->tables[i].size; j++) {
            struct rs_source_partition *partition = source->tables[i].partitions[j];
            if (partition && partition->start == RS_KAFKA_START_UNSAID) {
                partition->start = RS_KAFKA_START_ASKED;
                any = true;
            }
        }
    }
    pthread_mutex_unlock(&source->mutex);
    return any;
}

/* A time behind the last record is the end: what comes next is later. The oldest record is meant as such, whatever
 * its offset: retention may take it before it is fetched. */
static rd_kafka_resp_err_t ask_start(struct rs_kafka_source *source, const struct subject *subject,
                                     int64_t *start)
{
    int64_t low = -1;
    int64_t high = -1;
    int64_t at = -1;
    rd_kafka_resp_err_t code = rs_kafka_ask_ends(source->fetcher, subject->stream->topic, subject->partition,
                                                 ENDS_WAIT_MS, &low, &high);

    if (code == RD_KAFKA_RESP_ERR_NO_ERROR && subject->stream->start == RS_START_TIME) {
        code = rs_kafka_ask_time(source->fetcher, subject->stream->topic, subject->partition,
                                 subject->stream->start_us / 1000, ENDS_WAIT_MS, &at);
    }
    *start = at >= 0 ? at : high;
    *start = *start <= low ? RS_OFFSET_BEGINNING : *start;
    return code;
}

static void put_start(struct rs_kafka_source *source, const struct subject *subject, rd_kafka_resp_err_t code,
                      int64_t start)
{
    bool answered = code == RD_KAFKA_RESP_ERR_NO_ERROR;

    pthread_mutex_lock(&source->mutex);
    struct rs_source_partition *partition =
        rs_source_partition_find(source, subject->stream->index, subject->partition);
    if (partition && partition->start == RS_KAFKA_START_ASKED) {
        partition->start_at = answered ? start : partition->start_at;
        partition->start = answered ? RS_KAFKA_START_ANSWERED : RS_KAFKA_START_UNSAID;
    }
    pthread_mutex_unlock(&source->mutex);
}

/* Whether the same is to be told once more. */
static bool report_due(int64_t *reported_us, int64_t now)
{
    bool due = *reported_us == 0 || now - *reported_us > REPORT_US;
    *reported_us = due ? now : *reported_us;
    return due;
}

/* Until it is known the partition is nobody's to read: asked again and again, and told now and then. After each that
 * has no answer all pause, so that the thread's other questions have their turn. */
static void ask_starts(struct rs_kafka_source *source)
{
    struct rs_kafka_asker *asker = &source->asker;
    struct subject subject;

    while (!atomic_load(&asker->ending) && rs_clock_mono(source->options.clock) >= asker->start_at_us &&
           (next_subject(source, wants_start, &subject) ||
            (ask_unsaid_again(source) && next_subject(source, wants_start, &subject)))) {
        int64_t start = -1;
        rd_kafka_resp_err_t code = ask_start(source, &subject, &start);
        int64_t now = rs_clock_mono(source->options.clock);
        put_start(source, &subject, code, start);
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
            atomic_store(&source->answered, true);
            rs_wake(source->control_fd);
            continue;
        }
        asker->start_at_us = now + AGAIN_US;
        if (report_due(&asker->start_reported_us, now)) {
            rs_report(&source->options.report, RS_LOG_WARNING,
                      "stream %s: topic %s partition %d: where it begins (`start`) is not known yet: %s",
                      subject.stream->name, subject.stream->topic, subject.partition, rd_kafka_err2str(code));
        }
    }
}

static bool wants_nudge(struct rs_source_partition *partition)
{
    bool wants = partition->nudge;

    partition->nudge = false;
    return wants;
}

/* A request wakes the thread of the partition's leader. Requests to a broker that is away would only pile up.
 */
static void nudge(struct rs_kafka_source *source)
{
    struct rs_kafka_asker *asker = &source->asker;
    struct subject subject;
    int64_t low = -1;
    int64_t high = -1;

    while (!atomic_load(&asker->ending) && next_subject(source, wants_nudge, &subject)) {
        if (rs_clock_mono(source->options.clock) >= asker->nudge_at_us &&
            rs_kafka_ask_ends(source->fetcher, subject.stream->topic, subject.partition, NUDGE_WAIT_MS, &low,
                              &high) != RD_KAFKA_RESP_ERR_NO_ERROR) {
            asker->nudge_at_us = rs_clock_mono(source->options.clock) + AGAIN_US;
        }
    }
}

static bool wants_high(struct rs_source_partition *partition)
{
    bool wants = partition->wants_high;

    partition->wants_high = false;
    return wants;
}

static void put_high(struct rs_kafka_source *source, const struct subject *subject, int64_t high)
{
    pthread_mutex_lock(&source->mutex);
    struct rs_source_partition *partition =
        rs_source_partition_find(source, subject->stream->index, subject->partition);
    if (partition) {
        atomic_store(&partition->high, high);
    }
    pthread_mutex_unlock(&source->mutex);
}

/* Not before others have been asked about: it is for people only. A broker that is away takes the turn; the
 * rest is asked about in the next. */
static void ask_highs(struct rs_kafka_source *source)
{
    struct subject subject;
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;

    while (!rs_kafka_is_away(code) && !atomic_load(&source->asker.ending) &&
           !atomic_load(&source->asker.group_wanted) && next_subject(source, wants_high, &subject)) {
        int64_t low = -1;
        int64_t high = -1;
        code = rs_kafka_ask_ends(source->fetcher, subject.stream->topic, subject.partition, ENDS_WAIT_MS,
                                 &low, &high);
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
            put_high(source, &subject, high);
        }
    }
}

/* False: nobody says. */
static bool ask_topic(struct rs_kafka_source *source, size_t stream, bool *missing)
{
    const struct rd_kafka_metadata *metadata = NULL;

    if (rd_kafka_metadata(source->fetcher, 0, source->topics[stream], &metadata, METADATA_WAIT_MS) !=
        RD_KAFKA_RESP_ERR_NO_ERROR) {
        return false;
    }
    *missing = metadata->topic_cnt == 1 && metadata->topics[0].err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    rd_kafka_metadata_destroy(metadata);
    return true;
}

/* What was known of a topic stays while nobody says, and is asked again. */
static void ask_topics(struct rs_kafka_source *source)
{
    struct rs_kafka_asker *asker = &source->asker;
    bool all = true;

    if (!atomic_exchange(&asker->topics_wanted, false)) {
        return;
    }
    for (size_t i = 0; i < source->options.streams->count && !atomic_load(&asker->ending); i++) {
        if (!source->options.streams->items[i].topic || source->options.streams->items[i].found) {
            continue;
        }
        bool missing = false;
        bool known = ask_topic(source, i, &missing);
        all = all && known;
        pthread_mutex_lock(&source->mutex);
        asker->missing[i] = known ? missing : asker->missing[i];
        pthread_mutex_unlock(&source->mutex);
    }
    atomic_store(&asker->topics_unsure, !all);
    atomic_store(&asker->topics_known, true);
    rs_wake(source->control_fd);
}

static int take_name(void *ctx, const char *topic, struct rs_error *error)
{
    struct rs_kafka_names *names = ctx;
    char **items = rs_array_grow(names->items, names->count, &names->capacity, 64, sizeof(char *));
    char *copy = strdup(topic);

    names->items = items ? items : names->items;
    if (!items || !copy) {
        free(copy);
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    names->items[names->count++] = copy;
    return 0;
}

static void names_unsaid(struct rs_kafka_source *source, const char *why)
{
    struct rs_kafka_asker *asker = &source->asker;
    int64_t now = rs_clock_mono(source->options.clock);

    asker->names_at_us = now + AGAIN_US;
    atomic_store(&asker->names_wanted, true);
    if (report_due(&asker->names_reported_us, now)) {
        rs_report(&source->options.report, RS_LOG_WARNING,
                  "kafka: which topics there are, for `topics: /…/`, is not known yet: %s", why);
    }
}

/* Half an answer is none: a topic that it lacks would be taken for one that is gone. */
static void ask_names(struct rs_kafka_source *source)
{
    struct rs_kafka_names names = {.known = true};
    struct rs_error error;
    int taken = 0;

    if (rs_clock_mono(source->options.clock) < source->asker.names_at_us ||
        !atomic_exchange(&source->asker.names_wanted, false)) {
        return;
    }
    rd_kafka_resp_err_t code =
        rs_kafka_ask_topics(source->fetcher, NAMES_WAIT_MS, take_name, &names, &taken, &error);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR || taken != 0) {
        rs_kafka_names_fini(&names);
        names_unsaid(source, code != RD_KAFKA_RESP_ERR_NO_ERROR ? rd_kafka_err2str(code) : error.text);
        return;
    }
    pthread_mutex_lock(&source->mutex);
    rs_kafka_names_fini(&source->asker.names);
    source->asker.names = names;
    pthread_mutex_unlock(&source->mutex);
    rs_wake(source->control_fd);
}

/* A cluster without the question is no real one (librdkafka's mock): nobody else is there. */
static bool cannot_be_asked(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE;
}

/* The older of librdkafka's two questions: the newer (DescribeConsumerGroups) uses memory that it has freed
 * when a broker refuses it, in 2.0.2. Who may not list groups gets an empty list and no error: only a list
 * that we are on ourselves says that nobody else is. */
static enum rs_other_members count_members(struct rs_kafka_source *source)
{
    const struct rd_kafka_group_list *groups = NULL;
    rd_kafka_resp_err_t code =
        rd_kafka_list_groups(source->fetcher, source->options.streams->group, &groups, GROUP_WAIT_MS);
    enum rs_other_members other_members = RS_OTHER_MEMBERS_POSSIBLE;

    if (!groups) {
        return cannot_be_asked(code) ? RS_OTHER_MEMBERS_NONE : other_members;
    }
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR && groups->group_cnt == 1 &&
        groups->groups[0].err == RD_KAFKA_RESP_ERR_NO_ERROR && groups->groups[0].member_cnt == 1) {
        other_members = RS_OTHER_MEMBERS_NONE;
    }
    rd_kafka_group_list_destroy(groups);
    return other_members;
}

static void ask_group(struct rs_kafka_source *source)
{
    if (atomic_exchange(&source->asker.group_wanted, false)) {
        atomic_store(&source->asker.other_members, (int)count_members(source));
        rs_wake(source->control_fd);
    }
}

static void *run(void *argument)
{
    struct rs_kafka_source *source = argument;
    struct rs_kafka_asker *asker = &source->asker;
    struct pollfd fd = {.fd = asker->fd, .events = POLLIN};

    while (!atomic_load(&asker->ending)) {
        rs_wake_clear(asker->fd);
        ask_group(source); /* first: the end of the process waits for it */
        nudge(source);
        ask_ends(source);
        ask_starts(source);
        ask_topics(source);
        ask_names(source);
        ask_highs(source);
        (void)poll(&fd, 1, IDLE_MS);
    }
    return NULL;
}

int rs_kafka_asker_start(struct rs_kafka_source *source, struct rs_error *error)
{
    struct rs_kafka_asker *asker = &source->asker;

    asker->missing = calloc(rs_streams_room(source->options.streams), sizeof *asker->missing);
    if (!asker->missing) {
        return rs_fail(error, RS_ENOMEM, "kafka: out of memory");
    }
    int rc = rs_thread_start(&asker->thread, run, source, "questions to Kafka", error);
    asker->runs = rc == 0;
    return rc;
}

void rs_kafka_asker_stop(struct rs_kafka_source *source)
{
    struct rs_kafka_asker *asker = &source->asker;

    atomic_store(&asker->ending, true);
    if (asker->runs) {
        rs_wake(asker->fd);
        (void)pthread_join(asker->thread, NULL);
        asker->runs = false;
    }
    free(asker->missing);
    asker->missing = NULL;
    rs_kafka_names_fini(&asker->names);
}
