#include "transform/daemon/connect_kafka.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/kafka/admin.h"
#include "base/kafka/ask.h"
#include "base/kafka/client.h"
#include "base/kafka/config.h"
#include "base/kafka/fault.h"
#include "base/kafka/mend.h"
#include "sink/deadletter/topics.h"
#include "transform/statelog/state_topic.h"

#define FIRST_MS   10000 /* for the first answer: names are resolved, TLS and SASL agreed upon; */
#define TRY_MS     1000  /* asked for so often, and */
#define DOWN_MS    3000  /* given up then, if every broker was tried and has failed */
#define ANSWER_MS  5000
#define SLICE_MS   100
#define REMEDY_MAX 512
#define COMPLAINT  256
#define NO_SUCH    INT32_MAX /* a partition that no topic has */
#define PARTITIONS 1000      /* whose leaders are asked in one question */

struct look {
    struct rs_connect *connect;
    const struct rs_report *report;
    rd_kafka_t *client;
    bool down;                 /* all brokers that are known */
    bool gone;                 /* a question was not answered: no further one is put */
    bool controlled;           /* a controller is known: topics can be made and described */
    bool group_refused;        /* what the group's coordinator is may not be asked */
    char complaint[COMPLAINT]; /* what librdkafka had against a connection last; empty: nothing */
    int32_t *partitions;       /* by input; 0: there is none, or it is not known */
};

/* ---- the cluster ---- */

static void on_error(rd_kafka_t *client, int code, const char *reason, void *opaque)
{
    struct look *look = opaque;

    (void)client;
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) { /* which says less than what came before it */
        look->down = true;
    } else {
        (void)snprintf(look->complaint, sizeof look->complaint, "%s", reason);
    }
}

/* The group is named so that its rights can be asked for; nothing is subscribed to, so that it is not joined. */
static int open_client(struct look *look, struct rs_error *error)
{
    const char *const properties[][2] = {
        {"group.id", look->connect->settings->streams->group},
        {"enable.auto.commit", "false"},
        {"allow.auto.create.topics", "false"},
        /* The end waits for questions under way, and turns round and round meanwhile. */
        {"socket.timeout.ms", "5000"},
        {"fetch.wait.max.ms", "100"}, /* has to be less, and nothing is fetched */
        {"log_level", "0"},           /* what concerns connections comes through on_error */
        {NULL, NULL},
    };
    rd_kafka_conf_t *conf = NULL;
    int rc = rs_settings_kafka(look->connect->settings, &conf, error);

    if (rc != 0) {
        return rc;
    }
    rc = rs_kafka_config_set_all(conf, properties, error);
    if (rc != 0) {
        rd_kafka_conf_destroy(conf);
        return rc;
    }
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_opaque(conf, look);
    return rs_kafka_client_new(RD_KAFKA_CONSUMER, &conf, "kafka", &look->client, error);
}

/* Callbacks and complaints of the group come with polling. */
static void serve(struct look *look)
{
    (void)rd_kafka_poll(look->client, 0);
    rd_kafka_message_t *message = rd_kafka_consumer_poll(look->client, 0);
    if (message) {
        look->group_refused |= message->err == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED;
        rd_kafka_message_destroy(message);
    }
}

static const char *mend_of_connection(const char *complaint)
{
    if (strstr(complaint, "SASL") || strstr(complaint, "uthentication")) {
        return "are kafka.sasl.mechanism, sasl.username and sasl.password those of a user of this cluster?";
    }
    if (strstr(complaint, "SSL") || strstr(complaint, "certificate")) {
        return "are kafka.security.protocol, ssl.ca.location and the name in bootstrap.servers right?";
    }
    return "is a broker running at kafka.bootstrap.servers, and is kafka.security.protocol what it speaks "
           "there?";
}

static void tell_away(struct look *look, rd_kafka_resp_err_t code)
{
    serve(look);
    struct rs_kafka_fault fault;
    const char *what = look->complaint[0] ? look->complaint : rd_kafka_err2str(code);
    bool of_broker = rs_kafka_fault_parse(what, &fault);
    look->gone = true;
    rs_report(look->report, RS_LOG_ERROR, "Kafka cannot be reached: %s%s%s; %s",
              of_broker ? fault.address : "", of_broker ? ": " : "", of_broker ? fault.reason : what,
              mend_of_connection(what));
}

