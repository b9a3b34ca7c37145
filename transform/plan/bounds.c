/* What becomes of the events that an aggregate does not take. */
#include <string.h>

#include "transform/plan/plan.h"

/* As the stream has it, unless the aggregate says otherwise. */
bool rs_aggregate_load_late(struct rs_config *config, const struct rs_config_node *parent,
                            struct rs_aggregate *a)
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
    if (!a->upsert && !a->plan->stream->unread && !rs_window_ends(&a->window)) {
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
