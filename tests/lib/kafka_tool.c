/* kafka_tool: what the tests ask of a broker, one question per call.
 * Usage: kafka_tool BOOTSTRAP ping | create TOPIC PARTITIONS [NAME=VALUE...] | delete TOPIC | ends TOPIC |
 * dump TOPIC | produce TOPIC < lines | group GROUP | forget GROUP | trim TOPIC PARTITION OFFSET | grow TOPIC
 * PARTITIONS | tail TOPIC COUNT | transaction TOPIC < lines. `forget` deletes what an empty group has
 * committed, `trim` the records before an offset; `tail` is `dump` of the last COUNT offsets of each
 * partition. Lines of `produce` and `dump` hold bytes as '.' and hexadecimal digits, '-' for none; headers
 * come last, and those of `produce` may be missing. Exit: 0
 * done, 1 usage, 2 the broker refused or is away. */
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TIMEOUT_MS 30000

static bool failed(const char *format, ...) __attribute__((format(printf, 1, 2)));
static bool failed(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("kafka_tool: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return false;
}

static rd_kafka_t *client_new(rd_kafka_type_t type, const char *bootstrap)
{
    static const char *const settings[][2] = {
        {"enable.auto.commit", "false"},
        {"enable.auto.offset.store", "false"},
        {"group.id", "kafka-tool"},
        {"auto.offset.reset", "earliest"},
        {"enable.partition.eof", "true"},
        {"message.max.bytes", "8388608"},
        {"log_level", "3"},
        {"linger.ms", "5"},
        {"fetch.wait.max.ms", "10"},
    };
    char text[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    bool ok = rd_kafka_conf_set(conf, "bootstrap.servers", bootstrap, text, sizeof text) == RD_KAFKA_CONF_OK;
    for (size_t i = 0; ok && i < sizeof settings / sizeof settings[0]; i++) {
        ok = rd_kafka_conf_set(conf, settings[i][0], settings[i][1], text, sizeof text) == RD_KAFKA_CONF_OK;
    }
    rd_kafka_t *rk = ok ? rd_kafka_new(type, conf, text, sizeof text) : NULL;
    if (!rk) {
        rd_kafka_conf_destroy(conf);
        failed("%s", text);
    }
    return rk;
}

/* ---- administration ---- */

static bool topics_ok(const rd_kafka_topic_result_t **results, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (rd_kafka_topic_result_error(results[i]) != RD_KAFKA_RESP_ERR_NO_ERROR) {
            return failed("%s: %s", rd_kafka_topic_result_name(results[i]),
                          rd_kafka_topic_result_error_string(results[i]));
        }
    }
    return count > 0 || failed("the broker answered about no topic");
}

static bool topics_answer(rd_kafka_queue_t *queue)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, TIMEOUT_MS);
    if (!event) {
        return failed("no answer within %d ms", TIMEOUT_MS);
    }
    bool ok = false;
    size_t count = 0;
    const rd_kafka_topic_result_t **results;
    if (rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        failed("%s", rd_kafka_event_error_string(event));
    } else if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_CREATETOPICS_RESULT) {
        results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
        ok = topics_ok(results, count);
    } else if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_CREATEPARTITIONS_RESULT) {
        results =
            rd_kafka_CreatePartitions_result_topics(rd_kafka_event_CreatePartitions_result(event), &count);
        ok = topics_ok(results, count);
    } else {
        results = rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event), &count);
        ok = topics_ok(results, count);
    }
    rd_kafka_event_destroy(event);
    return ok;
}

static bool topic_set(rd_kafka_NewTopic_t *topic, char *setting)
{
    char *equals = strchr(setting, '=');
    if (!equals) {
        return failed("%s: NAME=VALUE is needed", setting);
    }
    *equals = '\0';
    return rd_kafka_NewTopic_set_config(topic, setting, equals + 1) == RD_KAFKA_RESP_ERR_NO_ERROR ||
           failed("%s: not accepted", setting);
}

