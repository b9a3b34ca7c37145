/* `schemas.registry`: what is read, and every complaint with its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "schemas/registry/config.h"

static struct rs_arena arena;

static void read_config(const char *text, struct rs_registry_config *out, const char *report)
{
    struct rs_config *config = NULL;
    struct rs_error error;
    struct rs_buf found = {0};
    assert_int_equal(rs_config_load_text("c", text, &config, &error), 0);
    const struct rs_config_node *node = rs_config_get(rs_config_root(config), "r");
    assert_true(rs_registry_config_read(config, node, &arena, out));
    rs_registry_config_look(config, node, out);
    rs_config_report(config, &found);
    assert_string_equal(found.size > 0 ? rs_buf_cstr(&found) : "", report);
    rs_buf_fini(&found);
    rs_config_free(&config);
}

static void test_forms(void **state)
{
    (void)state;
    struct rs_registry_config config;
    read_config("r: http://localhost:8081/", &config, "");
    assert_int_equal(config.url_count, 1);
    assert_string_equal(config.urls[0], "http://localhost:8081");
    assert_int_equal(config.timeout_us, 5000000);
    assert_null(config.cache);
    read_config("r: {urls: ['https://a/x', 'https://[::1]:1'], timeout: 300ms, cache: kept}", &config, "");
    assert_int_equal(config.url_count, 2);
    assert_string_equal(config.urls[1], "https://[::1]:1");
    assert_string_equal(config.cache, "./kept");
    assert_int_equal(config.timeout_us, 300000);
    rs_arena_fini(&arena);
}

static void test_complaints(void **state)
{
    (void)state;
    struct rs_registry_config config;
    static const char *const cases[][2] = {
        {"r: []", "c:1:4: `registry` is the URL of a schema registry, as in http://localhost:8081, or a "
                  "mapping with `url` in it\n"},
        {"r: localhost:8081",
         "c:1:4: the URL of a registry begins with http:// or https://, as in http://localhost:8081\n"},
        {"r: ftp://a",
         "c:1:4: the URL of a registry begins with http:// or https://, as in http://localhost:8081\n"},
        {"r: 'http://a b'", "c:1:4: the URL of a registry has printable ASCII characters without blanks; "
                            "others are percent-encoded\n"},
        {"r: http://u:p@a", "c:1:4: a user in the URL of a registry would be shown in the log: use "
                            "`username` and `password_file`\n"},
        {"r: 'http://:8081'", "c:1:4: the URL of the registry has no host\n"},
        {"r: http://a/x?y", "c:1:4: the URL of a registry ends with its path, without '?' or '#'\n"},
        {"r: {timeout: 1s}", "c:1:4: the registry needs its URL: `url: http://localhost:8081`, or several as "
                             "`urls: [URL, URL]`\n"},
        {"r: {urls: http://a}", "c:1:11: `urls` is a list of the registry's URLs; of one it is `url: URL`\n"},
        {"r: {url: http://a, urls: [http://b]}",
         "c:1:26: `url` and `urls` are two ways to say the same: use `urls` alone\n"},
        {"r: {url: http://localhost, username: u}", "c:1:4: `username` and `password_file` go together: the "
                                                    "one without the other says who, or how, but not both\n"},
        {"r: {url: https://a, username: 'u:v', password_file: /dev/null}",
         "c:1:31: `username` has at least one character, and no ':', which ends it in HTTP\n"},
        {"r: {url: https://a, username: u, password_file: /dev/null, token_file: /dev/null}",
         "c:1:72: a registry is asked with a password or with a token: leave out one of `username` and "
         "`token_file`\n"},
        {"r: {url: https://a, key: /dev/null}", "c:1:4: `certificate` and `key` go together\n"},
        {"r: {url: https://a, ca: /nowhere/ca}", "c:1:25: warning: `ca`: /nowhere/ca cannot be read from "
                                                 "here: the registry cannot be asked without it\n"},
        {"r: {url: 'http://a:1/x', token_file: /dev/null}",
         "c:1:4: warning: the registry's password or token goes to http://a:1/x unencrypted: use https://\n"},
        {"r: {url: 'http://[::1]:1', token_file: /dev/null}", ""},
        {"r: {url: 'http://localhost:1', token_file: /dev/null}", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        read_config(cases[i][0], &config, cases[i][1]);
    }
    rs_arena_fini(&arena);
}

static void test_an_unknown_key(void **state)
{
    (void)state;
    struct rs_registry_config config;
    read_config("r: {url: https://a, passwordfile: x}", &config,
                "c:1:21: unknown key \"passwordfile\" in `registry`; did you mean \"password_file\"?\n");
    rs_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_complaints),
        cmocka_unit_test(test_an_unknown_key),
    };
    return cmocka_run_group_tests_name("schemas.registry.config", tests, NULL, NULL);
}
