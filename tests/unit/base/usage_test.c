#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/usage.h"

static const struct rs_option options[] = {
    {"config", 'c', "FILE", "Configuration."},
    {"format", '\0', "csv|ndjson|avro", "Format of the input.\nDefault: by the file's name."},
    {"dry-run", 'n', NULL, "Change nothing."},
    {"quiet", 'q', NULL, "Say nothing."},
    {NULL, '\0', NULL, NULL},
};

static const struct rs_program_info program = {
    .name = "prog",
    .synopsis = "-c FILE [OPTION]... FILE...",
    .summary = "Does things.",
    .options = options,
    .footer = "Exit codes: 0 ok.",
};

struct taken {
    char *out;
    size_t size;
};

static int take(void *ctx, const struct rs_option *option, const char *value, struct rs_error *error)
{
    const struct taken *taken = ctx;
    size_t used = strlen(taken->out);
    (void)error;
    if (!option) {
        (void)snprintf(taken->out + used, taken->size - used, "!%s ", value);
    } else {
        (void)snprintf(taken->out + used, taken->size - used, "%s%s%s ", option->name, value ? "=" : "",
                       value ? value : "");
    }
    return value && strcmp(value, "bad") == 0 ? rs_fail(error, RS_EINVAL, "bad") : 0;
}

/* "config=F dry-run !x SHOWN" for: option config with value F, flag dry-run, operand x, help or version. */
static void read_all(const char *const *arguments, char *out, size_t size, struct rs_error *error)
{
    char *argv[16] = {(char *)"prog"};
    int argc = 1;
    struct taken taken = {out, size};
    for (; *arguments; arguments++) {
        argv[argc++] = (char *)*arguments;
    }
    error->text[0] = '\0';
    out[0] = '\0';
    if (rs_usage_read(&program, argc, argv, take, &taken, error) == RS_USAGE_SHOWN) {
        size_t used = strlen(out);
        (void)snprintf(out + used, size - used, "SHOWN");
    }
}

#define EXPECT(wanted, ...)                                                                                  \
    do {                                                                                                     \
        char got[256];                                                                                       \
        struct rs_error error;                                                                               \
        read_all((const char *const[]){__VA_ARGS__, NULL}, got, sizeof got, &error);                         \
        assert_string_equal(error.text, "");                                                                 \
        assert_string_equal(got, wanted);                                                                    \
    } while (0)

#define EXPECT_ERROR(wanted, ...)                                                                            \
    do {                                                                                                     \
        char got[256];                                                                                       \
        struct rs_error error;                                                                               \
        read_all((const char *const[]){__VA_ARGS__, NULL}, got, sizeof got, &error);                         \
        assert_string_equal(error.text, wanted);                                                             \
        assert_int_equal(error.code, RS_EUSAGE);                                                             \
    } while (0)

static void test_all_forms_of_options(void **state)
{
    (void)state;
    EXPECT("config=a.yaml dry-run !x ", "--config", "a.yaml", "--dry-run", "x");
    EXPECT("config=a.yaml format= !x ", "--config=a.yaml", "--format=", "x");
    EXPECT("config=a config=b=c config=-x ", "-ca", "-c", "b=c", "-c", "-x");
    EXPECT("dry-run quiet config=f ", "-nqcf");
    EXPECT("dry-run quiet config=f ", "-nqc", "f");
}

static void test_operands_after_two_dashes(void **state)
{
    (void)state;
    EXPECT("quiet !- !a !-x !--config !-- ", "-q", "-", "a", "--", "-x", "--config", "--");
}

#define VERSION "rollstat " RS_VERSION "\n"
#define HELP                                                                                                 \
    "Usage: prog -c FILE [OPTION]... FILE...\n"                                                              \
    "\n"                                                                                                     \
    "Does things.\n"                                                                                         \
    "\n"                                                                                                     \
    "Options:\n"                                                                                             \
    "  -c, --config FILE         Configuration.\n"                                                           \
    "      --format csv|ndjson|avro\n"                                                                       \
    "                            Format of the input.\n"                                                     \
    "                            Default: by the file's name.\n"                                             \
    "  -n, --dry-run             Change nothing.\n"                                                          \
    "  -q, --quiet               Say nothing.\n"                                                             \
    "  -h, --help                Show this text.\n"                                                          \
    "  -V, --version             Show the version.\n"                                                        \
    "\n"                                                                                                     \
    "Exit codes: 0 ok.\n"

