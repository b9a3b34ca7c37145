/* What becomes of the events that an aggregate does not take. */
#include <string.h>

#include "transform/plan/plan.h"

/* As the stream has it, unless the aggregate says otherwise. */
static bool load_late(struct rs_config *config, const struct rs_config_node *parent, struct rs_aggregate *a)
{
    const struct rs_config_node *node = rs_config_get(parent, "late");
    const struct rs_stream *stream = a->plan->stream;
    const char *text = node ? rs_config_text(node) : NULL;
    a->keeps_late = stream->dead_letters && stream->dead_letter_late;
    if (!node) {
        return true;
    }
    a->says_late = true;
    a->keeps_late = text && strcmp(text, "dead_letter") == 0;
    if (!a->keeps_late && (!text || strcmp(text, "drop") != 0)) {
        rs_config_complain(config, node, "late is dead_letter or drop");
        return false;
    }
    if (!a->upsert && !a->plan->stream->unread && a->window.kind == RS_WINDOW_ALL) {
        rs_config_complain(config, node, "no event is late for a window that never ends");
        return false;
    }
    if (a->keeps_late && !stream->dead_letters && !stream->unread) {
        rs_config_complain(config, node, "stream %s has no dead letters: late can only be drop",
                           stream->name);
        return false;
    }
    return true;
}

/* As configured: a `by` that was refused is empty, too, and has been told. */
static bool one_group(const struct rs_config_node *parent)
{
    const struct rs_config_node *by = rs_config_get(parent, "by");
    return !by || (rs_config_kind(by) == RS_CONFIG_SEQUENCE && rs_config_size(by) == 0);
}

/* The stream's cap holds where the aggregate has none of its own. */
static bool load_groups(struct rs_config *config, const struct rs_config_node *parent, struct rs_aggregate *a)
{
    const struct rs_config_node *node = rs_config_get(parent, "overflow");
    const char *text = node ? rs_config_text(node) : "reject";
    a->max_groups = a->plan->stream->max_groups;
    if (!rs_config_int(config, parent, "max_groups", 1, RS_STREAM_GROUPS_MAX, &a->max_groups)) {
        return false;
    }
    a->folds = text && strcmp(text, "other") == 0;
    if (!a->folds && (!text || strcmp(text, "reject") != 0)) {
        rs_config_complain(config, node, "overflow is reject or other");
        return false;
    }
    if (a->folds && one_group(parent)) {
        rs_config_complain(config, node, "without `by` there is one group: overflow has no place here");
        return false;
    }
    if (a->folds && a->upsert) {
        rs_config_complain(config, node,
                           "a period of an upsert stream has one value, and groups cannot share it: overflow "
                           "can only be reject");
        return false;
    }
    return true;
}

bool rs_aggregate_load_bounds(struct rs_config *config, const struct rs_config_node *node,
                              struct rs_aggregate *a)
{
    bool groups = load_groups(config, node, a);
    return load_late(config, node, a) && groups;
}
