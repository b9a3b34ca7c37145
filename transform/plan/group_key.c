#include "transform/plan/group_key.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/number.h"
#include "base/time/text.h"
#include "base/view.h"

/* First byte of a part: what follows. Strings have their length in two bytes instead, plus one, so that 0 is
 * null. */
enum part_tag { PART_NULL = 0, PART_NARROW = 1, PART_WIDE = 2 };

#define PARTS_MAX 16

/* ---- loading ---- */

static bool groupable(const struct rs_field_type *type)
{
    switch (type->kind) {
    case RS_VALUE_BOOLEAN:
    case RS_VALUE_DECIMAL: return true;
    case RS_VALUE_INT:
        return type->schema->logical != RS_LOGICAL_TIME_MILLIS &&
               type->schema->logical != RS_LOGICAL_TIME_MICROS;
    case RS_VALUE_BYTES:
        return type->schema->kind == RS_AVRO_STRING || type->schema->logical == RS_LOGICAL_UUID;
    default: return false;
    }
}

static bool load_part(struct rs_config *config, struct rs_slots *slots, const struct rs_config_node *node,
                      struct rs_key_plan *plan)
{
    const char *path = rs_config_text(node);
    if (!path) {
        rs_config_complain(config, node, "by is a list of field names, as in [exchange, product]");
        return false;
    }
    int slot = rs_slots_want(slots, config, node, path);
    if (slot < 0) {
        return false;
    }
    for (size_t i = 0; i < plan->count; i++) {
        if (plan->parts[i].slot == slot) {
            rs_config_complain(config, node, "%s is named twice in by", path);
            return false;
        }
    }
    const struct rs_field_type *type = &slots->types[slot];
    if (rs_field_type_known(type) && !groupable(type)) {
        rs_config_complain(
            config, node,
            "%s is %s; groups are made by string, enum, integer, boolean, date, decimal or uuid fields", path,
            rs_field_type_name(type));
        return false;
    }
    plan->parts[plan->count++] = (struct rs_key_component){.slot = slot, .type = *type};
    return true;
}

bool rs_key_plan_load(struct rs_config *config, struct rs_slots *slots, const struct rs_config_node *node,
                      struct rs_key_plan *out)
{
    *out = (struct rs_key_plan){0};
    if (!node) {
        return true;
    }
    if (rs_config_kind(node) != RS_CONFIG_SEQUENCE || rs_config_size(node) > PARTS_MAX) {
        rs_config_complain(config, node, "by is a list of up to %d field names, as in [exchange, product]",
                           PARTS_MAX);
        return false;
    }
    out->parts = rs_arena_array(slots->arena, rs_config_size(node) + 1, sizeof *out->parts);
    bool right = out->parts != NULL;
    for (size_t i = 0; out->parts && i < rs_config_size(node); i++) {
        right &= load_part(config, slots, rs_config_item(node, i), out);
    }
    return right;
}

bool rs_key_plan_same(const struct rs_key_plan *a, const struct rs_key_plan *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++) {
        same = a->parts[i].slot == b->parts[i].slot;
    }
    return same;
}

/* ---- building ---- */

static size_t put_number(uint8_t *out, uint8_t tag, const void *bytes, size_t size)
{
    out[0] = tag;
    memcpy(out + 1, bytes, size);
    return 1 + size;
}

/* Room for 17 bytes is the caller's to see to. One value has one form, however the decoder held it. */
static size_t put_decimal(uint8_t *out, const struct rs_value *value)
{
    rs_i128 w = value->wide ? value->w : value->i;
    int64_t narrow = (int64_t)w;
    if (narrow == w) {
        return put_number(out, PART_NARROW, &narrow, sizeof narrow);
    }
    return put_number(out, PART_WIDE, &w, sizeof w);
}

/* Once for each event, with what calls it: calls of their own would cost a fifth of the key. */
static inline __attribute__((always_inline)) size_t put_bytes(uint8_t *out, size_t room,
                                                              const struct rs_value *value)
{
    uint16_t marked = 0;
    if (value->kind == RS_VALUE_NULL) {
        memcpy(out, &marked, sizeof marked);
        return sizeof marked;
    }
    if (value->s.size > room - sizeof marked) {
        return RS_KEY_TOO_LONG;
    }
    marked = (uint16_t)(value->s.size + 1);
    memcpy(out, &marked, sizeof marked);
    if (value->s.size) {
        memcpy(out + sizeof marked, value->s.data, value->s.size);
    }
    return sizeof marked + value->s.size;
}