static void expect_shown(const char *const *arguments, const char *wanted, const char *text)
{
    char got[256];
    struct rs_error error;
    char *shown = NULL;
    size_t size = 0;
    FILE *real = stdout;
    FILE *memory = open_memstream(&shown, &size);
    assert_non_null(memory);
    stdout = memory;
    read_all(arguments, got, sizeof got, &error);
    stdout = real;
    assert_int_equal(fclose(memory), 0);
    assert_string_equal(error.text, "");
    assert_string_equal(got, wanted);
    assert_string_equal(shown, text);
    free(shown);
}

static void test_help_and_version_are_everywhere(void **state)
{
    (void)state;
    const struct {
        const char *arguments[2];
        const char *wanted;
    } cases[] = {{{"--help", NULL}, HELP},
                 {{"-h", NULL}, HELP},
                 {{"--version", NULL}, VERSION},
                 {{"-V", NULL}, VERSION},
                 {{"-Vh", NULL}, VERSION}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        expect_shown(cases[i].arguments, "SHOWN", cases[i].wanted);
    }
    /* What comes first counts, and nothing behind it. */
    expect_shown((const char *[]){"-q", "--help", "--foo", NULL}, "quiet SHOWN", HELP);
}

static void test_mistakes_say_how_to_mend_them(void **state)
{
    (void)state;
    EXPECT_ERROR("unknown option --fromat; did you mean --format? See `prog --help`.", "--fromat=csv");
    EXPECT_ERROR("unknown option --dry_runs; did you mean --dry-run? See `prog --help`.", "--dry_runs");
    EXPECT_ERROR("unknown option --halp; did you mean --help? See `prog --help`.", "--halp");
    EXPECT_ERROR("unknown option --foo. See `prog --help`.", "--foo");
    EXPECT_ERROR("unknown option -x. See `prog --help`.", "-nx");
    EXPECT_ERROR("unknown option -\xC3\xA9. See `prog --help`.", "-\xC3\xA9");
    EXPECT_ERROR("option --config needs a value (FILE). See `prog --help`.", "-n", "--config");
    EXPECT_ERROR("option --config needs a value (FILE). See `prog --help`.", "-nc");
    EXPECT_ERROR("option --dry-run takes no value. See `prog --help`.", "--dry-run=yes");
    EXPECT_ERROR("option --help takes no value. See `prog --help`.", "--help=x");
}

static void test_a_refused_item_ends_the_reading(void **state)
{
    static const char *const lines[][4] = {
        {"-n", "--config=bad", "x", NULL}, {"-nc", "bad", "--foo", NULL}, {"-n", "bad", "-x", NULL}};
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char got[256];
        struct rs_error error;
        read_all(lines[i], got, sizeof got, &error);
        assert_string_equal(error.text, "bad");
        assert_string_equal(got, i < 2 ? "dry-run config=bad " : "dry-run !bad ");
    }
}

static void test_numbers(void **state)
{
    (void)state;
    struct rs_error error;
    int64_t n = 7;
    assert_int_equal(rs_usage_number(&program, "rate", "12", 1, 12, &n, &error), 0);
    assert_int_equal(n, 12);
    static const char *const bad[] = {"0", "13", "", "x", "1x", "1.0", "99999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char wanted[128];
        snprintf(wanted, sizeof wanted,
                 "--rate: \"%s\" is not a whole number from 1 to 12. See `prog --help`.", bad[i]);
        assert_int_equal(rs_usage_number(&program, "rate", bad[i], 1, 12, &n, &error), RS_EUSAGE);
        assert_string_equal(error.text, wanted);
        assert_int_equal(n, 12);
    }
}

static void test_own_complaints(void **state)
{
    (void)state;
    struct rs_error error;
    assert_int_equal(rs_usage_fail(&program, &error, "--rate %d is not positive", -1), RS_EUSAGE);
    assert_string_equal(error.text, "--rate -1 is not positive. See `prog --help`.");
    assert_int_equal(error.class, RS_CLASS_FATAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_forms_of_options),
        cmocka_unit_test(test_operands_after_two_dashes),
        cmocka_unit_test(test_help_and_version_are_everywhere),
        cmocka_unit_test(test_mistakes_say_how_to_mend_them),
        cmocka_unit_test(test_a_refused_item_ends_the_reading),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_own_complaints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
