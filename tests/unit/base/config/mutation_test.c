#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/config/config.h"
#include "tests/lib/random.h"

/* Random changes to a valid document, from a printed seed. Whatever they make of it: no crash, no leak (under
 * the sanitizers), and either a root mapping or a complaint. */
#define SEED   UINT64_C(20260101)
#define ROUNDS 20000

static const char valid[] = "group: market\n"
                            "kafka:\n"
                            "  bootstrap.servers: localhost:9092\n"
                            "redis: {url: \"redis://localhost:6379/0\", publish_every: 100ms}\n"
                            "streams:\n"
                            "  trades:\n"
                            "    topic: market.trades # comment\n"
                            "    rules:\n"
                            "      price: {gt: 0, in: [a, 'b', \"c\\u0041\\n\"]}\n"
                            "  other: !file secret\n"
                            "list:\n"
                            "- x\n"
                            "- - y\n"
                            "  - {}\n"
                            "literal: |\n"
                            "  two\n"
                            "  lines\n"
                            "folded: >-\n"
                            "  ${HOME}\n"
                            "  z\n"
                            "? key\n"
                            ": value\n";

static const char *const pieces[] = {
    ": ",           "- ",    "? ",          "{",  "}",  "[",    "]",   ",",        "&a ",
    "*a ",          "!",     "|",           "> ", "\"", "'",    "\n",  "\n  ",     "\t",
    "---\n",        "...\n", "%YAML 9.9\n", "#",  "@",  "<<: ", "\r",  "\xC2\x85", "\xE2\x80\xA8",
    "\xEF\xBB\xBF", "\\x",   "~",           "!!", "!<", "${",   "$${", "!file ",   "\xED\xA0\x80"};

struct mutator {
    struct rs_random random;
    size_t size;
    char text[8192];
};

static size_t draw(struct mutator *m, size_t below)
{
    return (size_t)rs_random_below(&m->random, below);
}

static void insert(struct mutator *m, size_t at, const char *piece, size_t size)
{
    memmove(m->text + at + size, m->text + at, m->size - at);
    memcpy(m->text + at, piece, size);
    m->size += size;
}

static void change(struct mutator *m)
{
    char copy[64];
    size_t at = draw(m, m->size);
    size_t from = draw(m, m->size);
    size_t size = draw(m, sizeof copy);
    switch (draw(m, 4)) {
    case 0: m->text[at] = (char)draw(m, 256); break;
    case 1:
        size = size < m->size - at ? size : m->size - at - 1;
        memmove(m->text + at, m->text + at + size, m->size - at - size);
        m->size -= size;
        break;
    case 2: {
        const char *piece = pieces[draw(m, sizeof pieces / sizeof *pieces)];
        insert(m, at, piece, strlen(piece));
        break;
    }
    default:
        size = size < m->size - from ? size : m->size - from;
        memcpy(copy, m->text + from, size);
        insert(m, at, copy, size);
        break;
    }
}

static void mutate(struct mutator *m)
{
    memcpy(m->text, valid, sizeof valid - 1);
    m->size = sizeof valid - 1;
    for (size_t left = 1 + draw(m, 8); left > 0; left--) {
        change(m);
    }
    m->text[m->size] = '\0';
}

/* Walks everything that was read, so that the sanitizers see it. */
static size_t walk(const struct rs_config_node *node)
{
    size_t bytes = 0;
    size_t count = rs_config_size(node);
    switch (rs_config_kind(node)) {
    case RS_CONFIG_MAPPING:
        for (size_t i = 0; i < count; i++) {
            const struct rs_config_node *key;
            const struct rs_config_node *value;
            rs_config_pair(node, i, &key, &value);
            bytes += walk(key) + walk(value);
        }
        return bytes;
    case RS_CONFIG_SEQUENCE:
        for (size_t i = 0; i < count; i++) {
            bytes += walk(rs_config_item(node, i));
        }
        return bytes;
    case RS_CONFIG_SCALAR: return strlen(rs_config_text(node));
    default: return 0;
    }
}

static void judge(struct rs_config *config, uint64_t seed)
{
    struct rs_buf report = {0};
    const struct rs_config_node *root = rs_config_root(config);
    rs_config_report(config, &report);
    if (!root && rs_config_complaints(config) == 0) {
        fail_msg("seed %llu: neither a root nor a complaint", (unsigned long long)seed);
    }
    if (root) {
        (void)walk(root);
    }
    assert_int_equal(report.failed, false);
    rs_buf_fini(&report);
}

static void test_changed_documents_do_no_harm(void **state)
{
    (void)state;
    static struct mutator m;
    struct rs_error error;
    print_message("seed %llu\n", (unsigned long long)SEED);
    m.random.state = SEED;
    for (int round = 0; round < ROUNDS; round++) {
        struct rs_config *config = NULL;
        uint64_t seed = m.random.state;
        mutate(&m);
        assert_int_equal(rs_config_load_text("m", m.text, &config, &error), 0);
        judge(config, seed);
        rs_config_free(&config);
    }
}

/* Files can hold zero bytes, which texts cannot. */
static void test_changed_files_do_no_harm(void **state)
{
    (void)state;
    static struct mutator m;
    char path[] = "/tmp/rs_mutation_XXXXXX";
    struct rs_error error;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    m.random.state = SEED;
    for (int round = 0; round < 500; round++) {
        struct rs_config *config = NULL;
        uint64_t seed = m.random.state;
        mutate(&m);
        m.text[draw(&m, m.size)] = '\0';
        assert_int_equal(ftruncate(fd, 0), 0);
        assert_int_equal(pwrite(fd, m.text, m.size, 0), m.size);
        assert_int_equal(rs_config_load_file(path, &config, &error), 0);
        assert_true(rs_config_complaints(config) > 0);
        judge(config, seed);
        rs_config_free(&config);
    }
    assert_int_equal(close(fd) | unlink(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_changed_documents_do_no_harm),
        cmocka_unit_test(test_changed_files_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