static bool reach(struct look *look)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__TIMED_OUT;

    for (int waited = 0; code != RD_KAFKA_RESP_ERR_NO_ERROR && waited < (look->down ? DOWN_MS : FIRST_MS);
         waited += TRY_MS) {
        code = rd_kafka_metadata(look->client, 0, NULL, &metadata, TRY_MS);
        serve(look);
    }
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        tell_away(look, code);
        return false;
    }
    look->complaint[0] = '\0'; /* another broker was meant than the one that is reached */
    int brokers = metadata->broker_cnt;
    rd_kafka_metadata_destroy(metadata);
    char *cluster = rd_kafka_clusterid(look->client, ANSWER_MS);
    if (cluster) {
        (void)snprintf(look->connect->cluster, sizeof look->connect->cluster, "%s", cluster);
        rd_kafka_mem_free(look->client, cluster);
    }
    look->controlled = rs_kafka_ask_controller(look->client, ANSWER_MS);
    rs_report(look->report, RS_LOG_INFO, "Kafka: reached, %d broker%s, cluster %s", brokers,
              brokers == 1 ? "" : "s", look->connect->cluster[0] ? look->connect->cluster : "not told");
    if (!look->controlled) {
        rs_report(
            look->report, RS_LOG_WARNING,
            "Kafka: the cluster names no controller: settings of topics cannot be looked at, and none can "
            "be made");
    }
    return true;
}

/* How many partitions a topic has; 0: *absent, or it was told what is wrong. */
static int32_t partitions_of(struct look *look, const char *topic, bool *absent)
{
    char remedy[REMEDY_MAX];
    int32_t count = 0;

    *absent = false;
    if (look->gone) {
        return 0;
    }
    rd_kafka_resp_err_t code = rs_kafka_ask_partitions(look->client, topic, ANSWER_MS, &count);
    *absent = code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR || *absent) {
        return count;
    }
    if (rs_kafka_is_away(code)) {
        tell_away(look, code);
        return 0;
    }
    rs_kafka_mend_right(code, "Describe", topic, remedy, sizeof remedy);
    rs_report(look->report, RS_LOG_ERROR, "Kafka: topic %s cannot be looked at: %s%s", topic,
              rd_kafka_err2str(code), remedy);
    return 0;
}

/* ---- making topics, or asking whether they could be ---- */

/* NULL: none in time, or it is of the group, which may not be asked. Takes the queue. */
static rd_kafka_event_t *answer(struct look *look, rd_kafka_queue_t *queue, int within_ms, bool of_group)
{
    rd_kafka_event_t *event = NULL;

    for (int waited = 0; !event && waited < within_ms && !(of_group && look->group_refused);
         waited += SLICE_MS) {
        event = rd_kafka_queue_poll(queue, SLICE_MS);
        serve(look);
    }
    rd_kafka_queue_destroy(queue);
    return event;
}

/* True: it is there now, or would be made. */
static bool make(struct look *look, const char *what, const struct rs_kafka_new_topic *topic)
{
    char command[RS_KAFKA_MEND_MAX], remedy[REMEDY_MAX];
    const char *why = "the cluster names no controller";
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE;
    rd_kafka_event_t *event = NULL;

    if (look->controlled) {
        rd_kafka_queue_t *queue = rd_kafka_queue_new(look->client);
        bool asked = rs_kafka_topic_make(look->client, topic, queue, NULL);
        if (asked) {
            event = answer(look, queue, RS_KAFKA_ADMIN_MS + ANSWER_MS, false);
            code = rs_kafka_topic_answer(event, &why);
            look->gone |= !event || rs_kafka_is_away(code);
        } else {
            rd_kafka_queue_destroy(queue);
            why = "librdkafka refuses its name, partitions or replication factor";
        }
    }
    bool good = code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS;
    rs_kafka_mend_topic(topic, command, sizeof command);
    rs_kafka_mend_right(code, "Create", topic->name, remedy, sizeof remedy);
    if (!good) {
        rs_report(look->report, RS_LOG_ERROR,
                  "%s: topic %s does not exist and cannot be made: %s; make it with: %s%s", what, topic->name,
                  why, command, remedy);
    } else if (topic->only_judged) {
        rs_report(look->report, RS_LOG_INFO, "%s: topic %s will be made", what, topic->name);
    } else if (topic->partitions > 0) {
        rs_report(look->report, RS_LOG_INFO, "%s: made the topic %s with %" PRId32 " partition%s", what,
                  topic->name, topic->partitions, topic->partitions == 1 ? "" : "s");
    } else {
        rs_report(look->report, RS_LOG_INFO, "%s: made the topic %s", what, topic->name);
    }
    if (event) {
        rd_kafka_event_destroy(event);
    }
    return good;
}

