/* The `redis` section and URLs: what is accepted, and each complaint. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sink/redis/config.h"
#include "sink/redis/tls_missing.h"

static void test_urls_are_taken_apart(void **state)
{
    static const struct {
        const char *url, *host;
        int port;
        const char *path;
        int database;
        const char *user, *password, *text;
    } cases[] = {
        {"redis://localhost", "localhost", 6379, "", 0, "", "", "redis://localhost:6379/0"},
        {"redis://localhost/", "localhost", 6379, "", 0, "", "", "redis://localhost:6379/0"},
        {"redis://h:7000/3", "h", 7000, "", 3, "", "", "redis://h:7000/3"},
        {"REDIS://10.0.0.1:1", "10.0.0.1", 1, "", 0, "", "", "redis://10.0.0.1:1/0"},
        {"redis://[::1]:7000/15", "::1", 7000, "", 15, "", "", "redis://[::1]:7000/15"},
        {"redis://[fe80::1]", "fe80::1", 6379, "", 0, "", "", "redis://[fe80::1]:6379/0"},
        {"redis://:secret@h", "h", 6379, "", 0, "", "secret", "redis://h:6379/0"},
        {"redis://u:p%40%3A%2f@h:1/1", "h", 1, "", 1, "u", "p@:/", "redis://h:1/1"},
        {"redis://u:a@b@h", "h", 6379, "", 0, "u", "a@b", "redis://h:6379/0"},
        {"unix:///run/redis.sock", "", 0, "/run/redis.sock", 0, "", "", "unix:///run/redis.sock"},
        {"unix:///run/a%20b?db=7", "", 0, "/run/a b", 7, "", "", "unix:///run/a b"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rs_redis_address address;
        struct rs_error error;
        char text[RS_REDIS_TEXT_MAX];
        assert_int_equal(rs_redis_url_parse(cases[i].url, &address, &error), 0);
        assert_string_equal(address.host, cases[i].host);
        assert_int_equal(address.port, cases[i].port);
        assert_string_equal(address.path, cases[i].path);
        assert_int_equal(address.database, cases[i].database);
        assert_string_equal(address.username, cases[i].user);
        assert_string_equal(address.password, cases[i].password);
        rs_redis_address_text(&address, text);
        assert_string_equal(text, cases[i].text);
    }
}

static void test_sentinels(void **state)
{
    struct rs_redis_address address = {0};
    struct rs_error error;
    char text[RS_REDIS_TEXT_MAX];
    (void)state;
    assert_int_equal(
        rs_redis_url_parse("sentinel://me:p%40ss@one,[::1]:7,three:8/the%20master/5", &address, &error), 0);
    assert_int_equal(address.sentinels.count, 3);
    assert_string_equal(address.sentinels.items[0].host, "one");
    assert_int_equal(address.sentinels.items[0].port, 26379);
    assert_string_equal(address.sentinels.items[1].host, "::1");
    assert_int_equal(address.sentinels.items[1].port, 7);
    assert_string_equal(address.sentinels.service, "the master");
    assert_int_equal(address.database, 5);
    assert_string_equal(address.username, "me");
    assert_string_equal(address.password, "p@ss");
    assert_string_equal(address.sentinels.password, "");
    rs_redis_address_text(&address, text);
    assert_string_equal(text, "sentinel://one:26379,[::1]:7,three:8/the master/5");
    assert_int_equal(rs_redis_url_parse("sentinels://one/m", &address, &error),
                     rs_redis_tls_missing() ? RS_ECONFIG : 0);
}

#define NO_SERVICE                                                                                           \
    "a sentinel:// URL names the master behind the hosts, by the name that the sentinels know: "             \
    "sentinel://HOST:26379,HOST:26379/mymaster/0"
#define NO_SCHEME                                                                                            \
    "a Redis URL starts with redis://, rediss://, unix:// or sentinel://, as in redis://localhost:6379/0"

static void test_bad_urls_are_refused_without_being_shown(void **state)
{
    static const struct {
        const char *url, *text;
    } cases[] = {
        {"sentinel://h", NO_SERVICE},
        {"sentinel://h/", NO_SERVICE},
        {"sentinel://h,i:7//0", NO_SERVICE},
        {"sentinel://h,/m", "the Redis URL has no host or one that is too long"},
        {"sentinel://h,i:x/m", "the port in the Redis URL is not a number from 1 to 65535"},
        {"sentinel://a,b,c,d,e,f,g,h,i/m", "a Redis URL names 8 sentinels at most"},
        {"sentinel://h/m/one", "the database in the Redis URL is not a number: redis://HOST:PORT/0"},
        {"sentinel://h/m?db=1", "the Redis URL has options; use the keys of the `redis` section"},
        {"cluster://h", "cluster:// is not available in this version; use redis://, rediss://, unix:// or "
                        "sentinel://"},
        {"localhost:6379", NO_SCHEME},
        {"", NO_SCHEME},
        {"redis://", "the Redis URL has no host or one that is too long"},
        {"redis://:geheim@", "the Redis URL has no host or one that is too long"},
        {"redis://h:", "the port in the Redis URL is not a number from 1 to 65535"},
        {"redis://h:0", "the port in the Redis URL is not a number from 1 to 65535"},
        {"redis://h:65536", "the port in the Redis URL is not a number from 1 to 65535"},
        {"redis://h:6379x", "the port in the Redis URL is not a number from 1 to 65535"},
        {"redis://[::1", "the IPv6 address in the Redis URL lacks its ']'"},
        {"redis://[::1]7", "the port in the Redis URL is not a number from 1 to 65535"},
        {"redis://h/one", "the database in the Redis URL is not a number: redis://HOST:PORT/0"},
        {"redis://h/-1", "the database in the Redis URL is not a number: redis://HOST:PORT/0"},
        {"redis://h?db=1", "the Redis URL has options; use the keys of the `redis` section"},
        {"redis://u:geheim%4@h", "the password in the Redis URL is too long or wrongly percent-encoded"},
        {"redis://u%zz:geheim@h", "the user name in the Redis URL is too long or wrongly percent-encoded"},
        {"redis://u:geheim%00@h", "the password in the Redis URL is too long or wrongly percent-encoded"},
        {"unix://run/redis.sock", "the path in the unix:// URL is not absolute or longer than 107 bytes"},
        {"unix:///s?database=1", "after '?' a unix:// URL may only have db=NUMBER"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rs_redis_address address = {.port = 77};
        struct rs_error error;
        assert_int_equal(rs_redis_url_parse(cases[i].url, &address, &error), RS_ECONFIG);
        assert_string_equal(error.text, cases[i].text);
        assert_int_equal(address.port, 77);
    }
}

/* hiredis 0.14 has none. */
static void test_tls_is_read_or_refused_with_the_reason(void **state)
{
    struct rs_redis_address address = {.port = 77};
    struct rs_error error;
    char text[RS_REDIS_TEXT_MAX];
    (void)state;
    int code = rs_redis_url_parse("rediss://u:geheim@h:7000/2", &address, &error);
    if (rs_redis_tls_missing()) {
        assert_int_equal(code, RS_ECONFIG);
        assert_string_equal(error.text, rs_redis_tls_missing());
        assert_int_equal(address.port, 77);
        return;
    }
    assert_int_equal(code, 0);
    assert_true(address.tls);
    rs_redis_address_text(&address, text);
    assert_string_equal(text, "rediss://h:7000/2");
}

