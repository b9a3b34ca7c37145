#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "schemas/decoder.h"
#include "tests/lib/schema_text.h"

#define RECORD(fields)    "{\"type\":\"record\",\"name\":\"T\",\"fields\":[" fields "]}"
#define FIELD(name, type) "{\"name\":\"" name "\",\"type\":" type "}"
#define DECIMAL(p, s)     "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":" #p ",\"scale\":" #s "}"
#define ENUM(symbols)     "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[" symbols "]}"

#define SIDE ENUM("\"A\",\"B\"")
#define T(id, price, side, n)                                                                                \
    RECORD(FIELD("id", id) "," FIELD("price", price) "," FIELD("side", side) "," FIELD("n", n))
#define PRICE(p, s) "[\"null\"," DECIMAL(p, s) "]"

/* 0 is the stream's own; the others are writers that resolve to it or do not. */
static const struct {
    const char *schema;
    bool resolves;
} writers[] = {
    {T("\"string\"", PRICE(18, 2), SIDE, "\"long\""), true},
    /* Other order, more fields. */
    {RECORD(FIELD("extra", "\"double\"") "," FIELD("n", "\"long\"") "," FIELD("side", SIDE) "," FIELD(
         "price", PRICE(18, 2)) "," FIELD("id", "\"string\"")),
     true},
    /* Other order, more fields, int for long, fewer digits, not nullable, other symbols. */
    {RECORD(FIELD("extra", "\"double\"") "," FIELD("n", "\"int\"") "," FIELD(
         "side", ENUM("\"B\",\"C\"")) "," FIELD("price", DECIMAL(9, 1)) "," FIELD("id", "\"bytes\"")),
     true},
    /* Each of these by itself. */
    {T("\"string\"", DECIMAL(9, 3), SIDE, "\"int\""), false},
    {T("[\"null\",\"string\"]", PRICE(18, 2), SIDE, "\"long\""), true},
    {T("\"string\"", "\"double\"", SIDE, "\"int\""), false},
    {RECORD(FIELD("id", "\"string\"")), false},
    {"{\"type\":\"record\",\"name\":\"U\",\"fields\":[]}", false},
    {"\"string\"", false},
};
enum { COUNT = sizeof writers / sizeof writers[0] };

struct fixture {
    struct rs_schema_document *documents[COUNT];
    struct rs_frame_registry *registry;
    struct rs_decoder *decoder;
};

static const char *const paths[] = {"price", "n", "side", "id"};

static struct fixture setup(enum rs_framing framing)
{
    struct fixture f = {0};
    struct rs_error error = {0};
    assert_int_equal(rs_frame_registry_new(&f.registry, &error), 0);
    for (size_t i = 0; i < COUNT; i++) {
        size_t number = 0;
        f.documents[i] = parse_schema(writers[i].schema);
        assert_int_equal(rs_frame_add(f.registry, rs_schema_root(f.documents[i]), &number, &error), 0);
        assert_int_equal(rs_frame_add_id(f.registry, (uint32_t)(100 + i), number, &error), 0);
    }
    assert_int_equal(
        rs_decoder_new(f.registry, framing, 0, paths, 4, RS_PROGRAM_LIMITS_DEFAULT, &f.decoder, &error), 0);
    return f;
}

static void teardown(struct fixture *f)
{
    rs_decoder_free(&f->decoder);
    rs_frame_registry_free(&f->registry);
    for (size_t i = 0; i < COUNT; i++) {
        rs_schema_free(&f->documents[i]);
    }
}

static void expect_values(const struct fixture *f, const void *bytes, size_t size)
{
    struct rs_value v[4];
    assert_int_equal(rs_decoder_run(f->decoder, rs_slice_of(bytes, size), NULL, v, NULL), RS_REASON_NONE);
    assert_true(v[0].kind == RS_VALUE_DECIMAL && !v[0].wide && v[0].i == 150);
    assert_true(v[1].kind == RS_VALUE_INT && v[1].i == 5);
    assert_true(v[2].kind == RS_VALUE_INT && v[2].i == 1);
    assert_true(v[3].kind == RS_VALUE_BYTES && rs_slice_equal(v[3].s, rs_slice_text("x")));
}

