#include <inttypes.h>

#include "base/time/text.h"
#include "base/unit.h"
#include "transform/plan/plan.h"
#include "transform/tap/internal.h"

/* ---- a condition as it is configured ---- */

static void put_node(const struct rs_config_node *node, struct rs_buf *out)
{
    enum rs_config_kind kind = rs_config_kind(node);
    bool mapping = kind == RS_CONFIG_MAPPING;
    if (!mapping && kind != RS_CONFIG_SEQUENCE) {
        const char *text = rs_config_shown(node);
        rs_buf_text(out, text ? text : "null");
        return;
    }
    rs_buf_text(out, mapping ? "{" : "[");
    for (size_t i = 0; i < rs_config_size(node); i++) {
        const struct rs_config_node *key = NULL;
        const struct rs_config_node *value = mapping ? NULL : rs_config_item(node, i);
        rs_buf_text(out, i > 0 ? ", " : "");
        if (mapping) {
            rs_config_pair(node, i, &key, &value);
            put_node(key, out);
            rs_buf_text(out, ": ");
        }
        put_node(value, out);
    }
    rs_buf_text(out, mapping ? "}" : "]");
}

/* "side: {in: [BUY]}" */
static void put_clause(const struct rs_engine *engine, const struct rs_look *look, struct rs_buf *out)
{
    const struct rs_config_node *where = rs_config_get(engine->aggregates[look->aggregate].node, "where");
    const struct rs_config_node *key = NULL;
    const struct rs_config_node *value = NULL;
    if (where && look->clause >= 0) {
        rs_config_pair(where, (size_t)look->clause, &key, &value);
        put_node(key, out);
        rs_buf_text(out, ": ");
        put_node(value, out);
    }
}

/* ---- text ---- */

static void put_time(int64_t us, struct rs_buf *out)
{
    char text[RS_TIME_TEXT_MAX];
    if (us == RS_TIME_NONE || !rs_time_in_range(us)) {
        rs_buf_text(out, "-");
        return;
    }
    rs_buf_put(out, text, rs_time_format(us, text));
}

/* "1m30s": to the millisecond. */
static void put_duration(int64_t us, struct rs_buf *out)
{
    char text[64];
    rs_duration_format(us - us % 1000, text, sizeof text);
    rs_buf_text(out, text);
}

static void put_rejected(const struct rs_tap_event *event, struct rs_buf *out)
{
    rs_buf_printf(out, "  %s", rs_reason_name(event->reason));
    if (event->field[0] != '\0' || event->byte >= 0) {
        rs_buf_text(out, "  ");
        rs_buf_printable(out, rs_slice_text(event->field));
    }
    if (event->byte >= 0) {
        rs_buf_printf(out, "@%" PRId64, event->byte);
    }
    rs_buf_text(out, "  ");
    rs_buf_printable(out, rs_slice_text(event->text));
}

/* What differs from the whole: an event that one aggregate takes is applied. */
static void put_looks(const struct rs_tap_event *event, const struct rs_engine *engine, struct rs_buf *out)
{
    bool first = true;
    for (size_t i = 0; i < event->look_count; i++) {
        const struct rs_look *look = &event->looks[i];
        if (look->what == RS_LOOK_APPLIED) {
            continue;
        }
        rs_buf_printf(out, "%s%s", first ? "  " : "; ", engine->aggregates[look->aggregate].name);
        first = false;
        if (look->what == RS_LOOK_LATE) {
            rs_buf_text(out, " late by ");
            put_duration(look->late_us, out);
        } else {
            rs_buf_text(out, " filtered by ");
            put_clause(engine, look, out);
        }
    }
}

