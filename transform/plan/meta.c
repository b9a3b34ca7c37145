#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/buf.h"
#include "transform/pane/derived.h"
#include "transform/plan/plan.h"

/* ---- names ---- */

static uint32_t window_fields(const struct rs_aggregate *a)
{
    /* The last periods of an upsert stream have a first and a last one; all time has neither. */
    return a->window.kind == RS_WINDOW_ALL ? 0 : 2;
}

/* The order is that in which partition/show.c writes the values; `revision` is the last. */
static int name_fields(struct rs_engine *engine, struct rs_aggregate *a, struct rs_error *error)
{
    size_t stats = rs_pane_field_count(a->layout);
    const char **names = rs_arena_array(&engine->arena, stats + 6, sizeof *names);
    if (!names) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    uint32_t count = 0;
    for (size_t i = 0; i < stats; i++) {
        names[count++] = rs_pane_field_name(a->layout, i);
    }
    a->stat_fields = count;
    if (window_fields(a)) {
        names[count++] = "window_start";
        names[count++] = "window_end";
    }
    names[count++] = "event_time";
    names[count++] = "events";
    if (a->fill != RS_FILL_NONE) {
        a->meta->filled = count;
        names[count++] = "filled";
    }
    if (a->history) {
        names[count++] = "revision";
    }
    a->meta->fields = names;
    a->meta->field_count = count;
    a->meta->stat_count = a->stat_fields;
    return 0;
}

/* ohlc makes four names out of one, so that names may meet which are not the same in the configuration. */
static void check_names(struct rs_config *config, const struct rs_aggregate *a)
{
    static const char *const taken[] = {"window_start", "window_end", "event_time", "events", "revision"};
    const struct rs_config_node *stats = rs_config_get(a->node, "stats");
    for (uint32_t i = 0; i < a->stat_fields; i++) {
        const char *name = a->meta->fields[i];
        bool twice = a->fill != RS_FILL_NONE && strcmp(name, "filled") == 0;
        for (size_t k = 0; k < sizeof taken / sizeof *taken; k++) {
            twice |= strcmp(name, taken[k]) == 0;
        }
        for (uint32_t k = 0; k < i; k++) {
            twice |= strcmp(name, a->meta->fields[k]) == 0;
        }
        if (twice) {
            rs_config_complain(config, stats, "two values of aggregate %s would be called \"%s\"", a->name,
                               name);
        }
    }
}

/* ---- JSON for rs:meta ---- */

static void json_text(struct rs_buf *out, const char *text)
{
    rs_buf_json_string(out, rs_slice_text(text));
}

static void json_duration(struct rs_buf *out, const char *name, int64_t us)
{
    char text[64];
    rs_duration_format(us, text, sizeof text);
    rs_buf_printf(out, "\"%s\":\"%s\"", name, text);
}

/* What only some windows have: where they begin, and whose clocks tell it. */
static void json_place(struct rs_buf *out, const struct rs_window *window)
{
    if (window->offset_us && !window->since) {
        rs_buf_char(out, ',');
        json_duration(out, "offset", window->offset_us);
    }
    if (window->zone) {
        rs_buf_text(out, ",\"zone\":");
        json_text(out, window->zone);
    }
}

static void json_window(struct rs_buf *out, const struct rs_window *window)
{
    rs_buf_char(out, '{');
    switch (window->kind) {
    case RS_WINDOW_TUMBLING:
        if (window->by_calendar) {
            rs_buf_printf(out, "\"tumbling\":\"%s\"", rs_window_cell_text(window));
        } else {
            json_duration(out, "tumbling", window->size_us);
        }
        break;
    case RS_WINDOW_SLIDING:
        if (window->since) {
            rs_buf_printf(out, "\"since\":\"%s\"", rs_window_since_text(window));
            break;
        }
        json_duration(out, "sliding", window->size_us);
        rs_buf_char(out, ',');
        json_duration(out, "every", window->every_us);
        break;
    case RS_WINDOW_SESSION: json_duration(out, "session", window->size_us); break;
    case RS_WINDOW_ALL: rs_buf_text(out, "\"all\":true"); break;
    case RS_WINDOW_LAST: rs_buf_printf(out, "\"last\":%lld", (long long)window->last); break;
    }
    json_place(out, window);
    rs_buf_char(out, '}');
}

