/* Which brokers are away, and what is said about it: one line when one goes, one when it is back.
 * librdkafka tells each failed attempt several times, as a log line and as an error, for each of its clients.
 * Here an error only leaves its reason behind; what a broker's state is says the statistics, a second apart.
 * A broker that hangs fails nothing for a minute: it shows in requests that stay without any answer. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/kafka/fault.h"
#include "ingest/kafka/internal.h"

#define SILENT_US (5 * INT64_C(1000000))  /* without an answer to any request: taken for away */
#define REMIND_US (60 * INT64_C(1000000)) /* between lines while it stays away */

static struct rs_kafka_broker *obtain(struct rs_kafka_brokers *brokers, const char *address)
{
    for (size_t i = 0; i < brokers->count; i++) {
        if (strcmp(brokers->items[i].address, address) == 0) {
            return &brokers->items[i];
        }
    }
    if (brokers->count == RS_KAFKA_BROKERS_MAX) {
        return NULL;
    }
    struct rs_kafka_broker *broker = &brokers->items[brokers->count++];
    *broker = (struct rs_kafka_broker){.rx = -1};
    (void)snprintf(broker->address, sizeof broker->address, "%s", address);
    return broker;
}

bool rs_kafka_broker_failed(struct rs_kafka_source *source, const char *text)
{
    struct rs_kafka_fault fault;
    struct rs_kafka_broker *broker =
        rs_kafka_fault_parse(text, &fault) ? obtain(&source->brokers, fault.address) : NULL;

    if (broker) {
        (void)snprintf(broker->reason, sizeof broker->reason, "%s", fault.reason);
    }
    return broker != NULL;
}

static void report_away(struct rs_kafka_source *source, struct rs_kafka_broker *broker, int64_t now)
{
    if (broker->away_us == 0) {
        broker->away_us = now;
        broker->reported_us = now;
        rs_report(&source->options.report, RS_LOG_WARNING, "Kafka broker %s is away: %s; trying again",
                  broker->address, broker->reason);
    } else if (now - broker->reported_us >= REMIND_US) {
        broker->reported_us = now;
        rs_report(&source->options.report, RS_LOG_WARNING,
                  "Kafka broker %s is still away, for %lld s now: %s; trying again", broker->address,
                  (long long)((now - broker->away_us) / 1000000), broker->reason);
    }
}

static void report_back(struct rs_kafka_source *source, struct rs_kafka_broker *broker, int64_t now)
{
    if (broker->away_us != 0) {
        rs_report(&source->options.report, RS_LOG_INFO, "Kafka broker %s answers again, after %lld s",
                  broker->address, (long long)((now - broker->away_us) / 1000000));
    }
    broker->away_us = 0;
    broker->reason[0] = '\0';
}

static int64_t integer(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);

    return json_is_integer(value) ? (int64_t)json_integer_value(value) : -1;
}

/* Requests wait and no response has come since the look before. */
static bool is_silent(struct rs_kafka_broker *broker, const json_t *numbers, int64_t now)
{
    int64_t rx = integer(numbers, "rx");

    if (rx != broker->rx || integer(numbers, "waitresp_cnt") <= 0) {
        broker->rx = rx;
        broker->heard_us = now;
    }
    return now - broker->heard_us >= SILENT_US;
}

static bool text_is(const json_t *object, const char *name, const char *text)
{
    const char *value = json_string_value(json_object_get(object, name));

    return value && strcmp(value, text) == 0;
}

/* One connection of the fetcher's. "GroupCoordinator" is a second one to one of the brokers, and where that
 * leads no partition of ours the only one; it is not judged for silence, since the group may keep it waiting.
 */
static void look_at(struct rs_kafka_broker *broker, const char *name, const json_t *numbers, int64_t now)
{
    bool up = text_is(numbers, "state", "UP") || text_is(numbers, "state", "UPDATE");
    bool coordinator = !strchr(name, ':');

    if (up && !coordinator && is_silent(broker, numbers, now)) {
        broker->silent = true;
        (void)snprintf(broker->reason, sizeof broker->reason, "it does not answer");
    }
    broker->heard_us = up || coordinator ? broker->heard_us : now;
    broker->up = broker->up || up;
    broker->wanted = broker->wanted || !text_is(numbers, "state", "INIT");
}

static bool answers(const struct rs_kafka_broker *broker)
{
    return broker->up && !broker->silent;
}

/* One that nobody needs is not connected to: what it said last is not known to be so any more. While no other
 * answers all are needed, and librdkafka only pauses between attempts. */
static void judge(struct rs_kafka_source *source, struct rs_kafka_broker *broker, bool any, int64_t now)
{
    if (answers(broker)) {
        report_back(source, broker, now);
    } else if (any && !broker->wanted) {
        broker->away_us = 0;
        broker->reason[0] = '\0';
    } else if (broker->reason[0] != '\0') {
        report_away(source, broker, now);
    }
}

/* What /readyz and the status line say is waited for. */
static void put_why(struct rs_kafka_source *source)
{
    const struct rs_kafka_broker *newest = NULL;
    char servers[256] = "";
    size_t size = sizeof servers;

    for (size_t i = 0; i < source->brokers.count; i++) {
        const struct rs_kafka_broker *broker = &source->brokers.items[i];
        if (broker->reason[0] != '\0' && (!newest || broker->away_us >= newest->away_us)) {
            newest = broker;
        }
    }
    if (newest) {
        (void)snprintf(source->status.brokers_why, sizeof source->status.brokers_why, "%s: %s",
                       newest->address, newest->reason);
        return;
    }
    (void)rd_kafka_conf_get(rd_kafka_conf(source->fetcher), "bootstrap.servers", servers, &size);
    (void)snprintf(source->status.brokers_why, sizeof source->status.brokers_why, "%s: not connected yet",
                   servers);
}

/* Returns whether any broker answers. */
static bool look_at_all(struct rs_kafka_brokers *all, json_t *statistics, int64_t now)
{
    const char *name = NULL;
    json_t *numbers = NULL;
    bool any = false;

    for (size_t i = 0; i < all->count; i++) {
        all->items[i].up = all->items[i].silent = all->items[i].wanted = false;
    }
    json_object_foreach(statistics, name, numbers)
    {
        const char *node = json_string_value(json_object_get(numbers, "nodename"));
        char address[RS_KAFKA_ADDRESS_MAX];
        node = strchr(name, ':') || !node ? name : node;
        rs_kafka_fault_address(node, strlen(node), address, sizeof address);
        struct rs_kafka_broker *broker = strchr(address, ':') ? obtain(all, address) : NULL;
        if (broker) {
            look_at(broker, name, numbers, now);
        } else {
            any = any || text_is(numbers, "state", "UP"); /* beyond the bound */
        }
    }
    for (size_t i = 0; i < all->count; i++) {
        any = any || answers(&all->items[i]);
    }
    return any;
}

void rs_kafka_brokers_statistics(struct rs_kafka_source *source, const void *json)
{
    struct rs_kafka_brokers *all = &source->brokers;
    int64_t now = rs_clock_mono(source->options.clock);
    bool any = look_at_all(all, json_object_get(json, "brokers"), now);

    for (size_t i = 0; i < all->count; i++) {
        judge(source, &all->items[i], any, now);
    }
    source->status.brokers_down = !any;
    if (!any) {
        put_why(source);
    }
}
