/* A Redis that lies: the writer of the sink asks it over a socket, and each of its answers is the right one where the input
 * has an empty part, and else that part as it stands: parts end with a byte 0, and after the last one all is right. Whatever it
 * says, batches come back in their order, each once; what is not sent any more is there at the end. */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "sink/redis/internal.h"
#include "tests/fuzz/fuzz.h"
#include "tests/lib/virtual_clock.h"

#define TURNS_MAX 60
#define BATCHES   5
#define OPS       8

static const char *const fields[] = {"n", "window_start", "window_end", "event_time", "events", "revision"};
static const struct rs_aggregate_meta metas[] = {
    {.name = "a",
     .stream = "s",
     .history = 3,
     .fields = fields,
     .field_count = 6,
     .stat_count = 1,
     .grouped = true,
     .json = "{}"},
    {.name = "b", .stream = "s", .fields = fields, .field_count = 5, .stat_count = 1, .json = "{}"}};

struct redis {
    int fd;
    struct rs_buf received; /* commands that are not whole yet */
    struct rs_slice lies;
    bool open; /* a transaction */
    size_t queued;
    char fence[RS_REDIS_FENCE_TEXT_MAX];
};

struct world {
    struct rs_redis_writer writer;
    struct rs_redis_config config;
    struct rs_clock_virtual clock;
    struct rs_view_batch *batches[BATCHES];
    size_t submitted, finished;
    struct redis redis;
};

/* ---- the sink around the writer ---- */

static bool cluster(void *self, char out[RS_REDIS_CLUSTER_MAX])
{
    (void)self;
    memcpy(out, "c", 2);
    return true;
}

static uint64_t number(void *self)
{
    (void)self;
    return 1;
}

static void lost(void *self, uint64_t generation, const char *how)
{
    (void)self;
    rs_fuzz_require(generation <= 1 && how[0] != '\0', "a loss says nothing");
}

static void gone(void *self, uint64_t generation, uint64_t seen)
{
    (void)self;
    rs_fuzz_require(generation <= 1 && seen <= 1, "a loss of a generation that was not");
}

static void counted(void *self, uint64_t evicted)
{
    (void)self;
    (void)evicted;
}

static void restarted(void *self)
{
    (void)self;
}

static void finished(void *self, struct rs_view_batch *batch)
{
    struct world *world = self;
    rs_fuzz_require(world->finished < world->submitted && batch == world->batches[world->finished],
                    "batches out of order");
    world->finished++;
}

static void hear(void *self, enum rs_log_level level, const char *text)
{
    (void)self;
    (void)level;
    rs_fuzz_require(text[0] != '\0', "a report says nothing");
}

/* ---- a Redis that is right ---- */

#define WORDS_MAX 64

struct words {
    struct rs_slice items[WORDS_MAX];
    size_t count; /* may be more than are kept */
};

/* Of the head of what was received; its size, or 0 where it is not whole. */
static size_t read_command(struct rs_slice bytes, struct words *words)
{
    size_t at = 0;
    words->count = 0;
    for (size_t left = 1; left > 0; left--) {
        const uint8_t *end = at < bytes.size ? memchr(bytes.data + at, '\n', bytes.size - at) : NULL;
        if (!end) {
            return 0;
        }
        size_t size = strtoull((const char *)bytes.data + at + 1, NULL, 10);
        bool head = bytes.data[at] == '*';
        at = (size_t)(end - bytes.data) + 1;
        if (head) {
            left = size + 1;
            continue;
        }
        if (bytes.size - at < size + 2) {
            return 0;
        }
        if (words->count < WORDS_MAX) {
            words->items[words->count] = rs_slice_of(bytes.data + at, size);
        }
        words->count++;
        at += size + 2;
    }
    return at;
}

static bool is(struct rs_slice word, const char *text)
{
    return rs_slice_equal(word, rs_slice_text(text));
}

static void put_bulk(struct rs_buf *out, const char *text)
{
    rs_buf_printf(out, "$%zu\r\n%s\r\n", strlen(text), text);
}

static void put_owners(const struct words *words, struct rs_buf *out)
{
    rs_buf_printf(out, "*%zu\r\n", words->count - 2);
    for (size_t i = 2; i < words->count; i++) {
        bool owner = i < WORDS_MAX && is(words->items[i], "%owner");
        put_bulk(out, owner ? "g:c" : is(words->items[1], "p:owners") ? "c" : "3");
    }
}