static void json_stats(struct rs_buf *out, const struct rs_stats *stats)
{
    rs_buf_char(out, '{');
    for (size_t i = 0; i < stats->count; i++) {
        const struct rs_stat *stat = &stats->items[i];
        if (i) {
            rs_buf_char(out, ',');
        }
        json_text(out, stat->spec.name);
        rs_buf_text(out, ":{\"expression\":");
        json_text(out, stat->expression);
        if (stat->unit) {
            rs_buf_text(out, ",\"unit\":");
            json_text(out, stat->unit);
        }
        rs_buf_char(out, '}');
    }
    rs_buf_char(out, '}');
}

static void json_meta(struct rs_buf *out, const struct rs_aggregate *a)
{
    rs_buf_text(out, "{\"stream\":");
    json_text(out, a->plan->stream->name);
    rs_buf_text(out, ",\"by\":[");
    for (size_t i = 0; i < a->by.count; i++) {
        if (i) {
            rs_buf_char(out, ',');
        }
        json_text(out, a->plan->slots.paths[a->by.parts[i].slot]);
    }
    rs_buf_text(out, "],\"window\":");
    json_window(out, &a->window);
    rs_buf_text(out, ",\"stats\":");
    json_stats(out, &a->stats);
    rs_buf_printf(out, ",\"history\":%u", a->history);
    if (a->fill != RS_FILL_NONE) {
        rs_buf_printf(out, ",\"fill\":\"%s\"", rs_fill_name(a->fill));
    }
    if (a->only_closed) {
        rs_buf_text(out, ",\"publish\":[\"closed\"]");
    }
    if (a->delay_us) {
        rs_buf_char(out, ',');
        json_duration(out, "delay", a->delay_us);
    }
    rs_buf_char(out, '}');
}

/* ---- fingerprint ---- */

/* Place of the argument that names an input first. */
static size_t first_use(const struct rs_aggregate *a, int input)
{
    for (size_t i = 0; i < a->stats.count; i++) {
        const struct rs_stat_spec *spec = &a->stats.items[i].spec;
        if (spec->x == input || spec->w == input) {
            return 2 * i + (spec->x != input);
        }
    }
    return 2 * a->stats.count;
}

/* What the stored bytes of a group hang on. Names, units, `where`, how many windows are kept and when they are
 * shown may change freely. */
static void fingerprint(struct rs_buf *scratch, struct rs_aggregate *a)
{
    const struct rs_window *w = &a->window;
    rs_buf_reset(scratch);
    /* How long the cells of a zone's calendar are may change with the next release of the zones. */
    rs_buf_printf(scratch, "%d %lld %lld %lld %d %d", (int)w->kind,
                  (long long)(w->by_calendar ? 0 : w->size_us), (long long)(w->by_calendar ? 0 : w->every_us),
                  (long long)w->last, a->upsert, a->history > 0);
    if (w->by_calendar) {
        rs_buf_printf(scratch, " %s %s", rs_calendar_unit_name(w->calendar.unit), w->zone);
    } else if (w->offset_us) {
        rs_buf_printf(scratch, " +%lld", (long long)w->offset_us);
    }
    for (size_t i = 0; i < a->by.count; i++) {
        const struct rs_field_type *type = &a->by.parts[i].type;
        rs_buf_printf(scratch, ";%s %d %d %d", a->plan->slots.paths[a->by.parts[i].slot], (int)type->kind,
                      (int)type->schema->kind, type->scale);
    }
    for (size_t i = 0; i < a->stats.count; i++) {
        if (a->stats.items[i].spec.kind == RS_STAT_DERIVED) {
            continue; /* nothing of it is stored */
        }
        rs_buf_printf(scratch, ";%s", a->stats.items[i].expression);
    }
    for (uint32_t i = 0; i < a->input_count; i++) {
        const struct rs_input *input = &a->plan->inputs.items[a->inputs[i]];
        rs_buf_printf(scratch, ";%d %d %d %d", (int)input->convert, (int)input->type.kind, input->type.scale,
                      input->type.required);
        if (input->where) {
            rs_buf_printf(scratch, ";%d where %s", input->inner ? (int)input->inner->convert : 0,
                          input->where);
        }
        if (input->formula) {
            rs_formula_fingerprint(input->formula, scratch);
        }
    }
    a->former_fingerprint = scratch->failed ? 0 : XXH3_64bits(scratch->data, scratch->size);
    /* Inputs are stored in the order of their numbers, which other aggregates of the stream have a part in: each is
     * told by the statistic that uses it first. */
    for (uint32_t i = 0; i < a->input_count; i++) {
        rs_buf_printf(scratch, ";at %zu", first_use(a, (int)a->inputs[i]));
    }
    a->fingerprint = scratch->failed ? 0 : XXH3_64bits(scratch->data, scratch->size);
}

