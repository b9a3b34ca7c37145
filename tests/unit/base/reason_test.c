#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/reason.h"

/* Names travel in dead-letter headers: a change here breaks those who read them. */
static void test_names_are_stable(void **state)
{
    (void)state;
    static const char *const names[RS_REASON_COUNT] = {
        "none",
        "tombstone",
        "too_large",
        "framing",
        "unknown_schema",
        "schema_incompatible",
        "truncated",
        "trailing_bytes",
        "varint",
        "boolean",
        "enum_index",
        "union_index",
        "utf8",
        "length",
        "block",
        "too_many_items",
        "too_deep",
        "decimal_range",
        "uuid",
        "time_range",
        "period",
        "computed_range",
        "field_null",
        "not_finite",
        "rule",
        "future",
        "past",
        "late",
        "group_key_too_long",
        "group_limit",
        "json",
        "type",
        "number_range",
        "enum_symbol",
        "time_form",
        "missing_field",
        "unknown_field",
        "duplicate_field",
        "headers",
    };
    for (int i = 0; i < RS_REASON_COUNT; i++) {
        assert_string_equal(rs_reason_name((enum rs_reason)i), names[i]);
        assert_true(rs_reason_text((enum rs_reason)i)[0] != '\0');
    }
    assert_string_equal(rs_reason_text(RS_REASON_VARINT), "an integer is longer than its type or overflows");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_names_are_stable)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
