#include <ctype.h>
#include <string.h>

#include "transform/plan/plan.h"

static const char *const aggregate_keys[] = {"stream",     "by",       "where", "calendar", "window",
                                             "history",    "publish",  "fill",  "delay",    "late",
                                             "max_groups", "overflow", "stats", NULL};

/* ---- name and stream ---- */

bool rs_aggregate_name_usable(const char *name)
{
    static const char *const taken[] = {"meta", "fence", "owners"};
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
        if (strcmp(name, taken[i]) == 0) {
            return false;
        }
    }
    size_t length = strlen(name);
    return length > 0 && length <= 100 && isalnum((unsigned char)*name) &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") == length;
}

/* That of its stream; after a complaint the one that knows nothing. What an incomplete aggregate lacks may be
 * there under a wrong name, which is complained about. */
static struct rs_plan *find_plan(struct rs_config *config, struct rs_engine *engine,
                                 const struct rs_config_node *node, bool complete)
{
    const struct rs_config_node *where = rs_config_get(node, "stream");
    const char *name = where ? rs_config_text(where) : NULL;
    const char *names[65];
    size_t count = 0;
    if (!name) {
        if (where || complete) {
            rs_config_complain(config, where ? where : node,
                               "an aggregate needs stream: the name of one of streams");
        }
        return engine->unknown;
    }
    if (engine->plan_count == 0) { /* which is complained about already */
        return engine->unknown;
    }
    for (size_t i = 0; i < engine->plan_count; i++) {
        const char *known = engine->plans[i].stream->name;
        if (strcmp(known, name) == 0) {
            return &engine->plans[i];
        }
        if (count < 64) {
            names[count++] = known;
        }
    }
    names[count] = NULL;
    const char *near = rs_nearest_name(name, names);
    rs_config_complain(config, where, "no stream \"%s\"%s%s%s", name, near ? "; did you mean \"" : "",
                       near ? near : "", near ? "\"?" : "");
    return engine->unknown;
}

/* ---- what does not go together ---- */

static bool check_history(struct rs_config *config, const struct rs_config_node *node,
                          const struct rs_aggregate *a)
{
    const struct rs_config_node *where = rs_config_get(node, "history");
    if (a->history == 0) {
        return true;
    }
    if (a->window.slice_us == 0) {
        bool last = a->window.kind == RS_WINDOW_LAST && !a->upsert;
        rs_config_complain(config, where,
                           "history needs windows that end: tumbling, sliding, since or session%s",
                           last ? "; the newest events are another window with each event" : "");
        return false;
    }
    if (a->upsert && a->window.kind != RS_WINDOW_TUMBLING) {
        rs_config_complain(config, where, "history of an upsert stream needs a tumbling window");
        return false;
    }
    return true;
}

static bool check_stat(struct rs_config *config, const struct rs_config_node *where,
                       const struct rs_aggregate *a, const struct rs_stat_spec *spec)
{
    enum rs_stat_kind kind = spec->kind;
    bool follows = a->window.kind == RS_WINDOW_TUMBLING || a->window.kind == RS_WINDOW_SESSION;
    if (rs_stat_over_span(spec) && !a->upsert && !a->plan->stream->unread) {
        rs_config_complain(config, where,
                           "over looks at the period so long before, which upsert streams keep: it needs a "
                           "stream with upsert; without over the window before is meant");
        return false;
    }
    if (rs_stat_is_change(kind) && !a->upsert && !a->plan->stream->unread && !follows) {
        rs_config_complain(
            config, where,
            "change and pct_change compare with the window before: they need a tumbling window or a session");
        return false;
    }
    if (kind == RS_STAT_YOY && !a->upsert && !a->plan->stream->unread) {
        rs_config_complain(config, where,
                           "yoy looks at the period a year before, which upsert streams keep: it needs a "
                           "stream with upsert");
        return false;
    }
    if (kind == RS_STAT_RATE && a->window.slice_us == 0) {
        rs_config_complain(config, where,
                           "rate is per second of the window: it needs a tumbling or sliding window or a "
                           "session");
        return false;
    }
    return true;
}

static bool check_stats(struct rs_config *config, const struct rs_config_node *stats,
                        const struct rs_aggregate *a)
{
    bool right = true;
    for (size_t i = 0; i < a->stats.count; i++) {
        const struct rs_config_node *value = rs_config_get(stats, a->stats.items[i].spec.name);
        right &= check_stat(config, value ? value : stats, a, &a->stats.items[i].spec);
    }
    return right;
}

/* A tombstone says nothing but its key: that has to be all that tells a group, as it stands in keys. */
static bool check_key_fields(struct rs_config *config, const struct rs_config_node *node,
                             const struct rs_aggregate *a)
{
    const struct rs_stream *stream = a->plan->stream;
    const struct rs_config_node *by = rs_config_get(node, "by");
    bool same = a->by.count == stream->key_count;
    for (size_t i = 0; same && i < a->by.count; i++) {
        same = strcmp(a->plan->slots.paths[a->by.parts[i].slot], stream->key_paths[i]) == 0;
    }
    if (!same && stream->tombstones) {
        rs_config_complain(
            config, by ? by : node,
            "tombstones of stream %s withdraw the group of their key: `by` has to name the fields of "
            "its `key_fields`, in that order",
            stream->name);
        return false;
    }
    return true;
}

