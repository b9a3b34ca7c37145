#include "schemas/schema_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/config/config.h"
#include "base/file.h"
#include "base/utf8.h"

static const char *const primitive_names[] = {"null",   "boolean", "int",    "long", "float",
                                              "double", "bytes",   "string", NULL};
static const char *const complex_names[] = {"record", "error", "enum", "array", "map", "fixed", NULL};

/* ---- names ---- */

static bool letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

/* What Java and others write though Avro's grammar has it not: $ (nested classes), -, letters of any script.
 */
static bool odd_letter(char c, bool first)
{
    return c == '$' || (c == '-' && !first) || (unsigned char)c >= 0x80;
}

static bool is_name(const char *text, size_t size, bool dots, bool *odd)
{
    bool first = true;
    *odd = false;
    for (size_t i = 0; i < size; i++) {
        bool digit = text[i] >= '0' && text[i] <= '9';
        if (dots && text[i] == '.' && !first) {
            first = true;
        } else if (letter(text[i]) || (digit && !first)) {
            first = false;
        } else if (odd_letter(text[i], first)) {
            first = false;
            *odd = true;
        } else {
            return false;
        }
    }
    return !first;
}

/* [A-Za-z_][A-Za-z0-9_]*, with dots between several of them where `dots` says so. What is read beyond that is
 * noted, once. */
static bool valid_name(struct rs_schema_parser *p, const char *text, size_t size, bool dots)
{
    bool odd;
    if (!is_name(text, size, dots, &odd)) {
        return false;
    }
    if (odd && !p->document->odd_name) {
        p->document->odd_name = rs_schema_shown(p, text);
    }
    return true;
}

static bool known_name(const char *text, const char *const *names)
{
    for (; *names; names++) {
        if (strcmp(text, *names) == 0) {
            return true;
        }
    }
    return false;
}

/* "ns.name", or the name alone where it has dots of its own or there is no namespace. */
static char *full_name(struct rs_schema_parser *p, const char *ns, const char *name)
{
    RS_ASSERT(ns != NULL);
    if (*ns == '\0' || strchr(name, '.')) {
        return rs_arena_text(&p->document->arena, name);
    }
    size_t size = strlen(ns) + strlen(name) + 2;
    char *full = rs_arena_alloc(&p->document->arena, size);
    if (full) {
        snprintf(full, size, "%s.%s", ns, name);
    }
    return full;
}

static struct rs_schema *find_named(const struct rs_schema_parser *p, const char *full)
{
    const json_t *number = json_object_get(p->index, full);
    return !number ? NULL : p->named[json_integer_value(number)];
}

static int register_named(struct rs_schema_parser *p, struct rs_schema *node,
                          const struct rs_schema_place *place)
{
    if (find_named(p, node->name)) {
        return rs_schema_bad(p, place, "'%s' is defined twice", rs_schema_shown(p, node->name));
    }
    struct rs_schema **named =
        rs_array_grow(p->named, p->named_count, &p->named_capacity, 16, sizeof(struct rs_schema *));
    if (!named) {
        return rs_schema_no_memory(p);
    }
    p->named = named;
    if (json_object_set_new(p->index, node->name, json_integer((json_int_t)p->named_count)) != 0) {
        return rs_schema_no_memory(p);
    }
    p->named[p->named_count++] = node;
    node->definer = place->owner;
    node->definer_part = place->part;
    node->uses = 1;
    return 0;
}

/* Attribute that has to be text when it is there; *out is NULL when it is not. */
static int text_attribute(struct rs_schema_parser *p, const json_t *object, const char *key,
                          const struct rs_schema_place *place, const char **out)
{
    const json_t *value = json_object_get(object, key);
    *out = NULL;
    if (!value) {
        return 0;
    }
    if (!json_is_string(value)) {
        return rs_schema_bad(p, place, "\"%s\" is not a string", key);
    }
    *out =
        rs_arena_slice(&p->document->arena, rs_slice_of(json_string_value(value), json_string_length(value)));
    return !*out ? rs_schema_no_memory(p) : 0;
}

/* Aliases of a field, or, where `dots` says that dots are allowed, of a named type: in the namespace `ns` then
 * unless they have one. */
