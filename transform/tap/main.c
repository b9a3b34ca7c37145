/* rollstat-tap: events of a stream as they come, each with what becomes of it. */
#include <inttypes.h>

#include "base/clock.h"
#include "transform/tap/internal.h"

#define SECOND_US INT64_C(1000000)

struct tap {
    struct rs_tap_request request;
    struct rs_loaded loaded;
    struct rs_registry *registry;   /* NULL: none */
    const struct rs_stream *stream; /* its first input */
    struct rs_tap_fields *fields;
    struct rs_tap_judge *judge;
    struct rs_tap_reader *reader;
    struct rs_buf out;
    uint64_t shown;
    int64_t second_us;                  /* monotonic: when the second under way began */
    uint64_t in_second, left_in_second; /* shown; left out for the rate */
};

/* ---- lines ---- */

static int tell_left_out(struct tap *tap, struct rs_error *error)
{
    uint64_t count = tap->left_in_second;
    tap->left_in_second = 0;
    if (count == 0) {
        return 0;
    }
    rs_buf_printf(&tap->out,
                  tap->request.json ? "{\"left_out\":%" PRIu64 "}\n" : "(%" PRIu64 " more left out)\n",
                  count);
    return rs_buf_write(&tap->out, stdout, error);
}

/* A second that is over tells what it left out. */
static int begin_second(struct tap *tap, struct rs_error *error)
{
    int64_t now_us = rs_clock_mono(rs_clock_system());
    if (now_us - tap->second_us < SECOND_US) {
        return 0;
    }
    tap->second_us = now_us;
    tap->in_second = 0;
    return tell_left_out(tap, error);
}

static bool chosen(const struct tap *tap, const struct rs_tap_event *event)
{
    const struct rs_tap_request *request = &tap->request;
    if (request->verdicts != 0 && !(request->verdicts >> event->verdict & 1)) {
        return false;
    }
    if (request->any_reason && (event->verdict != RS_TAP_REJECTED || !request->reasons[event->reason])) {
        return false;
    }
    const struct rs_record none = {0};
    rs_tap_fields_read(tap->fields, event->verdict == RS_TAP_UNJUDGED ? &none : &event->record);
    return rs_tap_fields_match(tap->fields);
}

static int show(struct tap *tap, const struct rs_tap_event *event, struct rs_error *error)
{
    const struct rs_tap_request *request = &tap->request;
    int rc = begin_second(tap, error);
    if (rc < 0) {
        return rc;
    }
    if (request->rate > 0 && tap->in_second >= (uint64_t)request->rate) {
        tap->left_in_second++;
        return 0;
    }
    tap->in_second++;
    tap->shown++;
    rs_tap_put_event(event, tap->fields, tap->loaded.engine, request->json, &tap->out);
    rc = rs_buf_write(&tap->out, stdout, error);
    return rc == 0 && request->count > 0 && tap->shown >= (uint64_t)request->count ? RS_TAP_ENOUGH : rc;
}

static int take_record(void *ctx, struct rs_tap_event *event, struct rs_error *error)
{
    struct tap *tap = ctx;
    int rc = rs_tap_judge_run(tap->judge, event, error);
    if (rc < 0) {
        return rc;
    }
    return chosen(tap, event) ? show(tap, event, error) : 0;
}

static int rest(void *ctx, struct rs_error *error)
{
    struct tap *tap = ctx;
    int rc = begin_second(tap, error);
    return rc == 0 && fflush(stdout) != 0 ? rs_fail(error, RS_EIO, "the output cannot be written") : rc;
}

/* ---- the program ---- */

/* Dead letters are where the engine says why it rejects: they are wanted here whatever the configuration says. */
static int find_stream(struct tap *tap, struct rs_error *error)
{
    struct rs_streams *streams = tap->loaded.streams;
    tap->stream = rs_streams_find(streams, tap->request.stream);
    if (!tap->stream) {
        return rs_usage_fail(&rs_tap_info, error, "the configuration has no stream \"%s\"",
                             tap->request.stream);
    }
    for (size_t i = 0; i < streams->count; i++) {
        streams->items[i].dead_letters |= rs_stream_same(&streams->items[i], tap->stream);
    }
    return 0;
}

static int open_all(struct tap *tap, struct rs_error *error)
{
    const struct rs_tap_request *request = &tap->request;
    int rc = rs_loaded_open(request->config, RS_LOAD_JUDGE, &tap->loaded, error);
    rc = rc == 0 ? find_stream(tap, error) : rc;
    rc = rc == 0 ? rs_asking_begin(&tap->loaded, &tap->registry, error) : rc;
    rc = rc == 0 ? rs_tap_fields_new(request, tap->loaded.streams, tap->stream, tap->registry, &tap->fields,
                                     error)
                 : rc;
    rc = rc == 0 ? rs_tap_reader_new(request, rs_config_get(rs_config_root(tap->loaded.document), "kafka"),
                                     tap->loaded.streams, tap->stream, &tap->reader, error)
                 : rc;
    return rc == 0 ? rs_tap_judge_new(tap->loaded.engine, rs_tap_reader_slots(tap->reader),
                                      request->timeout_s * SECOND_US, &tap->judge, error)
                   : rc;
}

static void say_from_where(const struct tap *tap)
{
    int64_t from = tap->request.from;
    fprintf(stderr, "%s: %zu partition%s of stream %s, from %s: late and duplicate are as of there\n",
            rs_tap_info.name, rs_tap_reader_slots(tap->reader),
            rs_tap_reader_slots(tap->reader) == 1 ? "" : "s", tap->stream->name,
            from == RS_TAP_LATEST     ? "the end"
            : from == RS_TAP_EARLIEST ? "the beginning"
                                      : "the offset given");
}

/* The registry's thread speaks to the tables of fields and partitions until it has ended. */
static void close_all(struct tap *tap)
{
    rs_tap_reader_free(&tap->reader);
    rs_registry_free(&tap->registry);
    rs_tap_judge_free(&tap->judge);
    rs_tap_fields_free(&tap->fields);
    rs_loaded_close(&tap->loaded);
    rs_buf_fini(&tap->out);
}

static int run(struct tap *tap)
{
    struct rs_error error = {0};
    int rc = open_all(tap, &error);
    if (rc == 0) {
        say_from_where(tap);
        rc = rs_tap_reader_run(tap->reader, take_record, rest, tap, &error);
    }
    rc = rc == 0 ? tell_left_out(tap, &error) : rc;
    if (rc == 0 && (fflush(stdout) != 0 || ferror(stdout))) {
        rc = rs_fail(&error, RS_EIO, "the output cannot be written");
    }
    if (rc < 0) {
        rs_usage_complain(&rs_tap_info, &error);
    }
    close_all(tap);
    return rc < 0 ? rs_usage_exit(&error) : RS_EXIT_OK;
}

int main(int argc, char **argv)
{
    struct rs_error error = {0};
    struct tap tap = {0};
    int rc = rs_tap_read_arguments(argc, argv, &tap.request, &error);
    if (rc == RS_USAGE_SHOWN) {
        return RS_EXIT_OK;
    }
    if (rc < 0) {
        rs_usage_complain(&rs_tap_info, &error);
        return rs_usage_exit(&error);
    }
    return run(&tap);
}
