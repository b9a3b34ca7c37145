#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/file.h"
#include "schemas/frame.h"
#include "schemas/program.h"
#include "tests/lib/schema_text.h"

static const char own_json[] =
    "{\"type\":\"record\",\"name\":\"A\",\"fields\":[{\"name\":\"a\",\"type\":\"long\"}]}";
static const char other_json[] =
    "{\"type\":\"record\",\"name\":\"B\",\"fields\":[{\"name\":\"b\",\"type\":\"long\"}]}";
/* Another scale is another schema with the same fingerprint: the canonical form leaves logical types out. */
static const char twin_json[] = "{\"type\":\"record\",\"name\":\"A\",\"fields\":[{\"name\":\"a\",\"type\":"
                                "{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}}]}";

struct fixture {
    struct rs_schema_document *own, *other, *twin;
    struct rs_frame_registry *registry;
};

static void add(struct fixture *f, const struct rs_schema_document *document, size_t expected)
{
    size_t number = 99;
    struct rs_error error;
    assert_int_equal(rs_frame_add(f->registry, rs_schema_root(document), &number, &error), 0);
    assert_int_equal(number, expected);
}

static struct fixture setup(bool ids)
{
    struct fixture f = {
        .own = parse_schema(own_json), .other = parse_schema(other_json), .twin = parse_schema(twin_json)};
    struct rs_error error;
    assert_int_equal(rs_frame_registry_new(&f.registry, &error), 0);
    add(&f, f.own, 0);
    add(&f, f.other, 1);
    add(&f, f.twin, 2);
    if (ids) {
        assert_int_equal(rs_frame_add_id(f.registry, 7, 1, &error), 0);
        assert_int_equal(rs_frame_add_id(f.registry, 3, 0, &error), 0);
        assert_int_equal(rs_frame_add_id(f.registry, 4000000000U, 2, &error), 0);
        assert_int_equal(rs_frame_add_id(f.registry, 3, 0, &error), 0);
        assert_int_equal(rs_frame_add_id(f.registry, 3, 1, &error), RS_EINVAL);
        assert_string_equal(error.text, "id 3 stands for two schemas");
    }
    return f;
}

static void teardown(struct fixture *f)
{
    rs_frame_registry_free(&f->registry);
    rs_schema_free(&f->own);
    rs_schema_free(&f->other);
    rs_schema_free(&f->twin);
}

static void expect(const struct fixture *f, enum rs_framing framing, size_t own, struct rs_slice message,
                   enum rs_reason reason, size_t writer, size_t prefix)
{
    size_t found = SIZE_MAX;
    struct rs_slice datum = {0};
    assert_int_equal(rs_frame_split(f->registry, framing, own, message, &found, &datum), reason);
    if (reason == RS_REASON_NONE) {
        assert_int_equal(found, writer);
        assert_ptr_equal(datum.data, prefix == 0 ? message.data : message.data + prefix);
        assert_int_equal(datum.size, message.size - prefix);
    }
}

static struct rs_slice single_object(const struct rs_schema_document *document, uint8_t out[11])
{
    assert_int_equal(
        rs_frame_prefix(RS_FRAMING_SINGLE_OBJECT, 0, rs_schema_crc64(rs_schema_root(document)), out), 10);
    out[10] = 0x02;
    return rs_slice_of(out, 11);
}

static struct rs_slice confluent(uint32_t id, uint8_t out[11])
{
    assert_int_equal(rs_frame_prefix(RS_FRAMING_CONFLUENT, id, 0, out), 5);
    out[5] = 0x02;
    return rs_slice_of(out, 6);
}

