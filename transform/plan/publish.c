/* What of an aggregate is shown, and when. None of it has a part in the state: it may change at any time. */
#include <string.h>

#include "transform/plan/plan.h"

#define DELAY_MAX_US (INT64_C(366) * 86400 * 1000000)

enum { CURRENT = 1, CLOSED = 2 };

static unsigned shown_by(struct rs_config *config, const struct rs_config_node *node)
{
    const char *text = rs_config_text(node);
    if (text && strcmp(text, "current") == 0) {
        return CURRENT;
    }
    if (text && strcmp(text, "closed") == 0) {
        return CLOSED;
    }
    rs_config_complain(config, node, "publish is current, closed or both, as in [current, closed]");
    return 0;
}

/* One word or a list of them; 0: complained. */
static unsigned read_shown(struct rs_config *config, const struct rs_config_node *node)
{
    if (rs_config_kind(node) != RS_CONFIG_SEQUENCE) {
        return shown_by(config, node);
    }
    unsigned shown = 0;
    for (size_t i = 0; i < rs_config_size(node); i++) {
        unsigned one = shown_by(config, rs_config_item(node, i));
        if (one == 0) {
            return 0;
        }
        shown |= one;
    }
    if (shown == 0) {
        rs_config_complain(config, node, "publish is empty: it is current, closed or both");
    }
    return shown;
}

static bool load_publish(struct rs_config *config, const struct rs_config_node *parent,
                         struct rs_aggregate *a)
{
    const struct rs_config_node *node = rs_config_get(parent, "publish");
    unsigned shown = node ? read_shown(config, node) : CURRENT;
    if (shown == 0) {
        return false;
    }
    if (shown & CLOSED && a->history == 0) {
        rs_config_complain(
            config, node,
            "closed windows are kept by `history`: publish: closed needs it, as in history: 60");
        return false;
    }
    if (node && shown == CURRENT && a->history > 0) {
        rs_config_complain(
            config, node,
            "publish: current shows no ended windows: leave `history` out, or publish closed too");
        return false;
    }
    a->only_closed = shown == CLOSED;
    return true;
}

/* A pane holds all events of its slice. What it was at an earlier time cannot be said while the slice has not
 * ended, so only windows that have ended can be shown later. */
static bool load_delay(struct rs_config *config, const struct rs_config_node *parent, struct rs_aggregate *a)
{
    const struct rs_config_node *node = rs_config_get(parent, "delay");
    if (!rs_config_duration(config, parent, "delay", 0, DELAY_MAX_US, &a->delay_us)) {
        return false;
    }
    if (a->delay_us > 0 && a->upsert) {
        rs_config_complain(config, node,
                           "delay is behind the time of events, and a period of an upsert stream may be "
                           "published long after it: delay has no place there");
        return false;
    }
    if (a->delay_us > 0 && !a->only_closed) {
        rs_config_complain(config, node,
                           "a window that has not ended cannot be shown as it was before: delay needs "
                           "publish: closed");
        return false;
    }
    return true;
}

static const char *const fills[] = {[RS_FILL_NONE] = "none",
                                    [RS_FILL_ZERO] = "zero",
                                    [RS_FILL_PREVIOUS] = "previous",
                                    [RS_FILL_NULL] = "null"};

const char *rs_fill_name(enum rs_fill fill)
{
    return fills[fill];
}

/* YAML's own null is meant, too, where it is written. */
static bool find_fill(const struct rs_config_node *node, enum rs_fill *out)
{
    const char *text =
        rs_config_kind(node) == RS_CONFIG_NULL && !rs_config_empty(node) ? "null" : rs_config_text(node);
    for (size_t i = 0; text && i < sizeof fills / sizeof *fills; i++) {
        if (strcmp(fills[i], text) == 0) {
            *out = (enum rs_fill)i;
            return true;
        }
    }
    return false;
}

static bool load_fill(struct rs_config *config, const struct rs_config_node *parent, struct rs_aggregate *a)
{
    const struct rs_config_node *node = rs_config_get(parent, "fill");
    if (!node) {
        return true;
    }
    if (!find_fill(node, &a->fill)) {
        rs_config_complain(config, node, "fill is none, zero, previous or null");
        return false;
    }
    if (a->fill == RS_FILL_NONE) {
        return true;
    }
    if (a->upsert && !a->plan->stream->unread) {
        rs_config_complain(config, node,
                           "a period of an upsert stream that has no value may get one at any time: fill has "
                           "no place there");
        return false;
    }
    if (a->window.kind == RS_WINDOW_SESSION) {
        rs_config_complain(config, node,
                           "sessions are made of events, and there is no window between two: fill needs a "
                           "tumbling window");
        return false;
    }
    if (a->window.by_calendar && a->window.calendar.sessions) {
        rs_config_complain(
            config, node,
            "between an exchange's sessions nothing is traded, and nothing is missing: fill needs a "
            "tumbling window of a length, or of the calendar, as in tumbling: 1d");
        return false;
    }
    if (a->window.kind != RS_WINDOW_TUMBLING) {
        rs_config_complain(config, node,
                           "fill needs a tumbling window: others show by themselves that no events come");
        return false;
    }
    if (a->history == 0) {
        rs_config_complain(config, node,
                           "windows without events are shown in the history, as many as it keeps: fill needs "
                           "it, as in history: 60");
        return false;
    }
    return true;
}

bool rs_aggregate_load_publishing(struct rs_config *config, const struct rs_config_node *node,
                                  struct rs_aggregate *a)
{
    return load_publish(config, node, a) && load_delay(config, node, a) && load_fill(config, node, a);
}