static void expect_reason(const struct fixture *f, const void *bytes, size_t size, enum rs_reason reason,
                          size_t at)
{
    struct rs_value v[4];
    size_t found = SIZE_MAX;
    assert_int_equal(rs_decoder_run(f->decoder, rs_slice_of(bytes, size), NULL, v, &found), reason);
    assert_int_equal(found, at);
}

static void test_writers_that_do_not_resolve(void **state)
{
    (void)state;
    struct fixture f = setup(RS_FRAMING_AUTO);
    for (size_t i = 0; i < COUNT; i++) {
        /* Of a writer that resolves, the bytes are what is wrong. */
        const uint8_t empty[] = {0, 0, 0, 0, (uint8_t)(100 + i)};
        bool fits = writers[i].resolves;
        expect_reason(&f, empty, sizeof empty, fits ? RS_REASON_TRUNCATED : RS_REASON_SCHEMA_INCOMPATIBLE,
                      fits ? 5 : 0);
    }
    teardown(&f);
}

static void test_types_of_the_own_schema(void **state)
{
    (void)state;
    struct fixture f = setup(RS_FRAMING_AUTO);
    struct rs_field_type type;
    struct rs_error error;
    assert_int_equal(rs_schema_field_type(rs_schema_root(f.documents[0]), "price", &type, &error), 0);
    assert_int_equal(type.scale, 2);
    assert_true(type.nullable);
    assert_int_equal(rs_schema_field_type(rs_schema_root(f.documents[0]), "id", &type, &error), 0);
    assert_int_equal(type.kind, RS_VALUE_BYTES);
    teardown(&f);
}

static void test_every_suitable_writer_gives_the_same(void **state)
{
    (void)state;
    struct fixture f = setup(RS_FRAMING_AUTO);
    static const uint8_t bare[] = {0x02, 'x', 0x02, 0x04, 0x00, 0x96, 0x02, 0x0a};
    expect_values(&f, bare, sizeof bare);
    static const uint8_t other[] = {0, 0, 0,    0,    101,  0,    0,    0,    0,    0,  0,
                                    0, 0, 0x0a, 0x02, 0x02, 0x04, 0x00, 0x96, 0x02, 'x'};
    expect_values(&f, other, sizeof other);
    static const uint8_t resolved[] = {0, 0, 0, 0,    102,  0,    0,    0,    0,  0,
                                       0, 0, 0, 0x0a, 0x00, 0x02, 0x0f, 0x02, 'x'};
    expect_values(&f, resolved, sizeof resolved);
    uint8_t object[64];
    size_t size =
        rs_frame_prefix(RS_FRAMING_SINGLE_OBJECT, 0, rs_schema_crc64(rs_schema_root(f.documents[0])), object);
    memcpy(object + size, bare, sizeof bare);
    expect_values(&f, object, size + sizeof bare);
    teardown(&f);
}

static void test_reasons(void **state)
{
    (void)state;
    struct fixture f = setup(RS_FRAMING_AUTO);
    /* A symbol and a branch that the stream's schema has not. */
    static const uint8_t symbol[] = {0, 0, 0, 0,    102,  0,    0,    0,    0,  0,
                                     0, 0, 0, 0x0a, 0x02, 0x02, 0x0f, 0x02, 'x'};
    expect_reason(&f, symbol, sizeof symbol, RS_REASON_SCHEMA_INCOMPATIBLE, 14);
    static const uint8_t null_id[] = {0, 0, 0, 0, 104, 0x00, 0x00, 0x04, 0x0a};
    expect_reason(&f, null_id, sizeof null_id, RS_REASON_SCHEMA_INCOMPATIBLE, 6);
    static const uint8_t cut[] = {0, 0, 0, 0, 100, 0x02, 'x', 0x02, 0x04, 0x00, 0x96, 0x02};
    expect_reason(&f, cut, sizeof cut, RS_REASON_TRUNCATED, 12);
    static const uint8_t bare_cut[] = {0x02, 'x', 0x02, 0x04, 0x00, 0x96, 0x02};
    expect_reason(&f, bare_cut, sizeof bare_cut, RS_REASON_TRUNCATED, 7);
    /* Neither a known id nor a datum of the stream: the id is what is wrong. */
    static const uint8_t unknown[] = {0, 0, 0, 0, 99, 0x02, 'x', 0x02};
    expect_reason(&f, unknown, sizeof unknown, RS_REASON_UNKNOWN_SCHEMA, 0);
    static const uint8_t fingerprint[] = {0xc3, 0x01, 1, 2, 3, 4, 5, 6, 7, 8, 0x02};
    expect_reason(&f, fingerprint, sizeof fingerprint, RS_REASON_UNKNOWN_SCHEMA, 0);
    /* An empty id, no price, side A, number -63: a datum that begins like an unknown id and is taken as it
     * is. */
    static const uint8_t look_alike[] = {0x00, 0x00, 0x00, 0xfd, 0x00};
    struct rs_value v[4];
    assert_int_equal(rs_decoder_run(f.decoder, rs_slice_of(look_alike, 5), NULL, v, NULL), RS_REASON_NONE);
    assert_int_equal(v[1].i, -63);
    assert_int_equal(v[0].kind, RS_VALUE_NULL);
    teardown(&f);
}

