/* How a statistic is written: its arguments, and constants among them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "transform/plan/stat_call.h"

/* Nobody's statistic: every kind of argument, and some that may be left out. */
static const struct rs_known_stat all_kinds = {
    .name = "kinds",
    .args = {{.kind = RS_ARG_FIELD, .name = "x"},
             {.kind = RS_ARG_NUMBER, .name = "q", .least = 0, .most = 1},
             {.kind = RS_ARG_WHOLE, .name = "n", .optional = true, .least = 1, .most = 100},
             {.kind = RS_ARG_DURATION, .name = "half_life", .optional = true}},
    .example = "kinds(price, 0.5)",
};

static struct rs_config *config_of(struct rs_config **config)
{
    struct rs_error error;
    assert_int_equal(rs_config_load_text("t.yaml", "stats: {}\n", config, &error), 0);
    return *config;
}

static void expect_complaint(const struct rs_known_stat *known, const char *text, const char *wanted)
{
    struct rs_config *config = NULL;
    struct rs_stat_call call;
    struct rs_stat_args args;
    struct rs_buf report = {0};
    config_of(&config);
    assert_true(rs_stat_call_parse(text, &call));
    assert_false(
        rs_stat_call_bind(config, rs_config_get(rs_config_root(config), "stats"), known, &call, &args));
    rs_config_report(config, &report);
    assert_string_equal(rs_buf_cstr(&report), wanted);
    rs_buf_fini(&report);
    rs_config_free(&config);
}

static void bound(const struct rs_known_stat *known, const char *text, struct rs_stat_args *out)
{
    struct rs_config *config = NULL;
    struct rs_stat_call call;
    config_of(&config);
    assert_true(rs_stat_call_parse(text, &call));
    assert_true(rs_stat_call_bind(config, NULL, known, &call, out));
    assert_int_equal(rs_config_complaints(config), 0);
    rs_config_free(&config);
}

static void assert_constant(const struct rs_stat_arg_value *value, enum rs_arg_kind kind, int64_t number,
                            int scale, const char *printed)
{
    struct rs_buf text = {0};
    assert_true(value->given && value->param.given);
    assert_int_equal(value->param.value, number);
    assert_int_equal(value->param.scale, scale);
    rs_stat_param_print(kind, &value->param, &text);
    assert_string_equal(rs_buf_cstr(&text), printed);
    rs_buf_fini(&text);
}

static void test_texts_are_taken_apart(void **state)
{
    (void)state;
    struct rs_stat_call call;
    assert_true(rs_stat_call_parse("  f ( a.b-c ,half_life : 1h30m, (x + y) * 2 ) ", &call));
    assert_string_equal(call.name, "f");
    assert_int_equal(call.count, 3);
    assert_true(rs_slice_equal(call.args[0].text, rs_slice_text("a.b-c")));
    assert_true(rs_slice_equal(call.args[1].label, rs_slice_text("half_life")));
    assert_true(rs_slice_equal(call.args[1].text, rs_slice_text("1h30m")));
    assert_true(rs_slice_equal(call.args[2].text, rs_slice_text("(x + y) * 2")));
    assert_true(rs_stat_call_parse("f()", &call));
    assert_int_equal(call.count, 0);
    assert_true(rs_stat_call_parse("f(a,b,c,d,e,f)", &call));
    assert_int_equal(call.count, 6);
    static const char *const wrong[] = {"",       "f",      "f(",       "(a)",   "f(a",
                                        "f(a,)",  "f(,a)",  "f(a)b",    "f((a)", "f(a))",
                                        "f(a b,", "f(n: )", "f(n:, b)", "f() x", "f(a;b)c"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        if (rs_stat_call_parse(wrong[i], &call)) {
            fail_msg("\"%s\" is taken for a statistic", wrong[i]);
        }
    }
}