static int parse_aliases(struct rs_schema_parser *p, const json_t *object, bool dots, const char *ns,
                         const struct rs_schema_place *place, const char *const **out, size_t *count)
{
    const json_t *aliases = json_object_get(object, "aliases");
    if (!aliases) {
        return 0;
    }
    if (!json_is_array(aliases)) {
        return rs_schema_bad(p, place, "\"aliases\" is not an array of names");
    }
    const char **names = rs_arena_array(&p->document->arena, json_array_size(aliases), sizeof *names);
    if (!names) {
        return rs_schema_no_memory(p);
    }
    size_t i = 0;
    const json_t *alias = NULL;
    json_array_foreach(aliases, i, alias)
    {
        if (!json_is_string(alias) ||
            !valid_name(p, json_string_value(alias), json_string_length(alias), dots)) {
            return rs_schema_bad(p, place, "\"aliases\" holds something that is not a name");
        }
        names[i] = full_name(p, ns, json_string_value(alias));
        if (!names[i]) {
            return rs_schema_no_memory(p);
        }
    }
    *out = names;
    *count = json_array_size(aliases);
    return 0;
}

static int parse_namespace(struct rs_schema_parser *p, const json_t *object,
                           const struct rs_schema_place *place, const char **ns)
{
    const json_t *value = json_object_get(object, "namespace");
    if (!value) {
        *ns = place->ns;
        return 0;
    }
    const char *text = json_string_value(value);
    size_t size = json_string_length(value);
    if (!text || (size != 0 && !valid_name(p, text, size, true))) {
        return rs_schema_bad(p, place, "\"namespace\" is not a name or names with dots between them");
    }
    *ns = rs_arena_text(&p->document->arena, text);
    return !*ns ? rs_schema_no_memory(p) : 0;
}

/* Reads name, namespace, doc and aliases of a named type, registers it, and says which namespace holds
 * inside. */
static int parse_name(struct rs_schema_parser *p, const json_t *object, struct rs_schema *node,
                      const struct rs_schema_place *place, const char **inside)
{
    const json_t *name = json_object_get(object, "name");
    const char *kind = rs_schema_kind_name(node->kind);
    if (!name) {
        return rs_schema_bad(p, place, "a type of kind %s needs a \"name\"", kind);
    }
    const char *text = json_string_value(name);
    if (!text || !valid_name(p, text, json_string_length(name), true)) {
        return rs_schema_bad(p, place,
                             "the \"name\" of the %s is not a name: letters, digits, '_', '$' and '-', not "
                             "beginning with a digit or '-'",
                             kind);
    }
    const char *ns = NULL;
    if (parse_namespace(p, object, place, &ns) != 0 ||
        text_attribute(p, object, "doc", place, &node->doc) != 0) {
        return p->error->code;
    }
    char *full = full_name(p, ns, text);
    if (!full) {
        return rs_schema_no_memory(p);
    }
    const char *dot = strrchr(full, '.');
    if (known_name(!dot ? full : dot + 1, primitive_names)) {
        return rs_schema_bad(p, place, "'%s' is the name of a primitive type and may not be defined", full);
    }
    node->name = full;
    *inside = !dot ? "" : rs_arena_slice(&p->document->arena, rs_slice_of(full, (size_t)(dot - full)));
    if (!*inside) {
        return rs_schema_no_memory(p);
    }
    int code = parse_aliases(p, object, true, *inside, place, &node->aliases, &node->alias_count);
    return code != 0 ? code : register_named(p, node, place);
}

/* ---- types ---- */

static int parse_type(struct rs_schema_parser *p, const json_t *json, const struct rs_schema_place *place,
                      const struct rs_schema **out);

static struct rs_schema *new_node(struct rs_schema_parser *p, enum rs_schema_kind kind)
{
    struct rs_schema *node = rs_arena_alloc(&p->document->arena, sizeof *node);
    if (!node) {
        rs_schema_no_memory(p);
        return NULL;
    }
    node->kind = kind;
    node->zero_size = kind == RS_AVRO_NULL;
    return node;
}

static struct rs_schema_place place_inside(const struct rs_schema_place *up, const char *label,
                                           const char *ns, const struct rs_schema *owner, size_t part)
{
    return (struct rs_schema_place){
        .up = up, .label = label, .ns = ns, .owner = owner, .part = part, .depth = up->depth + 1};
}

static const char *nearest_type(const struct rs_schema_parser *p, const char *text)
{
    const char *nearest = rs_nearest_name(text, primitive_names);
    nearest = !nearest ? rs_nearest_name(text, complex_names) : nearest;
    for (size_t i = 0; i < p->named_count && !nearest; i++) {
        nearest = rs_nearest_name(text, (const char *const[]){p->named[i]->name, NULL});
    }
    return nearest;
}

