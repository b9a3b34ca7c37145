#include "transform/daemon/identity.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/time/civil.h"
#include "transform/plan/plan.h"

#define CALENDAR_BACK_US (366 * RS_US_PER_DAY)

/* ---- what it is ---- */

static json_t *text_or_null(const char *text)
{
    return text ? json_string(text) : json_null();
}

static json_t *aggregate(const struct rs_aggregate *a)
{
    char fingerprint[32];
    json_t *object = json_loads(a->meta->json, 0, NULL);

    (void)snprintf(fingerprint, sizeof fingerprint, "%016" PRIx64, a->fingerprint);
    (void)json_object_set_new(object, "fingerprint", json_string(fingerprint));
    return object;
}

/* What the state of topics goes by that its patterns will find. */
static void add_found(json_t *inputs, const struct rs_streams *streams, json_t *topics)
{
    char name[512];
    const char *topic;
    json_t *ignored;

    json_object_foreach(topics, topic, ignored)
    {
        for (size_t i = 0; i < streams->named && !json_object_get(inputs, topic); i++) {
            if (rs_stream_takes(streams, &streams->items[i], topic)) {
                (void)snprintf(name, sizeof name, "%s.%s", streams->items[i].name, topic);
                (void)json_object_set_new(inputs, topic, json_string(name));
            }
        }
    }
}

json_t *rs_identity_of(const struct rs_settings *settings, json_t *topics)
{
    const struct rs_streams *streams = settings->streams;
    json_t *named = json_object();
    json_t *inputs = json_object();
    json_t *aggregates = json_object();

    for (size_t i = 0; i < streams->count; i++) {
        const struct rs_stream *input = &streams->items[i];
        if (i < streams->named) {
            (void)json_object_set_new(named, input->name, text_or_null(input->listed ? NULL : input->topic));
        }
        if (input->topic) {
            (void)json_object_set_new(inputs, input->topic, json_string(rs_stream_input(input)));
        }
    }
    add_found(inputs, streams, topics);
    for (size_t i = 0; i < settings->engine->aggregate_count; i++) {
        const struct rs_aggregate *a = &settings->engine->aggregates[i];
        (void)json_object_set_new(aggregates, a->name, aggregate(a));
    }
    return json_pack("{s:s, s:s, s:o, s:o, s:o}", "group", streams->group, "log",
                     settings->state_in_memory ? "memory" : "kafka", "streams", named, "inputs", inputs,
                     "aggregates", aggregates);
}

/* ---- what may not change ---- */

struct comparing {
    struct rs_buf *lines;
    size_t count;
};

RS_PRINTF(2, 3) static void refuse(struct comparing *c, const char *format, ...)
{
    char text[1024];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    rs_buf_printf(c->lines, "%s\n", text);
    c->count++;
}

/* "" where it is no text. */
static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static void compare_text(struct comparing *c, const json_t *running, const json_t *fresh, const char *key,
                         const char *remedy)
{
    if (strcmp(text_of(running, key), text_of(fresh, key)) != 0) {
        refuse(c, "`%s` is \"%s\" while it runs, not \"%s\": %s", key, text_of(running, key),
               text_of(fresh, key), remedy);
    }
}

/* Whether both sides have a text of this name in a section, and not the same. */
static bool differ(const json_t *running, const json_t *fresh, const char *section, const char *name,
                   const char **before, const char **after)
{
    *before = json_string_value(json_object_get(json_object_get(running, section), name));
    *after = json_string_value(json_object_get(json_object_get(fresh, section), name));
    return *before && *after && strcmp(*before, *after) != 0;
}

static void compare_streams(struct comparing *c, const json_t *running, const json_t *fresh)
{
    const char *name;
    const char *before;
    const char *after;
    json_t *ignored;

    json_object_foreach(json_object_get(running, "streams"), name, ignored)
    {
        if (differ(running, fresh, "streams", name, &before, &after)) {
            refuse(c,
                   "stream %s: its state is that of topic %s, not of %s: give the stream a new name, or "
                   "leave its "
                   "`topic` and add `topics: [%s]`",
                   name, before, after, after);
        }
    }
    json_object_foreach(json_object_get(running, "inputs"), name, ignored)
    {
        if (differ(running, fresh, "inputs", name, &before, &after)) {
            refuse(c,
                   "topic %s: its state is kept under the name %s and would begin anew as %s: leave it in "
                   "the stream "
                   "and the list where it is, or read it again with rollstatd --rebuild",
                   name, before, after);
        }
    }
}