static void test_constants_are_exact(void **state)
{
    (void)state;
    struct rs_stat_args args;
    bound(&all_kinds, "kinds(price, 0.9900, 17, 90s)", &args);
    assert_true(rs_slice_equal(args.items[0].text, rs_slice_text("price")));
    assert_constant(&args.items[1], RS_ARG_NUMBER, 99, 2, "0.99");
    assert_constant(&args.items[2], RS_ARG_WHOLE, 17, 0, "17");
    assert_constant(&args.items[3], RS_ARG_DURATION, 90000000, 0, "1m30s");
    bound(&all_kinds, "kinds(price, 1.00)", &args);
    assert_constant(&args.items[1], RS_ARG_NUMBER, 1, 0, "1");
    assert_false(args.items[2].given || args.items[3].given);
    bound(&all_kinds, "kinds(price, 0.999999999999999999)", &args);
    assert_constant(&args.items[1], RS_ARG_NUMBER, 999999999999999999, 18, "0.999999999999999999");
}

/* In any order by name; what has none takes the first place that is free. */
static void test_names_give_places(void **state)
{
    (void)state;
    struct rs_stat_args args;
    bound(&all_kinds, "kinds(half_life: 5m, q: 0.5, price)", &args);
    assert_true(rs_slice_equal(args.items[0].text, rs_slice_text("price")));
    assert_constant(&args.items[1], RS_ARG_NUMBER, 5, 1, "0.5");
    assert_false(args.items[2].given);
    assert_constant(&args.items[3], RS_ARG_DURATION, 300000000, 0, "5m");
}

static void test_wrong_arguments_are_told_with_an_example(void **state)
{
    (void)state;
    static const char takes[] =
        "t.yaml:1:8: kinds takes a field, a number from 0 to 1 (q), a whole number from 1 to 100 "
        "(n) or not and a duration such as 5m (half_life) or not, as in kinds(price, 0.5)\n";
    static const char number[] = "t.yaml:1:8: q of kinds is a number from 0 to 1, as in kinds(price, 0.5)\n";
    static const char whole[] =
        "t.yaml:1:8: n of kinds is a whole number from 1 to 100, as in kinds(price, 0.5)\n";
    static const char duration[] =
        "t.yaml:1:8: half_life of kinds is a duration such as 5m, as in kinds(price, 0.5)\n";
    static const struct {
        const char *text, *complaint;
    } wrong[] = {
        {"kinds()", takes},
        {"kinds(price)", takes},
        {"kinds(price, 0.5, 1, 1s, 2)", takes},
        {"kinds(price, 0.5, q: 0.5)", takes},
        {"kinds(price, p: 0.5)", takes},
        {"kinds(price, n: 5)", takes},
        {"kinds(price, other)", number},
        {"kinds(price, 1.0001)", number},
        {"kinds(price, -0.1)", number},
        {"kinds(price, 5e-1)", number},
        {"kinds(price, 0.1234567890123456789)", number},
        {"kinds(price, 1.2.3)", number},
        {"kinds(price, .)", number},
        {"kinds(price, -)", number},
        {"kinds(price, (0.5))", number},
        {"kinds(price, 0.5, 1.5)", whole},
        {"kinds(price, 0.5, 0)", whole},
        {"kinds(price, 0.5, 101)", whole},
        {"kinds(price, 0.5, 99999999999999999999999999999999999999999999)", whole},
        {"kinds(price, 0.5, half_life: 5)", duration},
        {"kinds(price, 0.5, half_life: 0s)", duration},
        {"kinds(price, 0.5, half_life: -5m)", duration},
        {"kinds(price, 0.5, half_life: 5x)", duration},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        expect_complaint(&all_kinds, wrong[i].text, wrong[i].complaint);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts_are_taken_apart),
        cmocka_unit_test(test_constants_are_exact),
        cmocka_unit_test(test_names_give_places),
        cmocka_unit_test(test_wrong_arguments_are_told_with_an_example),
    };
    return cmocka_run_group_tests_name("transform.stat_call", tests, NULL, NULL);
}
