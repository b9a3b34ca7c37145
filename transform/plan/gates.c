#include "transform/plan/gates.h"

#include <ctype.h>
#include <string.h>

#include "transform/plan/condition.h"

/* ---- text ---- */

/* Words stand as they are, all else in quotes, so that no two conditions have the same text. */
static void print_scalar(const struct rs_config_node *scalar, bool shown, struct rs_buf *out)
{
    const char *text = shown ? rs_config_shown(scalar) : rs_config_text(scalar);
    bool word = text && *text != '\0';
    for (const char *at = text; word && *at != '\0'; at++) {
        word = isalnum((unsigned char)*at) || strchr("_.$-+", *at);
    }
    if (word) {
        rs_buf_text(out, text);
    } else {
        rs_buf_json_string(out, rs_slice_text(text ? text : ""));
    }
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as configurations are */
void rs_gate_print(const struct rs_config_node *where, bool shown, struct rs_buf *out)
{
    enum rs_config_kind kind = rs_config_kind(where);
    bool pairs = kind == RS_CONFIG_MAPPING;
    if (!pairs && kind != RS_CONFIG_SEQUENCE) {
        print_scalar(where, shown, out);
        return;
    }
    rs_buf_char(out, pairs ? '{' : '[');
    for (size_t i = 0; i < rs_config_size(where); i++) {
        const struct rs_config_node *key = NULL;
        const struct rs_config_node *value = NULL;
        rs_buf_text(out, i ? ", " : "");
        if (pairs) {
            rs_config_pair(where, i, &key, &value);
            print_scalar(key, shown, out);
            rs_buf_text(out, ": ");
        } else {
            value = rs_config_item(where, i);
        }
        rs_gate_print(value, shown, out);
    }
    rs_buf_char(out, pairs ? '}' : ']');
}

/* ---- inputs ---- */

static const char *keep_text(struct rs_arena *arena, const struct rs_config_node *where)
{
    struct rs_buf text = {0};
    rs_gate_print(where, false, &text);
    const char *kept = text.failed ? NULL : rs_arena_slice(arena, rs_buf_slice(&text));
    rs_buf_fini(&text);
    return kept;
}

/* $in_session is asked of whose calendar it is: by that alone conditions of one text can differ. */
static int find(const struct rs_inputs *inputs, const char *text)
{
    for (size_t i = 0; i < inputs->count; i++) {
        const struct rs_input *input = &inputs->items[i];
        if (input->convert == RS_CONVERT_GATE && strcmp(input->where, text) == 0 &&
            input->calendar == inputs->slots->calendar) {
            return (int)i;
        }
    }
    return -1;
}

int rs_gate_want(struct rs_config *config, struct rs_inputs *inputs, const struct rs_config_node *where)
{
    const char *text = keep_text(inputs->slots->arena, where);
    if (!text) {
        rs_config_complain(config, where, "out of memory");
        return -1;
    }
    int known = find(inputs, text);
    if (known >= 0) {
        return known;
    }
    const struct rs_condition *condition = rs_condition_load(config, inputs->slots, where);
    if (!condition) {
        return -1;
    }
    const struct rs_input gate = {.slot = 0,
                                  .convert = RS_CONVERT_GATE,
                                  .type = {.kind = RS_NUM_INT64},
                                  .plain = RS_INPUT_NEVER_PLAIN,
                                  .where = text,
                                  .condition = condition,
                                  .calendar = inputs->slots->calendar};
    return rs_inputs_add(config, inputs, where, &gate);
}
