/* registry_tool: a schema registry's client by itself, for tests.
 * registry_tool CONFIG: reads `schemas.registry` of it, then commands from stdin, a line each, and prints a line of
 * JSON for each that has an answer:
 *   ask ID          wanted from now on; answers come as {"id": 7, "outcome": "found", "schema": "…", "why": "…"}
 *   guid HEX        the same by GUID
 *   why ID          {"why": "…"}
 *   status          {"requests": …, "waiting": …, …}
 * Reports go to stderr. Ends with stdin. Questions are repeated, as partitions that wait do. */
#include <jansson.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "schemas/registry/registry.h"

#define WANTED_MAX 20000

static pthread_mutex_t output = PTHREAD_MUTEX_INITIALIZER;
static struct rs_registry_key wanted[WANTED_MAX];
static size_t wanted_count; /* under `output` */
static struct rs_registry_asker asker;

static void print(json_t *line)
{
    char *text = json_dumps(line, JSON_COMPACT);

    pthread_mutex_lock(&output);
    puts(text);
    fflush(stdout);
    pthread_mutex_unlock(&output);
    free(text);
    json_decref(line);
}

static const char *outcome_name(enum rs_registry_outcome outcome)
{
    static const char *const names[] = {"found", "unknown", "refused", "failed"};
    return names[outcome];
}

static void learn(void *self, const struct rs_registry_key *key, const struct rs_registry_answer *answer)
{
    char name[RS_REGISTRY_KEY_TEXT];

    (void)self;
    rs_registry_key_name(key, name);
    pthread_mutex_lock(&output);
    for (size_t i = 0; i < wanted_count; i++) {
        if (rs_registry_key_equal(&wanted[i], key)) {
            wanted[i] = wanted[--wanted_count];
            break;
        }
    }
    pthread_mutex_unlock(&output);
    print(json_pack("{s:s, s:s, s:s%, s:s}", "key", name, "outcome", outcome_name(answer->outcome), "schema",
                    answer->schema.data ? (const char *)answer->schema.data : "", answer->schema.size, "why",
                    answer->why ? answer->why : ""));
}

static const struct rs_registry_reader reader = {.learn = learn};

static struct rs_registry_key key_of(const char *text, bool guid)
{
    struct rs_registry_key key = {.by_guid = guid, .id = guid ? 0 : (uint32_t)strtoul(text, NULL, 10)};

    for (size_t i = 0; guid && i < sizeof key.guid; i++) {
        const char digits[] = {text[2 * i], text[2 * i + 1], '\0'};
        key.guid[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return key;
}

static void want(const struct rs_registry_key *key)
{
    pthread_mutex_lock(&output);
    if (wanted_count < WANTED_MAX) {
        wanted[wanted_count++] = *key;
    }
    pthread_mutex_unlock(&output);
    asker.ask(asker.self, &reader, key);
}

static void repeat(void)
{
    for (size_t i = 0;; i++) {
        pthread_mutex_lock(&output);
        bool more = i < wanted_count;
        struct rs_registry_key key = wanted[more ? i : 0];
        pthread_mutex_unlock(&output);
        if (!more) {
            return;
        }
        asker.ask(asker.self, &reader, &key);
    }
}

static void print_status(struct rs_registry *registry)
{
    struct rs_registry_status s;

    rs_registry_status(registry, &s);
    print(json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:s}", "requests", (json_int_t)s.requests,
                    "failures", (json_int_t)s.failures, "found", (json_int_t)s.found, "unknown",
                    (json_int_t)s.unknown, "refused", (json_int_t)s.refused, "from_cache",
                    (json_int_t)s.from_cache, "changed", (json_int_t)s.changed, "waiting",
                    (json_int_t)s.waiting, "failing", (int)s.failing, "url", s.url));
}

static void command(struct rs_registry *registry, char *line)
{
    struct rs_error error;
    struct rs_registry_key key;

    line[strcspn(line, "\n")] = '\0';
    if (strncmp(line, "ask ", 4) == 0) {
        key = key_of(line + 4, false);
        want(&key);
    } else if (strncmp(line, "guid ", 5) == 0) {
        key = key_of(line + 5, true);
        want(&key);
    } else if (strncmp(line, "why ", 4) == 0) {
        key = key_of(line + 4, false);
        asker.why(asker.self, &reader, &key, &error);
        print(json_pack("{s:s}", "why", error.text));
    } else if (strcmp(line, "status") == 0) {
        print_status(registry);
    }
}

static void serve(struct rs_registry *registry)
{
    char line[256];
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};

    setvbuf(stdin, NULL, _IONBF, 0); /* poll knows nothing of a buffer */
    int64_t repeated_us = 0;
    while (true) {
        bool said = poll(&in, 1, 200) > 0;
        if (rs_clock_mono(rs_clock_system()) - repeated_us > 200000) {
            repeated_us = rs_clock_mono(rs_clock_system());
            repeat();
        }
        if (said && !fgets(line, sizeof line, stdin)) {
            return;
        }
        if (said) {
            command(registry, line);
        }
    }
}

int main(int argc, char **argv)
{
    struct rs_config *document = NULL;
    struct rs_registry *registry = NULL;
    struct rs_arena arena = {0};
    struct rs_registry_config config;
    struct rs_buf report = {0};
    struct rs_error error;

    rs_log_init("registry_tool");
    if (argc != 2 || rs_config_load_file(argv[1], &document, &error) != 0) {
        return 1;
    }
    const struct rs_config_node *node =
        rs_config_get(rs_config_get(rs_config_root(document), "schemas"), "registry");
    bool read = node && rs_registry_config_read(document, node, &arena, &config);
    rs_config_report(document, &report);
    rs_log_text(RS_LOG_WARNING, (const char *)report.data, report.size);
    const struct rs_registry_options options = {
        .config = &config, .clock = rs_clock_system(), .report = rs_report_to_log()};
    int code =
        !read || rs_config_complaints(document) > 0 || rs_registry_new(&options, &registry, &error) != 0;
    if (code == 0) {
        asker = rs_registry_asker(registry);
        serve(registry);
    }
    rs_registry_free(&registry);
    rs_arena_fini(&arena);
    rs_config_free(&document);
    rs_buf_fini(&report);
    return code;
}