static bool command_create(rd_kafka_t *rk, char **args)
{
    char text[256] = "";
    int partitions = !args[1] ? 0 : (int)strtol(args[1], NULL, 10);
    rd_kafka_NewTopic_t *topic =
        partitions < 1 ? NULL : rd_kafka_NewTopic_new(args[0], partitions, -1, text, sizeof text);
    if (!topic) {
        return failed("create TOPIC PARTITIONS: %s", text);
    }
    bool ok = true;
    for (char **setting = args + 2; ok && *setting; setting++) {
        ok = topic_set(topic, *setting);
    }
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    if (ok) {
        rd_kafka_CreateTopics(rk, &topic, 1, NULL, queue);
        ok = topics_answer(queue);
    }
    rd_kafka_queue_destroy(queue);
    rd_kafka_NewTopic_destroy(topic);
    return ok;
}

static bool command_delete(rd_kafka_t *rk, char **args)
{
    rd_kafka_DeleteTopic_t *topic = rd_kafka_DeleteTopic_new(args[0]);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_DeleteTopics(rk, &topic, 1, NULL, queue);
    bool ok = topics_answer(queue);
    rd_kafka_queue_destroy(queue);
    rd_kafka_DeleteTopic_destroy(topic);
    return ok;
}

static bool command_grow(rd_kafka_t *rk, char **args)
{
    char text[256] = "";
    rd_kafka_NewPartitions_t *more =
        rd_kafka_NewPartitions_new(args[0], (size_t)strtol(args[1], NULL, 10), text, sizeof text);
    if (!more) {
        return failed("grow TOPIC PARTITIONS: %s", text);
    }
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_CreatePartitions(rk, &more, 1, NULL, queue);
    bool ok = topics_answer(queue);
    rd_kafka_queue_destroy(queue);
    rd_kafka_NewPartitions_destroy(more);
    return ok;
}

static bool command_forget(rd_kafka_t *rk, char **args)
{
    rd_kafka_DeleteGroup_t *group = rd_kafka_DeleteGroup_new(args[0]);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_DeleteGroups(rk, &group, 1, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, TIMEOUT_MS);
    bool ok = event && rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR_NO_ERROR;
    if (ok) {
        size_t count = 0;
        const rd_kafka_group_result_t **results =
            rd_kafka_DeleteGroups_result_groups(rd_kafka_event_DeleteGroups_result(event), &count);
        ok = count == 1 && !rd_kafka_group_result_error(results[0]);
    }
    rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_DeleteGroup_destroy(group);
    return ok || failed("%s: the group could not be deleted: is it empty?", args[0]);
}

static bool command_commit(rd_kafka_t *rk, char **args)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, args[1], (int32_t)strtol(args[2], NULL, 10))->offset =
        strtoll(args[3], NULL, 10);
    rd_kafka_AlterConsumerGroupOffsets_t *request = rd_kafka_AlterConsumerGroupOffsets_new(args[0], list);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_AlterConsumerGroupOffsets(rk, &request, 1, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, TIMEOUT_MS);
    bool ok = event && rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR_NO_ERROR;
    if (ok) {
        size_t count = 0;
        const rd_kafka_group_result_t **results = rd_kafka_AlterConsumerGroupOffsets_result_groups(
            rd_kafka_event_AlterConsumerGroupOffsets_result(event), &count);
        ok = count == 1 && !rd_kafka_group_result_error(results[0]);
    }
    rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_AlterConsumerGroupOffsets_destroy(request);
    rd_kafka_topic_partition_list_destroy(list);
    return ok || failed("the offset of group %s was not committed", args[0]);
}

static bool command_trim(rd_kafka_t *rk, char **args)
{
    rd_kafka_topic_partition_list_t *before = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(before, args[0], (int32_t)strtol(args[1], NULL, 10))->offset =
        strtoll(args[2], NULL, 10);
    rd_kafka_DeleteRecords_t *records = rd_kafka_DeleteRecords_new(before);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_DeleteRecords(rk, &records, 1, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, TIMEOUT_MS);
    bool ok = event && rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR_NO_ERROR;
    if (ok) {
        const rd_kafka_topic_partition_list_t *after =
            rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(event));
        ok = after->cnt == 1 && after->elems[0].err == RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_DeleteRecords_destroy(records);
    rd_kafka_topic_partition_list_destroy(before);
    return ok || failed("%s [%s]: not trimmed", args[0], args[1]);
}

