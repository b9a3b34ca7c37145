/* One group's state in full, for people who ask why a number is what it is. */
#include <inttypes.h>

#include "base/time/text.h"
#include "transform/group/group.h"
#include "transform/group/upsert.h"
#include "transform/partition/internal.h"
#include "transform/partition/show.h"

struct describer {
    struct rs_partition *p;
    struct rs_groups *gs;
    struct rs_buf *out;
    bool first; /* of the fields being listed */
};

/* ---- pieces ---- */

static void put_time(const char *name, int64_t us, struct rs_buf *out)
{
    char text[RS_TIME_TEXT_MAX];
    rs_buf_printf(out, "\"%s\":", name);
    if (us == RS_TIME_NONE || us == RS_WINDOW_NEVER || !rs_time_in_range(us)) {
        rs_buf_text(out, "null");
        return;
    }
    rs_buf_json_string(out, rs_slice_of(text, rs_time_format(us, text)));
}

static void put_flag(const char *name, bool value, struct rs_buf *out)
{
    rs_buf_printf(out, ",\"%s\":%s", name, value ? "true" : "false");
}

/* Numbers stand as texts: JSON readers would round them. */
static void put_field(struct describer *d, const char *name, struct rs_slice text)
{
    rs_buf_text(d->out, d->first ? "" : ",");
    d->first = false;
    rs_buf_json_string(d->out, rs_slice_text(name));
    rs_buf_char(d->out, ':');
    rs_buf_json_string(d->out, text);
}

static void take_statistic(void *ctx, size_t field, const char *text, size_t size)
{
    struct describer *d = ctx;
    put_field(d, rs_pane_field_name(d->gs->aggregate->layout, field), rs_slice_of(text, size));
}

/* What the statistics would be over this pane alone. */
static void put_statistics(struct describer *d, const void *pane, int64_t span_us)
{
    rs_buf_text(d->out, ",\"stats\":{");
    d->first = true;
    rs_pane_render(d->gs->aggregate->layout, pane, NULL, span_us, d->p->scratch, take_statistic, d);
    rs_buf_char(d->out, '}');
}

/* ---- panes ---- */

static uint64_t revisions(const struct rs_groups *gs, const struct rs_node *node)
{
    if (gs->aggregate->window.kind != RS_WINDOW_SLIDING) {
        return node->revision;
    }
    uint64_t count = 0;
    for (uint32_t i = node->revision; i != RS_NONE;) {
        const struct rs_revision *entry = rs_slabs_at(&gs->revisions, i);
        count += entry->count;
        i = entry->next;
    }
    return count;
}

static void put_pane(struct describer *d, const struct rs_node *node)
{
    const struct rs_window *w = &d->gs->aggregate->window;
    bool bounded = rs_window_ends(w);
    int64_t end_us = !bounded                    ? RS_TIME_NONE
                     : rs_groups_sessions(d->gs) ? rs_session_end(d->gs, node)
                                                 : rs_window_slice_end(w, node->start_us);
    rs_buf_char(d->out, '{');
    put_time("from", bounded ? node->start_us : RS_TIME_NONE, d->out);
    rs_buf_char(d->out, ',');
    put_time("to", bounded ? end_us : RS_TIME_NONE, d->out);
    rs_buf_printf(d->out, ",\"events\":%" PRIu64 ",", rs_pane_events(node->pane));
    put_time("newest_event", rs_pane_newest_us(node->pane), d->out);
    rs_buf_printf(d->out, ",\"late_within_lateness\":%" PRIu64, revisions(d->gs, node));
    put_flag("only_for_change", node->flags & RS_NODE_CARRY, d->out);
    put_statistics(d, node->pane, bounded ? end_us - node->start_us : 0);
    rs_buf_char(d->out, '}');
}

static void put_panes(struct describer *d, const struct rs_group *g)
{
    rs_buf_text(d->out, ",\"panes\":[");
    for (uint32_t at = g->oldest; at != RS_NONE; at = rs_node_at(d->gs, at)->newer) {
        rs_buf_text(d->out, at == g->oldest ? "" : ",");
        put_pane(d, rs_node_at(d->gs, at));
    }
    rs_buf_char(d->out, ']');
}

/* ---- registers ---- */