static int parse_reference(struct rs_schema_parser *p, const json_t *json,
                           const struct rs_schema_place *place, const struct rs_schema **out)
{
    const char *text = json_string_value(json);
    if (!valid_name(p, text, json_string_length(json), true)) {
        return rs_schema_bad(p, place, "'%s' is not a name of a type", rs_schema_shown(p, text));
    }
    for (int kind = 0; primitive_names[kind]; kind++) {
        if (strcmp(text, primitive_names[kind]) == 0) {
            struct rs_schema *node = new_node(p, (enum rs_schema_kind)kind);
            *out = node;
            return !node ? p->error->code : 0;
        }
    }
    char *full = full_name(p, place->ns, text);
    if (!full) {
        return rs_schema_no_memory(p);
    }
    struct rs_schema *named = find_named(p, full);
    if (!named) {
        const char *nearest = nearest_type(p, full);
        return rs_schema_bad(p, place, "the type '%s' is not defined before its use here%s%s%s",
                             rs_schema_shown(p, full), !nearest ? "" : "; did you mean '",
                             !nearest ? "" : nearest, !nearest ? "" : "'?");
    }
    named->uses++;
    *out = named;
    return 0;
}

/* Two branches clash when a value could not tell them apart by kind, or by name for the named kinds. */
static bool branches_clash(const struct rs_schema *a, const struct rs_schema *b)
{
    if (a->name || b->name) {
        return a == b;
    }
    return a->kind == b->kind;
}

static int check_branch(struct rs_schema_parser *p, const struct rs_schema *const *branches, size_t count,
                        const struct rs_schema_place *place)
{
    const struct rs_schema *added = branches[count];
    if (added->kind == RS_AVRO_UNION) {
        return rs_schema_bad(p, place, "a union may not hold a union directly");
    }
    for (size_t i = 0; i < count; i++) {
        if (branches_clash(branches[i], added)) {
            return rs_schema_bad(p, place, "the union holds '%s' twice",
                                 added->name ? rs_schema_shown(p, added->name)
                                             : rs_schema_kind_name(added->kind));
        }
    }
    return 0;
}

static int parse_union(struct rs_schema_parser *p, const json_t *json, const struct rs_schema_place *place,
                       const struct rs_schema **out)
{
    struct rs_schema *node = new_node(p, RS_AVRO_UNION);
    if (!node) {
        return p->error->code;
    }
    size_t count = json_array_size(json);
    const struct rs_schema **branches =
        rs_arena_array(&p->document->arena, count, sizeof(struct rs_schema *));
    if (!branches) {
        return rs_schema_no_memory(p);
    }
    for (size_t i = 0; i < count; i++) {
        struct rs_schema_place inside = place_inside(place, NULL, place->ns, node, i);
        if (parse_type(p, json_array_get(json, i), &inside, &branches[i]) != 0 ||
            check_branch(p, branches, i, &inside) != 0) {
            return p->error->code;
        }
    }
    node->branches = branches;
    node->branch_count = count;
    *out = node;
    return 0;
}

static int parse_items(struct rs_schema_parser *p, const json_t *object, struct rs_schema *node,
                       const struct rs_schema_place *place)
{
    bool map = node->kind == RS_AVRO_MAP;
    const json_t *items = json_object_get(object, map ? "values" : "items");
    if (!items) {
        return rs_schema_bad(p, place, "%s needs \"%s\"", map ? "a map" : "an array",
                             map ? "values" : "items");
    }
    struct rs_schema_place inside = place_inside(place, map ? ".values" : ".items", place->ns, node, 0);
    return parse_type(p, items, &inside, &node->items);
}

static int parse_fixed(struct rs_schema_parser *p, const json_t *object, struct rs_schema *node,
                       const struct rs_schema_place *place)
{
    const char *inside = NULL;
    int code = parse_name(p, object, node, place, &inside);
    if (code != 0) {
        return code;
    }
    const json_t *size = json_object_get(object, "size");
    if (!json_is_integer(size) || json_integer_value(size) < 0 || json_integer_value(size) > INT32_MAX) {
        return rs_schema_bad(p, place, "a fixed needs a \"size\" from 0 to %d", INT32_MAX);
    }
    node->fixed_size = (size_t)json_integer_value(size);
    node->zero_size = node->fixed_size == 0;
    return 0;
}

