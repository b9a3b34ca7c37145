#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/config/config.h"
#include "base/time/zone.h"
#include "base/view.h"

/* The linker puts these in the place of malloc and its kin for everything but shared libraries. Each scenario
 * is run with its first allocation failing, then its second, and so on until it runs through: every failure
 * must be told, and nothing may leak (under the sanitizers). */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);

static bool armed;
static int until_failure;
static bool failed;

static bool fails_now(void)
{
    if (!armed || until_failure-- != 0) {
        return false;
    }
    failed = true;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails_now() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
    return fails_now() ? NULL : __real_realloc(memory, size);
}

/* Runs until no allocation fails any more; returns how many could. */
static int fail_each(bool (*scenario)(void))
{
    for (int count = 0;; count++) {
        until_failure = count;
        failed = false;
        armed = true;
        bool good = scenario();
        armed = false;
        if (good == failed) {
            fail_msg("allocation %d: the scenario says %s", count, good ? "good" : "bad");
        }
        if (!failed) {
            return count;
        }
    }
}

static bool load_config(void)
{
    static const char text[] = "a: ${RS_TEST_NAME}\nb: {c: [1, 2], d: x, e: 5}\nf: !file /dev/null\n";
    static const char *const known[] = {"a", "b", NULL};
    struct rs_config *config = NULL;
    struct rs_error error;
    struct rs_buf report = {0};
    int result = rs_config_load_text("t", text, &config, &error);
    if (result != 0) {
        return result != RS_ENOMEM;
    }
    /* With memory for all there is this much to tell; without, one complaint at least. */
    static const char wanted[] = "t:1:1: warning: careful\nt:3:1: unknown key \"f\" in t; known are: a, b\n";
    const struct rs_config_node *root = rs_config_root(config);
    if (root) {
        (void)rs_config_expect_mapping(config, root, "t", known);
        rs_config_warn(config, root, "%s", "careful");
    }
    rs_config_report(config, &report);
    bool good =
        !report.failed && report.size == strlen(wanted) && memcmp(report.data, wanted, report.size) == 0;
    if (!good && rs_config_complaints(config) == 0 && !report.failed) {
        fail_msg("allocation failed without a complaint");
    }
    rs_buf_fini(&report);
    rs_config_free(&config);
    return good;
}

static bool load_zone(void)
{
    struct rs_zone *zone = NULL;
    struct rs_error error;
    int result = rs_zone_load("America/New_York", &zone, &error);
    rs_zone_free(&zone);
    return result != RS_ENOMEM;
}

static bool fill_batch(void)
{
    struct rs_view_batch *batch = rs_view_batch_new();
    if (!batch) {
        return false;
    }
    for (uint32_t i = 0; i < 100; i++) {
        rs_batch_view_begin(batch, i, 0, rs_slice_text("key"));
        rs_batch_field(batch, 1, "1.5", 3);
        rs_batch_end(batch, 0);
    }
    rs_key_append(&batch->receipt, rs_slice_text("a b"));
    bool good = !batch->ops.failed && !batch->receipt.failed;
    rs_view_batch_free(&batch);
    return good;
}

static bool use_arena(void)
{
    struct rs_arena arena = {0};
    bool good = true;
    for (int i = 0; i < 400; i++) {
        good = rs_arena_alloc(&arena, 100) && good;
    }
    rs_arena_fini(&arena);
    return good;
}

static void test_every_failure_is_told(void **state)
{
    (void)state;
    (void)setenv("RS_TEST_NAME", "value", 1);
    assert_true(fail_each(load_config) >= 8);
    assert_true(fail_each(load_zone) >= 3);
    assert_true(fail_each(fill_batch) >= 5);
    assert_true(fail_each(use_arena) >= 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_failure_is_told)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
