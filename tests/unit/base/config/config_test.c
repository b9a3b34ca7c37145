#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/config/config.h"

static struct rs_config *load(const char *text)
{
    struct rs_error error;
    struct rs_config *config = NULL;
    if (rs_config_load_text("t.yaml", text, &config, &error) != 0) {
        fail_msg("%s", error.text);
    }
    return config;
}

static void expect_report(const struct rs_config *config, const char *wanted)
{
    struct rs_buf report = {0};
    rs_config_report(config, &report);
    assert_string_equal(rs_buf_cstr(&report), wanted);
    rs_buf_fini(&report);
}

/* Complaints made by loading alone. */
static void expect_complaints(const char *text, const char *wanted)
{
    struct rs_config *config = load(text);
    expect_report(config, wanted);
    rs_config_free(&config);
    assert_null(config);
}

/* Where complaints about a node stand. */
static void expect_place(struct rs_config *config, const struct rs_config_node *node, unsigned line,
                         unsigned column)
{
    char wanted[64];
    struct rs_buf report = {0};
    rs_config_warn(config, node, "of %u, %u", line, column);
    rs_config_report(config, &report);
    snprintf(wanted, sizeof wanted, "t.yaml:%u:%u: warning: of %u, %u\n", line, column, line, column);
    assert_non_null(strstr(rs_buf_cstr(&report), wanted));
    rs_buf_fini(&report);
}

/* ---- structure ---- */

static void test_structure_is_what_was_written(void **state)
{
    (void)state;
    struct rs_config *config = load("group: market # comment\n"
                                    "list:\n"
                                    "  - one\n"
                                    "  - 'two: 2'\n"
                                    "  - {a: 1, b: [x]}\n"
                                    "none:\n"
                                    "tilde: ~\n"
                                    "empty: \"\"\n"
                                    "text: |\n"
                                    "  a\n"
                                    "  b\n"
                                    "str: !!str 5\n");
    const struct rs_config_node *root = rs_config_root(config);
    const struct rs_config_node *key;
    const struct rs_config_node *value;
    assert_int_equal(rs_config_complaints(config), 0);
    assert_int_equal(rs_config_kind(root), RS_CONFIG_MAPPING);
    assert_int_equal(rs_config_size(root), 7);
    assert_string_equal(rs_config_directory(config), ".");

    rs_config_pair(root, 0, &key, &value);
    assert_string_equal(rs_config_text(key), "group");
    assert_string_equal(rs_config_text(value), "market");
    expect_place(config, key, 1, 1);
    expect_place(config, value, 1, 8);

    const struct rs_config_node *list = rs_config_get(root, "list");
    assert_int_equal(rs_config_kind(list), RS_CONFIG_SEQUENCE);
    assert_int_equal(rs_config_size(list), 3);
    assert_null(rs_config_text(list));
    assert_string_equal(rs_config_text(rs_config_item(list, 1)), "two: 2");
    expect_place(config, rs_config_item(list, 1), 4, 5);
    const struct rs_config_node *inner = rs_config_get(rs_config_item(list, 2), "b");
    assert_string_equal(rs_config_text(rs_config_item(inner, 0)), "x");
    expect_place(config, inner, 5, 15);

    assert_int_equal(rs_config_kind(rs_config_get(root, "none")), RS_CONFIG_NULL);
    assert_int_equal(rs_config_kind(rs_config_get(root, "tilde")), RS_CONFIG_NULL);
    assert_string_equal(rs_config_text(rs_config_get(root, "empty")), "");
    assert_string_equal(rs_config_text(rs_config_get(root, "text")), "a\nb\n");
    assert_null(rs_config_get(root, "absent"));
    assert_null(rs_config_get(list, "absent"));
    assert_null(rs_config_get(NULL, "absent"));
    rs_config_free(&config);
    rs_config_free(&config);
}