static bool command_ping(rd_kafka_t *rk, char **args)
{
    (void)args;
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t code = rd_kafka_metadata(rk, 0, NULL, &metadata, 5000);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return failed("%s", rd_kafka_err2str(code));
    }
    bool ok = metadata->broker_cnt > 0;
    rd_kafka_metadata_destroy(metadata);
    return ok || failed("no broker yet");
}

/* Number of partitions; 0 after an error. */
static int32_t partitions_of(rd_kafka_t *rk, const char *name)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, name, NULL);
    rd_kafka_resp_err_t code = rd_kafka_metadata(rk, 0, topic, &metadata, TIMEOUT_MS);
    int32_t count = 0;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        code = metadata->topics[0].err;
        count = metadata->topics[0].partition_cnt;
        rd_kafka_metadata_destroy(metadata);
    }
    rd_kafka_topic_destroy(topic);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR || count == 0) {
        failed("%s: %s", name, rd_kafka_err2str(code));
        return 0;
    }
    return count;
}

static bool command_ends(rd_kafka_t *rk, char **args)
{
    int32_t count = partitions_of(rk, args[0]);
    for (int32_t p = 0; p < count; p++) {
        int64_t low = 0;
        int64_t high = 0;
        rd_kafka_resp_err_t code = rd_kafka_query_watermark_offsets(rk, args[0], p, &low, &high, TIMEOUT_MS);
        if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
            return failed("%s [%" PRId32 "]: %s", args[0], p, rd_kafka_err2str(code));
        }
        printf("%" PRId32 " %" PRId64 " %" PRId64 "\n", p, low, high);
    }
    return count > 0;
}

static bool command_group(rd_kafka_t *rk, char **args)
{
    const struct rd_kafka_group_list *list = NULL;
    rd_kafka_resp_err_t code = rd_kafka_list_groups(rk, args[0], &list, TIMEOUT_MS);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return failed("%s: %s", args[0], rd_kafka_err2str(code));
    }
    if (list->group_cnt == 0) {
        puts("none 0");
    } else {
        printf("%s %d\n", list->groups[0].state, list->groups[0].member_cnt);
    }
    rd_kafka_group_list_destroy(list);
    return true;
}

/* ---- records ---- */

static void put_bytes(const void *bytes, size_t size)
{
    if (!bytes) {
        putchar('-');
        return;
    }
    putchar('.');
    for (size_t i = 0; i < size; i++) {
        printf("%02x", ((const unsigned char *)bytes)[i]);
    }
}

static void put_message(const rd_kafka_message_t *message)
{
    rd_kafka_timestamp_type_t type;
    rd_kafka_headers_t *headers = NULL;
    printf("%" PRId32 "\t%" PRId64 "\t%" PRId64 "\t", message->partition, message->offset,
           rd_kafka_message_timestamp(message, &type));
    put_bytes(message->key, message->key_len);
    putchar('\t');
    put_bytes(message->payload, message->len);
    putchar('\t');
    if (rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        const char *name;
        const void *value;
        size_t size;
        for (size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == 0; i++) {
            printf("%s=", name);
            put_bytes(value, size);
            putchar(';');
        }
    }
    putchar('\n');
}

/* Prints what the partitions of the list hold from the offsets on, up to their ends. */
static bool put_records(rd_kafka_t *rk, const char *topic, const rd_kafka_topic_partition_list_t *list)
{
    int left = list->cnt;
    bool ok = true;

    rd_kafka_assign(rk, list);
    while (ok && left > 0) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(rk, TIMEOUT_MS);
        if (!message) {
            return failed("%s: nothing within %d ms", topic, TIMEOUT_MS);
        }
        if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
            left--;
        } else if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
            ok = failed("%s", rd_kafka_message_errstr(message));
        } else {
            put_message(message);
        }
        rd_kafka_message_destroy(message);
    }
    return ok;
}

/* All records, or of each partition only those from `back` before its end on. */
static bool dump_topic(rd_kafka_t *rk, const char *topic, int64_t back)
{
    int32_t count = partitions_of(rk, topic);
    bool ok = count > 0;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(count);

    for (int32_t p = 0; ok && p < count; p++) {
        rd_kafka_topic_partition_list_add(list, topic, p)->offset =
            back == 0 ? RD_KAFKA_OFFSET_BEGINNING : RD_KAFKA_OFFSET_TAIL(back);
    }
    ok = ok && put_records(rk, topic, list);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_consumer_close(rk);
    return ok;
}