static int load(const char *text, struct rs_redis_config *out, struct rs_buf *report)
{
    struct rs_config *config = NULL;
    struct rs_error error;
    assert_int_equal(rs_config_load_text("t.yaml", text, &config, &error), 0);
    int code = rs_redis_config_load(config, out, &error);
    rs_config_report(config, report);
    rs_buf_char(report, '\0');
    rs_config_free(&config);
    return code;
}

static void test_section_is_read(void **state)
{
    struct rs_redis_config config;
    struct rs_buf report = {0};
    (void)state;
    assert_int_equal(load("group: g\n", &config, &report), 0);
    assert_string_equal(config.address.host, "localhost");
    assert_string_equal(config.prefix, "rs");
    assert_int_equal(config.publish_every_us, 100000);
    assert_int_equal(config.connections, 1);
    setenv("RS_TEST_SECRET", "pass word", 1);
    assert_int_equal(
        load("redis:\n  url: redis://db:6380/2\n  username: roll\n  password: ${RS_TEST_SECRET}\n  prefix: "
             "live\n  publish_every: 1ms\n  connections: 4\n  timeout: 5s\n  connect_timeout: 500ms\n",
             &config, &report),
        0);
    assert_string_equal(config.address.host, "db");
    assert_int_equal(config.address.port, 6380);
    assert_string_equal(config.address.username, "roll");
    assert_string_equal(config.address.password, "pass word");
    assert_string_equal(config.prefix, "live");
    assert_int_equal(config.publish_every_us, 1000);
    assert_int_equal(config.connections, 4);
    assert_int_equal(config.timeout_us, 5000000);
    assert_int_equal(config.connect_timeout_us, 500000);
    rs_buf_fini(&report);
}

static void test_all_faults_of_the_section_are_named(void **state)
{
    struct rs_redis_config config;
    struct rs_buf report = {0};
    (void)state;
    int code = load(
        "redis:\n  url: cluster://a\n  prefix: 'a b'\n  publish_every: 10us\n  connections: 0\n  usrname: x\n"
        "  username: roll\n",
        &config, &report);
    const char *text = (const char *)report.data;
    assert_int_equal(code, RS_ECONFIG);
    assert_non_null(strstr(text, "t.yaml:2:8: cluster:// is not available in this version"));
    assert_non_null(strstr(text, "t.yaml:3:11: a prefix has printable ASCII characters without blanks"));
    assert_non_null(strstr(text, "t.yaml:4:18: "));
    assert_non_null(strstr(text, "t.yaml:5:16: "));
    assert_non_null(strstr(text, "t.yaml:6:3: "));
    assert_non_null(strstr(text, "\"username\""));
    assert_non_null(strstr(text, "a Redis user needs a password"));
    rs_buf_fini(&report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_urls_are_taken_apart),
        cmocka_unit_test(test_sentinels),
        cmocka_unit_test(test_bad_urls_are_refused_without_being_shown),
        cmocka_unit_test(test_tls_is_read_or_refused_with_the_reason),
        cmocka_unit_test(test_section_is_read),
        cmocka_unit_test(test_all_faults_of_the_section_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
