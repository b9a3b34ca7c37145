/* Patterns: what they match, beside the C library's own matcher; what they refuse; and that no text costs more
 * than a step a character. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "tests/lib/random.h"
#include "transform/plan/pattern.h"

static struct rs_pattern *compile(const char *text)
{
    struct rs_pattern *pattern = NULL;
    struct rs_error error = {0};
    if (rs_pattern_compile(text, &pattern, &error) < 0) {
        fail_msg("%s: %s", text, error.text);
    }
    return pattern;
}

static void test_matching(void **state)
{
    (void)state;
    static const struct {
        const char *pattern;
        const char *yes[4], *no[4];
    } cases[] = {
        {"", {""}, {"a"}},
        {"abc", {"abc"}, {"", "ab", "abcd", "xabc"}},
        {"a|bc|", {"a", "bc", ""}, {"ab", "b"}},
        {"(ab)*c", {"c", "ababc"}, {"abab", "aabc"}},
        {"a+b?", {"a", "aab"}, {"b", "abb"}},
        {"a{2}", {"aa"}, {"a", "aaa"}},
        {"a{2,}", {"aa", "aaaaa"}, {"a"}},
        {"a{,2}", {"", "a", "aa"}, {"aaa"}},
        {"(a{1,2}b){2}", {"abab", "aabab"}, {"ab", "aaabab"}},
        {"^abc$", {"abc"}, {"^abc$"}},
        {"(^a|b$)+", {"a", "b", "ab"}, {"ba", "aa"}},
        {"a^b", {NULL}, {"ab", "a^b"}},
        {"$", {""}, {"$"}},
        {"\\$\\^\\.", {"$^."}, {"$^x"}},
        {"[]a-c]+", {"]abc"}, {"d", ""}},
        {"[^]a]", {"b", "\xc3\xa4"}, {"a", "]", "bb"}},
        {"[a-]+", {"a-"}, {"b"}},
        {"[[:upper:]][[:digit:]_]*", {"A", "Z09_"}, {"a", "AB"}},
        {"\\w+\\s\\W", {"aZ_9\t-"}, {"a b", "- -"}},
        {"..", {"ab", "\xc3\xa4\xe6\x95\xb0"}, {"a", "\xe6\x95\xb0"}}, /* characters, not bytes */
        {"[\xc3\xa4-\xc3\xbc]{2}", {"\xc3\xa4\xc3\xb6"}, {"ab", "\xc3\xa4"}},
        {".*\xf0\x9f\x98\x80", {"x\xf0\x9f\x98\x80"}, {"x\xf0\x9f\x98\x81"}},
        {"[^a]", {"\xf4\x8f\xbf\xbf"}, {"\xff", "\xc3"}}, /* no UTF-8 matches nothing */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rs_pattern *pattern = compile(cases[i].pattern);
        for (size_t k = 0; k < 4; k++) {
            if (cases[i].yes[k] && !rs_pattern_matches(pattern, rs_slice_text(cases[i].yes[k]))) {
                fail_msg("%s does not match \"%s\"", cases[i].pattern, cases[i].yes[k]);
            }
            if (cases[i].no[k] && rs_pattern_matches(pattern, rs_slice_text(cases[i].no[k]))) {
                fail_msg("%s matches \"%s\"", cases[i].pattern, cases[i].no[k]);
            }
        }
        rs_pattern_free(&pattern);
    }
}

