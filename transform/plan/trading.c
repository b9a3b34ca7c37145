#include "transform/plan/trading.h"

#include <stdlib.h>
#include <string.h>

#include "base/time/civil.h"
#include "base/time/text.h"
#include "transform/plan/slots.h"

#define NAMED_MAX    20000
#define NAMED_FROM   1800 /* what rs_calendar_init_sessions looks through */
#define NAMED_BEFORE 2440
#define SECONDS      86400 /* of a day, as clocks show it */
#define ERRORS_MAX   20

struct rs_trading {
    const char *path;
    const char *zone_name;
    struct rs_zone *zone;
    struct rs_sessions sessions;
    struct rs_calendar days, opened; /* by its two units; made when one is asked for */
};

/* One file while it is read. */
struct reading {
    struct rs_config *config; /* of the file itself */
    struct rs_arena *arena;
    struct rs_session_day *days; /* special ones, in the order of the file */
    size_t count;
    bool right;
};

static const char *const day_names[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun", NULL};

/* ---- hours ---- */

/* "09:30" or "09:30:15"; NULL: neither. */
static const char *clock_time(const char *at, int32_t *seconds)
{
    int32_t parts[3] = {0};
    int count = 0;
    do {
        if (at[0] < '0' || at[0] > '9' || at[1] < '0' || at[1] > '9') {
            return NULL;
        }
        parts[count++] = (at[0] - '0') * 10 + (at[1] - '0');
        at += 2;
    } while (count < 3 && *at == ':' && at++);
    *seconds = parts[0] * 3600 + parts[1] * 60 + parts[2];
    return count > 1 && parts[1] < 60 && parts[2] < 60 && *seconds <= SECONDS ? at : NULL;
}

static bool parse_session(const char *text, struct rs_session *out)
{
    static const char evening[] = "-1d ";
    bool before = strncmp(text, evening, sizeof evening - 1) == 0;
    const char *at = clock_time(before ? text + sizeof evening - 1 : text, &out->open_s);
    if (!at || *at != '-') {
        return false;
    }
    at = clock_time(at + 1, &out->close_s);
    out->open_s -= before ? SECONDS : 0;
    return at && *at == '\0';
}

static void read_session(struct reading *r, const struct rs_config_node *where,
                         struct rs_session_hours *hours)
{
    const char *text = rs_config_text(where);
    struct rs_session session;
    if (!text || !parse_session(text, &session)) {
        rs_config_complain(r->config, where,
                           "a session is written as \"09:30-11:30\"; one that opens on the evening before "
                           "as \"-1d 21:00-02:30\"");
    } else if (session.open_s >= session.close_s) {
        rs_config_complain(
            r->config, where,
            "this session ends before it opens; one over midnight belongs to the day on which it "
            "ends: \"-1d 21:00-02:30\"");
    } else if (hours->count > 0 && session.open_s < hours->sessions[hours->count - 1].close_s) {
        rs_config_complain(r->config, where, "this session opens before the one in front of it closes");
    } else {
        hours->sessions[hours->count++] = session;
    }
}

/* True and an empty list where there were complaints. */
static void read_hours(struct reading *r, const struct rs_config_node *node, struct rs_session_hours *hours)
{
    *hours = (struct rs_session_hours){0};
    size_t count = rs_config_kind(node) == RS_CONFIG_SEQUENCE ? rs_config_size(node) : 0;
    if (count == 0 || count > RS_SESSIONS_A_DAY) {
        rs_config_complain(r->config, node,
                           "sessions are a list of 1 to %d, as in [\"09:30-11:30\", \"13:00-15:00\"]",
                           RS_SESSIONS_A_DAY);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        read_session(r, rs_config_item(node, i), hours);
    }
}

/* ---- days of the week ---- */

static int day_of(struct reading *r, const struct rs_config_node *where)
{
    const char *name = rs_config_text(where);
    for (int i = 0; name && day_names[i]; i++) {
        if (strcmp(name, day_names[i]) == 0) {
            return i;
        }
    }
    rs_config_complain(r->config, where, "days are mon, tue, wed, thu, fri, sat and sun");
    return -1;
}

static void read_named_days(struct reading *r, const struct rs_config_node *days,
                            const struct rs_config_node *sessions, struct rs_sessions *out)
{
    struct rs_session_hours hours;
    if (!sessions) {
        rs_config_complain(r->config, days ? days : rs_config_root(r->config),
                           "a calendar needs sessions, as in [\"09:30-11:30\", \"13:00-15:00\"]");
        return;
    }
    read_hours(r, sessions, &hours);
    for (int i = 0; !days && i < 5; i++) {
        out->week[i] = hours;
    }
    for (size_t i = 0; days && i < rs_config_size(days); i++) {
        int day = day_of(r, rs_config_item(days, i));
        if (day >= 0) {
            out->week[day] = hours;
        }
    }
}

static void read_week(struct reading *r, const struct rs_config_node *root, struct rs_sessions *out)
{
    const struct rs_config_node *days = rs_config_get(root, "days");
    const struct rs_config_node *sessions = rs_config_get(root, "sessions");
    if (!days || (rs_config_kind(days) == RS_CONFIG_SEQUENCE && rs_config_size(days) > 0)) {
        read_named_days(r, days, sessions, out);
        return;
    }
    if (rs_config_kind(days) != RS_CONFIG_MAPPING || rs_config_size(days) == 0) {
        rs_config_complain(r->config, days,
                           "days is a list such as [mon, tue], or hours by day: {mon: [\"09:30-15:00\"]}");
        return;
    }
    if (sessions) {
        rs_config_complain(r->config, sessions,
                           "days has the hours of each day: there is no place for sessions");
    }
    for (size_t i = 0; i < rs_config_size(days); i++) {
        const struct rs_config_node *key;
        const struct rs_config_node *value;
        rs_config_pair(days, i, &key, &value);
        int day = day_of(r, key);
        if (day >= 0) {
            read_hours(r, value, &out->week[day]);
        }
    }
}

/* ---- days by date ---- */

static const struct rs_session_hours closed_hours;

/* False: there is no room, or no memory. */
static bool add_day(struct reading *r, const struct rs_config_node *where, int64_t day,
                    const struct rs_session_hours *hours)
{
    if (r->count == NAMED_MAX) {
        rs_config_complain(r->config, where, "a calendar names %d days at most", NAMED_MAX);
        return false;
    }
    struct rs_session_day *days = rs_arena_grow(r->arena, r->days, r->count, sizeof *days);
    if (!days) {
        rs_config_complain(r->config, where, "out of memory");
        return false;
    }
    r->days = days;
    days[r->count++] = (struct rs_session_day){day, hours};
    return true;
}

static bool read_date(struct reading *r, const struct rs_config_node *where, struct rs_slice text,
                      int64_t *day)
{
    struct rs_error error;
    if (rs_date_parse(text, day, &error) == 0) {
        if (*day >= rs_days_from_civil(NAMED_FROM, 1, 1) && *day < rs_days_from_civil(NAMED_BEFORE, 1, 1)) {
            return true;
        }
        rs_config_complain(r->config, where, "a calendar names days of the years %d to %d", NAMED_FROM,
                           NAMED_BEFORE - 1);
        return false;
    }
    rs_config_complain(r->config, where,
                       "%s; a day is written as 2026-01-01, several in a row as "
                       "2026-02-16..2026-02-23",
                       error.text);
    return false;
}

static void read_closed_days(struct reading *r, const struct rs_config_node *where)
{
    const char *text = rs_config_text(where);
    const char *dots = text ? strstr(text, "..") : NULL;
    int64_t first = 0;
    int64_t last = 0;
    struct rs_slice from = dots ? rs_slice_of(text, (size_t)(dots - text)) : rs_slice_text(text ? text : "");
    if (!read_date(r, where, from, &first)) {
        return;
    }
    last = first;
    if (dots && !read_date(r, where, rs_slice_text(dots + 2), &last)) {
        return;
    }
    if (last < first) {
        rs_config_complain(r->config, where, "this range ends before it begins");
    }
    for (int64_t day = first; day <= last && add_day(r, where, day, &closed_hours); day++) {
    }
}

static void read_closed(struct reading *r, const struct rs_config_node *root)
{
    const struct rs_config_node *node = rs_config_get(root, "closed");
    if (node && rs_config_kind(node) != RS_CONFIG_SEQUENCE) {
        rs_config_complain(r->config, node,
                           "closed is a list of days, as in [2026-01-01, 2026-02-16..2026-02-23]");
        return;
    }
    for (size_t i = 0; node && i < rs_config_size(node); i++) {
        read_closed_days(r, rs_config_item(node, i));
    }
}

static void read_special(struct reading *r, const struct rs_config_node *root)
{
    const struct rs_config_node *node = rs_config_get(root, "special");
    if (node && rs_config_kind(node) != RS_CONFIG_MAPPING) {
        rs_config_complain(r->config, node,
                           "special is a mapping from day to its sessions, as in "
                           "{2026-12-24: [\"09:30-11:30\"]}");
        return;
    }
    for (size_t i = 0; node && i < rs_config_size(node); i++) {
        const struct rs_config_node *key;
        const struct rs_config_node *value;
        rs_config_pair(node, i, &key, &value);
        const char *text = rs_config_text(key);
        int64_t day = 0;
        struct rs_session_hours *hours = rs_arena_alloc(r->arena, sizeof *hours);
        if (!hours || !read_date(r, key, rs_slice_text(text ? text : ""), &day)) {
            r->right = r->right && hours;
            continue;
        }
        read_hours(r, value, hours);
        (void)add_day(r, key, day, hours);
    }
}

static int compare_days(const void *a, const void *b)
{
    int64_t x = ((const struct rs_session_day *)a)->day;
    int64_t y = ((const struct rs_session_day *)b)->day;
    return (x > y) - (x < y);
}

/* ---- what does not go together ---- */

static void complain_day(struct reading *r, int64_t day, const char *what)
{
    char text[RS_TIME_TEXT_MAX];
    size_t size = rs_date_format(day, text);
    rs_config_complain(r->config, rs_config_root(r->config), "%.*s %s", (int)size, text, what);
}

/* Hours of a day and of the one behind it, as the clocks show them. */
static bool overlap(const struct rs_session_hours *one, const struct rs_session_hours *next)
{
    return one->count > 0 && next->count > 0 &&
           next->sessions[0].open_s + SECONDS < one->sessions[one->count - 1].close_s;
}

static void check_days(struct reading *r, const struct rs_sessions *sessions)
{
    bool trades = false;
    for (int i = 0; i < 7; i++) {
        trades |= sessions->week[i].count > 0;
        if (overlap(&sessions->week[i], &sessions->week[(i + 1) % 7])) {
            rs_config_complain(r->config, rs_config_root(r->config),
                               "%s opens before the day in front of it closes", day_names[(i + 1) % 7]);
        }
    }
    if (!trades && rs_config_complaints(r->config) == 0) {
        rs_config_complain(r->config, rs_config_root(r->config), "no day of the week trades");
    }
    for (size_t i = 0; i < sessions->special_count; i++) {
        int64_t day = sessions->special[i].day;
        if (i > 0 && sessions->special[i - 1].day == day) {
            complain_day(r, day, "is named twice: a day is closed, or has hours of its own");
        }
        if (overlap(rs_sessions_of(sessions, day - 1), sessions->special[i].hours)) {
            complain_day(r, day, "opens before the day in front of it closes");
        }
        if (overlap(sessions->special[i].hours, rs_sessions_of(sessions, day + 1))) {
            complain_day(r, day + 1, "opens before the day in front of it closes");
        }
    }
}

/* ---- the file ---- */

static void read_zone(struct reading *r, const struct rs_config_node *root, struct rs_trading *out)
{
    struct rs_error error;
    const char *name = NULL;
    if (!rs_config_string(r->config, root, "zone", &name)) {
        return;
    }
    if (!name) {
        rs_config_complain(r->config, root,
                           "a calendar needs zone, such as Asia/Shanghai: its hours are those of "
                           "the clocks there");
        return;
    }
    if (rs_zone_load(name, &out->zone, &error) != 0) {
        rs_config_complain(r->config, rs_config_get(root, "zone"), "%s", error.text);
        return;
    }
    out->zone_name = rs_arena_text(r->arena, name);
    r->right = r->right && out->zone_name;
}

static void read_file(struct reading *r, struct rs_trading *out)
{
    static const char *const keys[] = {"zone", "sessions", "days", "closed", "special", NULL};
    const struct rs_config_node *root = rs_config_root(r->config);
    if (!root || !rs_config_expect_mapping(r->config, root, "a calendar", keys)) {
        return;
    }
    read_zone(r, root, out);
    read_week(r, root, &out->sessions);
    read_closed(r, root);
    read_special(r, root);
    if (r->count > 0) {
        qsort(r->days, r->count, sizeof *r->days, compare_days);
    }
    out->sessions.zone = out->zone;
    out->sessions.special = r->days;
    out->sessions.special_count = r->count;
    check_days(r, &out->sessions);
}

/* What is wrong in the file stands in it; it is told where it was named. */
static bool told_all(struct rs_config *config, const struct rs_config_node *where,
                     const struct rs_config *file)
{
    struct rs_buf report = {0};
    size_t told = 0;
    rs_config_report(file, &report);
    for (size_t at = 0; at < report.size && told < ERRORS_MAX; told++) {
        const char *line = (const char *)report.data + at;
        const char *end = memchr(line, '\n', report.size - at);
        int size = end ? (int)(end - line) : (int)(report.size - at);
        rs_config_complain(config, where, "%.*s", size, line);
        at += (size_t)size + 1;
    }
    rs_buf_fini(&report);
    return told == 0 && rs_config_complaints(file) == 0;
}

static bool load_file(struct rs_config *config, struct rs_arena *arena, const struct rs_config_node *where,
                      struct rs_trading *out)
{
    struct rs_error error;
    struct rs_config *file = NULL;
    if (rs_config_load_file(out->path, &file, &error) != 0) {
        rs_config_complain(config, where, "%s", error.text);
        return false;
    }
    struct reading r = {.config = file, .arena = arena, .right = true};
    read_file(&r, out);
    bool right = told_all(config, where, file) && r.right;
    if (!r.right) {
        rs_config_complain(config, where, "out of memory");
    }
    rs_config_free(&file);
    return right;
}

static struct rs_trading *find(const struct rs_tradings *known, const char *path)
{
    for (size_t i = 0; i < known->count; i++) {
        if (strcmp(known->items[i]->path, path) == 0) {
            return known->items[i];
        }
    }
    return NULL;
}

bool rs_trading_load(struct rs_config *config, struct rs_arena *arena, struct rs_tradings *known,
                     const struct rs_config_node *mapping, const struct rs_sessions **out)
{
    const struct rs_config_node *where = rs_config_get(mapping, "calendar");
    const char *named = NULL;
    if (!rs_config_string(config, mapping, "calendar", &named) || (where && (!named || !*named))) {
        if (named) {
            rs_config_complain(config, where, "calendar is the path of a file");
        }
        return false;
    }
    if (!where) {
        return true;
    }
    const char *path = rs_arena_path(arena, rs_config_directory(config), named);
    struct rs_trading *trading = path ? find(known, path) : NULL;
    if (trading) {
        *out = &trading->sessions;
        return true;
    }
    trading = rs_arena_alloc(arena, sizeof *trading);
    struct rs_trading **items = rs_arena_grow(arena, known->items, known->count, sizeof(struct rs_trading *));
    if (!path || !trading || !items) {
        rs_config_complain(config, where, "out of memory");
        return false;
    }
    trading->path = path;
    known->items = items;
    if (!load_file(config, arena, where, trading)) {
        rs_zone_free(&trading->zone);
        return false;
    }
    items[known->count++] = trading;
    *out = &trading->sessions;
    return true;
}

void rs_tradings_fini(struct rs_tradings *known)
{
    for (size_t i = 0; i < known->count; i++) {
        rs_zone_free(&known->items[i]->zone);
    }
    known->count = 0;
}

const struct rs_calendar *rs_trading_calendar(const struct rs_tradings *known,
                                              const struct rs_sessions *sessions, enum rs_calendar_unit unit,
                                              const char **zone)
{
    size_t i = 0;
    while (&known->items[i]->sessions != sessions) {
        i++;
    }
    struct rs_trading *trading = known->items[i];
    if (!trading->days.sessions) {
        rs_calendar_init_sessions(&trading->days, &trading->opened, sessions);
    }
    *zone = trading->zone_name;
    return unit == RS_CALENDAR_TRADING_DAY ? &trading->days : &trading->opened;
}