static bool command_dump(rd_kafka_t *rk, char **args)
{
    return dump_topic(rk, args[0], 0);
}

static bool command_tail(rd_kafka_t *rk, char **args)
{
    return dump_topic(rk, args[0], strtoll(args[1], NULL, 10));
}

/* Turns ".hex" into bytes in place; *bytes becomes NULL for "-". */
static bool take_bytes(char *text, char **bytes, size_t *size)
{
    *bytes = NULL;
    *size = 0;
    if (!text || (text[0] != '.' && text[0] != '-')) {
        return failed("bytes are written as '.' and hexadecimal digits, or '-'");
    }
    if (text[0] == '-') {
        return true;
    }
    *bytes = text;
    for (char *digit = text + 1; digit[0] != '\0' && digit[1] != '\0'; digit += 2) {
        char pair[3] = {digit[0], digit[1], '\0'};
        text[(*size)++] = (char)strtoul(pair, NULL, 16);
    }
    return true;
}

/* "NAME=BYTES;NAME=BYTES"; NULL: none. */
static bool take_headers(char *text, rd_kafka_headers_t *headers)
{
    char *rest = NULL;
    bool ok = true;
    for (char *pair = text ? strtok_r(text, ";\n", &rest) : NULL; ok && pair;
         pair = strtok_r(NULL, ";\n", &rest)) {
        char *bytes = NULL;
        size_t size = 0;
        char *value = strchr(pair, '=');
        ok = value != NULL;
        if (ok) {
            *value = '\0';
            ok = take_bytes(value + 1, &bytes, &size) &&
                 rd_kafka_header_add(headers, pair, -1, bytes, (ssize_t)size) == RD_KAFKA_RESP_ERR_NO_ERROR;
        }
    }
    return ok || failed("headers are written as NAME=BYTES;NAME=BYTES");
}

static bool produce_line(rd_kafka_t *rk, const char *topic, char *line)
{
    char *rest = NULL;
    char *partition = strtok_r(line, "\t\n", &rest);
    char *timestamp = strtok_r(NULL, "\t\n", &rest);
    char *key = NULL;
    char *value = NULL;
    size_t key_size;
    size_t value_size;
    if (!partition || !timestamp || !take_bytes(strtok_r(NULL, "\t\n", &rest), &key, &key_size) ||
        !take_bytes(strtok_r(NULL, "\t\n", &rest), &value, &value_size)) {
        return failed("PARTITION TIMESTAMP KEY VALUE are needed");
    }
    int64_t when = strtoll(timestamp, NULL, 10);
    rd_kafka_headers_t *headers = rd_kafka_headers_new(8);
    bool ok = take_headers(strtok_r(NULL, "\t\n", &rest), headers);
    while (ok) {
        rd_kafka_headers_t *copy = rd_kafka_headers_copy(headers);
        rd_kafka_resp_err_t code = rd_kafka_producev(
            rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION((int32_t)strtol(partition, NULL, 10)),
            RD_KAFKA_V_TIMESTAMP(when < 0 ? 0 : when), RD_KAFKA_V_KEY(key, key_size),
            RD_KAFKA_V_VALUE(value, value_size), RD_KAFKA_V_HEADERS(copy),
            RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
            break;
        }
        rd_kafka_headers_destroy(copy);
        if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            ok = failed("%s", rd_kafka_err2str(code));
        } else {
            rd_kafka_poll(rk, 100);
        }
    }
    rd_kafka_headers_destroy(headers);
    return ok;
}

static bool command_produce(rd_kafka_t *rk, char **args)
{
    char *line = NULL;
    size_t room = 0;
    bool ok = true;
    while (ok && getline(&line, &room, stdin) > 0) {
        ok = produce_line(rk, args[0], line);
        rd_kafka_poll(rk, 0);
    }
    free(line);
    rd_kafka_resp_err_t code = rd_kafka_flush(rk, TIMEOUT_MS);
    return ok && (code == RD_KAFKA_RESP_ERR_NO_ERROR || failed("%s", rd_kafka_err2str(code)));
}