static int parse_symbols(struct rs_schema_parser *p, const json_t *symbols, struct rs_schema *node,
                         const struct rs_schema_place *place)
{
    size_t count = json_array_size(symbols);
    const char **texts = rs_arena_array(&p->document->arena, count, sizeof *texts);
    json_t *seen = json_object();
    if (!texts || !seen) {
        json_decref(seen);
        return rs_schema_no_memory(p);
    }
    int code = 0;
    for (size_t i = 0; i < count && code == 0; i++) {
        const json_t *symbol = json_array_get(symbols, i);
        const char *text = json_string_value(symbol);
        if (!text || !valid_name(p, text, json_string_length(symbol), false)) {
            code = rs_schema_bad(p, place, "symbol number %zu of the enum is not a name", i + 1);
        } else if (json_object_get(seen, text)) {
            code = rs_schema_bad(p, place, "the enum has the symbol '%s' twice", rs_schema_shown(p, text));
        } else if (!(texts[i] = rs_arena_text(&p->document->arena, text)) ||
                   json_object_set_new(seen, text, json_true()) != 0) {
            code = rs_schema_no_memory(p);
        }
    }
    json_decref(seen);
    node->symbols = texts;
    node->symbol_count = count;
    return code;
}

static int parse_enum(struct rs_schema_parser *p, const json_t *object, struct rs_schema *node,
                      const struct rs_schema_place *place)
{
    const char *inside = NULL;
    int code = parse_name(p, object, node, place, &inside);
    if (code != 0) {
        return code;
    }
    const json_t *symbols = json_object_get(object, "symbols");
    if (!json_is_array(symbols)) {
        return rs_schema_bad(p, place, "an enum needs \"symbols\", an array of names");
    }
    const char *fallback = NULL;
    if (parse_symbols(p, symbols, node, place) != 0 ||
        text_attribute(p, object, "default", place, &fallback) != 0) {
        return p->error->code;
    }
    node->symbol_default = fallback ? rs_schema_symbol(node, fallback) : SIZE_MAX;
    return !fallback || node->symbol_default != SIZE_MAX
               ? 0
               : rs_schema_bad(p, place, "the enum's default '%s' is not one of its symbols",
                               rs_schema_shown(p, fallback));
}

/* ---- records ---- */

static int check_order(struct rs_schema_parser *p, const json_t *object, const struct rs_schema_place *place)
{
    const json_t *order = json_object_get(object, "order");
    const char *text = json_string_value(order);
    static const char *const known[] = {"ascending", "descending", "ignore", NULL};
    if (order && (!text || !known_name(text, known))) {
        return rs_schema_bad(p, place, "\"order\" is not ascending, descending or ignore");
    }
    return 0;
}

static int keep_default(struct rs_schema_parser *p, const json_t *object, const char *record,
                        struct rs_schema_field *field)
{
    json_t *value = json_object_get(object, "default");
    if (!value) {
        return 0;
    }
    struct rs_schema_default *kept = rs_arena_alloc(&p->document->arena, sizeof *kept);
    if (!kept) {
        return rs_schema_no_memory(p);
    }
    *kept = (struct rs_schema_default){.next = p->defaults, .record = record, .field = field, .value = value};
    p->defaults = kept;
    field->has_default = true;
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT); /* for the publisher, which encodes it */
    field->default_json = text ? rs_arena_text(&p->document->arena, text) : NULL;
    free(text);
    return field->default_json ? 0 : rs_schema_no_memory(p);
}

static int parse_field_type(struct rs_schema_parser *p, const json_t *object, struct rs_schema_field *field,
                            const struct rs_schema_place *place)
{
    const json_t *type = json_object_get(object, "type");
    if (!type) {
        return rs_schema_bad(p, place, "the field needs a \"type\"");
    }
    size_t size = strlen(field->name) + 2;
    char *label = rs_arena_alloc(&p->document->arena, size);
    if (!label) {
        return rs_schema_no_memory(p);
    }
    snprintf(label, size, ".%s", field->name);
    struct rs_schema_place inside = *place;
    inside.label = label;
    return parse_type(p, type, &inside, &field->type);
}

