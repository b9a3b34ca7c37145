#include "tests/fuzz/evolve.h"

#include <jansson.h>
#include <string.h>

#define PLACES_MAX 200

/* A type in the tree: the value of `key`, or item number `index`, of `holder`. */
struct place {
    json_t *holder;
    const char *key;
    size_t index;
};

struct places {
    struct place items[PLACES_MAX];
    size_t count;
    json_t *objects[PLACES_MAX]; /* records, enums and fixed */
    size_t object_count;
};

static void find(struct places *places, json_t *type);

static void find_in(struct places *places, json_t *holder, const char *key, size_t index)
{
    json_t *type = key ? json_object_get(holder, key) : json_array_get(holder, index);
    if (type && places->count < PLACES_MAX) {
        places->items[places->count++] = (struct place){holder, key, index};
        find(places, type);
    }
}

static void find(struct places *places, json_t *type)
{
    json_t *fields = json_object_get(type, "fields");
    for (size_t i = 0; json_is_array(type) && i < json_array_size(type); i++) {
        find_in(places, type, NULL, i);
    }
    if (!json_is_object(type)) {
        return;
    }
    if (json_object_get(type, "name") && places->object_count < PLACES_MAX) {
        places->objects[places->object_count++] = type;
    }
    find_in(places, type, "items", 0);
    find_in(places, type, "values", 0);
    for (size_t i = 0; i < json_array_size(fields); i++) {
        find_in(places, json_array_get(fields, i), "type", 0);
    }
}

static size_t pick(struct rs_random *random, size_t bound)
{
    return bound > 0 ? (size_t)rs_random_below(random, bound) : 0;
}

static json_t *parse(const char *text)
{
    return json_loads(text, JSON_DECODE_ANY, NULL);
}

static json_t *some_type(struct rs_random *random)
{
    static const char *const types[] = {
        "\"null\"",
        "\"boolean\"",
        "\"int\"",
        "\"long\"",
        "\"float\"",
        "\"double\"",
        "\"bytes\"",
        "\"string\"",
        "{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}",
        "{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}",
        "{\"type\":\"long\",\"logicalType\":\"timestamp-nanos\"}",
        "{\"type\":\"int\",\"logicalType\":\"time-millis\"}",
        "{\"type\":\"long\",\"logicalType\":\"time-micros\"}",
        "{\"type\":\"int\",\"logicalType\":\"date\"}",
        "{\"type\":\"string\",\"logicalType\":\"uuid\"}",
        "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":38,\"scale\":9}",
        "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":9,\"scale\":2}",
        "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":60,\"scale\":20}",
        "{\"type\":\"array\",\"items\":\"null\"}",
        "{\"type\":\"map\",\"values\":\"int\"}",
        "{\"type\":\"fixed\",\"name\":\"Fx\",\"size\":16,\"logicalType\":\"uuid\"}",
        "{\"type\":\"enum\",\"name\":\"En\",\"symbols\":[\"S0\",\"S1\"],\"default\":\"S1\"}"};
    return parse(types[pick(random, sizeof types / sizeof *types)]);
}

/* One of those that the type can be read as. */
static json_t *promoted(struct rs_random *random, json_t *type)
{
    static const char *const ways[][4] = {{"int", "long", "float", "double"},
                                          {"long", "float", "double", "double"},
                                          {"float", "double", "double", "double"},
                                          {"string", "bytes", "bytes", "bytes"},
                                          {"bytes", "string", "string", "string"}};
    const char *name = json_string_value(type);
    for (size_t i = 0; name && i < sizeof ways / sizeof *ways; i++) {
        if (strcmp(name, ways[i][0]) == 0) {
            return json_string(ways[i][1 + pick(random, 3)]);
        }
    }
    return some_type(random);
}

static json_t *in_union(struct rs_random *random, json_t *type)
{
    json_t *all = json_is_array(type) ? json_copy(type) : json_array();
    if (!json_is_array(type)) {
        json_array_append(all, type);
    }
    json_array_insert_new(all, pick(random, json_array_size(all) + 1),
                          pick(random, 2) == 0 ? json_string("null") : some_type(random));
    return all;
}