/* ---- transactions ---- */

static bool done(rd_kafka_error_t *error)
{
    if (!error) {
        return true;
    }
    bool ok = failed("%s", rd_kafka_error_string(error));
    rd_kafka_error_destroy(error);
    return ok;
}

static rd_kafka_t *transactional_new(const char *bootstrap)
{
    char text[256];
    char id[64];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();

    (void)snprintf(id, sizeof id, "kafka-tool-%ld", (long)getpid());
    rd_kafka_conf_set(conf, "bootstrap.servers", bootstrap, text, sizeof text);
    rd_kafka_conf_set(conf, "transactional.id", id, text, sizeof text);
    rd_kafka_conf_set(conf, "transaction.timeout.ms", "600000", text, sizeof text);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    if (!rk) {
        rd_kafka_conf_destroy(conf);
        failed("%s", text);
    }
    return rk;
}

/* Lines of `produce` into a transaction that stays open: "open" is printed at an empty line, when all before
 * it is acknowledged; "commit" or "abort" ends it, and the end of the input leaves it open. */
static bool run_transaction(rd_kafka_t *rk, const char *topic)
{
    char *line = NULL;
    size_t room = 0;
    bool ok = done(rd_kafka_init_transactions(rk, TIMEOUT_MS)) && done(rd_kafka_begin_transaction(rk));
    bool open = true;

    while (ok && open && getline(&line, &room, stdin) > 0) {
        if (strcmp(line, "commit\n") == 0) {
            ok = done(rd_kafka_commit_transaction(rk, TIMEOUT_MS));
            open = false;
        } else if (strcmp(line, "abort\n") == 0) {
            ok = done(rd_kafka_abort_transaction(rk, TIMEOUT_MS));
            open = false;
        } else if (strcmp(line, "\n") == 0) {
            ok = rd_kafka_flush(rk, TIMEOUT_MS) == RD_KAFKA_RESP_ERR_NO_ERROR || failed("not acknowledged");
            puts("open");
            fflush(stdout);
        } else {
            ok = produce_line(rk, topic, line);
        }
    }
    free(line);
    return ok;
}

static int transaction(const char *bootstrap, const char *topic)
{
    rd_kafka_t *rk = transactional_new(bootstrap);

    if (!rk) {
        return 2;
    }
    bool ok = run_transaction(rk, topic);
    rd_kafka_destroy(rk);
    return ok ? 0 : 2;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        rd_kafka_type_t type;
        int arguments;
        bool (*run)(rd_kafka_t *rk, char **args);
    } commands[] = {
        {"ping", RD_KAFKA_PRODUCER, 0, command_ping},       {"create", RD_KAFKA_PRODUCER, 2, command_create},
        {"delete", RD_KAFKA_PRODUCER, 1, command_delete},   {"ends", RD_KAFKA_PRODUCER, 1, command_ends},
        {"group", RD_KAFKA_PRODUCER, 1, command_group},     {"dump", RD_KAFKA_CONSUMER, 1, command_dump},
        {"produce", RD_KAFKA_PRODUCER, 1, command_produce}, {"forget", RD_KAFKA_PRODUCER, 1, command_forget},
        {"tail", RD_KAFKA_CONSUMER, 2, command_tail},       {"trim", RD_KAFKA_PRODUCER, 3, command_trim},
        {"grow", RD_KAFKA_PRODUCER, 2, command_grow},       {"commit", RD_KAFKA_PRODUCER, 4, command_commit},
    };
    if (argc == 4 && strcmp(argv[2], "transaction") == 0) {
        return transaction(argv[1], argv[3]);
    }
    for (size_t i = 0; argc >= 3 && i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(argv[2], commands[i].name) == 0 && argc >= 3 + commands[i].arguments) {
            rd_kafka_t *rk = client_new(commands[i].type, argv[1]);
            if (!rk) {
                return 2;
            }
            bool ok = commands[i].run(rk, argv + 3);
            rd_kafka_destroy(rk);
            return ok ? 0 : 2;
        }
    }
    fputs("usage: kafka_tool BOOTSTRAP "
          "ping|create|delete|ends|dump|produce|group|forget|trim|tail|grow|commit|transaction ...\n",
          stderr);
    return 1;
}
