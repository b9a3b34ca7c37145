/* The texts of group keys: from values to text and back, for every type of field that makes groups. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/view.h"
#include "tests/lib/random.h"
#include "transform/plan/engine.h"
#include "transform/plan/group_key.h"
#include "transform/plan/plan.h"

static const char configuration[] =
    "group: test\n"
    "schemas: {directory: tests/golden}\n"
    "streams: {events: {topic: t, schema: event.avsc, time: at}}\n"
    "aggregates:\n"
    "  a: {stream: events, by: [id, kind, flag, code, day, small, big, count], window: {all: true}, "
    "stats: {n: count()}}\n"
    "  one: {stream: events, by: [name], window: {all: true}, stats: {n: count()}}\n"
    "  none: {stream: events, window: {all: true}, stats: {n: count()}}\n";

struct fixture {
    struct rs_config *config;
    struct rs_streams *streams;
    struct rs_engine *engine;
    struct rs_random random;
};

static int set_up(void **state)
{
    static struct fixture f;
    struct rs_error error;
    f = (struct fixture){.random = {1}};
    *state = &f;
    assert_int_equal(rs_config_load_text("test.yaml", configuration, &f.config, &error), 0);
    assert_int_equal(rs_streams_load(f.config, &f.streams, &error), 0);
    assert_int_equal(rs_engine_load(f.config, f.streams, &f.engine, &error), 0);
    assert_int_equal(rs_config_complaints(f.config), 0);
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    rs_engine_free(&f->engine);
    rs_streams_free(&f->streams);
    rs_config_free(&f->config);
    return 0;
}

static const struct rs_key_plan *plan_of(const struct fixture *f, const char *name)
{
    const struct rs_plan *plan = &f->engine->plans[0];
    for (uint32_t i = 0; i < plan->aggregate_count; i++) {
        if (strcmp(plan->aggregates[i]->name, name) == 0) {
            return &plan->aggregates[i]->by;
        }
    }
    fail();
    return NULL;
}

static struct rs_value random_value(struct fixture *f, const struct rs_field_type *type)
{
    static const char *const texts[] = {
        "",    "index", "history", "%null",    "null",         ":",   "::",      "%",
        "%3A", "{a}",   " ",       "\x01\x7f", "\xe6\x95\xb0", "a:b", "%69ndex", "updates"};
    static const int64_t wholes[] = {0, 1, -1, INT64_MAX, INT64_MIN, 19000, -719162, 10};
    struct rs_value value = {.kind = (uint8_t)type->kind};
    uint64_t random = rs_random_next(&f->random);
    if (type->nullable && random % 5 == 0) {
        value.kind = RS_VALUE_NULL;
        return value;
    }
    switch (type->kind) {
    case RS_VALUE_BYTES: value.s = rs_slice_text(texts[random % 16]); break;
    case RS_VALUE_BOOLEAN: value.i = random % 2; break;
    case RS_VALUE_DECIMAL:
        value.wide = random % 2;
        if (value.wide) {
            value.w = (rs_i128)wholes[random / 2 % 8] * (random / 16 % 2 ? 1 : 1000003);
        } else {
            value.i = wholes[random / 2 % 8];
        }
        break;
    default:
        value.i = type->schema->kind == RS_AVRO_ENUM  ? (int64_t)(random % type->schema->symbol_count)
                  : type->schema->kind == RS_AVRO_INT ? (int32_t)wholes[random % 8]
                                                      : wholes[random % 8];
    }
    return value;
}

static void check_round_trip(struct fixture *f, const struct rs_key_plan *plan)
{
    struct rs_value values[RS_SLOTS_MAX] = {0};
    uint8_t raw[RS_GROUP_KEY_MAX];
    uint8_t again[RS_GROUP_KEY_MAX];
    struct rs_buf text = {0};
    for (size_t i = 0; i < plan->count; i++) {
        values[plan->parts[i].slot] = random_value(f, &plan->parts[i].type);
    }
    size_t size = rs_key_build(plan, values, raw);
    assert_true(size != RS_KEY_TOO_LONG);
    rs_key_render(plan, rs_slice_of(raw, size), &text);
    assert_int_equal(rs_key_parse(plan, rs_buf_slice(&text), again), size);
    assert_memory_equal(again, raw, size);
    rs_buf_fini(&text);
}

static void test_what_is_rendered_is_parsed(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 200000; i++) {
        check_round_trip(f, plan_of(f, i % 2 ? "a" : "one"));
    }
    check_round_trip(f, plan_of(f, "none"));
}

static void test_what_nobody_would_render_is_refused(void **state)
{
    static const char *const texts[] = {"a:RED:true:01:%null:1:1:1",
                                        "a:RED:yes:1:%null:1:1:1",
                                        "a:PINK:true:1:%null:1:1:1",
                                        "a:RED:true:1:%null:1:1",
                                        "a:RED:true:1:%null:1:1:1:1",
                                        "%zz:RED:true:1:%null:1:1:1",
                                        "a%3:RED:true:1:%null:1:1:1",
                                        "a:RED:true:1:%null:1.0000:1:1",
                                        "",
                                        "a:RED:true:1:2026-13-01:1:1:1",
                                        "a:RED:true:99999999999999999999:%null:1:1:1"};
    struct fixture *f = *state;
    uint8_t raw[RS_GROUP_KEY_MAX];
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (rs_key_parse(plan_of(f, "a"), rs_slice_text(texts[i]), raw) != RS_KEY_TOO_LONG) {
            fail_msg("%s", texts[i]);
        }
    }
    assert_int_equal(rs_key_parse(plan_of(f, "one"), rs_slice_text("index"), raw), RS_KEY_TOO_LONG);
    assert_int_equal(rs_key_parse(plan_of(f, "none"), rs_slice_text("x"), raw), RS_KEY_TOO_LONG);
    assert_int_equal(rs_key_parse(plan_of(f, "none"), rs_slice_text(""), raw), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_is_rendered_is_parsed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_nobody_would_render_is_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