/* Room for the widest number is asked for whatever comes: the last few bytes up to the limit may go unused. */
static inline __attribute__((always_inline)) size_t
put_part(const struct rs_key_component *part, const struct rs_value *value, uint8_t *out, size_t room)
{
    if (room < 1 + sizeof(rs_i128)) {
        return RS_KEY_TOO_LONG;
    }
    if (part->type.kind == RS_VALUE_BYTES) {
        return put_bytes(out, room, value);
    }
    if (value->kind == RS_VALUE_NULL) {
        out[0] = PART_NULL;
        return 1;
    }
    if (part->type.kind == RS_VALUE_DECIMAL) {
        return value->kind == RS_VALUE_DOUBLE ? RS_KEY_NOT_FINITE : put_decimal(out, value);
    }
    return put_number(out, PART_NARROW, &value->i, sizeof value->i);
}

size_t rs_key_build(const struct rs_key_plan *plan, const struct rs_value *values,
                    uint8_t out[RS_GROUP_KEY_MAX])
{
    size_t size = 0;
    for (size_t i = 0; i < plan->count; i++) {
        size_t part =
            put_part(&plan->parts[i], &values[plan->parts[i].slot], out + size, RS_GROUP_KEY_MAX - size);
        if (part == RS_KEY_TOO_LONG || part == RS_KEY_NOT_FINITE) {
            return part;
        }
        size += part;
    }
    return size;
}

uint32_t rs_key_hash(struct rs_slice raw)
{
    uint64_t hash = XXH3_64bits(raw.data, raw.size);
    return (uint32_t)(hash ^ hash >> 32);
}

/* ---- the group of others ---- */

/* Neither the size of a text nor the tag of a number. */
static const uint8_t other_mark[] = {0xFF, 0xFF};
static const char other_text[] = "%other:";

size_t rs_key_other(struct rs_slice owner, uint8_t out[RS_GROUP_KEY_MAX])
{
    RS_ASSERT(owner.size > 0 && owner.size <= RS_GROUP_KEY_MAX - sizeof other_mark);
    memcpy(out, other_mark, sizeof other_mark);
    memcpy(out + sizeof other_mark, owner.data, owner.size);
    return sizeof other_mark + owner.size;
}

static bool is_other(const struct rs_key_plan *plan, struct rs_slice raw)
{
    return plan->count > 0 && raw.size > sizeof other_mark &&
           memcmp(raw.data, other_mark, sizeof other_mark) == 0;
}

/* ---- rendering ---- */

/* 0: these are not the bytes of such a part. */
static size_t part_size(const struct rs_key_component *part, struct rs_slice rest)
{
    if (part->type.kind == RS_VALUE_BYTES) {
        uint16_t marked;
        if (rest.size < sizeof marked) {
            return 0;
        }
        memcpy(&marked, rest.data, sizeof marked);
        return sizeof marked + (marked ? marked - 1u : 0u);
    }
    switch (rest.size ? rest.data[0] : UINT8_MAX) {
    case PART_NULL: return 1;
    case PART_NARROW: return 1 + sizeof(int64_t);
    case PART_WIDE: return part->type.kind == RS_VALUE_DECIMAL ? 1 + sizeof(rs_i128) : 0;
    default: return 0;
    }
}

static bool part_valid(const struct rs_key_component *part, const uint8_t *at)
{
    if (part->type.schema->kind != RS_AVRO_ENUM || at[0] == PART_NULL) {
        return true;
    }
    int64_t symbol;
    memcpy(&symbol, at + 1, sizeof symbol);
    return symbol >= 0 && (uint64_t)symbol < part->type.schema->symbol_count;
}

bool rs_key_valid(const struct rs_key_plan *plan, struct rs_slice raw)
{
    size_t at = 0;
    if (is_other(plan, raw)) {
        return raw.size <= RS_GROUP_KEY_MAX;
    }
    for (size_t i = 0; i < plan->count; i++) {
        struct rs_slice rest = rs_slice_of(raw.data + at, raw.size - at);
        size_t size = part_size(&plan->parts[i], rest);
        if (size == 0 || size > rest.size || !part_valid(&plan->parts[i], rest.data)) {
            return false;
        }
        at += size;
    }
    return at == raw.size && raw.size <= RS_GROUP_KEY_MAX;
}

