#include "ingest/publish/registered.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "ingest/read/schema_equal.h"
#include "schemas/registry/fetch.h"
#include "schemas/registry/http.h"
#include "schemas/registry/subject.h"

#define PAUSE_FIRST_US INT64_C(250000)
#define PAUSE_MOST_US  INT64_C(4000000)
#define SLICE_NS       20000000 /* of a pause: how late a stop is seen */

struct asking {
    const struct rs_registered *asked;
    struct rs_registry_http *http;
    struct rs_registry_fetch fetch;
    char *subject;
    struct rs_buf schema; /* what the registry has under the id */
};

/* The answer is not taken at its word. RS_EIO: it could not be looked up. */
static int verify(struct asking *a, uint32_t id, struct rs_error *error)
{
    const struct rs_registry_key key = {.id = id};
    struct rs_schema_document *found = NULL;
    struct rs_error inner;
    enum rs_registry_outcome outcome = rs_registry_fetch(&a->fetch, &key, &a->schema, &inner);

    if (outcome == RS_REGISTRY_FAILED) {
        return rs_fail(error, RS_EIO, "%s", inner.text);
    }
    if (outcome != RS_REGISTRY_FOUND) {
        return rs_fail(
            error, RS_ESCHEMA,
            "the registry says that the schema of stream \"%s\" has id %u, which does not lead to it: %s",
            a->asked->stream->name, id, inner.text);
    }
    int rc = rs_schema_parse("the registry's schema", (const char *)a->schema.data, a->schema.size, &found,
                             &inner);
    bool same = rc == 0 && rs_schema_equal(rs_schema_root(found), rs_schema_root(a->asked->stream->schema));
    rs_schema_free(&found);
    return same ? 0
                : rs_fail(error, RS_ESCHEMA,
                          "the registry says that the schema of stream \"%s\" has id %u, and has another one "
                          "under "
                          "that id: nothing can be published with it",
                          a->asked->stream->name, id);
}

/* One look, and an entry if need be. RS_EIO: to be asked again. */
static int ask_once(struct asking *a, uint32_t *id, struct rs_error *error)
{
    const struct rs_stream *stream = a->asked->stream;
    struct rs_registry_subject subject = {.name = a->subject, .schema = rs_schema_json(stream->schema)};
    struct rs_error inner;
    enum rs_registry_outcome outcome =
        rs_registry_subject_ask(a->http, a->asked->registry, &subject, id, &inner);

    if (outcome == RS_REGISTRY_UNKNOWN && a->asked->enter) {
        subject.enter = true;
        outcome = rs_registry_subject_ask(a->http, a->asked->registry, &subject, id, &inner);
    }
    switch (outcome) {
    case RS_REGISTRY_FOUND: return verify(a, *id, error);
    case RS_REGISTRY_UNKNOWN:
        return rs_fail(
            error, RS_EUSAGE,
            "the schema of stream \"%s\" is not registered under subject \"%s\" (%s): rollstat-publish "
            "--register registers it",
            stream->name, a->subject, inner.text);
    case RS_REGISTRY_REFUSED:
        return rs_fail(error, RS_ESCHEMA,
                       "the schema of stream \"%s\" is not registered under subject \"%s\": %s", stream->name,
                       a->subject, inner.text);
    case RS_REGISTRY_FAILED: break;
    }
    return rs_fail(error, inner.code == RS_ENOMEM ? RS_ENOMEM : RS_EIO, "%s", inner.text);
}

static bool stopped(const struct asking *a)
{
    return atomic_load(a->asked->stop);
}

static void sleep_until(const struct asking *a, int64_t until_us)
{
    const struct timespec slice = {.tv_nsec = SLICE_NS};

    while (!stopped(a) && rs_clock_mono(rs_clock_system()) < until_us) {
        (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &slice, NULL);
    }
}

static void tell_waiting(const struct asking *a, const struct rs_error *error)
{
    struct rs_error text;

    if (a->asked->on_wait) {
        (void)rs_fail(&text, RS_EIO, "waiting for the schema registry: %s", error->text);
        a->asked->on_wait(a->asked->self, text.text);
    }
}

static int ask_until_answered(struct asking *a, uint32_t *id, struct rs_error *error)
{
    int64_t begun = rs_clock_mono(rs_clock_system());
    int64_t end = begun + a->asked->timeout_us;
    int64_t pause = PAUSE_FIRST_US;

    for (bool told = false;; told = true) {
        int rc = ask_once(a, id, error);
        if (stopped(a)) {
            return rs_fail(error, RS_EINVAL, "interrupted");
        }
        int64_t now = rs_clock_mono(rs_clock_system());
        if (rc != RS_EIO || now + pause >= end) {
            return rc == RS_EIO ? rs_error_prefix(error, "the schema registry was asked for %lld ms",
                                                  (long long)((now - begun) / 1000))
                                : rc;
        }
        if (!told) {
            tell_waiting(a, error);
        }
        sleep_until(a, now + pause);
        pause = pause * 2 < PAUSE_MOST_US ? pause * 2 : PAUSE_MOST_US;
    }
}

static int find_id(const struct rs_registered *asked, uint32_t *id, struct rs_error *error)
{
    struct asking a = {.asked = asked};

    if (asked->registry->url_count == 0) {
        return rs_fail(error, RS_EUSAGE, "no schema registry is configured: schemas: {registry: URL}");
    }
    if (!asked->stream->topic || asked->stream->listed) {
        return rs_fail(error, RS_EUSAGE, "stream \"%s\" reads several topics, and a subject is that of one",
                       asked->stream->name);
    }
    int rc = rs_registry_http_new(asked->registry, asked->stop, &a.http, error);
    if (rc != 0) {
        return rc;
    }
    a.fetch = (struct rs_registry_fetch){.http = a.http, .config = asked->registry};
    rc = asprintf(&a.subject, "%s-value", asked->stream->topic) < 0 ? RS_ENOMEM : 0;
    rc = rc == 0 ? ask_until_answered(&a, id, error) : rs_fail(error, RS_ENOMEM, "out of memory");
    rs_registry_http_free(&a.http);
    rs_buf_fini(&a.schema);
    free(a.subject);
    return rc;
}

int rs_registered_framing(const struct rs_registered *asked, char out[RS_REGISTERED_FRAMING_MAX],
                          struct rs_error *error)
{
    uint32_t id = 0;
    int rc = find_id(asked, &id, error);

    (void)snprintf(out, RS_REGISTERED_FRAMING_MAX, "confluent:%u", id);
    return rc;
}