static void put_text(const struct rs_tap_event *event, const struct rs_tap_fields *fields,
                     const struct rs_engine *engine, struct rs_buf *out)
{
    rs_buf_printf(out, "%s:%" PRId32 ":%" PRId64 "  ", event->input->topic, event->partition,
                  event->record.offset);
    put_time(event->time_us, out);
    rs_buf_printf(out, "  %s", rs_tap_verdict_name(event->verdict));
    if (event->verdict == RS_TAP_REJECTED) {
        put_rejected(event, out);
    } else if (event->verdict == RS_TAP_UNJUDGED) {
        rs_buf_text(out, "  ");
        rs_buf_printable(out, rs_slice_text(event->text));
    }
    put_looks(event, engine, out);
    for (size_t i = 0; i < rs_tap_fields_shown(fields); i++) {
        rs_buf_printf(out, "  %s=", rs_tap_field_name(fields, i));
        rs_tap_field_put(fields, i, false, out);
    }
    rs_buf_char(out, '\n');
}

/* ---- JSON ---- */

static void put_member(const char *name, const char *text, struct rs_buf *out)
{
    if (text[0] != '\0') {
        rs_buf_printf(out, ",\"%s\":", name);
        rs_buf_json_string(out, rs_slice_text(text));
    }
}

static void json_look(const struct rs_look *look, const struct rs_engine *engine, struct rs_buf *out)
{
    static const char *const words[] = {
        [RS_LOOK_APPLIED] = "applied", [RS_LOOK_LATE] = "late", [RS_LOOK_FILTERED] = "filtered"};
    struct rs_buf clause = {0};
    rs_buf_text(out, "{\"aggregate\":");
    rs_buf_json_string(out, rs_slice_text(engine->aggregates[look->aggregate].name));
    put_member("verdict", words[look->what], out);
    if (look->what == RS_LOOK_LATE) {
        rs_buf_printf(out, ",\"late_us\":%" PRId64, look->late_us);
    } else if (look->what == RS_LOOK_FILTERED) {
        put_clause(engine, look, &clause);
        rs_buf_text(out, ",\"clause\":");
        rs_buf_json_string(out, rs_buf_slice(&clause));
    }
    rs_buf_char(out, '}');
    out->failed |= clause.failed;
    rs_buf_fini(&clause);
}

static void put_json(const struct rs_tap_event *event, const struct rs_tap_fields *fields,
                     const struct rs_engine *engine, struct rs_buf *out)
{
    rs_buf_text(out, "{\"topic\":");
    rs_buf_json_string(out, rs_slice_text(event->input->topic));
    rs_buf_printf(out, ",\"partition\":%" PRId32 ",\"offset\":%" PRId64, event->partition,
                  event->record.offset);
    if (event->time_us != RS_TIME_NONE) {
        rs_buf_text(out, ",\"time\":\"");
        put_time(event->time_us, out);
        rs_buf_char(out, '"');
    }
    put_member("verdict", rs_tap_verdict_name(event->verdict), out);
    put_member("reason", event->verdict == RS_TAP_REJECTED ? rs_reason_name(event->reason) : "", out);
    put_member("text", event->text, out);
    put_member("rule", event->rule, out);
    put_member("field", event->field, out);
    if (event->byte >= 0) {
        rs_buf_printf(out, ",\"byte\":%" PRId64, event->byte);
    }
    put_member("schema", event->schema, out);
    for (size_t i = 0; i < event->look_count; i++) {
        rs_buf_text(out, i > 0 ? "," : ",\"aggregates\":[");
        json_look(&event->looks[i], engine, out);
    }
    rs_buf_text(out, event->look_count > 0 ? "]" : "");
    for (size_t i = 0; i < rs_tap_fields_shown(fields); i++) {
        rs_buf_text(out, i > 0 ? "," : ",\"values\":{");
        rs_buf_json_string(out, rs_slice_text(rs_tap_field_name(fields, i)));
        rs_buf_char(out, ':');
        rs_tap_field_put(fields, i, true, out);
    }
    rs_buf_text(out, rs_tap_fields_shown(fields) > 0 ? "}}\n" : "}\n");
}

void rs_tap_put_event(const struct rs_tap_event *event, const struct rs_tap_fields *fields,
                      const struct rs_engine *engine, bool json, struct rs_buf *out)
{
    if (json) {
        put_json(event, fields, engine, out);
    } else {
        put_text(event, fields, engine, out);
    }
}
