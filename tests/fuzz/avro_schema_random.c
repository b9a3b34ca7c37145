#include <stdio.h>
#include <stdlib.h>

#include "tests/fuzz/schema_random.h"

#define ENCLOSING_MAX 64

struct generator {
    struct rs_random *random;
    struct rs_buf *json;
    unsigned names;                    /* named types so far: T0, T1, ... */
    unsigned enclosing[ENCLOSING_MAX]; /* records around the place at hand */
    unsigned enclosing_count;
    unsigned done[ENCLOSING_MAX]; /* types that are complete */
    unsigned done_count;
};

static void put_type(struct generator *g, unsigned depth);

static unsigned pick(struct generator *g, unsigned bound)
{
    return (unsigned)rs_random_below(g->random, bound);
}

static void complete(struct generator *g, unsigned name)
{
    if (g->done_count < ENCLOSING_MAX) {
        g->done[g->done_count++] = name;
    }
}

static void put_simple(struct generator *g)
{
    static const char *const types[] = {"\"null\"",
                                        "\"boolean\"",
                                        "\"int\"",
                                        "\"long\"",
                                        "\"float\"",
                                        "\"double\"",
                                        "\"bytes\"",
                                        "\"string\"",
                                        "{\"type\":\"int\",\"logicalType\":\"date\"}",
                                        "{\"type\":\"int\",\"logicalType\":\"time-millis\"}",
                                        "{\"type\":\"long\",\"logicalType\":\"time-micros\"}",
                                        "{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}",
                                        "{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}",
                                        "{\"type\":\"long\",\"logicalType\":\"timestamp-nanos\"}",
                                        "{\"type\":\"long\",\"logicalType\":\"local-timestamp-millis\"}",
                                        "{\"type\":\"string\",\"logicalType\":\"uuid\"}"};
    rs_buf_text(g->json, types[pick(g, sizeof types / sizeof types[0])]);
}

static void put_decimal(struct generator *g)
{
    unsigned precision = 1 + pick(g, 38);
    rs_buf_printf(g->json, "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":%u,\"scale\":%u}",
                  precision, pick(g, precision + 1));
}

static void put_fixed(struct generator *g)
{
    unsigned name = g->names++;
    unsigned size = 1 + pick(g, 17);
    rs_buf_printf(g->json, "{\"type\":\"fixed\",\"name\":\"T%u\",\"size\":%u", name, size);
    if (pick(g, 2) == 0) {
        unsigned most = (8 * size - 1) * 301 / 1000;
        unsigned precision = 1 + (most > 1 ? pick(g, most < 38 ? most : 38) : 0);
        if (most > 0) {
            rs_buf_printf(g->json, ",\"logicalType\":\"decimal\",\"precision\":%u,\"scale\":%u", precision,
                          pick(g, precision + 1));
        }
    }
    rs_buf_char(g->json, '}');
    complete(g, name);
}

static void put_enum(struct generator *g)
{
    unsigned name = g->names++;
    unsigned count = 1 + pick(g, 70);
    rs_buf_printf(g->json, "{\"type\":\"enum\",\"name\":\"T%u\",\"symbols\":[", name);
    for (unsigned i = 0; i < count; i++) {
        rs_buf_printf(g->json, "%s\"S%u\"", i == 0 ? "" : ",", i);
    }
    rs_buf_text(g->json, "]}");
    complete(g, name);
}

static void put_record(struct generator *g, unsigned depth)
{
    unsigned name = g->names++;
    unsigned count = 1 + pick(g, depth > 3 ? 7 : 4);
    rs_buf_printf(g->json, "{\"type\":\"record\",\"name\":\"T%u\",\"fields\":[", name);
    g->enclosing[g->enclosing_count++] = name;
    for (unsigned i = 0; i < count; i++) {
        rs_buf_printf(g->json, "%s{\"name\":\"f%u\",\"type\":", i == 0 ? "" : ",", i);
        put_type(g, depth - 1);
        rs_buf_char(g->json, '}');
    }
    g->enclosing_count--;
    rs_buf_text(g->json, "]}");
    complete(g, name);
}

