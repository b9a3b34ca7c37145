#include "ingest/publish/check.h"

int rs_check_init(struct rs_check *check, const struct rs_stream *stream, struct rs_error *error)
{
    const char *const paths[] = {stream->time_path, stream->version_path};
    *check = (struct rs_check){.stream = stream};
    return rs_program_compile(rs_schema_root(stream->schema), paths, stream->version_path ? 2 : 1,
                              RS_PROGRAM_LIMITS_DEFAULT, &check->program, error);
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

int rs_check_event(const struct rs_check *check, struct rs_slice datum, struct rs_error *error)
{
    const struct rs_stream *stream = check->stream;
    struct rs_value values[2] = {0};
    int64_t us = 0;
    uint16_t nanos = 0;
    enum rs_reason reason = rs_program_run(check->program, datum, values, NULL);
    if (reason != RS_REASON_NONE) {
        return rs_fail(error, RS_ERECORD, "%s", rs_reason_text(reason));
    }
    if (values[0].kind == RS_VALUE_NULL) {
        return refuse(stream->time_path, "is null, and it is the time of the event", RS_REASON_FIELD_NULL,
                      error);
    }
    if (stream->version_path && values[1].kind == RS_VALUE_NULL) {
        return refuse(stream->version_path, "is null, and it is the version of the event",
                      RS_REASON_FIELD_NULL, error);
    }
    if (!rs_event_time(stream->time_form, &values[0], &us, &nanos)) {
        return refuse(stream->time_path, "is a time outside the years 1 to 9999", RS_REASON_TIME, error);
    }
    if (stream->version_path && nanos != 0) {
        return refuse(stream->time_path, "is a period with a part of a microsecond", RS_REASON_PERIOD, error);
    }
    return 0;
}