static void test_named_framings(void **state)
{
    (void)state;
    struct fixture f = setup(true);
    uint8_t object[11];
    uint8_t prefixed[11];
    static const uint8_t bare[] = {0x02};
    expect(&f, RS_FRAMING_BARE, 1, rs_slice_of(bare, 1), RS_REASON_NONE, 1, 0);
    expect(&f, RS_FRAMING_BARE, 0, single_object(f.other, object), RS_REASON_NONE, 0, 0);
    expect(&f, RS_FRAMING_SINGLE_OBJECT, 0, single_object(f.other, object), RS_REASON_NONE, 1, 10);
    expect(&f, RS_FRAMING_SINGLE_OBJECT, 0, rs_slice_of(bare, 1), RS_REASON_FRAMING, 0, 0);
    expect(&f, RS_FRAMING_SINGLE_OBJECT, 0, rs_slice_of(object, 9), RS_REASON_FRAMING, 0, 0);
    object[2] ^= 1;
    expect(&f, RS_FRAMING_SINGLE_OBJECT, 0, rs_slice_of(object, 11), RS_REASON_UNKNOWN_SCHEMA, 0, 0);
    expect(&f, RS_FRAMING_CONFLUENT, 0, confluent(7, prefixed), RS_REASON_NONE, 1, 5);
    expect(&f, RS_FRAMING_CONFLUENT, 0, confluent(4000000000U, prefixed), RS_REASON_NONE, 2, 5);
    expect(&f, RS_FRAMING_CONFLUENT, 0, confluent(8, prefixed), RS_REASON_UNKNOWN_SCHEMA, 0, 0);
    expect(&f, RS_FRAMING_CONFLUENT, 0, rs_slice_of(prefixed, 4), RS_REASON_FRAMING, 0, 0);
    expect(&f, RS_FRAMING_CONFLUENT, 0, rs_slice_of(bare, 1), RS_REASON_FRAMING, 0, 0);
    expect(&f, RS_FRAMING_CONFLUENT, 0, (struct rs_slice){0}, RS_REASON_FRAMING, 0, 0);
    teardown(&f);
}

static void test_auto_decides_by_what_is_known(void **state)
{
    (void)state;
    struct fixture f = setup(true);
    uint8_t object[11];
    uint8_t prefixed[11];
    static const uint8_t bare[] = {0x02};
    expect(&f, RS_FRAMING_AUTO, 0, rs_slice_of(bare, 1), RS_REASON_NONE, 0, 0);
    expect(&f, RS_FRAMING_AUTO, 0, (struct rs_slice){0}, RS_REASON_NONE, 0, 0);
    expect(&f, RS_FRAMING_AUTO, 0, single_object(f.other, object), RS_REASON_NONE, 1, 10);
    expect(&f, RS_FRAMING_AUTO, 0, confluent(7, prefixed), RS_REASON_NONE, 1, 5);
    /* look-alikes: the marks with something unknown behind them */
    expect(&f, RS_FRAMING_AUTO, 0, confluent(8, prefixed), RS_REASON_NONE, 0, 0);
    assert_true(rs_frame_looks_framed(f.registry, rs_slice_of(prefixed, 6)));
    object[9] ^= 1;
    expect(&f, RS_FRAMING_AUTO, 0, rs_slice_of(object, 11), RS_REASON_NONE, 0, 0);
    assert_true(rs_frame_looks_framed(f.registry, rs_slice_of(object, 11)));
    assert_false(rs_frame_looks_framed(f.registry, rs_slice_of(object, 9)));
    assert_false(rs_frame_looks_framed(f.registry, rs_slice_of(bare, 1)));
    teardown(&f);
}

static void test_auto_without_ids_knows_no_confluent(void **state)
{
    (void)state;
    struct fixture f = setup(false);
    uint8_t prefixed[11];
    expect(&f, RS_FRAMING_AUTO, 0, confluent(7, prefixed), RS_REASON_NONE, 0, 0);
    assert_false(rs_frame_looks_framed(f.registry, rs_slice_of(prefixed, 6)));
    expect(&f, RS_FRAMING_CONFLUENT, 0, rs_slice_of(prefixed, 6), RS_REASON_UNKNOWN_SCHEMA, 0, 0);
    teardown(&f);
}

