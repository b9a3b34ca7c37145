#include <ctype.h>
#include <string.h>

#include "transform/plan/plan.h"

#define SIZE_MAX_US (INT64_C(36525) * 86400000000) /* a century */

static const char *const aggregate_keys[] = {"stream", "by", "where", "window", "history", "stats", NULL};
static const char *const window_keys[] = {"tumbling", "sliding", "every", "all", "last", NULL};
static const char window_available[] = "tumbling, sliding with every, all, and last on upsert streams";

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

/* ---- window ---- */

/* A window that is planned is said not to be available yet, rather than not to exist. */
static void complain_window(struct rs_config *config, const struct rs_config_node *key)
{
    static const char *const planned[] = {"session", "since", "gap", "zone"};
    const char *name = rs_config_text(key);
    for (size_t i = 0; name && i < sizeof planned / sizeof *planned; i++) {
        if (strcmp(planned[i], name) == 0) {
            rs_config_complain(config, key, "window \"%s\" is not available in this version; there are %s",
                               name, window_available);
            return;
        }
    }
    const char *near = name ? rs_nearest_name(name, window_keys) : NULL;
    rs_config_complain(config, key, "no window \"%s\"%s%s%s", name ? name : "",
                       near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

/* `every` is no kind of its own: it belongs to one. */
static bool known_window_keys(struct rs_config *config, const struct rs_config_node *node, size_t *kinds)
{
    bool right = true;
    *kinds = 0;
    for (size_t i = 0; i < rs_config_size(node); i++) {
        const struct rs_config_node *key;
        const struct rs_config_node *value;
        rs_config_pair(node, i, &key, &value);
        bool found = false;
        for (size_t k = 0; window_keys[k] && rs_config_text(key); k++) {
            found |= strcmp(window_keys[k], rs_config_text(key)) == 0;
        }
        if (!found) {
            complain_window(config, key);
            right = false;
        } else if (strcmp(rs_config_text(key), "every") != 0) {
            ++*kinds;
        }
    }
    return right;
}

static bool load_all(struct rs_config *config, const struct rs_config_node *node, struct rs_aggregate *a)
{
    bool all = false;
    if (!rs_config_bool(config, node, "all", &all)) {
        return false;
    }
    if (!all) {
        rs_config_complain(config, rs_config_get(node, "all"), "all can only be true");
        return false;
    }
    rs_window_init(&a->window, RS_WINDOW_ALL, 0, 0);
    return true;
}

static bool load_last(struct rs_config *config, const struct rs_config_node *node, struct rs_aggregate *a)
{
    const struct rs_config_node *where = rs_config_get(node, "last");
    if (!a->upsert && !a->plan->stream->unread) {
        rs_config_complain(config, where,
                           "window \"last\" of an append stream is not available in this version; there "
                           "are tumbling, sliding with every, and all");
        return false;
    }
    int64_t last = 0;
    if (!rs_config_int(config, node, "last", 1, a->plan->stream->max_periods, &last)) {
        return false;
    }
    rs_window_init(&a->window, RS_WINDOW_LAST, 0, 0);
    a->window.last = last;
    return true;
}

static bool load_sized(struct rs_config *config, const struct rs_config_node *node, const char *kind,
                       struct rs_aggregate *a)
{
    int64_t size = 0;
    int64_t every = 0;
    bool sliding = kind[0] == 's';
    if (!rs_config_duration(config, node, kind, 1, SIZE_MAX_US, &size) ||
        !rs_config_duration(config, node, "every", 1, SIZE_MAX_US, &every)) {
        return false;
    }
    const struct rs_config_node *where = rs_config_get(node, kind);
    if (sliding == (every == 0)) {
        rs_config_complain(config, where,
                           sliding ? "sliding needs every, as in {sliding: 5m, every: 1s}"
                                   : "tumbling takes no every; {sliding: 5m, every: 1s} does");
        return false;
    }
    if (sliding && every > size) {
        rs_config_complain(config, rs_config_get(node, "every"),
                           "every is longer than the window: events would be left out");
        return false;
    }
    rs_window_init(&a->window, sliding ? RS_WINDOW_SLIDING : RS_WINDOW_TUMBLING, size,
                   sliding ? every : size);
    if (rs_window_panes(&a->window) > RS_WINDOW_PANES_MAX) {
        rs_config_complain(config, where,
                           "this window has %lld panes a group; at most %d are allowed: make every larger",
                           (long long)rs_window_panes(&a->window), RS_WINDOW_PANES_MAX);
        return false;
    }
    return true;
}

static bool load_window(struct rs_config *config, const struct rs_config_node *parent, struct rs_aggregate *a)
{
    const struct rs_config_node *node = rs_config_get(parent, "window");
    size_t kinds;
    if (!node || rs_config_kind(node) != RS_CONFIG_MAPPING) {
        rs_config_complain(config, node ? node : parent, "an aggregate needs window, as in {tumbling: 1m}");
        return false;
    }
    if (!known_window_keys(config, node, &kinds)) {
        return false;
    }
    if (kinds != 1) {
        rs_config_complain(config, node, "window is exactly one of %s", window_available);
        return false;
    }
    if (rs_config_get(node, "tumbling")) {
        return load_sized(config, node, "tumbling", a);
    }
    if (rs_config_get(node, "sliding")) {
        return load_sized(config, node, "sliding", a);
    }
    if (rs_config_get(node, "every")) {
        rs_config_complain(config, rs_config_get(node, "every"), "every belongs to sliding");
        return false;
    }
    return rs_config_get(node, "all") ? load_all(config, node, a) : load_last(config, node, a);
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
        rs_config_complain(config, where, "history needs windows that end: tumbling or sliding");
        return false;
    }
    if (a->upsert && a->window.kind != RS_WINDOW_TUMBLING) {
        rs_config_complain(config, where, "history of an upsert stream needs a tumbling window");
        return false;
    }
    return true;
}

static bool check_stat(struct rs_config *config, const struct rs_config_node *where,
                       const struct rs_aggregate *a, enum rs_stat_kind kind)
{
    bool change = kind == RS_STAT_CHANGE || kind == RS_STAT_PCT_CHANGE;
    if (change && !a->upsert && !a->plan->stream->unread && a->window.kind != RS_WINDOW_TUMBLING) {
        rs_config_complain(
            config, where,
            "change and pct_change compare with the window before: they need a tumbling window");
        return false;
    }
    if (kind == RS_STAT_RATE && a->window.slice_us == 0) {
        rs_config_complain(config, where,
                           "rate is per second of the window: it needs a tumbling or sliding window");
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
        right &= check_stat(config, value ? value : stats, a, a->stats.items[i].spec.kind);
    }
    return right;
}

/* A group that went while its window can still change would lose what the window held. */
static bool check_expire(struct rs_config *config, const struct rs_config_node *node,
                         const struct rs_aggregate *a)
{
    const struct rs_stream *stream = a->plan->stream;
    if (a->upsert || a->window.slice_us == 0 || stream->expire_us == INT64_MAX ||
        stream->expire_us - a->window.size_us >= stream->lateness_us) {
        return true;
    }
    char expire[64];
    char least[64];
    rs_duration_format(stream->expire_us, expire, sizeof expire);
    rs_duration_format(a->window.size_us + stream->lateness_us, least, sizeof least);
    rs_config_complain(
        config, rs_config_get(node, "window"),
        "groups of stream %s expire after %s, before this window and its lateness are over: expire must "
        "be at least %s",
        stream->name, expire, least);
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

static bool load_stats(struct rs_config *config, const struct rs_config_node *node, struct rs_aggregate *a)
{
    const struct rs_config_node *stats = rs_config_get(node, "stats");
    if (!stats) {
        rs_config_complain(config, node, "an aggregate needs stats, as in {volume: sum(quantity)}");
        return false;
    }
    return rs_stats_load(config, &a->plan->inputs, stats, &a->stats);
}

/* It goes on behind a fault where it can, so that all faults of an aggregate are reported at once. A
 * window over all time never ends, so its groups expire only where `expire` was set. */
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
    right &= rs_key_plan_load(config, &out->plan->slots, rs_config_get(node, "by"), &out->by);
    right &= load_where(config, node, out);
    bool windowed = (known || rs_config_get(node, "window")) && load_window(config, node, out);
    bool measured = (known || rs_config_get(node, "stats")) && load_stats(config, node, out);
    right &= rs_config_int(config, node, "history", 0, 1000000, &history);
    out->history = (uint32_t)history;
    if (windowed) {
        right &= check_history(config, node, out);
        right &= check_expire(config, node, out);
    }
    if (windowed && measured) {
        right &= check_stats(config, rs_config_get(node, "stats"), out);
    }
    bool timeless = out->window.kind == RS_WINDOW_ALL && !out->plan->stream->expire_set;
    out->expires = out->plan->stream->expire_us != INT64_MAX && !timeless;
    return known && right && windowed && measured && out->plan != engine->unknown;
}
