#include "transform/partition/explain.h"

#include "base/time/text.h"
#include "transform/group/groups.h"
#include "transform/group/last.h"
#include "transform/group/upsert.h"
#include "transform/plan/engine.h"
#include "transform/plan/plan.h"

/* Bytes of a short key in the arena, and of a group's place in an index between three eighths and three
 * quarters full. */
#define KEY_BYTES  24
#define SLOT_BYTES 14

static void put_duration(struct rs_buf *out, const char *before, int64_t us)
{
    char text[64];
    if (us == INT64_MAX) {
        rs_buf_printf(out, "%snever", before);
        return;
    }
    rs_duration_format(us, text, sizeof text);
    rs_buf_printf(out, "%s%s", before, text);
}

static void put_bytes(struct rs_buf *out, uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes;
    size_t unit = 0;
    while (value >= 1024 && unit + 1 < sizeof units / sizeof *units) {
        value /= 1024;
        unit++;
    }
    rs_buf_printf(out, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

/* ---- streams ---- */

static void explain_fields(const struct rs_plan *plan, struct rs_buf *out)
{
    rs_buf_text(out, "  fields read:");
    for (size_t i = 0; i < plan->slots.count; i++) {
        const struct rs_field_type *type = &plan->slots.types[i];
        rs_buf_printf(out, "%s %s (%s", i ? "," : "", plan->slots.paths[i], rs_field_type_name(type));
        if (type->kind == RS_VALUE_DECIMAL) {
            rs_buf_printf(out, " %d,%d", type->precision, type->scale);
        }
        if (plan->scales[i] >= 0) {
            rs_buf_printf(out, ", taken at %d digits after the point", plan->scales[i]);
        }
        rs_buf_text(out, type->nullable ? ", may be null)" : ")");
    }
    rs_buf_char(out, '\n');
}

static void explain_identity(const struct rs_stream *stream, struct rs_buf *out)
{
    if (stream->id_count > 0) {
        rs_buf_text(out, "  duplicates: events with the same");
        for (size_t i = 0; i < stream->id_count; i++) {
            rs_buf_printf(out, "%s%s", i ? ", " : " ", stream->id_paths[i]);
        }
        put_duration(out, " within ", stream->dedup_us);
        rs_buf_printf(out, ", up to %lld ids a partition\n", (long long)stream->dedup_max);
    }
    rs_buf_text(out, "  key:");
    for (size_t i = 0; i < stream->key_count; i++) {
        rs_buf_printf(out, "%s%s", i ? ", " : " ", stream->key_paths[i]);
    }
    rs_buf_text(out, stream->key_count ? "\n" : " none: events of one group must be in one partition\n");
}

static void explain_limits(const struct rs_stream *stream, struct rs_buf *out)
{
    rs_buf_text(out, "  limits: ");
    put_bytes(out, (uint64_t)stream->max_record_bytes);
    rs_buf_printf(out, " a record, %u items in it, %u levels\n", stream->limits.items, stream->limits.depth);
    if (stream->limits.lenient_trailing) {
        rs_buf_text(out, "  passed by: bytes behind the last field\n");
    }
    if (stream->limits.lenient_utf8) {
        rs_buf_text(out, "  passed by: bytes that are no UTF-8, in texts that nothing uses\n");
    }
}

static void explain_rules(const struct rs_rules *rules, struct rs_buf *out)
{
    for (size_t i = 0; i < rules->count; i++) {
        const char *reason = rs_rules_own_reason(rules, (int)i);
        enum rs_on_fail on_fail = rs_rules_on_fail(rules, (int)i);
        rs_buf_printf(out, "  %s%s", i ? "       " : "rules: ", rs_rules_name(rules, (int)i));
        rs_buf_text(out, on_fail == RS_ON_FAIL_REJECT  ? ", or the event is rejected"
                         : on_fail == RS_ON_FAIL_COUNT ? ", or it is counted that it is not so"
                                                       : ", or that is counted and the field taken as null");
        rs_buf_printf(out, "%s%s%s\n", reason ? " (" : "", reason ? reason : "", reason ? ")" : "");
    }
}

static void explain_topics(const struct rs_streams *streams, const struct rs_stream *stream,
                           struct rs_buf *out)
{
    const char *before = "";
    rs_buf_text(out, stream->several ? "  topics: " : "  topic: ");
    for (size_t i = 0; i < streams->count; i++) {
        if (streams->items[i].topic && rs_stream_same(&streams->items[i], stream)) {
            rs_buf_printf(out, "%s%s", before, streams->items[i].topic);
            before = ", ";
        }
    }
    if (stream->pattern) {
        rs_buf_printf(out, "%sthose that match /%s/, also as they come, %d at most", before,
                      stream->pattern_text, RS_STREAM_TOPICS_MAX);
    }
    rs_buf_char(out, '\n');
}

/* Of each of its topics. */
static void explain_dead_letters(const struct rs_streams *streams, const struct rs_stream *stream,
                                 struct rs_buf *out)
{
    const char *before = "";
    rs_buf_text(out, "  dead letters: ");
    for (size_t i = 0; stream->dead_letters && i < streams->count; i++) {
        bool shared = stream->dead_letter_named && i != stream->index;
        if (streams->items[i].dead_letter_topic && rs_stream_same(&streams->items[i], stream) && !shared) {
            rs_buf_printf(out, "%s%s", before, streams->items[i].dead_letter_topic);
            before = ", ";
        }
    }
    if (stream->pattern && stream->dead_letters && !stream->dead_letter_named) {
        rs_buf_printf(out, "%sthe name of each topic with .dlq behind it", before);
    }
    rs_buf_printf(out, "%s%s\n", stream->dead_letters ? "" : "none",
                  stream->dead_letters && stream->dead_letter_late ? ", late events too" : "");
}

/* Told only where something is left out. */
static void explain_start(const struct rs_stream *stream, struct rs_buf *out)
{
    char time[RS_TIME_TEXT_MAX];
    if (stream->start == RS_START_EARLIEST) {
        return;
    }
    rs_buf_text(out, "  start: ");
    if (stream->start == RS_START_LATEST) {
        rs_buf_text(out, "latest");
    } else {
        rs_buf_printf(out, "%.*s", (int)rs_time_format(stream->start_us, time), time);
    }
    rs_buf_text(
        out,
        ", of each partition that has no state yet; what lies before is never read and counts nowhere\n");
}

static void explain_stream(const struct rs_plan *plan, const struct rs_streams *streams, struct rs_buf *out)
{
    const struct rs_stream *stream = plan->stream;
    const struct rs_schema *schema = plan->slots.schema;
    rs_buf_printf(out, "stream %s\n", stream->name);
    explain_topics(streams, stream, out);
    explain_start(stream, out);
    rs_buf_printf(out, "  format: %s\n  schema: %s (%s), fingerprint %016llx\n  framing: %s\n",
                  stream->format == RS_FORMAT_JSON ? "json" : "avro",
                  stream->schema_path ? stream->schema_path : "-", schema->name ? schema->name : "-",
                  (unsigned long long)rs_schema_crc64(schema), rs_framing_name(stream->framing.framing));
    explain_fields(plan, out);
    rs_buf_printf(out, "  time: %s%s", stream->time_path, rs_time_form_text(stream->time_form));
    if (stream->upsert) {
        rs_buf_printf(out, " (the period); the highest %s of a period counts", stream->version_path);
        rs_buf_printf(out, ", up to %lld periods a group", (long long)stream->max_periods);
        rs_buf_text(out, stream->tombstones ? "\n  tombstones: withdraw the group of their key" : "");
    } else {
        put_duration(out, ", lateness ", stream->lateness_us);
        put_duration(out, " of each group's own clock, not ahead of the record's time by more than ",
                     stream->max_future_us);
        if (stream->max_past_us != INT64_MAX) {
            put_duration(out, ", not behind it by more than ", stream->max_past_us);
        }
    }
    put_duration(out, "\n  groups expire: ", stream->expire_us);
    rs_buf_char(out, '\n');
    explain_limits(stream, out);
    explain_rules(&plan->rules, out);
    explain_identity(stream, out);
    explain_dead_letters(streams, stream, out);
    if (!stream->upsert && stream->max_future_us != INT64_MAX &&
        stream->max_future_us > stream->lateness_us) {
        rs_buf_text(
            out,
            "  note: max_future is above lateness, so one event from the future can make its group's own "
            "later events late\n");
    }
}

/* ---- aggregates ---- */

static void explain_window(const struct rs_aggregate *a, struct rs_buf *out)
{
    const struct rs_window *w = &a->window;
    switch (w->kind) {
    case RS_WINDOW_TUMBLING:
        if (w->by_calendar) {
            rs_buf_printf(out, "  window: tumbling %s", rs_window_cell_text(w));
        } else {
            put_duration(out, "  window: tumbling ", w->size_us);
        }
        break;
    case RS_WINDOW_SLIDING:
        if (w->since) {
            rs_buf_printf(out, "  window: since the %s began", rs_window_since_text(w));
        } else {
            put_duration(out, "  window: sliding ", w->size_us);
            put_duration(out, " every ", w->every_us);
        }
        break;
    case RS_WINDOW_SESSION: put_duration(out, "  window: session, gap ", w->size_us); break;
    case RS_WINDOW_ALL: rs_buf_text(out, "  window: all time"); break;
    case RS_WINDOW_LAST:
        rs_buf_printf(out, "  window: last %lld %s", (long long)w->last, a->upsert ? "periods" : "events");
        break;
    }
    if (w->offset_us && !w->since) {
        put_duration(out, ", behind an offset of ", w->offset_us);
    }
    if (w->zone) {
        rs_buf_printf(out, ", by the clocks of %s", w->zone);
    }
    if (w->by_calendar) {
        put_duration(out, ", of ", w->calendar.shortest_us);
        put_duration(out, " to ", w->calendar.longest_us);
    }
    if (a->upsert) {
        rs_buf_text(out, ", folded from a register for each period\n");
    } else if (w->kind == RS_WINDOW_LAST) {
        rs_buf_text(out, " by event time, kept one by one\n");
    } else if (w->kind == RS_WINDOW_SESSION) {
        rs_buf_text(out, ", one pane a session\n");
    } else if (w->slice_us && !w->by_calendar) {
        put_duration(out, ", panes of ", w->slice_us);
        rs_buf_printf(out, ", %lld a window\n", (long long)rs_window_panes(w));
    } else {
        rs_buf_text(out, ", one pane\n");
    }
}

/* Told only where it is not all there is, as it happens. */
static void explain_shown(const struct rs_aggregate *a, struct rs_buf *out)
{
    if (a->fill != RS_FILL_NONE) {
        rs_buf_printf(out,
                      "  windows without events: shown (%s), up to %u behind the newest one with events\n",
                      rs_fill_name(a->fill), a->history);
    }
    if (a->only_closed) {
        rs_buf_text(out, "  shown: windows that have ended");
        if (a->delay_us) {
            put_duration(out, ", ", a->delay_us);
            rs_buf_text(out, " later");
        }
        rs_buf_char(out, '\n');
    }
}

static void explain_late(const struct rs_aggregate *a, struct rs_buf *out)
{
    if (a->says_late) {
        rs_buf_printf(out, "  late: %s\n",
                      a->keeps_late ? "events that no aggregate takes become dead letters"
                                    : "events are counted, and dropped where every aggregate drops them");
    }
}

/* Panes of a busy group: those of the window, and those that lateness or a delay keeps. Of sessions those that an event
 * can still change, which ended within lateness and a gap, as many as history keeps, one whose values `change`
 * needs, and the one that goes on. */
static uint64_t busy_panes(const struct rs_aggregate *a)
{
    const struct rs_window *w = &a->window;
    if (!w->slice_us) {
        return 1;
    }
    int64_t lateness_us = a->plan->stream->lateness_us;
    int64_t late = (lateness_us > a->delay_us ? lateness_us : a->delay_us) / w->slice_us + 1;
    if (w->kind == RS_WINDOW_SESSION) {
        return (uint64_t)late + a->history + a->needs_previous + 2;
    }
    int64_t panes = rs_window_panes(w) * (w->kind == RS_WINDOW_SLIDING && a->history ? 2 : 1) + late;
    return (uint64_t)panes;
}

/* Chunks of events are half full where events come out of order, and full where they do not. */
static void explain_events(const struct rs_aggregate *a, uint64_t groups, struct rs_buf *out)
{
    uint64_t fixed = SLOT_BYTES + sizeof(struct rs_last_group) + sizeof(struct rs_node) + a->pane_size;
    uint64_t each = rs_last_event_bytes(a);
    rs_buf_printf(out, "  memory: %llu bytes a group and %llu an event; %llu groups of %lld events: ",
                  (unsigned long long)fixed, (unsigned long long)each, (unsigned long long)groups,
                  (long long)a->window.last);
    put_bytes(out, groups * (fixed + (uint64_t)a->window.last * each));
    rs_buf_char(out, '\n');
}

/* An estimate for whoever has to choose a machine. Left out is what depends on the data: running folds of
 * sliding windows, and sums of doubles so far apart that they need room of their own. */
static void explain_memory(const struct rs_aggregate *a, uint64_t groups, struct rs_buf *out)
{
    uint64_t fixed = SLOT_BYTES;
    uint64_t each = sizeof(struct rs_node) + a->pane_size;
    uint64_t many = busy_panes(a);
    if (a->upsert) {
        fixed += sizeof(struct rs_upsert_group);
        each = rs_register_size(a);
        rs_buf_printf(out, "  memory: %llu bytes a group and %llu a period; %llu groups of 100 periods: ",
                      (unsigned long long)fixed, (unsigned long long)each, (unsigned long long)groups);
        put_bytes(out, groups * (fixed + 100 * each));
        rs_buf_char(out, '\n');
        return;
    }
    if (a->window.kind == RS_WINDOW_LAST) {
        explain_events(a, groups, out);
        return;
    }
    fixed += sizeof(struct rs_group);
    fixed += a->window.kind == RS_WINDOW_SLIDING ? sizeof(struct rs_sliding_rest)
             : a->history                        ? sizeof(struct rs_group_rest)
                                                 : 0;
    rs_buf_printf(out, "  memory: %llu bytes a group and %llu a pane; %llu groups of one pane: ",
                  (unsigned long long)fixed, (unsigned long long)each, (unsigned long long)groups);
    put_bytes(out, groups * (fixed + each));
    if (many > 1) {
        rs_buf_printf(out, ", of the most they keep (%llu panes): ", (unsigned long long)many);
        put_bytes(out, groups * (fixed + many * each));
    }
    rs_buf_char(out, '\n');
}

static void explain_keys(const struct rs_aggregate *a, const char *prefix, struct rs_buf *out)
{
    rs_buf_printf(out, "  keys: %s:%s", prefix, a->name);
    for (size_t i = 0; i < a->by.count; i++) {
        rs_buf_printf(out, ":<%s>", a->plan->slots.paths[a->by.parts[i].slot]);
    }
    rs_buf_text(out, " (hash)");
    if (a->history) {
        rs_buf_printf(out, ", the same with :history (the newest %u windows)", a->history);
    }
    rs_buf_printf(out, ", %s:%s:index, channel %s:%s:updates\n", prefix, a->name, prefix, a->name);
}

static void explain_aggregate(const struct rs_aggregate *a, const char *prefix, uint64_t groups,
                              struct rs_buf *out)
{
    rs_buf_printf(out, "aggregate %s of stream %s\n", a->name, a->plan->stream->name);
    explain_window(a, out);
    rs_buf_text(out, "  statistics:");
    for (size_t i = 0; i < a->stats.count; i++) {
        const struct rs_stat *stat = &a->stats.items[i];
        rs_buf_printf(out, "%s %s = %s", i ? "," : "", stat->spec.name, stat->expression);
        if (stat->unit) {
            rs_buf_printf(out, " [%s]", stat->unit);
        }
    }
    rs_buf_text(out, a->where ? "\n  where: only events that pass the condition\n" : "\n");
    explain_late(a, out);
    if (a->folds) {
        rs_buf_printf(out, "  groups: %lld a partition, further ones go into its group %%other\n",
                      (long long)a->max_groups);
    }
    explain_shown(a, out);
    explain_memory(a, groups, out);
    explain_keys(a, prefix, out);
}

void rs_engine_explain(const struct rs_engine *engine, const struct rs_streams *streams, const char *prefix,
                       uint64_t groups, struct rs_buf *out)
{
    RS_ASSERT(streams == engine->streams);
    for (size_t i = 0; i < engine->plan_count; i++) {
        explain_stream(&engine->plans[i], streams, out);
    }
    for (size_t i = 0; i < engine->aggregate_count; i++) {
        explain_aggregate(&engine->aggregates[i], prefix, groups, out);
    }
}