static void test_empty_slice(void **state)
{
    (void)state;
    struct rs_pattern *pattern = compile("a*");
    assert_true(rs_pattern_matches(pattern, rs_slice_of(NULL, 0)));
    rs_pattern_free(&pattern);
    rs_pattern_free(&pattern);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *why;
    } cases[] = {
        {"a(", "Unmatched ( or \\("},
        {"a)", "Unmatched ) or \\)"},
        {"[a", "Unmatched [, [^, [:, [., or [="},
        {"[[:alpha]", "Unmatched [, [^, [:, [., or [="},
        {"[[:alpa:]]", "there is no such class of characters"},
        {"[z-a]", "Invalid range end"},
        {"[[.a.]]", "[. .] and [= =] have no meaning here"},
        {"[+-[:digit:]]", "a class of characters cannot end a range"},
        {"*a", "Invalid preceding regular expression"},
        {"a|+", "Invalid preceding regular expression"},
        {"{2}", "{ repeats what is in front of it"},
        {"a{", "Invalid content of \\{\\}"},
        {"a{2", "Invalid content of \\{\\}"},
        {"a{,}", "Invalid content of \\{\\}"},
        {"a{3,2}", "Invalid content of \\{\\}"},
        {"a{1001}", "a repetition in {} is of 1000 times at most"},
        {"a{99999999999999999999}", "a repetition in {} is of 1000 times at most"},
        {"a\\", "Trailing backslash"},
        {"(a)\\1", "back-references such as \\1 are not available"},
        {"\\d", "\\d is not of POSIX: write [0-9]"},
        {"\\bword\\b", "a backslash goes in front of"},
        {"\xff", "it is not UTF-8"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rs_pattern *pattern = NULL;
        struct rs_error error = {0};
        assert_int_equal(rs_pattern_compile(cases[i].pattern, &pattern, &error), RS_ECONFIG);
        assert_null(pattern);
        if (strncmp(error.text, cases[i].why, strlen(cases[i].why)) != 0) {
            fail_msg("%s: %s", cases[i].pattern, error.text);
        }
    }
}

/* Patterns that take engines with backtracking forever, and such as make lazily built tables grow without end:
 * they match in a step a character, or are refused in bounded time and memory. */
static void test_catastrophes(void **state)
{
    (void)state;
    static const char *const fine[] = {"(a+)+$",
                                       "(a*)*b",
                                       "(a|a)*b",
                                       "(a|aa)+b",
                                       "(.*)*x",
                                       "([a-z]+)*[0-9]",
                                       "(x+x+)+y",
                                       "a?{30}a{30}",
                                       "((a*)*)*b",
                                       "(a?){300}a{300}",
                                       "^(([a-z])+.)+[A-Z]([a-z])+$"};
    char *text = malloc(1000001);
    memset(text, 'a', 1000000);
    text[1000000] = '\0';
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++) {
        struct rs_pattern *pattern = compile(fine[i]);
        assert_true(rs_pattern_states(pattern) <= RS_PATTERN_STATES_MAX);
        (void)rs_pattern_matches(pattern, rs_slice_of(text, 1000000));
        rs_pattern_free(&pattern);
    }
    free(text);
    static const char *const refused[] = {".*a.{20}",
                                          "(.*a){12}.{12}x(a|b)*a(a|b){14}",
                                          "((a{1000}){1000}){1000}",
                                          "(((((){1000}){1000}){1000}){1000}){1000}",
                                          "((((a?){100}){100}){100}){100}",
                                          "[a-c]*b[a-c]{13}.*c[a-c]{13}"};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct rs_pattern *pattern = NULL;
        struct rs_error error = {0};
        if (rs_pattern_compile(refused[i], &pattern, &error) == 0) {
            fail_msg("%s has %zu states", refused[i], rs_pattern_states(pattern));
        }
        assert_non_null(strstr(error.text, "it would need more than 4096 states"));
    }
}

