/* What became of the records of each stream, for pages and the log. */
#include <stdlib.h>

#include "transform/daemon/internal.h"

struct sum {
    uint32_t stream;
    struct rs_outcomes *out;
};

static void add_worker(void *ctx, const struct rs_worker_snapshot *snapshot)
{
    const struct sum *sum = ctx;

    if (sum->stream < snapshot->outcome_count) {
        rs_outcomes_add(sum->out, &snapshot->outcomes[sum->stream]);
    }
}

void rs_daemon_outcomes(const struct rs_daemon *daemon, uint32_t stream, struct rs_outcomes *out)
{
    struct sum sum = {.stream = stream, .out = out};

    *out = (struct rs_outcomes){0};
    for (uint32_t i = 0; i < daemon->settings->workers; i++) {
        rs_worker_snapshot(daemon->workers[i].worker, add_worker, &sum);
    }
}

void rs_daemon_report_outcomes(struct rs_daemon *daemon)
{
    const struct rs_streams *streams = daemon->settings->streams;
    char text[1024];

    if (!daemon->watches) {
        daemon->watches = calloc(streams->named, sizeof *daemon->watches);
    }
    for (size_t i = 0; daemon->watches && i < streams->named; i++) {
        struct rs_outcomes now;
        enum rs_log_level level = RS_LOG_INFO;
        rs_daemon_outcomes(daemon, (uint32_t)i, &now);
        if (rs_outcomes_judge(&daemon->watches[i], &streams->items[i], &now, rs_clock_mono(daemon->clock),
                              &level, text, sizeof text)) {
            rs_log(level, "%s", text);
        }
    }
}