/* Expressions alone count, not units. */
static bool same_expressions(const json_t *running, const json_t *fresh)
{
    const char *name;
    json_t *stat;
    size_t same = 0;

    json_object_foreach(json_object_get(fresh, "stats"), name, stat)
    {
        const json_t *before = json_object_get(json_object_get(running, "stats"), name);
        same += before && strcmp(text_of(before, "expression"), text_of(stat, "expression")) == 0;
    }
    return same == json_object_size(json_object_get(running, "stats")) &&
           same == json_object_size(json_object_get(fresh, "stats"));
}

static const char *what_changed(const json_t *running, const json_t *fresh)
{
    static const char *const keys[] = {"window", "by", NULL};

    for (const char *const *key = keys; *key; key++) {
        if (!json_equal(json_object_get(running, *key), json_object_get(fresh, *key))) {
            return *key;
        }
    }
    if (!same_expressions(running, fresh)) {
        return "stats";
    }
    bool kept = json_integer_value(json_object_get(running, "history")) > 0;
    return kept != (json_integer_value(json_object_get(fresh, "history")) > 0) ? "history"
                                                                               : "types of fields";
}

static void compare_aggregates(struct comparing *c, const json_t *running, const json_t *fresh)
{
    const char *name;
    json_t *before;

    json_object_foreach(json_object_get(running, "aggregates"), name, before)
    {
        const json_t *after = json_object_get(json_object_get(fresh, "aggregates"), name);
        const char *what = NULL;
        if (after && strcmp(text_of(before, "stream"), text_of(after, "stream")) != 0) {
            what = "stream";
        } else if (after && strcmp(text_of(before, "fingerprint"), text_of(after, "fingerprint")) != 0) {
            what = what_changed(before, after);
        }
        if (what) {
            refuse(c,
                   "aggregate %s: its state hangs on its %s, which changed: give the aggregate a new name, "
                   "or restart "
                   "and read the input again with rollstatd --rebuild",
                   name, what);
        }
    }
}

size_t rs_identity_compare(const json_t *running, const json_t *fresh, struct rs_buf *lines)
{
    struct comparing c = {.lines = lines};

    compare_text(&c, running, fresh, "group", "another group is another instance, to be started by itself");
    compare_text(&c, running, fresh, "log", "restart it for that");
    compare_streams(&c, running, fresh);
    compare_aggregates(&c, running, fresh);
    return c.count;
}

/* Days that are past have to stay as they were: where a window that is kept begins elsewhere, its partition stops. */
static bool same_days(const struct rs_calendar *running, const struct rs_calendar *fresh)
{
    int64_t at_us = rs_clock_wall(rs_clock_system());
    int64_t until_us = at_us - CALENDAR_BACK_US;

    while (at_us > until_us) {
        int64_t start_us = rs_calendar_at(running, at_us).start_us;
        if (rs_calendar_at(fresh, at_us).start_us != start_us) {
            return false;
        }
        at_us = start_us - 1;
    }
    return true;
}

static void compare_calendars(struct comparing *c, const struct rs_engine *running,
                              const struct rs_engine *fresh)
{
    for (size_t i = 0; i < running->aggregate_count; i++) {
        const struct rs_aggregate *before = &running->aggregates[i];
        for (size_t k = 0; before->window.calendar.sessions && k < fresh->aggregate_count; k++) {
            const struct rs_aggregate *after = &fresh->aggregates[k];
            if (strcmp(before->name, after->name) == 0 && after->window.calendar.sessions &&
                before->window.kind == after->window.kind &&
                !same_days(&before->window.calendar, &after->window.calendar)) {
                refuse(c,
                       "aggregate %s: a trading day of the last year begins elsewhere in its calendar: days "
                       "that are "
                       "past have to stay as they were; or give the aggregate a new name",
                       before->name);
            }
        }
    }
}

int rs_settings_compare(const struct rs_settings *running, const struct rs_settings *fresh,
                        struct rs_buf *lines, size_t *count, struct rs_error *error)
{
    json_t *before = rs_identity_of(running, NULL);
    json_t *after = rs_identity_of(fresh, json_object_get(before, "inputs"));
    struct comparing calendars = {.lines = lines};
    int rc = before && after ? 0 : rs_fail(error, RS_ENOMEM, "out of memory");

    *count = rc == 0 ? rs_identity_compare(before, after, lines) : 0;
    if (rc == 0) {
        compare_calendars(&calendars, running->engine, fresh->engine);
        *count += calendars.count;
    }
    json_decref(before);
    json_decref(after);
    return rc;
}