/* `place` is the field's own, without a label until its name is known. */
static int parse_field(struct rs_schema_parser *p, const json_t *object, const char *record,
                       struct rs_schema_field *field, const struct rs_schema_place *place)
{
    if (!json_is_object(object)) {
        return rs_schema_bad(p, place, "a field has to be a JSON object");
    }
    const json_t *name = json_object_get(object, "name");
    const char *text = json_string_value(name);
    if (!text || !valid_name(p, text, json_string_length(name), false)) {
        return rs_schema_bad(p, place,
                             "a field needs a \"name\" of letters, digits, '_', '$' and '-', not beginning "
                             "with a digit or '-'");
    }
    field->name = rs_arena_text(&p->document->arena, text);
    if (!field->name) {
        return rs_schema_no_memory(p);
    }
    /* "unit" is a property of ours: anybody else may use the key for something that is not text. */
    const json_t *unit = json_object_get(object, "unit");
    if (json_is_string(unit) &&
        !(field->unit = rs_arena_text(&p->document->arena, json_string_value(unit)))) {
        return rs_schema_no_memory(p);
    }
    if (text_attribute(p, object, "doc", place, &field->doc) != 0 || check_order(p, object, place) != 0 ||
        parse_aliases(p, object, false, "", place, &field->aliases, &field->alias_count) != 0 ||
        parse_field_type(p, object, field, place) != 0) {
        return p->error->code;
    }
    return keep_default(p, object, record, field);
}

static int parse_fields(struct rs_schema_parser *p, const json_t *fields, struct rs_schema *node,
                        const struct rs_schema_place *place, const char *ns)
{
    size_t count = json_array_size(fields);
    struct rs_schema_field *parsed = rs_arena_array(&p->document->arena, count, sizeof *parsed);
    json_t *seen = json_object();
    if (!parsed || !seen) {
        json_decref(seen);
        return rs_schema_no_memory(p);
    }
    int code = 0;
    for (size_t i = 0; i < count && code == 0; i++) {
        struct rs_schema_place inside = place_inside(place, NULL, ns, node, i);
        code = parse_field(p, json_array_get(fields, i), node->name, &parsed[i], &inside);
        if (code == 0 && json_object_get(seen, parsed[i].name)) {
            code = rs_schema_bad(p, &inside, "the record has the field '%s' twice",
                                 rs_schema_shown(p, parsed[i].name));
        } else if (code == 0 && json_object_set_new(seen, parsed[i].name, json_true()) != 0) {
            code = rs_schema_no_memory(p);
        }
    }
    json_decref(seen);
    node->fields = parsed;
    node->field_count = count;
    return code;
}

/* A record is without bytes when all its fields are. One that is still being read counts as having some,
 * which is right: a record that holds itself directly has no finite value at all. */
static int measure_record(struct rs_schema_parser *p, struct rs_schema *node,
                          const struct rs_schema_place *place)
{
    unsigned deepest = 0;
    for (size_t i = 0; i < node->field_count; i++) {
        const struct rs_schema *type = node->fields[i].type;
        if (!type->zero_size) {
            return 0;
        }
        deepest = type->zero_depth > deepest ? type->zero_depth : deepest;
    }
    if (deepest == RS_SCHEMA_DEPTH_MAX) {
        return rs_schema_bad(p, place, "records without bytes are nested more than %d deep",
                             RS_SCHEMA_DEPTH_MAX);
    }
    node->zero_size = true;
    node->zero_depth = (uint16_t)(deepest + 1);
    return 0;
}

static int parse_record(struct rs_schema_parser *p, const json_t *object, struct rs_schema *node,
                        const struct rs_schema_place *place)
{
    const char *inside = NULL;
    int code = parse_name(p, object, node, place, &inside);
    if (code != 0) {
        return code;
    }
    const json_t *fields = json_object_get(object, "fields");
    if (!json_is_array(fields)) {
        return rs_schema_bad(p, place, "a record needs \"fields\", an array");
    }
    code = parse_fields(p, fields, node, place, inside);
    return code != 0 ? code : measure_record(p, node, place);
}

/* ---- dispatch ---- */

static int parse_complex(struct rs_schema_parser *p, const json_t *object, const char *type,
                         const struct rs_schema_place *place, const struct rs_schema **out)
{
    static const struct {
        const char *name;
        enum rs_schema_kind kind;
        int (*parse)(struct rs_schema_parser *, const json_t *, struct rs_schema *,
                     const struct rs_schema_place *);
    } kinds[] = {{"record", RS_AVRO_RECORD, parse_record}, {"error", RS_AVRO_RECORD, parse_record},
                 {"enum", RS_AVRO_ENUM, parse_enum},       {"array", RS_AVRO_ARRAY, parse_items},
                 {"map", RS_AVRO_MAP, parse_items},        {"fixed", RS_AVRO_FIXED, parse_fixed}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(type, kinds[i].name) == 0) {
            struct rs_schema *node = new_node(p, kinds[i].kind);
            if (!node || kinds[i].parse(p, object, node, place) != 0 ||
                rs_schema_parse_logical(p, object, node) != 0) {
                return p->error->code;
            }
            *out = node;
            return 0;
        }
    }
    return rs_schema_bad(p, place, "'%s' is not a type", rs_schema_shown(p, type));
}