static void test_what_is_no_mapping_has_no_root(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *report;
    } cases[] = {
        {"", "t.yaml:1:1: the document is empty\n"},
        {"# only a comment\n", "t.yaml:1:1: the document is empty\n"},
        {"~", "t.yaml:1:1: the document is empty\n"},
        {"\n- a\n", "t.yaml:2:1: the document must be a mapping (key: value)\n"},
        {"just text", "t.yaml:1:1: the document must be a mapping (key: value)\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rs_config *config = load(cases[i].text);
        assert_null(rs_config_root(config));
        assert_int_equal(rs_config_complaints(config), 1);
        expect_report(config, cases[i].report);
        rs_config_free(&config);
    }
}

static void test_syntax_errors_have_a_place(void **state)
{
    (void)state;
    expect_complaints("a: @x\n", "t.yaml:1:4: this is not valid YAML: plain scalar cannot start with '@'\n");
    expect_complaints("a: [1, 2\nb: 3\n",
                      "t.yaml:3:1: this is not valid YAML: flow sequence without a closing bracket\n");
    expect_complaints("a: b: c\n",
                      "t.yaml:1:5: this is not valid YAML: invalid nested block mapping on the same line\n");
    expect_complaints("a: 1\n---\nb: 2\n",
                      "t.yaml:2:1: a second document begins here; a configuration is a single one\n");
    expect_complaints("a: 1\n...\n\n# unannounced\nb: 2\n",
                      "t.yaml:5:1: a second document begins here; a configuration is a single one\n");
    expect_complaints("a: \xC3\xA9\nb: \xFF\n",
                      "t.yaml:2:4: a byte that is not UTF-8; the file is not YAML\n");
}

static void test_what_yaml_can_but_a_configuration_should_not(void **state)
{
    (void)state;
    expect_complaints(
        "a: &x 1\nb: *x\nc: !foo 3\nd: !!int 4\ne: !file [1]\n",
        "t.yaml:1:5: anchors (&name) are not supported; write the value where it is needed\n"
        "t.yaml:2:5: aliases (*name) are not supported; write the value out\n"
        "t.yaml:3:4: the tag \"!foo\" is not supported here; only !file PATH is\n"
        "t.yaml:4:4: the tag \"tag:yaml.org,2002:int\" is not supported here; only !file PATH is\n"
        "t.yaml:5:4: the tag \"!file\" is not supported here; only !file PATH is\n");
    expect_complaints("? [a]\n: 1\n", "t.yaml:1:3: a key must be a single name, not a mapping or sequence\n");
    expect_complaints("'': 1\n", "t.yaml:1:1: a key is empty\n");
    expect_complaints("b:\n  c: d\n  : 1\n", "t.yaml:2:6: a key is empty\n");
    expect_complaints("b:\n  ? \n  : 1\n", "t.yaml:2:3: a key is empty\n");
    expect_complaints("a: \"x\\0y\"\n", "t.yaml:1:4: a text must not hold a zero byte\n");
}

static void test_keys_stand_once(void **state)
{
    (void)state;
    expect_complaints("a: 1\nb: 2\na: 3\nc: {x: 1, y: 2, x: 3}\n\"a\": 4\n",
                      "t.yaml:3:1: the key \"a\" is here twice; the other is on line 1\n"
                      "t.yaml:4:17: the key \"x\" is here twice; the other is on line 4\n"
                      "t.yaml:5:1: the key \"a\" is here twice; the other is on line 3\n");
}

static void test_nesting_is_bounded(void **state)
{
    (void)state;
    char text[256] = "a: ";
    for (size_t levels = 31; levels <= 32; levels++) {
        memset(text + 3, '[', levels);
        memset(text + 3 + levels, ']', levels);
        text[3 + 2 * levels] = '\0';
        expect_complaints(text,
                          levels == 31 ? "" : "t.yaml:1:35: the document nests deeper than 32 levels\n");
    }
}

