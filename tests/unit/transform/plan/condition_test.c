/* where and rules: what passes, over every kind of field and over nulls. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/lib/engine_fixture.h"

#define SECOND INT64_C(1000000)

/* The events every case is asked about, by letter: which of them a case lets through. */
static const struct tick events[] = {
    {.product = "apple",
     .market = "x",
     .side = 0,
     .at_us = 10 * SECOND,
     .price = 150,
     .quantity = 5,
     .ratio = 0.5,
     .day = 19000,
     .open = true,
     .big = -12345,
     .revision = 3}, /* A */
    {.product = "\xc3\xa4pfel",
     .side = 1,
     .at_us = 20 * SECOND,
     .no_price = true,
     .quantity = -1,
     .ratio = NAN,
     .day = 19001,
     .no_revision = true}, /* B */
    {.product = "",
     .market = "",
     .side = 2,
     .at_us = 30 * SECOND,
     .price = -1,
     .quantity = 0,
     .ratio = INFINITY,
     .day = -1,
     .big = ((__int128)1 << 100)}, /* C */
};

static uint64_t run(const char *stream_more, const char *where, char passed[8])
{
    struct fixture f;
    struct rs_error error;
    struct rs_partition *p;
    struct rs_partition_status before;
    struct rs_partition_status after;
    struct tick_log log = {0};
    struct rs_buf yaml = {0};
    rs_buf_printf(
        &yaml,
        "streams:\n  ticks:\n    topic: t\n    schema: tick.avsc\n    time: at\n    lateness: 1h\n%s"
        "aggregates:\n  a:\n    stream: ticks\n    window: {all: true}\n%s    stats: {n: count()}\n",
        stream_more, where);
    rs_buf_char(&yaml, '\0');
    if (!fixture_open(&f, (const char *)yaml.data)) {
        fail_msg("%s", (const char *)f.complaints.data);
    }
    assert_int_equal(rs_partition_new(f.engine, 0, 0, &p, &error), 0);
    for (size_t i = 0; i < 3; i++) {
        tick_log_add(&log, &events[i]);
    }
    (void)tick_log_seal(&log);
    size_t length = 0;
    for (size_t i = 0; i < 3; i++) {
        rs_partition_status(p, &before);
        assert_int_equal(rs_partition_apply(p, log.records + i, 1, NULL), 1);
        rs_partition_status(p, &after);
        if (after.events.applied > before.events.applied) {
            passed[length++] = (char)('A' + i);
        }
    }
    passed[length] = '\0';
    uint64_t rejected = after.events.rejected;
    rs_partition_free(&p);
    fixture_close(&f);
    tick_log_free(&log);
    rs_buf_fini(&yaml);
    return rejected;
}