static void test_shared_fingerprint_is_the_streams_own(void **state)
{
    (void)state;
    struct fixture f = setup(true);
    uint8_t object[11];
    expect(&f, RS_FRAMING_AUTO, 2, single_object(f.own, object), RS_REASON_NONE, 2, 10);
    expect(&f, RS_FRAMING_AUTO, 0, single_object(f.own, object), RS_REASON_NONE, 0, 10);
    expect(&f, RS_FRAMING_AUTO, 1, single_object(f.own, object), RS_REASON_NONE, 0, 10);
    assert_int_equal(rs_frame_find_id(f.registry, 7), 1);
    assert_int_equal(rs_frame_find_id(f.registry, 8), SIZE_MAX);
    assert_int_equal(rs_frame_schema_count(f.registry), 3);
    assert_ptr_equal(rs_frame_schema(f.registry, 1), rs_schema_root(f.other));
    teardown(&f);
}

static void test_names(void **state)
{
    (void)state;
    static const char *const names[] = {"auto", "bare", "confluent", "single-object"};
    for (size_t i = 0; i < 4; i++) {
        enum rs_framing framing = RS_FRAMING_AUTO;
        assert_int_equal(rs_framing_parse(names[i], &framing), 0);
        assert_int_equal(framing, i);
        assert_string_equal(rs_framing_name(framing), names[i]);
    }
    enum rs_framing framing = RS_FRAMING_BARE;
    assert_int_equal(rs_framing_parse("Bare", &framing), RS_EINVAL);
    assert_int_equal(framing, RS_FRAMING_BARE);
    uint8_t none[10];
    assert_int_equal(rs_frame_prefix(RS_FRAMING_BARE, 1, 1, none), 0);
    static const uint8_t confluent_bytes[] = {0, 0x01, 0x02, 0x03, 0x04};
    uint8_t out[10];
    assert_int_equal(rs_frame_prefix(RS_FRAMING_CONFLUENT, 0x01020304, 0, out), 5);
    assert_memory_equal(out, confluent_bytes, 5);
}

/* A message that Java wrote, from Apache Avro's share/test/data/messageV1. */
static void test_message_of_java(void **state)
{
    (void)state;
    struct rs_schema_document *document = NULL;
    struct rs_error error;
    struct rs_buf message = {0};
    assert_int_equal(rs_schema_load("tests/unit/schemas/data/single-object.avsc", &document, &error), 0);
    assert_int_equal(rs_file_read("tests/unit/schemas/data/single-object.bin", 1000, &message, &error), 0);
    struct fixture f = setup(true);
    add(&f, document, 3);
    expect(&f, RS_FRAMING_AUTO, 0, rs_buf_slice(&message), RS_REASON_NONE, 3, 10);
    struct rs_program *program = NULL;
    assert_int_equal(
        rs_program_compile(rs_schema_root(document), NULL, 0, RS_PROGRAM_LIMITS_DEFAULT, &program, &error),
        0);
    struct rs_buf json = {0};
    assert_int_equal(rs_program_json(program, rs_slice_of(message.data + 10, message.size - 10), &json, NULL),
                     RS_REASON_NONE);
    rs_buf_char(&json, '\0');
    assert_string_equal((const char *)json.data,
                        "{\"id\":42,\"name\":\"Bill\",\"tags\":[\"dog_lover\",\"cat_hater\"]}");
    rs_program_free(&program);
    teardown(&f);
    rs_schema_free(&document);
    rs_buf_fini(&message);
    rs_buf_fini(&json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_named_framings),
        cmocka_unit_test(test_auto_decides_by_what_is_known),
        cmocka_unit_test(test_auto_without_ids_knows_no_confluent),
        cmocka_unit_test(test_shared_fingerprint_is_the_streams_own),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_message_of_java),
    };
    return cmocka_run_group_tests_name("schemas.frame", tests, NULL, NULL);
}
