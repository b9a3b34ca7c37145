#include <string.h>

#include "transform/plan/plan.h"

#define SIZE_MAX_US (INT64_C(36525) * 86400000000) /* a century */
#define HOUR_US     INT64_C(3600000000)

static const char *const window_keys[] = {"tumbling", "sliding", "since",  "session", "all",
                                          "last",     "every",   "offset", "zone",    NULL};
static const char window_available[] = "tumbling, sliding with every, since, session, all, and last";
/* Kinds of which a window is exactly one; `every`, `offset` and `zone` belong to one. */
static const char *const window_kinds[] = {"tumbling", "sliding", "since", "session", "all", "last", NULL};

static bool listed(const char *const *names, const char *name)
{
    for (size_t i = 0; name && names[i]; i++) {
        if (strcmp(names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* A window that is planned is said not to be available yet, rather than not to exist. */
static void complain_window(struct rs_config *config, const struct rs_config_node *key)
{
    static const char *const planned[] = {"calendar", NULL};
    const char *name = rs_config_text(key);
    if (name && strcmp(name, "gap") == 0) {
        rs_config_complain(config, key, "a session says its gap itself, as in {session: 30s}");
        return;
    }
    if (listed(planned, name)) {
        rs_config_complain(config, key, "window \"%s\" is not available in this version; there are %s", name,
                           window_available);
        return;
    }
    const char *near = name ? rs_nearest_name(name, window_keys) : NULL;
    rs_config_complain(config, key, "no window \"%s\"%s%s%s", name ? name : "",
                       near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

static bool known_window_keys(struct rs_config *config, const struct rs_config_node *node, size_t *kinds)
{
    bool right = true;
    *kinds = 0;
    for (size_t i = 0; i < rs_config_size(node); i++) {
        const struct rs_config_node *key;
        const struct rs_config_node *value;
        rs_config_pair(node, i, &key, &value);
        const char *name = rs_config_text(key);
        if (!listed(window_keys, name)) {
            complain_window(config, key);
            right = false;
        }
        *kinds += listed(window_kinds, name);
    }
    return right;
}

/* ---- by the calendar ---- */

static bool load_zone(struct rs_config *config, const struct rs_config_node *node, struct rs_aggregate *a)
{
    struct rs_error error;
    const char *name = NULL;
    if (!rs_config_string(config, node, "zone", &name)) {
        return false;
    }
    if (name && rs_zone_load(name, &a->zone, &error) != 0) {
        rs_config_complain(config, rs_config_get(node, "zone"), "%s", error.text);
        return false;
    }
    return true;
}

/* The configuration's texts do not outlive loading, which whoever explains the window does. */
static const char *zone_name(struct rs_engine *engine, const struct rs_config_node *node)
{
    const char *name = NULL;
    const struct rs_config_node *zone = rs_config_get(node, "zone");
    if (zone) {
        name = rs_config_text(zone);
    }
    return rs_arena_text(&engine->arena, name ? name : "UTC");
}

static bool init_calendar(struct rs_engine *engine, const struct rs_config_node *node,
                          enum rs_window_kind kind, enum rs_calendar_unit unit, struct rs_aggregate *a)
{
    rs_window_init_calendar(&a->window, kind, unit, a->zone);
    a->window.zone = zone_name(engine, node);
    return a->window.zone != NULL;
}

/* Complains of what would move its ends, which the calendar says. */
static bool moved(struct rs_config *config, const struct rs_config_node *node)
{
    static const char *const keys[] = {"every", "offset", NULL};
    for (size_t i = 0; keys[i]; i++) {
        if (rs_config_get(node, keys[i])) {
            rs_config_complain(config, rs_config_get(node, keys[i]), "a window by the calendar takes no %s",
                               keys[i]);
            return true;
        }
    }
    return false;
}

/* "1mo", "1q" and "1y" are nothing but cells of the calendar; "1d" and "1w" are where a zone is given. */
enum cell { CELL_NONE, CELL_ONE, CELL_SEVERAL };

static enum cell cell_of(const char *text, bool zoned, enum rs_calendar_unit *unit)
{
    static const char *const suffixes[] = {"d", "w", "mo", "q", "y"};
    size_t digits = text ? strspn(text, "0123456789") : 0;
    for (size_t i = 0; digits && i < sizeof suffixes / sizeof *suffixes; i++) {
        bool always = i >= RS_CALENDAR_MONTH;
        if (strcmp(text + digits, suffixes[i]) == 0 && (always || zoned)) {
            *unit = (enum rs_calendar_unit)i;
            return digits == 1 && text[0] == '1' ? CELL_ONE : CELL_SEVERAL;
        }
    }
    return CELL_NONE;
}

static bool load_cell(struct rs_config *config, struct rs_engine *engine, const struct rs_config_node *node,
                      struct rs_aggregate *a)
{
    const struct rs_config_node *where = rs_config_get(node, "tumbling");
    enum rs_calendar_unit unit = RS_CALENDAR_DAY;
    switch (cell_of(rs_config_text(where), true, &unit)) {
    case CELL_ONE: break;
    case CELL_SEVERAL:
        rs_config_complain(config, where,
                           "windows by the calendar are of one unit: 1d, 1w, 1mo, 1q or 1y in a zone");
        return false;
    case CELL_NONE:
        rs_config_complain(
            config, rs_config_get(node, "zone"),
            "zone belongs to windows by the calendar: tumbling 1d, 1w, 1mo, 1q or 1y, and since; "
            "offset moves the others");
        return false;
    }
    if (moved(config, node)) {
        return false;
    }
    return load_zone(config, node, a) && init_calendar(engine, node, RS_WINDOW_TUMBLING, unit, a);
}

/* Hours are those of UTC but in zones that are half or a quarter of an hour apart. */
static bool load_since_hour(struct rs_config *config, struct rs_engine *engine,
                            const struct rs_config_node *node, struct rs_aggregate *a)
{
    int64_t part = 0;
    if (!rs_zone_hour_part(a->zone, &part)) {
        rs_config_complain(config, rs_config_get(node, "zone"),
                           "hours of this zone have not begun at the same minute since 1970: give its offset "
                           "instead, such as +05:30");
        return false;
    }
    rs_window_init(&a->window, RS_WINDOW_TUMBLING, HOUR_US, HOUR_US);
    a->window.kind = RS_WINDOW_SLIDING;
    a->window.since = true;
    a->window.offset_us = part ? HOUR_US - part : 0;
    a->window.zone = zone_name(engine, node);
    return a->window.zone != NULL;
}

static bool load_since(struct rs_config *config, struct rs_engine *engine, const struct rs_config_node *node,
                       struct rs_aggregate *a)
{
    static const char *const units[] = {"hour", "day", "week", "month", "quarter", "year", NULL};
    const struct rs_config_node *where = rs_config_get(node, "since");
    const char *name = rs_config_text(where);
    enum rs_calendar_unit unit = RS_CALENDAR_DAY;
    if (!listed(units, name)) {
        rs_config_complain(config, where,
                           "since is one of hour, day, week, month, quarter, year and session");
        return false;
    }
    if (moved(config, node)) {
        return false;
    }
    if (!load_zone(config, node, a)) {
        return false;
    }
    if (!rs_calendar_unit_find(name, &unit)) {
        return load_since_hour(config, engine, node, a);
    }
    bool made = init_calendar(engine, node, RS_WINDOW_SLIDING, unit, a);
    a->window.since = true;
    return made;
}

/* ---- by the trading days of an exchange ---- */

static bool load_session(struct rs_config *config, struct rs_engine *engine,
                         const struct rs_config_node *node, const char *kind, struct rs_aggregate *a)
{
    const struct rs_config_node *zone = rs_config_get(node, "zone");
    const char *zone_name = NULL;
    if (!a->calendar) {
        rs_config_complain(
            config, rs_config_get(node, kind),
            "sessions of an exchange need `calendar: FILE`, of this aggregate or of its stream");
        return false;
    }
    if (zone) {
        rs_config_complain(config, zone,
                           "the hours of a session are those of its calendar, which has the zone");
        return false;
    }
    if (moved(config, node)) {
        return false;
    }
    bool since = kind[0] == 's';
    const struct rs_calendar *calendar = rs_trading_calendar(
        &engine->tradings, a->calendar, since ? RS_CALENDAR_TRADING_DAY : RS_CALENDAR_SESSION, &zone_name);
    rs_window_init_sessions(&a->window, since ? RS_WINDOW_SLIDING : RS_WINDOW_TUMBLING, calendar);
    a->window.since = since;
    a->window.zone = zone_name;
    return true;
}

/* Whether the window is one of sessions. */
static bool of_sessions(const struct rs_config_node *node, const char *kind)
{
    const char *text = rs_config_text(rs_config_get(node, kind));
    return text && strcmp(text, "session") == 0;
}

/* ---- of a fixed size ---- */

static bool load_offset(struct rs_config *config, const struct rs_config_node *node, struct rs_aggregate *a)
{
    const struct rs_config_node *where = rs_config_get(node, "offset");
    int64_t offset = 0;
    if (!rs_config_duration(config, node, "offset", 0, SIZE_MAX_US, &offset)) {
        return false;
    }
    if (offset >= a->window.every_us) {
        rs_config_complain(config, where, "offset has to be shorter than %s: windows repeat after that",
                           a->window.kind == RS_WINDOW_SLIDING ? "every" : "the window");
        return false;
    }
    a->window.offset_us = offset;
    return true;
}

static bool load_sized(struct rs_config *config, const struct rs_config_node *node, const char *kind,
                       struct rs_aggregate *a)
{
    int64_t size = 0;
    int64_t every = 0;
    bool sliding = kind[0] == 's';
    const struct rs_config_node *where = rs_config_get(node, kind);
    if (sliding && rs_config_get(node, "zone")) {
        rs_config_complain(config, rs_config_get(node, "zone"),
                           "a sliding window has no zone: it is as long on all days; since: day begins at "
                           "midnight of one");
        return false;
    }
    if (!rs_config_duration(config, node, kind, 1, SIZE_MAX_US, &size) ||
        !rs_config_duration(config, node, "every", 1, SIZE_MAX_US, &every)) {
        return false;
    }
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
    return load_offset(config, node, a);
}

static bool load_tumbling(struct rs_config *config, struct rs_engine *engine,
                          const struct rs_config_node *node, struct rs_aggregate *a)
{
    const struct rs_config_node *where = rs_config_get(node, "tumbling");
    const char *text = rs_config_text(where);
    bool zoned = rs_config_get(node, "zone") != NULL;
    enum rs_calendar_unit unit;
    if (zoned || cell_of(text, false, &unit) != CELL_NONE) {
        return load_cell(config, engine, node, a);
    }
    if (text && strcmp(text, "1w") == 0 && !rs_config_get(node, "offset")) {
        rs_config_warn(
            config, where,
            "weeks without a zone begin on Thursdays, as the epoch did; with one, \"zone: UTC\" or "
            "another, they begin on Mondays");
    }
    return load_sized(config, node, "tumbling", a);
}

/* ---- sessions by a gap ---- */

/* History tells windows apart by their starts in whole milliseconds. */
#define GAP_MIN_US 1000

static bool load_gap(struct rs_config *config, const struct rs_config_node *node, struct rs_aggregate *a)
{
    static const struct {
        const char *key, *why;
    } misplaced[] = {
        {"every", "a session takes no every: it ends when no event came for as long as its gap"},
        {"offset", "a session takes no offset: it begins with its first event"},
        {"zone", "a session takes no zone: it begins with its first event, whatever the clocks say"},
    };
    int64_t gap = 0;
    for (size_t i = 0; i < sizeof misplaced / sizeof *misplaced; i++) {
        if (rs_config_get(node, misplaced[i].key)) {
            rs_config_complain(config, rs_config_get(node, misplaced[i].key), "%s", misplaced[i].why);
            return false;
        }
    }
    if (!rs_config_duration(config, node, "session", GAP_MIN_US, SIZE_MAX_US, &gap)) {
        return false;
    }
    if (a->upsert && !a->plan->stream->unread) {
        rs_config_complain(config, rs_config_get(node, "session"),
                           "sessions are of append streams: an upsert stream has one value for each period; "
                           "there are tumbling, sliding with every, all and last");
        return false;
    }
    rs_window_init(&a->window, RS_WINDOW_SESSION, gap, gap);
    return true;
}

/* ---- without ends ---- */

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
    bool events = !a->upsert && !a->plan->stream->unread;
    int64_t last = 0;
    int64_t most = events ? RS_WINDOW_LAST_MAX : a->plan->stream->max_periods;
    if (!rs_config_int(config, node, "last", 1, most, &last)) {
        return false;
    }
    rs_window_init(&a->window, RS_WINDOW_LAST, 0, 0);
    a->window.last = last;
    return true;
}

/* ---- all together ---- */

bool rs_aggregate_load_window(struct rs_config *config, struct rs_engine *engine,
                              const struct rs_config_node *parent, struct rs_aggregate *a)
{
    static const char *const belonging[] = {"every", "offset", "zone", NULL};
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
    if (rs_config_get(node, "tumbling") && of_sessions(node, "tumbling")) {
        return load_session(config, engine, node, "tumbling", a);
    }
    if (rs_config_get(node, "since") && of_sessions(node, "since")) {
        return load_session(config, engine, node, "since", a);
    }
    if (rs_config_get(node, "tumbling")) {
        return load_tumbling(config, engine, node, a);
    }
    if (rs_config_get(node, "sliding")) {
        return load_sized(config, node, "sliding", a);
    }
    if (rs_config_get(node, "since")) {
        return load_since(config, engine, node, a);
    }
    if (rs_config_get(node, "session")) {
        return load_gap(config, node, a);
    }
    for (size_t i = 0; belonging[i]; i++) {
        if (rs_config_get(node, belonging[i])) {
            rs_config_complain(config, rs_config_get(node, belonging[i]), "%s belongs to %s", belonging[i],
                               i == 0   ? "sliding"
                               : i == 1 ? "tumbling and sliding"
                                        : "tumbling and since");
            return false;
        }
    }
    return rs_config_get(node, "all") ? load_all(config, node, a) : load_last(config, node, a);
}