static void render_whole(const struct rs_key_component *part, int64_t value, struct rs_buf *out)
{
    char text[RS_NUMBER_TEXT_MAX];
    size_t size;
    if (part->type.kind == RS_VALUE_BOOLEAN) {
        rs_key_append(out, rs_slice_text(value ? "true" : "false"));
        return;
    }
    if (part->type.schema->kind == RS_AVRO_ENUM) {
        rs_key_append(out, rs_slice_text(part->type.schema->symbols[value]));
        return;
    }
    if (part->type.schema->logical == RS_LOGICAL_DATE && value >= RS_DAY_MIN && value <= RS_DAY_MAX) {
        size = rs_date_format(value, text);
    } else {
        size = rs_int64_format(value, text);
    }
    rs_key_append(out, rs_slice_of(text, size));
}

static void render_part(const struct rs_key_component *part, const uint8_t *at, size_t size,
                        struct rs_buf *out)
{
    if (part->type.kind == RS_VALUE_BYTES) {
        uint16_t marked;
        memcpy(&marked, at, sizeof marked);
        if (marked) {
            rs_key_append(out, rs_slice_of(at + sizeof marked, size - sizeof marked));
            return;
        }
    } else if (at[0] != PART_NULL) {
        int64_t narrow = 0;
        rs_i128 wide = 0;
        if (at[0] == PART_WIDE) {
            memcpy(&wide, at + 1, sizeof wide);
        } else {
            memcpy(&narrow, at + 1, sizeof narrow);
        }
        if (part->type.kind == RS_VALUE_DECIMAL) {
            char text[RS_NUMBER_TEXT_MAX];
            size_t length = rs_decimal_format(at[0] == PART_WIDE ? wide : narrow, part->type.scale, text);
            rs_key_append(out, rs_slice_of(text, length));
        } else {
            render_whole(part, narrow, out);
        }
        return;
    }
    rs_buf_text(out, "%null"); /* no encoded text has '%' before an n */
}

/* No two keys have one text: the text of a part holds no ':', and %null is not the text of any value. */
void rs_key_render(const struct rs_key_plan *plan, struct rs_slice raw, struct rs_buf *out)
{
    size_t at = 0, start = out->size;
    if (is_other(plan, raw)) {
        rs_buf_text(out, other_text);
        rs_key_append(out, rs_slice_of(raw.data + sizeof other_mark, raw.size - sizeof other_mark));
        return;
    }
    for (size_t i = 0; i < plan->count; i++) {
        if (i) {
            rs_buf_char(out, ':');
        }
        size_t size = part_size(&plan->parts[i], rs_slice_of(raw.data + at, raw.size - at));
        render_part(&plan->parts[i], raw.data + at, size, out);
        at += size;
    }
    /* The hash of a lone "index" would be the key of the aggregate's own index. */
    if (!out->failed &&
        rs_slice_equal(rs_slice_of(out->data + start, out->size - start), rs_slice_text("index"))) {
        out->size = start;
        rs_buf_text(out, "%69ndex");
    }
}

/* ---- parsing ---- */

static int hex_digit(uint8_t c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* False: not what rs_key_append writes, or longer than any key. */
static bool decode_text(struct rs_slice text, uint8_t out[RS_GROUP_KEY_MAX], size_t *size)
{
    *size = 0;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        if (*size == RS_GROUP_KEY_MAX) {
            return false;
        }
        if (c == '%') {
            int high = i + 2 < text.size ? hex_digit(text.data[i + 1]) : -1;
            int low = i + 2 < text.size ? hex_digit(text.data[i + 2]) : -1;
            if (high < 0 || low < 0) {
                return false;
            }
            c = (uint8_t)(high * 16 + low);
            i += 2;
        }
        out[(*size)++] = c;
    }
    return true;
}

/* Anything but "true" reads as false here: rs_key_parse finds out when it writes the key again. */
static bool parse_whole(const struct rs_key_component *part, struct rs_slice text, int64_t *out)
{
    struct rs_error ignored;
    rs_i128 wide = 0;
    if (part->type.kind == RS_VALUE_BOOLEAN) {
        *out = rs_slice_equal(text, rs_slice_text("true"));
        return true;
    }
    if (part->type.schema->kind == RS_AVRO_ENUM) {
        for (size_t i = 0; i < part->type.schema->symbol_count; i++) {
            if (rs_slice_equal(text, rs_slice_text(part->type.schema->symbols[i]))) {
                *out = (int64_t)i;
                return true;
            }
        }
        return false;
    }
    if (part->type.schema->logical == RS_LOGICAL_DATE && rs_date_parse(text, out, &ignored) == 0) {
        return true;
    }
    if (rs_decimal_parse(text, 0, &wide, &ignored) != 0 || wide != (int64_t)wide) {
        return false;
    }
    *out = (int64_t)wide;
    return true;
}