/* False: they cannot be told. */
static bool settings_of(struct look *look, const char *topic, rs_kafka_take_setting *take, void *ctx)
{
    char remedy[REMEDY_MAX];

    if (!look->controlled || look->gone) {
        return false; /* which was told */
    }
    rd_kafka_queue_t *queue = rd_kafka_queue_new(look->client);
    rs_kafka_topic_describe(look->client, topic, queue, NULL);
    rd_kafka_event_t *event = answer(look, queue, RS_KAFKA_ADMIN_MS + ANSWER_MS, false);
    rd_kafka_resp_err_t code = rs_kafka_settings_answer(event, take, ctx);
    if (event) {
        rd_kafka_event_destroy(event);
    }
    if (rs_kafka_is_away(code)) {
        tell_away(look, code);
    } else if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        rs_kafka_mend_right(code, "DescribeConfigs", topic, remedy, sizeof remedy);
        rs_report(look->report, RS_LOG_WARNING, "Kafka: the settings of topic %s cannot be looked at: %s%s",
                  topic, rd_kafka_err2str(code), remedy);
    }
    return code == RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* ---- inputs ---- */

static struct rs_kafka_new_topic new_input(const struct look *look, const struct rs_stream *input,
                                           int32_t partitions)
{
    static const char *const none[][2] = {{NULL, NULL}};

    return (struct rs_kafka_new_topic){.name = input->topic,
                                       .partitions = partitions,
                                       .replication_factor = look->connect->settings->replication_factor,
                                       .settings = none};
}

static void tell_absent(struct look *look, const struct rs_stream *input)
{
    const struct rs_kafka_new_topic topic = new_input(look, input, 1);
    char command[RS_KAFKA_MEND_MAX];

    rs_kafka_mend_topic(&topic, command, sizeof command);
    rs_report(
        look->report, RS_LOG_ERROR,
        "stream %s: its topic %s does not exist; make it, with as many partitions as are to be worked on at "
        "once, with: rollstatd -c FILE --create-topics --input-partitions N, or: %s",
        rs_stream_label(input), input->topic, command);
}

/* A partition whose leader is away is not read. */
static void look_at_leaders(struct look *look, const struct rs_stream *input, int32_t partitions)
{
    int32_t count = partitions < PARTITIONS ? partitions : PARTITIONS;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(count);

    for (int32_t i = 0; i < count; i++) {
        rd_kafka_topic_partition_list_add(list, input->topic, i)->offset = RD_KAFKA_OFFSET_END;
    }
    rd_kafka_resp_err_t code = rd_kafka_offsets_for_times(look->client, list, ANSWER_MS);
    int32_t away = 0;
    int32_t first = -1;
    for (int32_t i = 0; i < count; i++) {
        rd_kafka_resp_err_t one = code != RD_KAFKA_RESP_ERR_NO_ERROR ? code : list->elems[i].err;
        away += one != RD_KAFKA_RESP_ERR_NO_ERROR;
        first = one != RD_KAFKA_RESP_ERR_NO_ERROR && first < 0 ? i : first;
    }
    if (away > 0) {
        rd_kafka_resp_err_t one = list->elems[first].err;
        rs_report(
            look->report, RS_LOG_ERROR,
            "stream %s: topic %s: %" PRId32 " of %" PRId32 " partitions cannot be asked for their ends, "
            "partition %" PRId32 " first: %s; are all brokers running, and is there a way to each of their "
            "advertised.listeners from here?",
            rs_stream_label(input), input->topic, away, count, first,
            rd_kafka_err2str(one != RD_KAFKA_RESP_ERR_NO_ERROR ? one : code));
    }
    rd_kafka_topic_partition_list_destroy(list);
}

static void look_at_input(struct look *look, const struct rs_stream *input)
{
    bool absent = false;
    int32_t partitions = partitions_of(look, input->topic, &absent);

    if (absent && look->connect->make && look->connect->input_partitions > 0) {
        const struct rs_kafka_new_topic topic = new_input(look, input, look->connect->input_partitions);
        partitions = make(look, rs_stream_label(input), &topic) ? topic.partitions : 0;
    } else if (absent) {
        tell_absent(look, input);
    } else if (partitions > 0) {
        rs_report(look->report, RS_LOG_INFO, "stream %s: topic %s has %" PRId32 " partition%s%s",
                  rs_stream_label(input), input->topic, partitions, partitions == 1 ? "" : "s",
                  look->connect->make ? "; it is left as it is" : "");
        if (!look->connect->make) {
            look_at_leaders(look, input, partitions);
        }
    }
    look->partitions[input->index] = partitions;
}

/* ---- rights to read and to be in the group ---- */

