#include "transform/statelog/state_topic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/kafka/mend.h"

void rs_state_topic_name(const struct rs_streams *streams, const struct rs_stream *stream,
                         char out[RS_STATE_TOPIC_NAME_MAX])
{
    (void)snprintf(out, (size_t)RS_STATE_TOPIC_NAME_MAX, "%s.state.%s", streams->group,
                   rs_stream_input(stream));
}

/* With the settings in the request: under the broker's defaults it could lose records before anybody looked. */
const char *const rs_state_topic_settings[][2] = {
    {"cleanup.policy", "delete"},
    {"retention.ms", "-1"},
    {"retention.bytes", "-1"},
    {"max.message.bytes", RS_LOG_MESSAGE_BYTES},
    {NULL, NULL},
};

static const struct {
    const char *name, *value, *why;
} needed[] = {
    {"cleanup.policy", "delete", "compaction would remove records that count"},
    {"retention.ms", "-1", "records have to stay until they are trimmed, however old"},
    {"retention.bytes", "-1", "records have to stay until they are trimmed, however many"},
};

static void append_text(char *out, size_t room, size_t *size, const char *separator, const char *text)
{
    int more = snprintf(out + *size, room - *size, "%s%s", *size > 0 ? separator : "", text);

    *size = more > 0 && *size + (size_t)more < room ? *size + (size_t)more : *size;
}

static void add_fault(struct rs_state_topic_faults *faults, const char *name, const char *value,
                      const char *wanted, const char *why)
{
    char text[192];

    (void)snprintf(text, sizeof text, "%s is %s, not %s (%s)", name, value, wanted, why);
    append_text(faults->text, sizeof faults->text, &faults->text_size, ", ", text);
    (void)snprintf(text, sizeof text, "%s=%s", name, wanted);
    append_text(faults->mend, sizeof faults->mend, &faults->mend_size, ",", text);
}

void rs_state_topic_judge(void *ctx, const char *name, const char *value)
{
    struct rs_state_topic_faults *faults = ctx;
    char wanted[24];

    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        if (strcmp(name, needed[i].name) == 0 && strcmp(value, needed[i].value) != 0) {
            add_fault(faults, name, value, needed[i].value, needed[i].why);
        }
    }
    if (strcmp(name, "max.message.bytes") == 0 && strtoull(value, NULL, 10) < RS_LOG_MESSAGE_MAX) {
        (void)snprintf(wanted, sizeof wanted, "%zu", RS_LOG_MESSAGE_MAX);
        add_fault(faults, name, value, wanted, "the largest record has to fit");
    }
}

int rs_state_topic_fit(const char *topic, const struct rs_state_topic_faults *faults, struct rs_error *error)
{
    char command[RS_KAFKA_MEND_MAX];

    rs_kafka_mend_settings(topic, faults->mend, command, sizeof command);
    return faults->text_size == 0
               ? 0
               : rs_fail(error, RS_ECONFIG, "state log: topic %s is not fit: %s; mend it with: %s", topic,
                         faults->text, command);
}
