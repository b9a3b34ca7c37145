#include "ingest/publish/ahead.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/unit.h"
#include "schemas/record_field.h"

int rs_ahead_init(struct rs_ahead *ahead, const struct rs_stream *stream, struct rs_error *error)
{
    *ahead = (struct rs_ahead){.stream = stream};
    if (stream->upsert || stream->max_future_us == INT64_MAX || rs_record_field_is(stream->time_path)) {
        return 0;
    }
    return rs_program_compile(rs_schema_root(stream->schema), &stream->time_path, 1, stream->limits,
                              &ahead->program, error);
}

void rs_ahead_fini(struct rs_ahead *ahead)
{
    rs_program_free(&ahead->program);
}

static void format(int64_t us, char *out, size_t size)
{
    rs_duration_format(us > RS_US_PER_SECOND ? us / RS_US_PER_SECOND * RS_US_PER_SECOND : us, out, size);
}

/* How far the event's time is ahead; 0 or less: it is not, or there is none. */
static int64_t ahead_of(const struct rs_ahead *ahead, struct rs_slice datum, int64_t now_us)
{
    struct rs_value time;
    int64_t at_us = 0;
    uint16_t nanos = 0;
    if (rs_program_run(ahead->program, datum, &time, NULL) != RS_REASON_NONE || time.kind == RS_VALUE_NULL) {
        return 0;
    }
    (void)rs_event_time(ahead->stream->time_form, &time, &at_us, &nanos); /* out of range is ahead, too */
    return at_us > now_us ? at_us - now_us : 0;
}

bool rs_ahead_look(struct rs_ahead *ahead, struct rs_slice datum, int64_t now_us, char *text, size_t size)
{
    char by[RS_DURATION_TEXT_MAX];
    char limit[RS_DURATION_TEXT_MAX];
    if (!ahead->program) {
        return false;
    }
    ahead->rows++;
    int64_t ahead_us = ahead_of(ahead, datum, now_us);
    if (ahead_us <= ahead->stream->max_future_us) {
        return false;
    }
    ahead->most_us = ahead_us > ahead->most_us ? ahead_us : ahead->most_us;
    if (ahead->count++ > 0) {
        return false;
    }
    format(ahead_us, by, sizeof by);
    format(ahead->stream->max_future_us, limit, sizeof limit);
    (void)snprintf(
        text, size,
        "its %s is %s ahead of this machine's clock, and max_future of the stream allows %s: rollstatd "
        "rejects it (reason: future). Are the clock, the time zone and the unit of the times right?",
        ahead->stream->time_path, by, limit);
    return true;
}

bool rs_ahead_summary(const struct rs_ahead *ahead, char *text, size_t size)
{
    char most[RS_DURATION_TEXT_MAX];
    char limit[RS_DURATION_TEXT_MAX];
    if (ahead->count == 0) {
        return false;
    }
    format(ahead->most_us, most, sizeof most);
    format(ahead->stream->max_future_us, limit, sizeof limit);
    (void)snprintf(text, size,
                   "%" PRIu64 " of %" PRIu64
                   " rows are further ahead of this machine's clock than max_future (%s), "
                   "by up to %s: rollstatd rejects them",
                   ahead->count, ahead->rows, limit, most);
    return true;
}