static void judge_right(struct look *look, const rd_kafka_topic_partition_t *at, bool *group_told)
{
    char remedy[REMEDY_MAX];
    const char *group = look->connect->settings->streams->group;
    bool of_group = at->err == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED;

    if (at->err != RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED && (!of_group || *group_told)) {
        return; /* there is no such partition, or others are members: it was let through */
    }
    rs_kafka_mend_right(at->err, "Read", of_group ? group : at->topic, remedy, sizeof remedy);
    rs_report(look->report, RS_LOG_ERROR, "Kafka: no right to %s %s%s",
              of_group ? "be a member of group" : "read topic", of_group ? group : at->topic, remedy);
    *group_told |= of_group;
}

/* Kafka asks for the right to read the group and each topic before it looks whether there is such a partition, which
 * there is not: an offset that is committed for it changes nothing. To join the group would move its partitions. */
static void look_at_rights(struct look *look)
{
    const struct rs_streams *streams = look->connect->settings->streams;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(16);
    bool group_told = false;

    for (size_t i = 0; i < streams->count; i++) {
        if (look->partitions[i] > 0) {
            rd_kafka_topic_partition_list_add(list, streams->items[i].topic, NO_SUCH)->offset = 0;
        }
    }
    if (list->cnt == 0 || look->gone) {
        rd_kafka_topic_partition_list_destroy(list);
        return;
    }
    rd_kafka_queue_t *queue = rd_kafka_queue_new(look->client);
    rd_kafka_resp_err_t code = rd_kafka_commit_queue(look->client, list, queue, NULL, NULL);
    rd_kafka_event_t *event = NULL;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        event = answer(look, queue, ANSWER_MS, true);
    } else {
        rd_kafka_queue_destroy(queue);
    }
    const rd_kafka_topic_partition_list_t *answered = event && !rs_kafka_is_away(rd_kafka_event_error(event))
                                                          ? rd_kafka_event_topic_partition_list(event)
                                                          : NULL;
    for (int i = 0; answered && i < answered->cnt; i++) {
        judge_right(look, &answered->elems[i], &group_told);
    }
    if (look->group_refused && !group_told) {
        const rd_kafka_topic_partition_t refused = {.err = RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED};
        judge_right(look, &refused, &group_told);
    } else if (!answered) {
        rs_report(
            look->report, RS_LOG_WARNING,
            "Kafka: the rights of group %s cannot be told: its coordinator does not answer; are all brokers "
            "running?",
            streams->group);
    }
    if (event) {
        rd_kafka_event_destroy(event);
    }
    rd_kafka_topic_partition_list_destroy(list);
}

/* ---- state ---- */

static void look_at_state(struct look *look, const struct rs_stream *input)
{
    struct rs_state_topic_faults faults = {0};
    struct rs_error error;
    char name[RS_STATE_TOPIC_NAME_MAX];
    char command[RS_KAFKA_MEND_MAX];
    int32_t wanted = look->partitions[input->index];
    bool absent = false;

    rs_state_topic_name(look->connect->settings->streams, input, name);
    int32_t partitions = partitions_of(look, name, &absent);
    if (absent && wanted == 0) {
        rs_report(look->report, RS_LOG_WARNING,
                  "stream %s: topic %s for its state: it gets as many partitions as %s, which has to be "
                  "there first",
                  rs_stream_label(input), name, input->topic);
    } else if (absent) {
        const struct rs_kafka_new_topic topic = {.name = name,
                                                 .partitions = wanted,
                                                 .replication_factor =
                                                     look->connect->settings->replication_factor,
                                                 .settings = rs_state_topic_settings,
                                                 .only_judged = !look->connect->make};
        (void)make(look, "state log", &topic);
    }
    if (partitions > 0 && partitions < wanted) {
        rs_kafka_mend_partitions(name, wanted, command, sizeof command);
        rs_report(look->report, RS_LOG_WARNING,
                  "state log: topic %s has %" PRId32 " partitions and its input %s has %" PRId32
                  "; the daemon adds them where it may, else do it with: %s",
                  name, partitions, input->topic, wanted, command);
    }
    if (partitions > 0 && settings_of(look, name, rs_state_topic_judge, &faults)) {
        bool fit = rs_state_topic_fit(name, &faults, &error) == 0;
        if (fit) {
            rs_report(look->report, RS_LOG_INFO, "state log: topic %s is there and fit%s", name,
                      look->connect->make ? "; it is left as it is" : "");
        } else {
            rs_report(look->report, RS_LOG_ERROR, "%s", error.text);
        }
    }
}

/* ---- dead letters ---- */

struct letter_settings {
    bool compacted;
    char retention[24];
};