/* Its first word is EVALSHA or SET: whoever writes leaves his fence. */
static void put_answer(struct redis *redis, const struct words *words, struct rs_buf *out)
{
    struct rs_slice name = words->items[0];
    if (is(name, "MULTI") || is(name, "WATCH") || is(name, "DISCARD")) {
        redis->open = is(name, "MULTI");
        redis->queued = 0;
        rs_buf_text(out, "+OK\r\n");
    } else if (is(name, "EXEC")) {
        rs_buf_printf(out, "*%zu\r\n", redis->queued);
        for (; redis->queued > 0; redis->queued--) {
            rs_buf_text(out, ":1\r\n");
        }
        redis->open = false;
    } else if (redis->open) {
        redis->queued++;
        rs_buf_text(out, "+QUEUED\r\n");
    } else if (is(name, "INFO")) {
        put_bulk(out, "run_id:1\r\nevicted_keys:1\r\n");
    } else if (is(name, "HMGET")) {
        put_owners(words, out);
    } else if (is(name, "GET")) {
        put_bulk(out, redis->fence);
    } else if (is(name, "MGET")) {
        rs_buf_text(out, "*1\r\n");
        put_bulk(out, redis->fence);
    } else if (is(name, "HSCAN")) {
        rs_buf_text(out, "*2\r\n$1\r\n0\r\n*2\r\n$1\r\nk\r\n$1\r\n3\r\n");
    } else if (is(name, "PING")) {
        rs_buf_text(out, "+PONG\r\n");
    } else if (words->count > 1 && words->items[1].data[0] == 'm') {
        rs_buf_text(out, "*2\r\n:1\r\n:0\r\n");
    } else {
        rs_buf_text(out, "*4\r\n$2\r\nOK\r\n");
        put_bulk(out, redis->fence);
        rs_buf_text(out, ":0\r\n:0\r\n");
    }
}

/* Answers what has come; false: it hung up. */
static bool serve(struct redis *redis)
{
    uint8_t bytes[4096];
    struct rs_buf answers = {0};
    struct words words;
    ssize_t got;
    while ((got = recv(redis->fd, bytes, sizeof bytes, MSG_DONTWAIT)) > 0) {
        rs_buf_put(&redis->received, bytes, (size_t)got);
    }
    struct rs_slice rest = rs_buf_slice(&redis->received);
    for (size_t size = read_command(rest, &words); size > 0 && words.count > 0;
         size = read_command(rest, &words)) {
        struct rs_buf right = {0};
        struct rs_slice lie = rs_fuzz_part(&redis->lies);
        put_answer(redis, &words, &right);
        lie = lie.size > 0 ? lie : rs_buf_slice(&right);
        rs_buf_put(&answers, lie.data, lie.size);
        rs_buf_fini(&right);
        rest = rs_slice_of(rest.data + size, rest.size - size);
    }
    struct rs_buf kept = {0};
    rs_buf_put(&kept, rest.data, rest.size);
    rs_buf_fini(&redis->received);
    redis->received = kept;
    bool sent =
        answers.size == 0 || send(redis->fd, answers.data, answers.size, MSG_DONTWAIT | MSG_NOSIGNAL) > 0;
    rs_buf_fini(&answers);
    return sent;
}

/* ---- the world ---- */

static void must(int code, const struct rs_error *error)
{
    rs_fuzz_require(code == 0, error->text);
}

/* A question for the fence, views, a scan, first publications and a deletion, windows that ended. */
static struct rs_view_batch *make_batch(size_t number_of)
{
    struct rs_view_batch *batch = rs_view_batch_new();
    rs_fuzz_require(batch != NULL, "out of memory");
    batch->stream_name = "s";
    batch->topic = "t";
    batch->partition = 3;
    batch->token = 7;
    batch->offset = 10;
    batch->scan = number_of == 2;
    for (size_t i = 0; number_of != 0 && !batch->scan && i < OPS; i++) {
        const char key[] = {(char)('a' + i)};
        if (number_of == 4 && i % 2 == 0) {
            rs_batch_history_begin(batch, 0, rs_slice_of(key, 1), 60000);
        } else {
            rs_batch_view_begin(batch, 0, number_of == 3 ? RS_OP_FIRST : 0, rs_slice_of(key, 1));
        }
        rs_batch_field(batch, 0, "1", 1);
        rs_batch_end(batch, 1000);
    }
    if (number_of == 3) {
        rs_batch_drop(batch, 0, rs_slice_text("z"));
        rs_batch_view_begin(batch, 1, 0, rs_slice_of("", 0));
        rs_batch_field(batch, 0, "2", 1);
        rs_batch_end(batch, 1000);
    }
    return batch;
}