static void test_named_framing_refuses_others(void **state)
{
    (void)state;
    struct fixture f = setup(RS_FRAMING_CONFLUENT);
    static const uint8_t bare[] = {0x02, 'x', 0x02, 0x04, 0x00, 0x96, 0x02, 0x0a};
    expect_reason(&f, bare, sizeof bare, RS_REASON_FRAMING, 0);
    teardown(&f);
}

static void test_unknown_field(void **state)
{
    (void)state;
    struct fixture f = setup(RS_FRAMING_AUTO);
    struct rs_decoder *decoder = NULL;
    struct rs_error error;
    static const char *const unknown[] = {"id", "prise"};
    assert_int_equal(rs_decoder_new(f.registry, RS_FRAMING_AUTO, 0, unknown, 2, RS_PROGRAM_LIMITS_DEFAULT,
                                    &decoder, &error),
                     RS_ECONFIG);
    assert_null(decoder);
    assert_string_equal(error.text, "T has no field 'prise'; did you mean 'price'?");
    teardown(&f);
}

#define AT(unit) RECORD(FIELD("at", "{\"type\":\"long\",\"logicalType\":\"timestamp-" unit "\"}"))

/* A fingerprint knows no logical types: the schemas of one are told apart by number, not by fingerprint. */
static void test_a_twin_is_not_taken_for_the_own_schema(void **state)
{
    (void)state;
    static const char *const texts[] = {AT("millis"), AT("micros")};
    static const char *const at[] = {"at"};
    static const uint8_t framed[][6] = {{0, 0, 0, 0, 7, 2}, {0, 0, 0, 0, 8, 2}};
    struct rs_schema_document *documents[2];
    struct rs_frame_registry *registry = NULL;
    struct rs_decoder *decoder = NULL;
    struct rs_error error;
    struct rs_value value;
    size_t number = 0;
    assert_int_equal(rs_frame_registry_new(&registry, &error), 0);
    for (unsigned i = 0; i < 2; i++) {
        documents[i] = parse_schema(texts[i]);
        assert_int_equal(rs_frame_add(registry, rs_schema_root(documents[i]), &number, &error), 0);
        assert_int_equal(rs_frame_add_id(registry, 7 + i, number, &error), 0);
    }
    assert_int_equal(rs_schema_crc64(rs_schema_root(documents[0])),
                     rs_schema_crc64(rs_schema_root(documents[1])));
    assert_int_equal(
        rs_decoder_new(registry, RS_FRAMING_AUTO, 1, at, 1, RS_PROGRAM_LIMITS_DEFAULT, &decoder, &error), 0);
    assert_int_equal(rs_decoder_run(decoder, rs_slice_of(framed[0], 6), NULL, &value, NULL), RS_REASON_NONE);
    assert_int_equal(value.i, 1000);
    assert_int_equal(rs_decoder_run(decoder, rs_slice_of(framed[1], 6), NULL, &value, NULL), RS_REASON_NONE);
    assert_int_equal(value.i, 1);
    uint8_t object[11];
    size_t size =
        rs_frame_prefix(RS_FRAMING_SINGLE_OBJECT, 0, rs_schema_crc64(rs_schema_root(documents[0])), object);
    object[size] = 4;
    assert_int_equal(rs_decoder_run(decoder, rs_slice_of(object, size + 1), NULL, &value, NULL),
                     RS_REASON_NONE);
    assert_int_equal(value.i, 2);
    rs_decoder_free(&decoder);
    rs_frame_registry_free(&registry);
    rs_schema_free(&documents[0]);
    rs_schema_free(&documents[1]);
}