static void test_sizes_are_bounded(void **state)
{
    (void)state;
    struct rs_error error;
    struct rs_config *config = NULL;
    size_t size = ((size_t)1 << 20) + 1;
    char *text = malloc(size + 1);
    assert_non_null(text);
    memset(text, '#', size);
    text[size] = '\0';
    assert_int_equal(rs_config_load_text("t.yaml", text, &config, &error), RS_ECONFIG);
    assert_string_equal(error.text, "\"t.yaml\" is larger than the limit of 1048576 bytes");
    text[size - 1] = '\0';
    expect_complaints(text, "t.yaml:1:1: the document is empty\n");

    memcpy(text, "a: [", 4);
    for (size_t i = 4; i + 2 <= 4 + 2 * 99998; i += 2) {
        memcpy(text + i, "1,", 2);
    }
    text[4 + 2 * 99998 - 1] = ']';
    text[4 + 2 * 99998] = '\0';
    expect_complaints(text, "t.yaml:1:199999: the document holds more than 100000 values\n");
    free(text);
}

/* ---- complaints ---- */

static void test_complaints_come_in_document_order_and_once(void **state)
{
    (void)state;
    struct rs_config *config = load("a: 1\nb: 2\n");
    const struct rs_config_node *root = rs_config_root(config);
    rs_config_complain(config, rs_config_get(root, "b"), "second %d", 2);
    rs_config_complain(config, rs_config_get(root, "b"), "third");
    rs_config_warn(config, rs_config_get(root, "a"), "first");
    rs_config_complain(config, rs_config_get(root, "b"), "second 2");
    rs_config_complain(config, NULL, "zeroth");
    rs_config_warn(config, rs_config_get(root, "b"), "third");
    assert_int_equal(rs_config_complaints(config), 3);
    expect_report(config, "t.yaml:1:1: zeroth\n"
                          "t.yaml:1:4: warning: first\n"
                          "t.yaml:2:4: second 2\n"
                          "t.yaml:2:4: third\n"
                          "t.yaml:2:4: warning: third\n");
    rs_config_free(&config);
}

static void test_a_complaint_is_one_line(void **state)
{
    (void)state;
    struct rs_config *config = load("a: 1\n");
    rs_config_complain(config, NULL, "no \"%s\"", "x\ny\x1b[31m é");
    expect_report(config, "t.yaml:1:1: no \"x?y?[31m é\"\n");
    rs_config_free(&config);
}

static void test_a_thousand_complaints_are_kept(void **state)
{
    (void)state;
    struct rs_config *config = load("a: 1\n");
    struct rs_buf report = {0};
    for (int i = 0; i < 1003; i++) {
        rs_config_complain(config, NULL, "no. %d", i);
    }
    assert_int_equal(rs_config_complaints(config), 1003);
    rs_config_report(config, &report);
    const char *text = rs_buf_cstr(&report);
    assert_non_null(strstr(text, "t.yaml:1:1: no. 999\nt.yaml: and 3 more\n"));
    rs_buf_fini(&report);
    rs_config_free(&config);
}

static void test_unknown_keys_name_the_nearest(void **state)
{
    (void)state;
    static const char *const known[] = {"topic", "lateness", "rules", NULL};
    struct rs_config *config = load("s:\n  topic: t\n  latenes: 1s\n  colour: red\nt: 5\nu:\n");
    const struct rs_config_node *root = rs_config_root(config);
    assert_false(rs_config_expect_mapping(config, rs_config_get(root, "s"), "streams.s", known));
    assert_false(rs_config_expect_mapping(config, rs_config_get(root, "t"), "streams.t", known));
    assert_false(rs_config_expect_mapping(config, rs_config_get(root, "u"), "streams.u", known));
    assert_false(rs_config_expect_mapping(config, NULL, "streams.v", known));
    expect_report(config,
                  "t.yaml:3:3: unknown key \"latenes\" in streams.s; did you mean \"lateness\"?\n"
                  "t.yaml:4:3: unknown key \"colour\" in streams.s; known are: topic, lateness, rules\n"
                  "t.yaml:5:4: streams.t must be a mapping (key: value)\n"
                  "t.yaml:6:1: streams.u must be a mapping (key: value)\n");
    rs_config_free(&config);
    config = load("topic: t\nrules: {}\n");
    assert_true(rs_config_expect_mapping(config, rs_config_root(config), "s", known));
    assert_int_equal(rs_config_complaints(config), 0);
    rs_config_free(&config);
}

