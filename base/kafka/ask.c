#include "base/kafka/ask.h"

#include "base/clock.h"

/* ListOffsets knows the two ends as times of their own. For a list of partitions librdkafka waits in a loop
 * that looks at the deadline; where it asks for both ends itself it waits for the request to fail. */
static rd_kafka_resp_err_t ask_end(rd_kafka_t *client, const char *topic, int32_t partition, int64_t which,
                                   int timeout_ms, int64_t *out)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

    rd_kafka_topic_partition_list_add(list, topic, partition)->offset = which;
    rd_kafka_resp_err_t code = rd_kafka_offsets_for_times(client, list, timeout_ms);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        code = list->elems[0].err;
    }
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR && list->elems[0].offset < 0) {
        code = RD_KAFKA_RESP_ERR__FAIL;
    }
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        *out = list->elems[0].offset;
    }
    rd_kafka_topic_partition_list_destroy(list);
    return code;
}

rd_kafka_resp_err_t rs_kafka_ask_ends(rd_kafka_t *client, const char *topic, int32_t partition,
                                      int timeout_ms, int64_t *low, int64_t *high)
{
    int64_t deadline_us = rs_clock_mono(rs_clock_system()) + timeout_ms * INT64_C(1000);
    int64_t first = -1;
    int64_t end = -1;
    rd_kafka_resp_err_t code =
        ask_end(client, topic, partition, RD_KAFKA_OFFSET_BEGINNING, timeout_ms, &first);

    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return code;
    }
    int64_t left_us = deadline_us - rs_clock_mono(rs_clock_system());
    if (left_us <= 0) {
        return RD_KAFKA_RESP_ERR__TIMED_OUT;
    }
    code = ask_end(client, topic, partition, RD_KAFKA_OFFSET_END, (int)((left_us + 999) / 1000), &end);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        *low = first;
        *high = end;
    }
    return code;
}

rd_kafka_resp_err_t rs_kafka_ask_time(rd_kafka_t *client, const char *topic, int32_t partition,
                                      int64_t time_ms, int timeout_ms, int64_t *offset)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

    rd_kafka_topic_partition_list_add(list, topic, partition)->offset = time_ms;
    rd_kafka_resp_err_t code = rd_kafka_offsets_for_times(client, list, timeout_ms);
    code = code == RD_KAFKA_RESP_ERR_NO_ERROR ? list->elems[0].err : code;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        *offset = list->elems[0].offset >= 0 ? list->elems[0].offset : -1;
    }
    rd_kafka_topic_partition_list_destroy(list);
    return code;
}

rd_kafka_resp_err_t rs_kafka_ask_partitions(rd_kafka_t *client, const char *topic, int timeout_ms,
                                            int32_t *count)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(client, topic, NULL);

    if (!handle) {
        return rd_kafka_last_error();
    }
    rd_kafka_resp_err_t code = rd_kafka_metadata(client, 0, handle, &metadata, timeout_ms);
    rd_kafka_topic_destroy(handle);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return code;
    }
    code = metadata->topic_cnt == 1 ? metadata->topics[0].err : RD_KAFKA_RESP_ERR__FAIL;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        *count = metadata->topics[0].partition_cnt;
    }
    rd_kafka_metadata_destroy(metadata);
    return code;
}

rd_kafka_resp_err_t rs_kafka_ask_topics(rd_kafka_t *client, int timeout_ms, rs_kafka_take_topic *take,
                                        void *ctx, int *taken, struct rs_error *error)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t code = rd_kafka_metadata(client, 1, NULL, &metadata, timeout_ms);

    *taken = 0;
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return code;
    }
    for (int i = 0; *taken == 0 && i < metadata->topic_cnt; i++) {
        if (metadata->topics[i].err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            *taken = take(ctx, metadata->topics[i].topic, error);
        }
    }
    rd_kafka_metadata_destroy(metadata);
    return code;
}

bool rs_kafka_ask_controller(rd_kafka_t *client, int timeout_ms)
{
    const struct rd_kafka_metadata *metadata = NULL;
    int32_t controller = rd_kafka_controllerid(client, timeout_ms / 2);
    bool found = false;

    if (controller < 0 ||
        rd_kafka_metadata(client, 0, NULL, &metadata, timeout_ms) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return false;
    }
    for (int i = 0; i < metadata->broker_cnt; i++) {
        found = found || metadata->brokers[i].id == controller;
    }
    rd_kafka_metadata_destroy(metadata);
    return found;
}

bool rs_kafka_is_away(rd_kafka_resp_err_t code)
{
    switch (code) {
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
    case RD_KAFKA_RESP_ERR__WAIT_COORD:
    case RD_KAFKA_RESP_ERR__DESTROY:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_NOT_CONTROLLER:
    case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION:
    case RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_COORDINATOR: return true;
    default: return false;
    }
}