/* ---- a message that somebody looks into ---- */

struct seen {
    char text[512];
};

static void note(void *self, const struct rs_place *place, size_t size, const struct rs_schema *type,
                 struct rs_slice json)
{
    struct seen *seen = self;
    size_t used = strlen(seen->text);
    (void)snprintf(seen->text + used, sizeof seen->text - used, "%zu+%zu %s %s=%.*s\n", place->at, size,
                   rs_schema_kind_name(type->kind), place->path, (int)json.size, (const char *)json.data);
}

static void test_a_message_as_far_as_it_goes(void **state)
{
    (void)state;
    struct fixture f = setup(RS_FRAMING_AUTO);
    struct seen seen = {0};
    struct rs_place place;
    size_t at = 0;
    const struct rs_decoder_visitor visitor = {.visit = note, .self = &seen};
    static const uint8_t cut[] = {0, 0, 0, 0, 100, 0x02, 'x', 0x02, 0x04, 0x00, 0x96, 0x07};
    assert_int_equal(rs_decoder_visit(f.decoder, NULL, rs_slice_of(cut, sizeof cut), &visitor, &place),
                     RS_REASON_ENUM_INDEX);
    assert_string_equal(seen.text, "5+2 string id=\"x\"\n7+4 bytes price=1.5\n");
    assert_int_equal(place.at, 11);
    assert_string_equal(place.path, "side");
    assert_true(rs_decoder_find_value(f.decoder, NULL, rs_slice_of(cut, sizeof cut), "price", &at));
    assert_int_equal(at, 7);
    assert_true(rs_decoder_find_value(f.decoder, NULL, rs_slice_of(cut, sizeof cut), "side", &at));
    assert_int_equal(at, 11);
    assert_false(rs_decoder_find_value(f.decoder, NULL, rs_slice_of(cut, sizeof cut), "n", &at));
    assert_int_equal(at, 11);
    static const uint8_t unknown[] = {0, 0, 0, 0, 99, 0x02, 'x', 0x02};
    assert_int_equal(rs_decoder_visit(f.decoder, NULL, rs_slice_of(unknown, sizeof unknown), NULL, &place),
                     RS_REASON_UNKNOWN_SCHEMA);
    assert_int_equal(place.at, 0);
    assert_string_equal(place.path, "");
    teardown(&f);
}

static void expect_schema(const struct fixture *f, const void *bytes, size_t size, const char *expected)
{
    struct rs_value v[4];
    char text[RS_DECODER_SCHEMA_MAX];
    struct rs_slice message = rs_slice_of(bytes, size);
    rs_decoder_schema_text(f->decoder, NULL, message, rs_decoder_run(f->decoder, message, NULL, v, NULL),
                           text);
    assert_string_equal(text, expected);
}

static void test_what_a_message_names_as_its_schema(void **state)
{
    (void)state;
    struct fixture f = setup(RS_FRAMING_AUTO);
    expect_schema(&f, "\0\0\0\0\144", 5, "confluent:100");
    expect_schema(&f, "\0\0\0\1\0\2", 6, "confluent:256"); /* of no schema, and no datum either */
    expect_schema(&f, "\xc3\1\1\2\3\4\5\6\7\x8a", 10, "single-object:8a07060504030201");
    expect_schema(&f, "\2x\2\4\0\x96\2", 7, "bare");
    expect_schema(&f, "", 0, "bare");
    teardown(&f);
    f = setup(RS_FRAMING_CONFLUENT);
    expect_schema(&f, "\2x\2\4\0\x96\2", 7, "");
    expect_schema(&f, "\0\0\0\0\1", 5, "confluent:1");
    teardown(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_writers_that_do_not_resolve),
        cmocka_unit_test(test_types_of_the_own_schema),
        cmocka_unit_test(test_every_suitable_writer_gives_the_same),
        cmocka_unit_test(test_reasons),
        cmocka_unit_test(test_named_framing_refuses_others),
        cmocka_unit_test(test_unknown_field),
        cmocka_unit_test(test_a_twin_is_not_taken_for_the_own_schema),
        cmocka_unit_test(test_a_message_as_far_as_it_goes),
        cmocka_unit_test(test_what_a_message_names_as_its_schema),
    };
    return cmocka_run_group_tests_name("schemas.decoder", tests, NULL, NULL);
}