static int parse_object(struct rs_schema_parser *p, const json_t *object, const struct rs_schema_place *place,
                        const struct rs_schema **out)
{
    const json_t *type = json_object_get(object, "type");
    if (!type) {
        return rs_schema_bad(p, place, "the type has no \"type\"");
    }
    if (!json_is_string(type)) {
        return rs_schema_bad(p, place, "\"type\" of a type is not a name: write the inner type in its place");
    }
    const char *text = json_string_value(type);
    if (known_name(text, complex_names)) {
        return parse_complex(p, object, text, place, out);
    }
    int code = parse_reference(p, type, place, out);
    if (code != 0 || !*out || (*out)->name) {
        return code;
    }
    /* A primitive's node is fresh, nobody else sees it yet. */
    return rs_schema_parse_logical(p, object, (struct rs_schema *)*out);
}

static int parse_type(struct rs_schema_parser *p, const json_t *json, const struct rs_schema_place *place,
                      const struct rs_schema **out)
{
    if (++p->types > RS_SCHEMA_TYPES_MAX) {
        return rs_schema_bad(p, place, "the schema holds more than %d types", RS_SCHEMA_TYPES_MAX);
    }
    if (place->depth > RS_SCHEMA_DEPTH_MAX) {
        return rs_schema_bad(p, place, "types are nested more than %d deep", RS_SCHEMA_DEPTH_MAX);
    }
    switch (json_typeof(json)) {
    case JSON_STRING: return parse_reference(p, json, place, out);
    case JSON_ARRAY: return parse_union(p, json, place, out);
    case JSON_OBJECT: return parse_object(p, json, place, out);
    default: return rs_schema_bad(p, place, "a type is a name, an array (union) or an object");
    }
}

/* ---- the document ---- */

static json_t *read_json(struct rs_schema_parser *p, const char *json, size_t size)
{
    if (size > RS_SCHEMA_BYTES_MAX) {
        rs_fail(p->error, RS_ESCHEMA, "%s: larger than %zu bytes", p->name, RS_SCHEMA_BYTES_MAX);
        return NULL;
    }
    json_error_t fault;
    json_t *root = json_loadb(json, size, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &fault);
    if (!root) {
        rs_fail(p->error, RS_ESCHEMA, "%s:%d:%d: not valid JSON: %s", p->name, fault.line, fault.column,
                rs_schema_shown(p, fault.text));
    }
    return root;
}

static int parse_document(struct rs_schema_parser *p, const char *json, size_t size)
{
    struct rs_schema_document *document = p->document;
    json_t *root = read_json(p, json, size);
    int code = !root ? p->error->code : 0;
    const struct rs_schema_place top = {.label = "schema", .ns = ""};
    p->index = json_object();
    if (code == 0) {
        document->json = rs_arena_slice(&document->arena, rs_slice_of(json, size));
        code = !document->json || !p->index ? rs_schema_no_memory(p) : 0;
    }
    if (code == 0) {
        code = parse_type(p, root, &top, &document->root);
    }
    if (code == 0) {
        code = rs_schema_check_defaults(p);
    }
    json_decref(p->index);
    json_decref(root);
    free(p->named);
    return code;
}

void rs_schema_free(struct rs_schema_document **document)
{
    if (!document || !*document) {
        return;
    }
    rs_arena_fini(&(*document)->arena);
    free(*document);
    *document = NULL;
}

int rs_schema_parse(const char *name, const char *json, size_t size, struct rs_schema_document **out,
                    struct rs_error *error)
{
    struct rs_schema_document *document = calloc(1, sizeof *document);
    if (!document) {
        return rs_fail(error, RS_ENOMEM, "%s: out of memory", name);
    }
    struct rs_schema_parser parser = {.document = document, .name = name, .error = error};
    int code = parse_document(&parser, json, size);
    if (code != 0) {
        rs_schema_free(&document);
        return code;
    }
    *out = document;
    return 0;
}

int rs_schema_load(const char *path, struct rs_schema_document **out, struct rs_error *error)
{
    struct rs_buf text = {0};
    int code = rs_file_read(path, RS_SCHEMA_BYTES_MAX, &text, error);
    if (code == 0) {
        code = rs_schema_parse(path, text.size == 0 ? "" : (const char *)text.data, text.size, out, error);
    }
    rs_buf_fini(&text);
    return code;
}