static void test_where(void **state)
{
    (void)state;
    static const struct {
        const char *where;
        const char *passed;
    } cases[] = {
        {"{side: BUY}", "A"},
        {"{side: {ne: BUY}}", "BC"},
        {"{side: {in: [SELL, UNKNOWN]}}", "BC"},
        {"{side: {not_in: [SELL]}}", "AC"},
        {"{price: {gt: 0}}", "A"},
        {"{price: {ge: -0.01, lt: 1.5}}", "C"},
        {"{price: 1.50}", "A"},
        {"{price: {ne: 1.5}}", "C"}, /* unknown for the null price of B */
        {"{price: {is_null: true}}", "B"},
        {"{price: {is_null: false}}", "AC"},
        {"{not: {price: {gt: 0}}}", "C"}, /* not unknown is unknown */
        {"{or: [{price: {gt: 0}}, {quantity: -1}]}", "AB"},
        {"{and: [{quantity: {le: 0}}, {price: {lt: 0}}]}", "C"},
        {"{or: [{price: {gt: 0}}, {not: {side: BUY}}]}", "ABC"},
        {"{not: {or: [{price: {gt: 100}}, {side: SELL}]}}", "AC"},
        {"{market: x}", "A"},
        {"{market: ''}", "C"},
        {"{market: {not_in: [y, x]}}", "C"},
        {"{product: {ge: b}}", "B"}, /* by bytes: \xc3\xa4 is above */
        {"{product: {lt: apple}}", "C"},
        {"{at: {ge: '1970-01-01T00:00:20Z'}}", "BC"},
        {"{at: {lt: '1970-01-01T01:00:20+01:00'}}", "A"},
        {"{day: {gt: '2022-01-08'}}", "B"},
        {"{day: {in: ['1969-12-31', '2022-01-08']}}", "AC"},
        {"{open: true}", "A"},
        {"{open: {ne: true}}", "BC"},
        {"{ratio: {lt: 1}}", "A"}, /* NaN is in no order */
        {"{ratio: {gt: 1}}", "C"},
        {"{big: {lt: 0}}", "A"},
        {"{big: {gt: 18446744073709551616}}", "C"},
        {"{revision: {in: [1, 2, 3]}}", "A"},
        {"{quantity: {gt: -1}, side: {ne: BUY}}", "C"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char where[256];
        char passed[8];
        snprintf(where, sizeof where, "    where: %s\n", cases[i].where);
        assert_int_equal(run("", where, passed), 0);
        if (strcmp(passed, cases[i].passed) != 0) {
            fail_msg("where %s: passed \"%s\", expected \"%s\"", cases[i].where, passed, cases[i].passed);
        }
    }
}

static void test_rules(void **state)
{
    (void)state;
    static const struct {
        const char *rules;
        const char *passed;
    } cases[] = {
        {"{price: {gt: 0}}", "AB"}, /* null passes */
        {"{price: {gt: 0, required: true}}", "A"},
        {"{market: {required: true}}", "AC"},
        {"{side: {in: [BUY, SELL]}}", "AB"},
        {"{side: {not_in: [BUY]}}", "BC"},
        {"{product: {pattern: '[a-z]+'}}", "A"},
        {"{product: {pattern: 'a|.*l'}}", "B"}, /* the whole value, also with alternatives */
        {"{product: {min_length: 5}}", "AB"},   /* characters, not bytes */
        {"{product: {min_length: 1, max_length: 4}}", ""},
        {"{product: {max_length: 5}}", "ABC"},
        {"{ratio: {finite: true}}", "A"},
        {"{ratio: {le: 1}}", "A"},
        {"{quantity: {ge: 0}, price: {ge: 0}}", "A"},
        {"{day: {ge: '2000-01-01'}}", "AB"},
        {"{big: {lt: 1}}", "AB"},
        {"{quantity: {eq: 5}}", "A"},
        {"{quantity: {ne: 5}}", "BC"},
        {"{quantity: {gt: -1, le: 5}}", "AC"},
        {"{quantity: {le: 9223372036854775807, ge: -9223372036854775808}}", "ABC"},
        {"{quantity: {gt: 9223372036854775807}}", ""},
        {"{quantity: {lt: -9223372036854775808}}", ""},
        {"{quantity: {lt: 99999999999999999999, gt: -99999999999999999999}}", "ABC"},
        {"{quantity: {gt: 99999999999999999999}}", ""},
        {"{quantity: {eq: 99999999999999999999}}", ""},
        {"{quantity: {ne: 99999999999999999999}}", "ABC"},
        {"{big: {gt: 9223372036854775807}}", "C"},
        {"{open: {eq: true}}", "A"},
        /* with another field, at the scale of each */
        {"{price: {lt: {field: quantity}}}", "ABC"},
        {"{quantity: {lt: {field: price}}}", "B"},
        {"{big: {gt: {field: quantity}}}", "BC"},
        {"{quantity: {gt: {field: big}}}", "A"},
        {"{quantity: {ge: {field: revision}}}", "ABC"},
        {"{market: {lt: {field: product}}}", "B"},
        {"{market: {eq: {field: product}}}", "BC"},
        {"{product: {ne: {field: market}}}", "AB"},
        /* what does not hold is counted, or the field is null for the rules behind */
        {"{price: {gt: 0, on_fail: count}}", "ABC"},
        {"{price: [{gt: 0, on_fail: count}, {lt: 1}]}", "BC"},
        {"{price: [{gt: 1, on_fail: null}, {required: true}]}", "A"},
        {"{price: {gt: 0, on_fail: reject, reason: free of charge}}", "AB"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char rules[256];
        char passed[8];
        snprintf(rules, sizeof rules, "    rules: %s\n", cases[i].rules);
        uint64_t rejected = run(rules, "", passed);
        if (strcmp(passed, cases[i].passed) != 0) {
            fail_msg("rules %s: passed \"%s\", expected \"%s\"", cases[i].rules, passed, cases[i].passed);
        }
        assert_int_equal(rejected, 3 - strlen(passed));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_where),
        cmocka_unit_test(test_rules),
    };
    return cmocka_run_group_tests_name("condition", tests, NULL, NULL);
}
