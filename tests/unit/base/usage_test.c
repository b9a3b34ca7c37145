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

/* "c=F n !x H V" for: option config with value F, flag dry-run, operand x, help, version. */
static void read_all(const char *const *arguments, char *out, size_t size, struct rs_error *error)
{
    char *argv[16] = {(char *)"prog"};
    int argc = 1;
    struct rs_usage usage;
    struct rs_usage_item item = {0};
    for (; *arguments != NULL; arguments++) {
        argv[argc++] = (char *)*arguments;
    }
    error->text[0] = '\0';
    out[0] = '\0';
    rs_usage_init(&usage, &program, argc, argv);
    while (rs_usage_next(&usage, &item, error) == 0 && item.kind != RS_USAGE_END) {
        size_t used = strlen(out);
        switch (item.kind) {
        case RS_USAGE_OPTION:
            (void)snprintf(out + used, size - used, "%s%s%s ", options[item.option].name,
                           item.value != NULL ? "=" : "", item.value != NULL ? item.value : "");
            break;
        case RS_USAGE_OPERAND: (void)snprintf(out + used, size - used, "!%s ", item.value); break;
        case RS_USAGE_HELP: (void)snprintf(out + used, size - used, "HELP "); break;
        default: (void)snprintf(out + used, size - used, "VERSION "); break;
        }
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

static void test_help_and_version_are_everywhere(void **state)
{
    (void)state;
    EXPECT("HELP VERSION HELP VERSION ", "--help", "--version", "-h", "-V");
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

static void test_texts(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    rs_usage_help(&program, out);
    rs_usage_version(out);
    assert_int_equal(fclose(out), 0);
    assert_string_equal(text, "Usage: prog -c FILE [OPTION]... FILE...\n"
                              "\n"
                              "Does things.\n"
                              "\n"
                              "Options:\n"
                              "  -c, --config FILE         Configuration.\n"
                              "      --format csv|ndjson|avro\n"
                              "                            Format of the input.\n"
                              "                            Default: by the file's name.\n"
                              "  -n, --dry-run             Change nothing.\n"
                              "  -q, --quiet               Say nothing.\n"
                              "  -h, --help                Show this text.\n"
                              "  -V, --version             Show the version.\n"
                              "\n"
                              "Exit codes: 0 ok.\n"
                              "rollstat " RS_VERSION "\n");
    free(text);
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
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_own_complaints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