/* ---- getters ---- */

static void test_getters_read(void **state)
{
    (void)state;
    struct rs_config *c = load("s: text\ni: -12\nq: '7'\nt: true\nf: false\nd: 1h30m\nb: 64KiB\n");
    const struct rs_config_node *root = rs_config_root(c);
    const char *text = NULL;
    int64_t number = 0;
    bool flag = false;
    assert_true(rs_config_string(c, root, "s", &text));
    assert_string_equal(text, "text");
    assert_true(rs_config_int(c, root, "i", -12, 5, &number));
    assert_int_equal(number, -12);
    assert_true(rs_config_int(c, root, "q", 0, 7, &number));
    assert_int_equal(number, 7);
    assert_true(rs_config_bool(c, root, "t", &flag));
    assert_true(flag);
    assert_true(rs_config_bool(c, root, "f", &flag));
    assert_false(flag);
    assert_true(rs_config_duration(c, root, "d", 0, INT64_C(5400000000), &number));
    assert_int_equal(number, INT64_C(5400000000));
    assert_true(rs_config_bytes(c, root, "b", 65536, 65536, &number));
    assert_int_equal(number, 65536);
    assert_int_equal(rs_config_complaints(c), 0);
    rs_config_free(&c);
}

static void test_absent_keys_leave_the_default(void **state)
{
    (void)state;
    struct rs_config *c = load("a: 1\n");
    const struct rs_config_node *root = rs_config_root(c);
    const char *text = "default";
    int64_t number = 5;
    bool flag = true;
    assert_true(rs_config_string(c, root, "x", &text));
    assert_true(rs_config_int(c, root, "x", 0, 1, &number));
    assert_true(rs_config_bool(c, root, "x", &flag));
    assert_true(rs_config_duration(c, root, "x", 0, 1, &number));
    assert_true(rs_config_bytes(c, root, "x", 0, 1, &number));
    assert_string_equal(text, "default");
    assert_int_equal(number, 5);
    assert_true(flag);
    assert_int_equal(rs_config_complaints(c), 0);
    rs_config_free(&c);
}

static void test_wrong_values_are_named_with_what_is_right(void **state)
{
    (void)state;
    struct rs_config *c = load("s: [x]\n"
                               "m: {x: 1}\n"
                               "n:\n"
                               "i: 1x\n"
                               "big: 99999999999999999999\n"
                               "low: -1\n"
                               "t: yes\n"
                               "d: 5 minutes\n"
                               "long: 2h\n"
                               "b: 1 MB\n"
                               "huge: 2GiB\n"
                               "e: ''\n");
    const struct rs_config_node *root = rs_config_root(c);
    const char *text = "kept";
    int64_t number = 5;
    bool flag = true;
    assert_false(rs_config_string(c, root, "s", &text));
    assert_false(rs_config_string(c, root, "m", &text));
    assert_false(rs_config_string(c, root, "n", &text));
    assert_false(rs_config_int(c, root, "i", 0, 10, &number));
    assert_false(rs_config_int(c, root, "big", 0, INT64_MAX, &number));
    assert_false(rs_config_int(c, root, "low", 0, 10, &number));
    assert_false(rs_config_bool(c, root, "t", &flag));
    assert_false(rs_config_duration(c, root, "d", 0, 10, &number));
    assert_false(rs_config_duration(c, root, "long", 1000000, INT64_C(3600000000), &number));
    assert_false(rs_config_bytes(c, root, "b", 0, 10, &number));
    assert_false(rs_config_bytes(c, root, "huge", 1, 1048576, &number));
    assert_false(rs_config_int(c, root, "e", 0, 10, &number));
    assert_string_equal(text, "kept");
    assert_int_equal(number, 5);
    assert_true(flag);
    assert_int_equal(rs_config_complaints(c), 12);
    expect_report(
        c, "t.yaml:1:4: s: must be a single value, not a sequence\n"
           "t.yaml:2:4: m: must be a single value, not a mapping\n"
           "t.yaml:3:1: n: the value is missing\n"
           "t.yaml:4:4: i: must be a whole number from 0 to 10, not \"1x\"\n"
           "t.yaml:5:6: big: must be a whole number from 0 to 9223372036854775807, not "
           "\"99999999999999999999\"\n"
           "t.yaml:6:6: low: must be a whole number from 0 to 10, not \"-1\"\n"
           "t.yaml:7:4: t: must be true or false, not \"yes\"\n"
           "t.yaml:8:4: d: \"5 minutes\" is not a duration: write it like 100ms, 30s, 5m, 1h30m, 7d or 2w\n"
           "t.yaml:9:7: long: must be from 1s to 1h, not \"2h\"\n"
           "t.yaml:10:4: b: \"1 MB\" is not a size: write it like 512, 64KiB, 1MiB or 2GB\n"
           "t.yaml:11:7: huge: must be from 1 to 1048576 bytes, not \"2GiB\"\n"
           "t.yaml:12:4: e: must be a whole number from 0 to 10, not \"\"\n");
    rs_config_free(&c);
}