static void take_letter_setting(void *ctx, const char *name, const char *value)
{
    struct letter_settings *settings = ctx;

    if (strcmp(name, "cleanup.policy") == 0) {
        settings->compacted = strstr(value, "compact") != NULL;
    } else if (strcmp(name, "retention.ms") == 0) {
        (void)snprintf(settings->retention, sizeof settings->retention, "%s", value);
    }
}

static void tell_letters(struct look *look, const char *topic)
{
    struct letter_settings settings = {.retention = "not told"};
    char command[RS_KAFKA_MEND_MAX];

    if (!settings_of(look, topic, take_letter_setting, &settings)) {
        return;
    }
    rs_report(look->report, RS_LOG_INFO, "dead letters: topic %s is there, retention.ms %s%s", topic,
              settings.retention, look->connect->make ? "; it is left as it is" : "");
    if (settings.compacted) {
        rs_kafka_mend_settings(topic, "cleanup.policy=delete", command, sizeof command);
        rs_report(look->report, RS_LOG_WARNING,
                  "dead letters: topic %s is compacted: of letters with one key only the last stays; mend it "
                  "with: %s",
                  topic, command);
    }
}

static void look_at_letters(struct look *look, const struct rs_stream *input)
{
    const struct rs_streams *streams = look->connect->settings->streams;
    bool absent = false;

    for (uint32_t i = 0; i < input->index; i++) {
        const struct rs_stream *other = &streams->items[i];
        if (other->topic && other->dead_letters &&
            strcmp(other->dead_letter_topic, input->dead_letter_topic) == 0) {
            return; /* was looked at */
        }
    }
    int32_t partitions = partitions_of(look, input->dead_letter_topic, &absent);
    if (absent) {
        struct rs_kafka_new_topic topic =
            rs_dead_letter_topic_new(input->dead_letter_topic, look->connect->settings->replication_factor);
        topic.only_judged = !look->connect->make;
        (void)make(look, "dead letters", &topic);
    } else if (partitions > 0) {
        tell_letters(look, input->dead_letter_topic);
    }
}

/* ---- all of it ---- */

/* Patterns take what is there now. */
static bool learn(struct look *look)
{
    struct rs_streams *streams = look->connect->settings->streams;
    struct rs_error error;
    int taken = 0;

    if (!rs_streams_have_patterns(streams)) {
        return true;
    }
    rd_kafka_resp_err_t code =
        rs_kafka_ask_topics(look->client, ANSWER_MS, rs_streams_learn, streams, &taken, &error);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        tell_away(look, code);
    } else if (taken != 0) {
        rs_report(look->report, RS_LOG_ERROR, "%s", error.text);
    }
    for (size_t i = 0; code == RD_KAFKA_RESP_ERR_NO_ERROR && i < streams->named; i++) {
        size_t found = 0;
        for (size_t j = 0; j < streams->count; j++) {
            found += streams->items[j].topic && rs_stream_same(&streams->items[j], &streams->items[i]);
        }
        if (streams->items[i].pattern && found == 0) {
            rs_report(
                look->report, RS_LOG_WARNING,
                "stream %s: there is no topic yet that /%s/ takes and this user may see; those that come are "
                "taken while the daemon runs",
                streams->items[i].name, streams->items[i].pattern_text);
        }
    }
    return code == RD_KAFKA_RESP_ERR_NO_ERROR && taken == 0;
}

static void look_at_topics(struct look *look)
{
    const struct rs_settings *settings = look->connect->settings;
    const struct rs_streams *streams = settings->streams;

    for (size_t i = 0; !look->gone && i < streams->count; i++) {
        if (streams->items[i].topic) {
            look_at_input(look, &streams->items[i]);
        }
    }
    if (!look->connect->make) {
        look_at_rights(look);
    }
    for (size_t i = 0; !look->gone && i < streams->count; i++) {
        const struct rs_stream *input = &streams->items[i];
        if (input->topic && !settings->state_in_memory) {
            look_at_state(look, input);
        }
        if (input->topic && input->dead_letters) {
            look_at_letters(look, input);
        }
    }
}

void rs_connect_kafka(struct rs_connect *connect)
{
    struct look look = {.connect = connect, .report = &connect->report};
    struct rs_error error;

    if (open_client(&look, &error) != 0) {
        rs_report(look.report, RS_LOG_ERROR, "%s", error.text);
        return;
    }
    if (reach(&look) && learn(&look)) {
        look.partitions = calloc(connect->settings->streams->count + 1, sizeof *look.partitions);
        if (look.partitions) {
            look_at_topics(&look);
        } else {
            rs_report(look.report, RS_LOG_ERROR, "out of memory");
        }
    }
    free(look.partitions);
    rd_kafka_destroy_flags(look.client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}
