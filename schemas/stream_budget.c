/* How much of a message is looked at, and which deviations from its format are passed by. */
#include <string.h>

#include "schemas/stream_internal.h"

/* What upstream systems are known to send that costs no value its meaning. Whatever would change one has no name
 * here. */
static const char *const deviations[] = {"trailing_bytes", "utf8_unused", NULL};

static void read_deviation(struct rs_stream_loader *l, const struct rs_config_node *item,
                           struct rs_stream *stream)
{
    const char *text = rs_config_text(item);
    bool trailing = text && strcmp(text, deviations[0]) == 0;
    bool utf8 = text && strcmp(text, deviations[1]) == 0;
    const char *near = text && !trailing && !utf8 ? rs_nearest_name(text, deviations) : NULL;
    if (!trailing && !utf8) {
        rs_config_complain(l->config, item, "lenient is a list of trailing_bytes and utf8_unused%s%s%s",
                           near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    } else if (utf8 && stream->format == RS_FORMAT_JSON) {
        rs_config_complain(l->config, item, "utf8_unused is of Avro: JSON is UTF-8 as a whole");
    }
    stream->limits.lenient_trailing |= trailing;
    stream->limits.lenient_utf8 |= utf8;
}

void rs_stream_read_budget(struct rs_stream_loader *l, const struct rs_config_node *node,
                           struct rs_stream *stream)
{
    const struct rs_config_node *lenient = rs_config_get(node, "lenient");
    stream->limits = RS_PROGRAM_LIMITS_DEFAULT;
    int64_t items = stream->limits.items;
    int64_t depth = stream->limits.depth;
    (void)rs_config_int(l->config, node, "max_items", 1, RS_PROGRAM_ITEMS_MAX, &items);
    (void)rs_config_int(l->config, node, "max_depth", 1, RS_PROGRAM_DEPTH_MAX, &depth);
    stream->limits.items = (uint32_t)items;
    stream->limits.depth = (uint32_t)depth;
    if (lenient && rs_config_kind(lenient) != RS_CONFIG_SEQUENCE) {
        read_deviation(l, lenient, stream);
        return;
    }
    for (size_t i = 0; lenient && i < rs_config_size(lenient); i++) {
        read_deviation(l, rs_config_item(lenient, i), stream);
    }
}