static void change_type(struct rs_random *random, const struct place *place)
{
    json_t *type =
        place->key ? json_object_get(place->holder, place->key) : json_array_get(place->holder, place->index);
    json_t *changed;
    switch (pick(random, 5)) {
    case 0: changed = some_type(random); break;
    case 1: changed = in_union(random, type); break;
    case 2:
        changed = json_array_size(type) > 0
                      ? json_incref(json_array_get(type, pick(random, json_array_size(type))))
                      : in_union(random, type);
        break;
    default: changed = promoted(random, type); break;
    }
    if (place->key) {
        json_object_set_new(place->holder, place->key, changed);
    } else {
        json_array_set_new(place->holder, place->index, changed);
    }
}

static void shuffle(struct rs_random *random, json_t *list)
{
    for (size_t i = json_array_size(list); i > 1; i--) {
        size_t at = pick(random, i);
        json_t *item = json_incref(json_array_get(list, at));
        json_array_remove(list, at);
        json_array_append_new(list, item);
    }
}

static void rename_to(json_t *object, const char *name)
{
    json_t *aliases = json_array();
    json_array_append(aliases, json_object_get(object, "name"));
    json_object_set_new(object, "aliases", aliases);
    json_object_set_new(object, "name", json_string(name));
}

static void change_fields(struct rs_random *random, json_t *fields)
{
    static const char *const defaults[] = {"null", "0",  "true",        "1.5",   "\"x\"",
                                           "[]",   "{}", "\"\\u00ff\"", "\"S1\""};
    static const char *const names[] = {"f0", "f1", "fx", "fy"};
    json_t *field = json_array_get(fields, pick(random, json_array_size(fields)));
    const char *name = names[pick(random, 4)];
    switch (pick(random, 5)) {
    case 0: json_array_remove(fields, pick(random, json_array_size(fields))); break;
    case 1: shuffle(random, fields); break;
    case 2:
        if (field) {
            rename_to(field, name);
        }
        break;
    case 3:
        if (field) {
            json_object_set_new(field, "default", parse(defaults[pick(random, 9)]));
        }
        break;
    default:
        field = json_object();
        json_object_set_new(field, "name", json_string(name));
        json_object_set_new(field, "type", some_type(random));
        json_object_set_new(field, "default", parse(defaults[pick(random, 9)]));
        json_array_insert_new(fields, pick(random, json_array_size(fields) + 1), field);
        break;
    }
}

static void change_object(struct rs_random *random, json_t *object)
{
    json_t *fields = json_object_get(object, "fields");
    json_t *symbols = json_object_get(object, "symbols");
    if (pick(random, 6) == 0) {
        rename_to(object, pick(random, 2) == 0 ? "other.T0" : "U");
    } else if (fields) {
        change_fields(random, fields);
    } else if (symbols && pick(random, 3) == 0) {
        shuffle(random, symbols);
    } else if (symbols && pick(random, 2) == 0) {
        json_array_remove(symbols, pick(random, json_array_size(symbols)));
    } else if (symbols) {
        json_object_set(object, "default", json_array_get(symbols, 0));
    } else {
        json_object_set_new(object, "size", json_integer((json_int_t)pick(random, 20)));
    }
}

bool rs_random_evolve(struct rs_random *random, struct rs_slice text, struct rs_buf *out)
{
    json_t *root = json_loadb((const char *)text.data, text.size, JSON_DECODE_ANY, NULL);
    if (!root) {
        return false;
    }
    struct places places = {.count = 0};
    find(&places, root);
    if (places.object_count > 0 && (places.count == 0 || pick(random, 2) == 0)) {
        change_object(random, places.objects[pick(random, places.object_count)]);
    } else if (places.count > 0) {
        change_type(random, &places.items[pick(random, places.count)]);
    }
    char *changed = json_dumps(root, JSON_COMPACT | JSON_ENCODE_ANY);
    if (changed) {
        rs_buf_text(out, changed);
    }
    free(changed);
    json_decref(root);
    return changed != NULL;
}