/* ---- environment and files ---- */

static void test_variables_are_put_in(void **state)
{
    (void)state;
    (void)setenv("RS_TEST_HOST", "redis.example", 1);
    (void)setenv("RS_TEST_PORT", "6380", 1);
    struct rs_config *c = load("url: redis://${RS_TEST_HOST}:${RS_TEST_PORT}/0\n"
                               "port: ${RS_TEST_PORT}\n"
                               "plain: $${RS_TEST_HOST} $5 {x} ^a$\n"
                               "${RS_TEST_HOST}: key\n");
    const struct rs_config_node *root = rs_config_root(c);
    int64_t port = 0;
    expect_report(c, "");
    assert_string_equal(rs_config_text(rs_config_get(root, "url")), "redis://redis.example:6380/0");
    assert_string_equal(rs_config_shown(rs_config_get(root, "url")), "(hidden)");
    assert_true(rs_config_int(c, root, "port", 1, 65535, &port));
    assert_int_equal(port, 6380);
    assert_string_equal(rs_config_text(rs_config_get(root, "plain")), "${RS_TEST_HOST} $5 {x} ^a$");
    assert_non_null(rs_config_get(root, "${RS_TEST_HOST}"));
    rs_config_free(&c);
}

static void test_variables_that_do_not_work_are_named(void **state)
{
    (void)state;
    static const char brace[] =
        "\"${\" must be followed by a variable's name and \"}\"; for the two characters "
        "themselves write \"$${\"\n";
    char wanted[1024];
    (void)unsetenv("RS_TEST_NONE");
    (void)setenv("RS_TEST_BYTES", "\xFF", 1);
    (void)snprintf(wanted, sizeof wanted,
                   "t.yaml:1:4: the environment variable RS_TEST_NONE is not set; put it in front of the "
                   "command (RS_TEST_NONE=... %s ...), for a service into its unit (Environment=)\n"
                   "t.yaml:2:4: %st.yaml:3:4: %st.yaml:4:4: %s"
                   "t.yaml:5:4: the environment variable RS_TEST_BYTES is not valid UTF-8\n",
                   program_invocation_short_name, brace, brace, brace);
    struct rs_config *c =
        load("a: x${RS_TEST_NONE}y\nb: \"${\"\nc: \"${A-B}\"\nd: \"${1A}\"\ne: ${RS_TEST_BYTES}\n");
    int64_t number = 5;
    expect_report(c, wanted);
    /* One complaint is enough: getters stay silent about it. */
    assert_false(rs_config_int(c, rs_config_root(c), "a", 0, 1, &number));
    assert_int_equal(rs_config_complaints(c), 5);
    rs_config_free(&c);
}

