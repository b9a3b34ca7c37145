/* Inputs that come while the daemon runs: topics that patterns take. */
#include <stdlib.h>
#include <string.h>

#include "transform/daemon/internal.h"

/* Every part has its place for the input before anybody can see it. What failed is done again with the next look. */
static int make_room(struct rs_daemon *daemon, const struct rs_stream *input, struct rs_error *error)
{
    int rc = 0;

    if (daemon->kafka_log) {
        rc = rs_kafka_log_add(daemon->kafka_log, input, error);
        daemon->fingerprints[input->index] = rs_engine_fingerprint(daemon->settings->engine, input->index);
    }
    return rc != 0 ? rc
                   : rs_dead_letters_add(daemon->dead_letters, input->index,
                                         input->dead_letters ? input->dead_letter_topic : NULL, input->topic,
                                         error);
}

/* Once for each topic; past the bound the rest goes untold. */
static void tell_refused(struct rs_daemon *daemon, const char *topic, const struct rs_error *error)
{
    for (size_t i = 0; i < daemon->refused_count; i++) {
        if (strcmp(daemon->refused_topics[i], topic) == 0) {
            return;
        }
    }
    char *copy = daemon->refused_count < RS_DAEMON_REFUSED ? strdup(topic) : NULL;
    if (copy) {
        daemon->refused_topics[daemon->refused_count++] = copy;
        rs_log(RS_LOG_ERROR, "%s", error->text);
    }
}

const struct rs_stream *rs_daemon_topic_seen(void *ctx, const char *topic)
{
    struct rs_daemon *daemon = ctx;
    const struct rs_stream *input = NULL;
    struct rs_error error;
    int rc = rs_streams_take(daemon->settings->streams, topic, &input, &error);

    if (rc == 0) {
        return input;
    }
    if (rc == 1) {
        rc = make_room(daemon, input, &error);
    }
    if (rc != 0) {
        tell_refused(daemon, topic, &error);
        return NULL;
    }
    rs_streams_admit(daemon->settings->streams);
    return input;
}
