/* Leaving the consumer group. */
#include "base/kafka/client.h"
#include "ingest/kafka/internal.h"

/* A member with a static id leaves nothing to others until its session ends. */
static bool has_static_id(const struct rs_kafka_source *source)
{
    char id[128] = "";
    size_t size = sizeof id;

    return rd_kafka_conf_get(rd_kafka_conf(source->member), "group.instance.id", id, &size) ==
               RD_KAFKA_CONF_OK &&
           id[0] != '\0';
}

void rs_kafka_source_ask_other_members(struct rs_kafka_source *source)
{
    bool none = !source->status.joined || source->status.fatal || has_static_id(source);

    atomic_store(&source->asker.other_members, none ? RS_OTHER_MEMBERS_NONE : RS_OTHER_MEMBERS_UNKNOWN);
    if (!none) {
        atomic_store(&source->asker.group_wanted, true);
        rs_wake(source->asker.fd);
    }
}

enum rs_other_members rs_kafka_source_other_members(const struct rs_kafka_source *source)
{
    return (enum rs_other_members)atomic_load(&source->asker.other_members);
}

/* Offsets are committed first, while this is still a member. */
void rs_kafka_source_leave(struct rs_kafka_source *source, int timeout_ms)
{
    if (source->closing) {
        return;
    }
    source->closing = true;
    source->left_by_us = rs_clock_mono(source->options.clock) + timeout_ms * INT64_C(1000);
    rs_kafka_control_commit(source, true);
    rd_kafka_error_t *refused = rd_kafka_consumer_close_queue(source->member, source->member_queue);
    if (refused) {
        rs_report(&source->options.report, RS_LOG_WARNING, "leaving the group: %s",
                  rd_kafka_error_string(refused));
        rd_kafka_error_destroy(refused);
        source->left_by_us = 0;
    }
}

void rs_kafka_group_turn(struct rs_kafka_source *source)
{
    if (source->closing && !source->all_revoked &&
        (rd_kafka_consumer_closed(source->member) ||
         rs_clock_mono(source->options.clock) >= source->left_by_us)) {
        source->all_revoked = true;
        rs_kafka_control_revoke_all(source);
    }
}

static bool await_left(struct rs_kafka_source *source, int64_t until_us)
{
    while (!rd_kafka_consumer_closed(source->member)) {
        if (rs_clock_mono(source->options.clock) >= until_us) {
            return false;
        }
        rs_kafka_serve_events(source, source->member_queue, 20);
        rs_kafka_control_answers(source);
    }
    return true;
}

void rs_kafka_source_close(struct rs_kafka_source *source, int timeout_ms)
{
    rs_kafka_source_leave(source, timeout_ms);
    if (!source->all_revoked) {
        (void)await_left(source, source->left_by_us);
        source->left_by_us = 0;
        rs_kafka_group_turn(source);
    }
}

/* librdkafka before 2.3.0 aborts when a member is destroyed that has joined its group and was not yet
 * assigned anything (its issue 4312). Such a consumer is left to the end of the process: nothing of it leads
 * back here. */
#define ASSIGNOR_MENDED 0x02030000
#define CLOSE_WAIT_MS   5000
#define LEAVE_WAIT_US   (2 * INT64_C(1000000))

/* A member that lost its session at the moment it leaves may never get to its end in librdkafka, and then
 * destroying it waits for ever. It is left as well. */
void rs_kafka_member_free(struct rs_kafka_source *source)
{
    rs_kafka_source_close(source, CLOSE_WAIT_MS);
    bool left = await_left(source, rs_clock_mono(source->options.clock) + LEAVE_WAIT_US);
    if (!left) {
        rs_report(&source->options.report, RS_LOG_WARNING,
                  "the consumer does not end; it ends with the process");
    }
    rs_kafka_queue_free(&source->member_queue);
    if (left && (source->status.joined || rd_kafka_version() >= ASSIGNOR_MENDED)) {
        rd_kafka_destroy_flags(source->member, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    }
}