/* Kinds are all different, so the branches cannot clash. */
static void put_union(struct generator *g, unsigned depth)
{
    static const char *const kinds[] = {"\"null\"", "\"boolean\"", "\"int\"",
                                        "\"long\"", "\"double\"",  "\"string\""};
    unsigned first = pick(g, 6);
    unsigned count = 1 + pick(g, 3);
    rs_buf_char(g->json, '[');
    for (unsigned i = 0; i < count; i++) {
        rs_buf_printf(g->json, "%s%s", i == 0 ? "" : ",", kinds[(first + i) % 6]);
    }
    unsigned complex = pick(g, 5);
    if (complex == 0) {
        rs_buf_char(g->json, ',');
        put_record(g, depth);
    } else if (complex == 1) {
        rs_buf_text(g->json, ",{\"type\":\"array\",\"items\":");
        put_type(g, depth - 1);
        rs_buf_char(g->json, '}');
    } else if (complex == 2) {
        rs_buf_char(g->json, ',');
        put_decimal(g);
    }
    rs_buf_char(g->json, ']');
}

static void put_nullable(struct generator *g, unsigned depth)
{
    bool first = pick(g, 3) > 0;
    rs_buf_text(g->json, first ? "[\"null\"," : "[");
    switch (pick(g, 6)) {
    case 0: put_record(g, depth); break;
    case 1: put_decimal(g); break;
    case 2: put_enum(g); break;
    case 3: put_fixed(g); break;
    case 4: rs_buf_text(g->json, pick(g, 2) == 0 ? "\"double\"" : "\"float\""); break;
    default: rs_buf_text(g->json, pick(g, 2) == 0 ? "\"string\"" : "\"long\""); break;
    }
    rs_buf_text(g->json, first ? "]" : ",\"null\"]");
}

/* A record that holds itself has to be able to end: behind null, in an array or in a map. */
static void put_recursion(struct generator *g)
{
    unsigned name = g->enclosing[pick(g, g->enclosing_count)];
    switch (pick(g, 3)) {
    case 0: rs_buf_printf(g->json, "[\"null\",\"T%u\"]", name); break;
    case 1: rs_buf_printf(g->json, "{\"type\":\"array\",\"items\":\"T%u\"}", name); break;
    default: rs_buf_printf(g->json, "{\"type\":\"map\",\"values\":\"T%u\"}", name); break;
    }
}

static void put_items(struct generator *g, unsigned depth)
{
    rs_buf_text(g->json,
                pick(g, 2) == 0 ? "{\"type\":\"array\",\"items\":" : "{\"type\":\"map\",\"values\":");
    put_type(g, depth - 1);
    rs_buf_char(g->json, '}');
}

static void put_type(struct generator *g, unsigned depth)
{
    unsigned kind = pick(g, depth <= 1 ? 6 : 14);
    if (kind < 3) {
        put_simple(g);
    } else if (kind == 3) {
        put_decimal(g);
    } else if (kind == 4) {
        if (g->done_count > 0 && pick(g, 2) == 0) {
            rs_buf_printf(g->json, "\"T%u\"", g->done[pick(g, g->done_count)]);
        } else {
            put_fixed(g);
        }
    } else if (kind == 5) {
        put_enum(g);
    } else if (kind < 8) {
        put_record(g, depth);
    } else if (kind < 10) {
        put_items(g, depth);
    } else if (kind == 10) {
        put_union(g, depth);
    } else if (kind < 13) {
        put_nullable(g, depth);
    } else {
        put_recursion(g);
    }
}

void rs_random_schema(struct rs_random *random, unsigned depth, struct rs_buf *json)
{
    struct generator generator = {.random = random, .json = json};
    put_record(&generator, depth);
    rs_buf_char(json, '\0');
    json->size--;
}