/* A shell does not hand it on, and systemd does not set it. */
static void test_the_name_of_the_host_needs_no_environment(void **state)
{
    (void)state;
    char host[65] = "";
    assert_int_equal(gethostname(host, sizeof host - 1), 0);
    (void)unsetenv("HOSTNAME");
    struct rs_config *c = load("id: ${HOSTNAME}\n");
    assert_int_equal(rs_config_complaints(c), 0);
    assert_string_equal(rs_config_text(rs_config_get(rs_config_root(c), "id")), host);
    rs_config_free(&c);
    (void)setenv("HOSTNAME", "another", 1);
    c = load("id: ${HOSTNAME}\n");
    assert_string_equal(rs_config_text(rs_config_get(rs_config_root(c), "id")), "another");
    rs_config_free(&c);
    (void)unsetenv("HOSTNAME");
}

/* Whoever does not use a part hears nothing of what was wrong with it when it was loaded. */
static void test_what_a_program_does_not_use_is_passed_by(void **state)
{
    (void)state;
    static const char text[] = "a: {x: '${RS_TEST_NONE}', y: '${RS_TEST_NONE}'}\n"
                               "b: '${RS_TEST_NONE}'\n"
                               "c:\n"
                               "  x: 1\n"
                               "  y: {z: '${RS_TEST_NONE}', w: '${RS_TEST_NONE}'}\n"
                               "d: '${RS_TEST_NONE}'\n";
    static const struct {
        const char *only[3];
        const char *passed_by[3];
        const char *lines; /* LINE:COLUMN of the complaints that are left */
    } cases[] = {
        {{"a", "b", NULL}, {NULL}, "1:8 1:30 2:4 "},
        {{"c", NULL}, {NULL}, "5:10 5:32 "},
        {{"none", NULL}, {NULL}, ""},
        {{NULL}, {"a", NULL}, "2:4 5:10 5:32 6:4 "},
        {{NULL}, {"a.x", "c.y.w", NULL}, "1:30 2:4 5:10 6:4 "},
        {{NULL}, {"c.y", "d", NULL}, "1:8 1:30 2:4 "},
        {{NULL}, {"c.none", "a.x.x", NULL}, "1:8 1:30 2:4 5:10 5:32 6:4 "},
    };
    (void)unsetenv("RS_TEST_NONE");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rs_config *c = load(text);
        struct rs_buf report = {0};
        struct rs_buf places = {0};
        if (cases[i].only[0]) {
            rs_config_use_only(c, cases[i].only);
        }
        for (size_t k = 0; k < 3 && cases[i].passed_by[k]; k++) {
            rs_config_pass_by(c, cases[i].passed_by[k]);
        }
        rs_config_report(c, &report);
        const char *at = rs_buf_cstr(&report);
        size_t count = 0;
        for (; *at != '\0'; at = strchr(at, '\n') + 1, count++) {
            unsigned line = 0;
            unsigned column = 0;
            assert_int_equal(sscanf(at, "t.yaml:%u:%u:", &line, &column), 2);
            rs_buf_printf(&places, "%u:%u ", line, column);
        }
        assert_string_equal(rs_buf_cstr(&places), cases[i].lines);
        assert_int_equal(rs_config_complaints(c), count);
        rs_buf_fini(&report);
        rs_buf_fini(&places);
        rs_config_free(&c);
    }
}

static void test_secrets_do_not_show(void **state)
{
    (void)state;
    (void)setenv("RS_TEST_SECRET", "hunter2", 1);
    struct rs_config *c =
        load("i: ${RS_TEST_SECRET}\nt: ${RS_TEST_SECRET}\nd: ${RS_TEST_SECRET}\nb: ${RS_TEST_SECRET}\n");
    const struct rs_config_node *root = rs_config_root(c);
    int64_t number = 0;
    bool flag = false;
    assert_false(rs_config_int(c, root, "i", 0, 1, &number));
    assert_false(rs_config_bool(c, root, "t", &flag));
    assert_false(rs_config_duration(c, root, "d", 0, 1, &number));
    assert_false(rs_config_bytes(c, root, "b", 0, 1, &number));
    expect_report(c, "t.yaml:1:4: i: must be a whole number from 0 to 1, not \"(hidden)\"\n"
                     "t.yaml:2:4: t: must be true or false, not \"(hidden)\"\n"
                     "t.yaml:3:4: d: the text put in is not a duration\n"
                     "t.yaml:4:4: b: the text put in is not a size\n");
    rs_config_free(&c);
}

