/* Texts of a stream's settings, and the fields that they name. */
#include "schemas/record_field.h"
#include "schemas/stream_internal.h"

const char *rs_stream_read_text(struct rs_stream_loader *l, const struct rs_config_node *node,
                                const char *key)
{
    const char *text = NULL;
    if (!rs_config_string(l->config, node, key, &text) || !text) {
        return NULL;
    }
    if (*text == '\0') {
        rs_config_complain(l->config, rs_config_get(node, key), "`%s` is empty", key);
        return NULL;
    }
    return rs_stream_keep(l, text);
}

const char *rs_stream_need_text(struct rs_stream_loader *l, const struct rs_config_node *node,
                                const char *key, const char *what)
{
    if (!rs_config_get(node, key)) {
        rs_config_complain(l->config, node, "`%s` is missing: %s", key, what);
        return NULL;
    }
    return rs_stream_read_text(l, node, key);
}

bool rs_stream_find_field(struct rs_stream_loader *l, const struct rs_config_node *where,
                          const struct rs_stream *stream, const char **path, struct rs_field_type *type)
{
    struct rs_error error;
    if (!*path || !stream->schema) {
        return false;
    }
    if (rs_event_field_type(rs_schema_root(stream->schema), *path, type, &error) != 0) {
        rs_config_complain(l->config, where, "%s", error.text);
        *path = NULL;
        return false;
    }
    return true;
}