static bool parse_part(const struct rs_key_component *part, struct rs_slice text, struct rs_value *value)
{
    struct rs_error ignored;
    *value = (struct rs_value){.kind = (uint8_t)part->type.kind};
    if (part->type.kind == RS_VALUE_BYTES) {
        value->s = text;
        return true;
    }
    if (part->type.kind == RS_VALUE_DECIMAL) {
        value->wide = true;
        return rs_decimal_parse(text, part->type.scale, &value->w, &ignored) == 0;
    }
    return parse_whole(part, text, &value->i);
}

/* Colons alone say where parts end, since the text of a part has none. */
static size_t parse_parts(const struct rs_key_plan *plan, struct rs_slice text, uint8_t out[RS_GROUP_KEY_MAX])
{
    uint8_t decoded[RS_GROUP_KEY_MAX];
    size_t size = 0, at = 0;
    size_t mark = sizeof other_text - 1;
    if (plan->count > 0 && text.size > mark && memcmp(text.data, other_text, mark) == 0) {
        return decode_text(rs_slice_of(text.data + mark, text.size - mark), decoded, &size) && size > 0 &&
                       size <= RS_GROUP_KEY_MAX - sizeof other_mark
                   ? rs_key_other(rs_slice_of(decoded, size), out)
                   : RS_KEY_TOO_LONG;
    }
    for (size_t i = 0; i < plan->count; i++) {
        const uint8_t *rest = text.data + at;
        const uint8_t *colon = at < text.size ? memchr(rest, ':', text.size - at) : NULL;
        struct rs_slice part = rs_slice_of(rest, colon ? (size_t)(colon - rest) : text.size - at);
        struct rs_value value = {.kind = RS_VALUE_NULL};
        size_t length;
        if ((colon != NULL) != (i + 1 < plan->count)) {
            return RS_KEY_TOO_LONG;
        }
        if (!rs_slice_equal(part, rs_slice_text("%null")) &&
            (!decode_text(part, decoded, &length) ||
             !parse_part(&plan->parts[i], rs_slice_of(decoded, length), &value))) {
            return RS_KEY_TOO_LONG;
        }
        length = put_part(&plan->parts[i], &value, out + size, RS_GROUP_KEY_MAX - size);
        if (length == RS_KEY_TOO_LONG) {
            return length;
        }
        size += length;
        at += part.size + 1;
    }
    return plan->count > 0 || text.size == 0 ? size : RS_KEY_TOO_LONG;
}

/* Many texts read as one value, "1", "01" and "1.0" as a number: only what we would write ourselves counts. */
static size_t parse(const struct rs_key_plan *plan, struct rs_slice text, struct rs_buf *again,
                    uint8_t out[RS_GROUP_KEY_MAX])
{
    size_t size = parse_parts(plan, text, out);
    if (size != RS_KEY_TOO_LONG && rs_key_valid(plan, rs_slice_of(out, size))) {
        rs_buf_reset(again);
        rs_key_render(plan, rs_slice_of(out, size), again);
        size = !again->failed && rs_slice_equal(rs_buf_slice(again), text) ? size : RS_KEY_TOO_LONG;
    }
    return size;
}

size_t rs_key_parse(const struct rs_key_plan *plan, struct rs_slice text, uint8_t out[RS_GROUP_KEY_MAX])
{
    struct rs_buf again = {0};
    size_t size = parse(plan, text, &again, out);
    rs_buf_fini(&again);
    return size;
}

size_t rs_key_parse_record(const struct rs_key_plan *plan, struct rs_slice text, struct rs_buf *scratch,
                           uint8_t out[RS_GROUP_KEY_MAX])
{
    struct rs_slice index = rs_slice_text("index");
    struct rs_slice shown = rs_slice_text("%69ndex");
    if (rs_slice_equal(text, shown)) {
        return RS_KEY_TOO_LONG;
    }
    size_t size = parse(plan, rs_slice_equal(text, index) ? shown : text, scratch, out);
    return size != RS_KEY_TOO_LONG && is_other(plan, rs_slice_of(out, size)) ? RS_KEY_TOO_LONG : size;
}
