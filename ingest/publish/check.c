#include "ingest/publish/check.h"

#include "schemas/record_field.h"

int rs_check_init(struct rs_check *check, const struct rs_stream *stream, struct rs_error *error)
{
    const char *paths[2];
    size_t count = 0;
    *check = (struct rs_check){.stream = stream, .time = -1, .version = -1};
    /* What the record says of itself is known once it is written. */
    if (!rs_record_field_is(stream->time_path)) {
        check->time = (int)count;
        paths[count++] = stream->time_path;
    }
    if (stream->version_path && !rs_record_field_is(stream->version_path)) {
        check->version = (int)count;
        paths[count++] = stream->version_path;
    }
    return rs_program_compile(rs_schema_root(stream->schema), paths, count, stream->limits, &check->program,
                              error);
}

void rs_check_fini(struct rs_check *check)
{
    rs_program_free(&check->program);
}

static int refuse(const char *path, const char *what, enum rs_reason reason, struct rs_error *error)
{
    return rs_fail(error, RS_ERECORD, "%s: %s (rollstatd would reject the event: %s)", path, what,
                   rs_reason_name(reason));
}

static int check_time(const struct rs_stream *stream, const struct rs_value *time, struct rs_error *error)
{
    int64_t us = 0;
    uint16_t nanos = 0;
    if (time->kind == RS_VALUE_NULL) {
        return refuse(stream->time_path, "is null, and it is the time of the event", RS_REASON_FIELD_NULL,
                      error);
    }
    if (!rs_event_time(stream->time_form, time, &us, &nanos)) {
        return refuse(stream->time_path, "is a time outside the years 1 to 9999", RS_REASON_TIME, error);
    }
    return stream->version_path && nanos != 0
               ? refuse(stream->time_path, "is a period with a part of a microsecond", RS_REASON_PERIOD,
                        error)
               : 0;
}

int rs_check_event(const struct rs_check *check, struct rs_slice datum, struct rs_error *error)
{
    struct rs_value values[2] = {0};
    enum rs_reason reason = rs_program_run(check->program, datum, values, NULL);
    if (reason != RS_REASON_NONE) {
        return rs_fail(error, RS_ERECORD, "%s", rs_reason_text(reason));
    }
    if (check->version >= 0 && values[check->version].kind == RS_VALUE_NULL) {
        return refuse(check->stream->version_path, "is null, and it is the version of the event",
                      RS_REASON_FIELD_NULL, error);
    }
    return check->time >= 0 ? check_time(check->stream, &values[check->time], error) : 0;
}
