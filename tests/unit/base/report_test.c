#include "base/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct kept {
    int count;
    enum rs_log_level level;
    char text[2 * RS_ERROR_TEXT_MAX];
};

static void keep(void *self, enum rs_log_level level, const char *text)
{
    struct kept *kept = self;
    kept->count++;
    kept->level = level;
    strcpy(kept->text, text);
}

static void test_goes_to_its_owner(void **state)
{
    struct kept kept = {0};
    const struct rs_report to = {keep, &kept};
    (void)state;
    rs_report(&to, RS_LOG_WARNING, "topic %s: %d", "ticks", 7);
    assert_int_equal(kept.count, 1);
    assert_int_equal(kept.level, RS_LOG_WARNING);
    assert_string_equal(kept.text, "topic ticks: 7");
}

static void test_is_cut(void **state)
{
    struct kept kept = {0};
    const struct rs_report to = {keep, &kept};
    char text[2 * RS_ERROR_TEXT_MAX];
    (void)state;
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    rs_report(&to, RS_LOG_ERROR, "%s", text);
    assert_int_equal(strlen(kept.text), RS_ERROR_TEXT_MAX - 1);
}

static void test_nobody_listens(void **state)
{
    const struct rs_report to = {0};
    (void)state;
    rs_report(&to, RS_LOG_ERROR, "%s", "nothing happens");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_goes_to_its_owner),
        cmocka_unit_test(test_is_cut),
        cmocka_unit_test(test_nobody_listens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
