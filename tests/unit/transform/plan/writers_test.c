/* Which of the writer schemas a stream of the engine reads. What is said of those that no stream reads is
 * tested through the command line (tests/golden/test_usage.py). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/record.h"
#include "transform/partition/partition.h"

#define SCHEMA(unit)                                                                                         \
    "{\"type\":\"record\",\"name\":\"Tick\",\"fields\":["                                                    \
    "{\"name\":\"at\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-" unit "\"}}]}"

struct fixture {
    char directory[64];
    struct rs_config *config;
    struct rs_streams *streams;
    struct rs_engine *engine;
};

static void write_schema(const struct fixture *f, const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", f->directory, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* Two streams whose schemas differ in the unit of a time alone, so that they have one fingerprint. */
static int set_up(void **state)
{
    static struct fixture f;
    struct rs_error error;
    char text[1024];
    f = (struct fixture){.directory = "/tmp/rollstat-writers-XXXXXX"};
    *state = &f;
    assert_non_null(mkdtemp(f.directory));
    write_schema(&f, "millis.avsc", SCHEMA("millis"));
    write_schema(&f, "micros.avsc", SCHEMA("micros"));
    snprintf(text, sizeof text,
             "group: test\n"
             "schemas: {directory: %s, ids: {7: millis.avsc, 8: micros.avsc}}\n"
             "streams:\n"
             "  in_millis: {topic: a, schema: millis.avsc, time: at}\n"
             "  in_micros: {topic: b, schema: micros.avsc, time: at}\n"
             "aggregates:\n"
             "  a: {stream: in_millis, window: {all: true}, stats: {n: count()}}\n"
             "  b: {stream: in_micros, window: {all: true}, stats: {n: count()}}\n",
             f.directory);
    assert_int_equal(rs_config_load_text("test.yaml", text, &f.config, &error), 0);
    assert_int_equal(rs_streams_load(f.config, &f.streams, &error), 0);
    assert_int_equal(rs_engine_load(f.config, f.streams, &f.engine, &error), 0);
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    static const char *const files[] = {"millis.avsc", "micros.avsc"};
    char path[128];
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", f->directory, files[i]);
        unlink(path);
    }
    rmdir(f->directory);
    rs_engine_free(&f->engine);
    rs_streams_free(&f->streams);
    rs_config_free(&f->config);
    return 0;
}

static void expect(const struct fixture *f, uint32_t stream, struct rs_slice message, bool applied)
{
    struct rs_error error;
    struct rs_partition *p = NULL;
    struct rs_partition_status status;
    const struct rs_record record = {.timestamp_us = RS_TIME_NONE, .value = message};
    assert_int_equal(rs_partition_new(f->engine, stream, 0, &p, &error), 0);
    assert_int_equal(rs_partition_apply(p, &record, 1, NULL), 1);
    rs_partition_status(p, &status);
    assert_int_equal(status.events.applied, applied);
    assert_int_equal(status.events.rejected, !applied);
    rs_partition_free(&p);
}

/* An id names one schema, whatever others have its fingerprint: a time in milliseconds must never be taken
 * for one in microseconds. It resolves to one, but not the other way round. */
static void test_an_id_stands_for_its_own_schema(void **state)
{
    static const uint8_t millis[] = {0, 0, 0, 0, 7, 2};
    static const uint8_t micros[] = {0, 0, 0, 0, 8, 2};
    static const uint8_t bare[] = {2};
    expect(*state, 0, rs_slice_of(millis, sizeof millis), true);
    expect(*state, 0, rs_slice_of(micros, sizeof micros), false);
    expect(*state, 1, rs_slice_of(millis, sizeof millis), true);
    expect(*state, 1, rs_slice_of(micros, sizeof micros), true);
    expect(*state, 0, rs_slice_of(bare, sizeof bare), true);
    expect(*state, 1, rs_slice_of(bare, sizeof bare), true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_id_stands_for_its_own_schema),
    };
    return cmocka_run_group_tests_name("transform.writers", tests, set_up, tear_down);
}