/* A group that went while its window can still change would lose what the window held. */
static bool check_expire(struct rs_config *config, const struct rs_config_node *node,
                         const struct rs_aggregate *a)
{
    const struct rs_stream *stream = a->plan->stream;
    int64_t size_us = a->window.by_calendar ? a->window.calendar.longest_us : a->window.size_us;
    int64_t least_us = size_us + stream->lateness_us + a->delay_us;
    if (a->upsert || a->window.slice_us == 0 || stream->expire_us == INT64_MAX ||
        stream->expire_us >= least_us) {
        return true;
    }
    char expire[64];
    char least[64];
    rs_duration_format(stream->expire_us, expire, sizeof expire);
    rs_duration_format(least_us, least, sizeof least);
    rs_config_complain(
        config, rs_config_get(node, "window"),
        "groups of stream %s expire after %s, before this window and its lateness%s are over: expire must "
        "be at least %s",
        stream->name, expire, a->delay_us ? " and delay" : "", least);
    return false;
}

/* Where the condition looks at nothing but the group's own fields, all events of a group pass it or none
 * does. Otherwise a newer version in an upsert stream may no longer pass, and its register has to hear of
 * that. */
static bool load_where(struct rs_config *config, const struct rs_config_node *node, struct rs_aggregate *a)
{
    const struct rs_config_node *where = rs_config_get(node, "where");
    if (!where) {
        return true;
    }
    a->where = rs_condition_load(config, &a->plan->slots, where);
    if (!a->where) {
        return false;
    }
    bool by[RS_SLOTS_MAX] = {false};
    for (size_t i = 0; i < a->by.count; i++) {
        by[a->by.parts[i].slot] = true;
    }
    a->where_by_only = rs_condition_within(a->where, by);
    return true;
}

/* Periods are there beyond the window: lag goes back over them as change does, and a pane need not keep values. */
static bool load_stats(struct rs_config *config, const struct rs_config_node *node, struct rs_aggregate *a)
{
    const struct rs_config_node *stats = rs_config_get(node, "stats");
    if (!stats) {
        rs_config_complain(config, node, "an aggregate needs stats, as in {volume: sum(quantity)}");
        return false;
    }
    bool right = rs_stats_load(config, &a->plan->inputs, stats, &a->stats);
    for (size_t i = 0; a->upsert && i < a->stats.count; i++) {
        struct rs_stat_spec *spec = &a->stats.items[i].spec;
        spec->kind = spec->kind == RS_STAT_LAG ? RS_STAT_LAG_PERIOD : spec->kind;
    }
    return right;
}

/* It goes on behind a fault where it can, so that all faults of an aggregate are reported at once. A
 * window over all time or the newest events never ends, so its groups expire only where `expire` was set. */
bool rs_aggregate_load(struct rs_config *config, struct rs_engine *engine, const struct rs_config_node *key,
                       const struct rs_config_node *node, struct rs_aggregate *out)
{
    const char *name = rs_config_text(key);
    out->node = node;
    bool right = name && rs_aggregate_name_usable(name);
    if (!right) {
        rs_config_complain(config, key,
                           "an aggregate's name is part of its keys: letters, digits, '_', '-' and '.', and "
                           "not meta, fence or owners");
    }
    bool known = rs_config_expect_mapping(config, node, "an aggregate", aggregate_keys);
    if (rs_config_kind(node) != RS_CONFIG_MAPPING) {
        return false;
    }
    out->name = rs_arena_text(&engine->arena, name ? name : "");
    out->plan = find_plan(config, engine, node, known);
    if (!out->name) {
        return false;
    }
    out->upsert = out->plan->stream->upsert;
    int64_t history = 0;
    out->calendar = out->plan->calendar;
    right &= rs_trading_load(config, &engine->arena, &engine->tradings, node, &out->calendar);
    out->plan->slots.calendar = out->calendar;
    right &= rs_key_plan_load(config, &out->plan->slots, rs_config_get(node, "by"), &out->by);
    right &= check_key_fields(config, node, out);
    right &= load_where(config, node, out);
    bool windowed =
        (known || rs_config_get(node, "window")) && rs_aggregate_load_window(config, engine, node, out);
    bool measured = (known || rs_config_get(node, "stats")) && load_stats(config, node, out);
    right &= rs_config_int(config, node, "history", 0, 1000000, &history);
    out->history = (uint32_t)history;
    if (windowed) {
        right &= check_history(config, node, out) && rs_aggregate_load_publishing(config, node, out);
        right &= check_expire(config, node, out);
        right &= rs_aggregate_load_bounds(config, node, out);
    }
    if (windowed && measured) {
        right &= check_stats(config, rs_config_get(node, "stats"), out);
    }
    bool endless = out->window.kind == RS_WINDOW_ALL || (out->window.kind == RS_WINDOW_LAST && !out->upsert);
    bool timeless = endless && !out->plan->stream->expire_set;
    out->expires = out->plan->stream->expire_us != INT64_MAX && !timeless;
    return known && right && windowed && measured && out->plan != engine->unknown;
}