static void put_register(struct describer *d, const struct rs_register *r)
{
    void *pane = d->gs->total;
    rs_buf_char(d->out, '{');
    put_time("period", r->period_us, d->out);
    rs_buf_printf(d->out, ",\"version\":%" PRId64 ",\"offset\":%" PRId64 ",\"revision\":%" PRIu32, r->version,
                  r->offset, r->revision);
    put_flag("withdrawn", r->flags & RS_REGISTER_WITHDRAWN, d->out);
    put_flag("filtered", r->flags & RS_REGISTER_FILTERED, d->out);
    if (rs_register_present(r)) {
        rs_pane_fini(d->gs->aggregate->layout, pane);
        rs_pane_init(d->gs->aggregate->layout, pane);
        rs_register_fold(d->gs, r, NULL, pane);
        const struct rs_window *w = &d->gs->aggregate->window;
        int64_t cell_us =
            w->by_calendar ? rs_window_first_end(w, r->period_us) - rs_window_slice(w, r->period_us) : 0;
        put_statistics(d, pane, w->by_calendar ? cell_us : w->size_us);
    }
    rs_buf_char(d->out, '}');
}

static void put_registers(struct describer *d, const struct rs_upsert_group *g)
{
    rs_buf_text(d->out, ",\"registers\":[");
    for (uint32_t i = 0; i < g->count; i++) {
        rs_buf_text(d->out, i == 0 ? "" : ",");
        put_register(d, rs_register_at(d->gs, g, i));
    }
    rs_buf_char(d->out, ']');
}

/* ---- the view ---- */

/* The very fields that Redis gets. */
static void put_view(struct describer *d, uint32_t number, struct rs_slice key)
{
    struct rs_view_batch *batch = rs_view_batch_new();
    size_t cursor = 0;
    struct rs_op op;
    rs_buf_text(d->out, ",\"view\":{");
    d->first = true;
    if (!batch) {
        d->out->failed = true;
        return;
    }
    struct rs_shower shower = {d->gs, d->p->scratch, batch,
                               rs_partition_now(d->p, d->gs, rs_group_at(d->gs, number)), key};
    if (rs_show_view(&shower, number, 0) && rs_batch_next(batch, &cursor, &op)) {
        struct rs_op_field field;
        for (size_t at = 0; rs_op_field_next(&op, &at, &field);) {
            put_field(d, d->gs->aggregate->meta->fields[field.field], field.text);
        }
    }
    d->out->failed = d->out->failed || batch->ops.failed;
    rs_buf_char(d->out, '}');
    rs_view_batch_free(&batch);
}

/* ---- the group ---- */

/* Groups are found by their bytes, and people have the text: all are looked at. */
static uint32_t find_group(struct rs_partition *p, const struct rs_groups *gs, struct rs_slice key)
{
    for (uint32_t number = 0; number < gs->groups.touched; number++) {
        if (!rs_groups_live(gs, number) || rs_group_at(gs, number)->flags & RS_GROUP_DROPPED) {
            continue;
        }
        rs_buf_reset(&p->key_text);
        rs_key_render(&gs->aggregate->by, rs_group_key(gs, rs_group_at(gs, number)), &p->key_text);
        if (rs_slice_equal(rs_buf_slice(&p->key_text), key)) {
            return number;
        }
    }
    return RS_NONE;
}

/* What is shown is brought up to date first, so that the view is the one that Redis would get now. */
static void describe(struct describer *d, uint32_t number, struct rs_slice key)
{
    const struct rs_group *g = rs_group_at(d->gs, number);
    rs_buf_text(d->out, "{\"aggregate\":");
    rs_buf_json_string(d->out, rs_slice_text(d->gs->aggregate->name));
    rs_buf_text(d->out, ",\"key\":");
    rs_buf_json_string(d->out, key);
    rs_buf_char(d->out, ',');
    rs_partition_show_front(d->p);
    put_time("clock", g->clock_us, d->out);
    rs_buf_char(d->out, ',');
    put_time("shown_as_of", rs_partition_now(d->p, d->gs, g), d->out);
    rs_buf_char(d->out, ',');
    put_time("window_not_acknowledged",
             d->gs->aggregate->history > 0 ? rs_group_pending(d->gs, number) : RS_WINDOW_NEVER, d->out);
    put_view(d, number, key);
    if (d->gs->aggregate->upsert) {
        put_registers(d, (const struct rs_upsert_group *)(const void *)g);
    } else {
        put_panes(d, g);
    }
    rs_buf_char(d->out, '}');
}

bool rs_partition_describe_group(struct rs_partition *p, uint32_t aggregate, struct rs_slice key,
                                 struct rs_buf *json)
{
    for (uint32_t i = 0; i < p->group_sets; i++) {
        struct rs_groups *gs = &p->groups[i];
        uint32_t number = gs->aggregate->index == aggregate ? find_group(p, gs, key) : RS_NONE;
        if (number != RS_NONE) {
            struct describer d = {.p = p, .gs = gs, .out = json};
            describe(&d, number, key);
            return true;
        }
    }
    return false;
}