/* ---- all together ---- */

/* Without events there are none, none of them is different from another, and their sum is 0: those have a value
 * then, and no others. */
static int list_empty_fields(struct rs_engine *engine, struct rs_aggregate *a, struct rs_error *error)
{
    uint32_t field = 0;
    a->empty_fields = rs_arena_array(&engine->arena, a->stat_fields + 1, sizeof *a->empty_fields);
    if (!a->empty_fields) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < a->stats.count; i++) {
        enum rs_stat_kind kind = a->stats.items[i].spec.kind;
        a->empty_fields[field] = kind == RS_STAT_COUNT || kind == RS_STAT_SUM || kind == RS_STAT_DISTINCT;
        field += (uint32_t)rs_stat_field_count(kind);
    }
    RS_ASSERT(field == a->stat_fields);
    return 0;
}

/* Ascending: rs_register_fold takes the last for the highest. */
static int list_inputs(struct rs_engine *engine, struct rs_aggregate *a, struct rs_error *error)
{
    a->inputs = rs_arena_array(&engine->arena, a->plan->inputs.count + 1, sizeof *a->inputs);
    if (!a->inputs) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < a->plan->inputs.count; i++) {
        bool used = false;
        for (size_t k = 0; k < a->stats.count; k++) {
            used |= a->stats.items[k].spec.x == (int)i || a->stats.items[k].spec.w == (int)i;
        }
        if (used) {
            a->inputs[a->input_count++] = (uint32_t)i;
        }
    }
    return 0;
}

static int make_layout(struct rs_engine *engine, struct rs_aggregate *a, struct rs_error *error)
{
    struct rs_stat_spec *specs = rs_arena_array(&engine->arena, a->stats.count + 1, sizeof *specs);
    if (!specs) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < a->stats.count; i++) {
        specs[i] = a->stats.items[i].spec;
    }
    int rc = rs_pane_layout_new(specs, a->stats.count, a->plan->inputs.types, a->plan->inputs.count,
                                &a->layout, error);
    if (rc < 0) {
        return rs_error_prefix(error, "aggregate %s", a->name);
    }
    rs_pane_layout_derive(a->layout, a->stats.derived, a->stats.derived_count);
    a->pane_size = rs_pane_size(a->layout);
    a->needs_previous = rs_pane_needs_previous(a->layout);
    return 0;
}

static int make_meta(struct rs_engine *engine, struct rs_aggregate *a, struct rs_error *error)
{
    struct rs_buf json = {0};
    json_meta(&json, a);
    const char *text = json.failed ? NULL : rs_arena_slice(&engine->arena, rs_buf_slice(&json));
    fingerprint(&json, a);
    bool failed = json.failed;
    rs_buf_fini(&json);
    if (!text || failed) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    a->meta->name = a->name;
    a->meta->stream = a->plan->stream->name;
    a->meta->stream_index = a->plan->stream->index;
    a->meta->history = a->history;
    a->meta->grouped = a->by.count > 0;
    a->meta->json = text;
    return name_fields(engine, a, error);
}

int rs_aggregate_finish(struct rs_config *config, struct rs_engine *engine, struct rs_aggregate *a,
                        struct rs_error *error)
{
    int rc = list_inputs(engine, a, error);
    if (rc == 0) {
        rc = make_layout(engine, a, error);
    }
    if (rc == 0) {
        rc = make_meta(engine, a, error);
    }
    if (rc == 0) {
        rc = list_empty_fields(engine, a, error);
    }
    if (rc == 0) {
        check_names(config, a);
    }
    return rc;
}
