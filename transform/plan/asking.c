#include "transform/plan/asking.h"

#include <stdio.h>
#include <time.h>

#include "base/clock.h"

#define AGAIN_US INT64_C(500000) /* another schema is waited for, once the registry was silent on one */

/* What is read from now on is no news to whoever looks at messages. */
static void report_warning(void *self, enum rs_log_level level, const char *text)
{
    (void)self;
    if (level <= RS_LOG_WARNING) {
        fprintf(stderr, "%s\n", text);
    }
}

int rs_asking_begin(const struct rs_loaded *loaded, struct rs_registry **out, struct rs_error *error)
{
    const struct rs_registry_options options = {.config = &loaded->streams->schema_registry,
                                                .clock = rs_clock_system(),
                                                .report = {.call = report_warning},
                                                .look_only = true};
    if (options.config->url_count == 0) {
        return 0;
    }
    int rc = rs_registry_new(&options, out, error);
    if (rc < 0) {
        return rc;
    }
    const struct rs_registry_asker asker = rs_registry_asker(*out);
    return rs_engine_learn(loaded->engine, &asker, options.report, error);
}

bool rs_asking_await(bool (*waits)(void *self), void *self, int64_t timeout_us)
{
    static const struct timespec pause = {.tv_nsec = 5000000};
    const struct rs_clock *clock = rs_clock_system();
    int64_t end_us = rs_clock_mono(clock) + timeout_us;
    bool waiting = waits(self);
    while (waiting && rs_clock_mono(clock) < end_us) {
        (void)nanosleep(&pause, NULL);
        waiting = waits(self);
    }
    return !waiting;
}

bool rs_asking_await_schema(struct rs_asking_patience *patience, const struct rs_registry_key *key,
                            bool (*waits)(void *self), void *self)
{
    int64_t wait_us = !patience->silent                                   ? patience->timeout_us
                      : rs_registry_key_equal(&patience->silent_key, key) ? 0
                                                                          : AGAIN_US;
    patience->silent = !rs_asking_await(waits, self, wait_us);
    patience->silent_key = *key;
    return !patience->silent;
}