static void open_writer(struct world *world, int fd)
{
    struct rs_redis_writer *w = &world->writer;
    struct rs_error error = {0};
    w->host = (struct rs_redis_writer_host){.self = world,
                                            .config = &world->config,
                                            .metas = metas,
                                            .meta_count = sizeof metas / sizeof *metas,
                                            .clock = &world->clock.clock,
                                            .group = "g",
                                            .cluster = cluster,
                                            .generation = number,
                                            .lost = lost,
                                            .gone = gone,
                                            .counted = counted,
                                            .restarted = restarted,
                                            .evicted = number,
                                            .finished = finished,
                                            .report = {.call = hear}};
    w->random = 1;
    rs_redis_counts_init(&w->counts, w->host.clock);
    must(rs_redis_packer_new("p", metas, w->host.meta_count, &w->packer, &error), &error);
    must(rs_redis_piecer_new("p", metas, w->host.meta_count, &w->piecer, &error), &error);
    memset(w->sha, 'b', RS_REDIS_SHA_SIZE);
    memset(w->meta_sha, 'm', RS_REDIS_SHA_SIZE);
    memcpy(w->run_id, "1", 2);
    w->meta_wanted = true;
    w->context = redisConnectFd(fd);
    rs_fuzz_require(w->context && !w->context->err, "no connection");
    w->context->flags &= ~REDIS_BLOCK;
    rs_redis_writer_adopt(w);
}

/* The first by itself, as it takes the fence; then two at a time, so that one is armed while the other is written. */
static void submit(struct world *world)
{
    struct rs_redis_writer *w = &world->writer;
    while (world->submitted < BATCHES &&
           world->submitted - world->finished < 1 + (size_t)(world->finished > 0)) {
        struct rs_view_batch *batch = make_batch(world->submitted);
        world->batches[world->submitted++] = batch;
        rs_view_batches_push(&w->queue, batch);
        w->next = w->next ? w->next : batch;
    }
}

static void close_writer(struct world *world)
{
    struct rs_redis_writer *w = &world->writer;
    if (w->context) {
        redisFree(w->context);
    }
    rs_redis_writer_rewind(w);
    while (w->queue.first) {
        rs_redis_writer_finish_head(w);
    }
    rs_fuzz_require(world->finished == world->submitted, "a batch is gone");
    rs_redis_packer_free(&w->packer);
    rs_redis_piecer_free(&w->piecer);
    rs_redis_native_fini(&w->native);
    rs_redis_fences_fini(&w->fences);
    rs_buf_fini(&w->command);
    rs_redis_counts_fini(&w->counts);
    for (size_t i = 0; i < world->submitted; i++) {
        rs_view_batch_free(&world->batches[i]);
    }
}

/* One turn of the writer's thread, without its waiting. */
static bool turn(struct world *world)
{
    struct rs_redis_writer *w = &world->writer;
    int done = 0;
    submit(world);
    rs_redis_writer_fill(w);
    if (w->context && redisBufferWrite(w->context, &done) != REDIS_OK) {
        rs_redis_writer_fail(w, rs_redis_fault_of_context(w->context), false, w->context->errstr);
    }
    if (!w->context || !serve(&world->redis)) {
        return false;
    }
    rs_redis_writer_read(w);
    rs_clock_virtual_advance(&world->clock, 100000);
    return w->context != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world world;
    int fds[2];
    rs_fuzz_require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0,
                    "no sockets");
    world = (struct world){.redis = {.fd = fds[1], .lies = rs_slice_of(data, size), .fence = "7:10:0"}};
    rs_redis_config_default(&world.config);
    memcpy(world.config.prefix, "p", 2);
    memcpy(world.config.address.path, "/nonexistent",
           sizeof "/nonexistent"); /* where rights would be asked for */
    world.config.address.host[0] = '\0';
    rs_clock_virtual_init(&world.clock, 1700000000000000);
    world.clock.monotonic_us = 1000000;
    open_writer(&world, fds[0]);
    bool alive = true;
    for (size_t i = 0; i < TURNS_MAX && alive && world.finished < BATCHES; i++) {
        alive = turn(&world);
    }
    rs_fuzz_require(size > 0 || world.finished == BATCHES, "a Redis that is right gets nothing done");
    close_writer(&world);
    rs_buf_fini(&world.redis.received);
    (void)close(fds[1]);
    return 0;
}