static void test_limits_of_the_text(void **state)
{
    (void)state;
    struct rs_pattern *pattern = NULL;
    struct rs_error error = {0};
    char *text = malloc(2 * RS_PATTERN_SIZE_MAX + 2);
    memset(text, '(', RS_PATTERN_SIZE_MAX);
    text[RS_PATTERN_SIZE_MAX] = '\0';
    assert_int_equal(rs_pattern_compile(text, &pattern, &error), RS_ECONFIG);
    assert_string_equal(error.text, "its brackets nest deeper than 32");
    memset(text, 'x', RS_PATTERN_SIZE_MAX + 1);
    text[RS_PATTERN_SIZE_MAX + 1] = '\0';
    assert_int_equal(rs_pattern_compile(text, &pattern, &error), RS_ECONFIG);
    assert_string_equal(error.text, "it is longer than 4096 bytes");
    text[4000] = '\0';
    pattern = compile(text);
    assert_true(rs_pattern_matches(pattern, rs_slice_text(text)));
    rs_pattern_free(&pattern);
    for (size_t i = 0; i < RS_PATTERN_SIZE_MAX; i += 2) { /* the most trees and ranges a text can make */
        memcpy(text + i, i % 4 ? "\\W" : "(|", 2);
    }
    text[RS_PATTERN_SIZE_MAX] = '\0';
    assert_int_equal(rs_pattern_compile(text, &pattern, &error), RS_ECONFIG);
    for (size_t i = 0; i < RS_PATTERN_SIZE_MAX; i += 2) {
        memcpy(text + i, i % 4 ? "\\W" : "|*", 2);
        memcpy(text + i, i % 4 ? "\\W" : "||", 2);
    }
    pattern = compile(text);
    rs_pattern_free(&pattern);
    free(text);
}

/* ---- beside the C library ---- */

/* Without anchors, which it loses where they are repeated. */

static void put_pattern(struct rs_random *random, struct rs_buf *out, int depth);

static void put_atom(struct rs_random *random, struct rs_buf *out, int depth)
{
    static const char *const atoms[] = {"a", "b", "c", ".", "[ab]", "[^a]", "[b-c]"};
    if (depth < 3 && rs_random_below(random, 4) == 0) {
        rs_buf_char(out, '(');
        put_pattern(random, out, depth + 1);
        rs_buf_char(out, ')');
    } else {
        rs_buf_text(out, atoms[rs_random_below(random, 7)]);
    }
}

static void put_pattern(struct rs_random *random, struct rs_buf *out, int depth)
{
    static const char *const repeats[] = {"*", "+", "?", "{2}", "{1,3}", "{2,}", "{0,2}"};
    uint64_t pieces = 1 + rs_random_below(random, 4);
    for (uint64_t i = 0; i < pieces; i++) {
        put_atom(random, out, depth);
        if (rs_random_below(random, 3) == 0) {
            rs_buf_text(out, repeats[rs_random_below(random, 7)]);
        }
        if (rs_random_below(random, 6) == 0) {
            rs_buf_char(out, '|');
            put_atom(random, out, depth);
        }
    }
}

static void test_against_the_c_library(void **state)
{
    (void)state;
    struct rs_random random = rs_random_of_run();
    int refused = 0;
    for (int round = 0; round < 2000; round++) {
        struct rs_buf text = {0};
        struct rs_buf whole = {0};
        regex_t regex;
        put_pattern(&random, &text, 0);
        rs_buf_char(&text, '\0');
        rs_buf_printf(&whole, "^(%s)$", (const char *)text.data);
        rs_buf_char(&whole, '\0');
        assert_int_equal(regcomp(&regex, (const char *)whole.data, REG_EXTENDED | REG_NOSUB), 0);
        struct rs_pattern *pattern = NULL;
        struct rs_error error = {0};
        refused += rs_pattern_compile((const char *)text.data, &pattern, &error) < 0; /* too many states */
        for (int k = 0; pattern && k < 20; k++) {
            char subject[12] = "";
            uint64_t length = rs_random_below(&random, 9);
            for (uint64_t i = 0; i < length; i++) {
                subject[i] = (char)('a' + rs_random_below(&random, 3));
            }
            bool expected = regexec(&regex, subject, 0, NULL, 0) == 0;
            if (rs_pattern_matches(pattern, rs_slice_text(subject)) != expected) {
                fail_msg("%s on \"%s\": the C library says %d", (const char *)text.data, subject, expected);
            }
        }
        rs_pattern_free(&pattern);
        regfree(&regex);
        rs_buf_fini(&text);
        rs_buf_fini(&whole);
    }
    assert_true(refused < 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matching),
        cmocka_unit_test(test_empty_slice),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_catastrophes),
        cmocka_unit_test(test_limits_of_the_text),
        cmocka_unit_test(test_against_the_c_library),
    };
    return cmocka_run_group_tests_name("pattern", tests, NULL, NULL);
}
