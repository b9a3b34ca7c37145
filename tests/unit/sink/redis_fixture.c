#include "tests/unit/sink/redis_fixture.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

const char *const one_view[7] = {"1", "2.5", "0", "60000", "100", "1", NULL};

int64_t now_us(void)
{
    return rs_clock_mono(rs_clock_system());
}

bool reported(struct fixture *f, const char *text)
{
    return kept_reports_have(&f->reports, text);
}

void start_sink(struct fixture *f)
{
    struct rs_error error;
    struct rs_redis_sink_options options = {.group = "g",
                                            .config = &f->config,
                                            .metas = test_metas,
                                            .meta_count = 2,
                                            .workers = 2,
                                            .clock = f->clock ? f->clock : rs_clock_system(),
                                            .report = kept_reports_to(&f->reports)};
    assert_int_equal(rs_redis_sink_new(&options, &f->sink, &error), 0);
    rs_redis_sink_cluster(f->sink, "c");
    f->table = rs_redis_sink_table(f->sink);
}

static void default_config(struct fixture *f)
{
    rs_redis_config_default(&f->config);
    snprintf(f->config.address.host, sizeof f->config.address.host, "127.0.0.1");
    f->config.address.port = f->server.port;
    f->config.connect_timeout_us = f->config.timeout_us = SECOND;
}

int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    kept_reports_init(&f->reports);
    *state = f;
    if (redis_server_available()) {
        redis_server_start(&f->server, 0, NULL);
        f->redis = redis_server_connect(&f->server);
    }
    default_config(f);
    return 0;
}

int tear_down(void **state)
{
    struct fixture *f = *state;
    rs_redis_sink_free(&f->sink);
    if (f->redis) {
        redisFree(f->redis);
    }
    redis_server_kill(&f->server);
    kept_reports_fini(&f->reports);
    free(f);
    return 0;
}

struct fixture *need_redis(void **state)
{
    struct fixture *f = *state;
    if (!f->redis) {
        print_message("skipped: there is no redis-server in PATH\n");
        skip();
    }
    return f;
}

void restart_server(struct fixture *f, const char *const *arguments)
{
    int port = f->server.port;
    redisFree(f->redis);
    redis_server_start(&f->server, port, arguments);
    f->redis = redis_server_connect(&f->server);
}

void submit(struct fixture *f, struct rs_view_batch *batch)
{
    f->table.ops->submit(f->table.self, &batch);
    assert_null(batch);
}

void submit_view(struct fixture *f, int32_t partition, uint64_t token, int64_t offset, const char *key)
{
    struct rs_view_batch *batch = new_batch(partition, token, offset, 0);
    put_view(batch, 0, 0, key, one_view, offset);
    submit(f, batch);
}

struct rs_view_batch *finished(struct fixture *f, int64_t within_us)
{
    int64_t end = now_us() + within_us;
    for (;;) {
        struct rs_view_batch *batch = f->table.ops->finished(f->table.self, 0);
        int64_t left = end - now_us();
        if (batch || left <= 0) {
            return batch;
        }
        struct pollfd fd = {.fd = f->table.ops->wake_fd(f->table.self, 0), .events = POLLIN};
        poll(&fd, 1, (int)(left / 1000 + 1));
    }
}

void expect_finished(struct fixture *f, enum rs_batch_result result, int64_t offset)
{
    struct rs_view_batch *batch = finished(f, PATIENCE_US);
    assert_non_null(batch);
    assert_int_equal(batch->offset, offset);
    assert_int_equal(batch->result, result);
    rs_view_batch_free(&batch);
}

uint64_t generation(struct fixture *f)
{
    return f->table.ops->generation(f->table.self);
}

struct rs_redis_status status_of(struct fixture *f)
{
    struct rs_redis_status status;
    rs_redis_sink_status(f->sink, &status);
    return status;
}

bool eventually(struct fixture *f, bool (*what)(struct fixture *, int64_t), int64_t argument)
{
    int64_t end = now_us() + PATIENCE_US;
    while (!what(f, argument)) {
        if (now_us() >= end) {
            return false;
        }
        usleep(2000);
    }
    return true;
}

/* The sink asks for its fences, or with PING where it has none. */
static int64_t count_looks(struct fixture *f)
{
    static const char *const words[] = {"cmdstat_mget:calls=", "cmdstat_ping:calls="};
    const char *text = redis_text(f->redis, "INFO commandstats");
    int64_t count = 0;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const char *at = strstr(text, words[i]);
        count += at ? strtoll(at + strlen(words[i]), NULL, 10) : 0;
    }
    return count;
}

static bool has_looks(struct fixture *f, int64_t count)
{
    return count_looks(f) >= count;
}

void wait_for_looks(struct fixture *f, int64_t count)
{
    assert_true(eventually(f, has_looks, count_looks(f) + count));
}

bool has_fault(struct fixture *f, int64_t fault)
{
    return status_of(f).fault == (enum rs_redis_fault)fault;
}

bool has_generation(struct fixture *f, int64_t wanted)
{
    return generation(f) == (uint64_t)wanted;
}

bool is_connected(struct fixture *f, int64_t wanted)
{
    return status_of(f).connected == (bool)wanted;
}

bool has_meta(struct fixture *f, int64_t fields)
{
    return strtoll(redis_text(f->redis, "HLEN rs:meta"), NULL, 10) == fields;
}