static char directory[] = "/tmp/rs_config_test_XXXXXX";

static void write_file(const char *name, const void *bytes, size_t size, char path[128])
{
    (void)snprintf(path, 128, "%s/%s", directory, name);
    FILE *out = fopen(path, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(bytes, 1, size, out), size);
    assert_int_equal(fclose(out), 0);
}

static void test_files_are_put_in(void **state)
{
    (void)state;
    char config_path[128];
    char path[128];
    char zero[128];
    struct rs_error error;
    struct rs_config *c = NULL;
    char text[1024];
    assert_non_null(mkdtemp(directory));
    (void)setenv("RS_TEST_DIRECTORY", directory, 1);
    write_file("password", "a ${b}\n\n", 8, path);
    write_file("zero", "a\0b", 3, zero);
    int size = snprintf(
        text, sizeof text,
        "relative: !file password\nabsolute: !file %s\nvariable: !file ${RS_TEST_DIRECTORY}/password\n"
        "missing: !file nothing\nempty: !file\nzero: !file zero\n",
        path);
    write_file("c.yaml", text, (size_t)size, config_path);
    assert_int_equal(rs_config_load_file(config_path, &c, &error), 0);
    const struct rs_config_node *root = rs_config_root(c);
    assert_string_equal(rs_config_directory(c), directory);
    assert_string_equal(rs_config_text(rs_config_get(root, "relative")), "a ${b}\n");
    assert_string_equal(rs_config_shown(rs_config_get(root, "relative")), "(hidden)");
    assert_string_equal(rs_config_text(rs_config_get(root, "absolute")), "a ${b}\n");
    assert_string_equal(rs_config_text(rs_config_get(root, "variable")), "a ${b}\n");
    (void)snprintf(text, sizeof text,
                   "%s:4:16: !file: cannot open \"%s/nothing\": No such file or directory\n"
                   "%s:5:8: !file needs the path of a file\n"
                   "%s:6:13: !file: \"%s/zero\" holds a zero byte\n",
                   config_path, directory, config_path, config_path, directory);
    expect_report(c, text);
    rs_config_free(&c);
    assert_int_equal(unlink(path) | unlink(zero) | unlink(config_path) | rmdir(directory), 0);
}

static void test_a_file_that_cannot_be_read_is_an_error(void **state)
{
    (void)state;
    struct rs_error error;
    struct rs_config *c = NULL;
    assert_int_equal(rs_config_load_file("/nonexistent.yaml", &c, &error), RS_EIO);
    assert_string_equal(error.text, "cannot open \"/nonexistent.yaml\": No such file or directory");
    assert_null(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_structure_is_what_was_written),
        cmocka_unit_test(test_what_is_no_mapping_has_no_root),
        cmocka_unit_test(test_syntax_errors_have_a_place),
        cmocka_unit_test(test_what_yaml_can_but_a_configuration_should_not),
        cmocka_unit_test(test_keys_stand_once),
        cmocka_unit_test(test_nesting_is_bounded),
        cmocka_unit_test(test_sizes_are_bounded),
        cmocka_unit_test(test_complaints_come_in_document_order_and_once),
        cmocka_unit_test(test_a_complaint_is_one_line),
        cmocka_unit_test(test_a_thousand_complaints_are_kept),
        cmocka_unit_test(test_unknown_keys_name_the_nearest),
        cmocka_unit_test(test_getters_read),
        cmocka_unit_test(test_absent_keys_leave_the_default),
        cmocka_unit_test(test_wrong_values_are_named_with_what_is_right),
        cmocka_unit_test(test_variables_are_put_in),
        cmocka_unit_test(test_variables_that_do_not_work_are_named),
        cmocka_unit_test(test_the_name_of_the_host_needs_no_environment),
        cmocka_unit_test(test_what_a_program_does_not_use_is_passed_by),
        cmocka_unit_test(test_secrets_do_not_show),
        cmocka_unit_test(test_files_are_put_in),
        cmocka_unit_test(test_a_file_that_cannot_be_read_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
