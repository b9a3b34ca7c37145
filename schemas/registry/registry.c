#include "schemas/registry/registry.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/thread.h"
#include "schemas/registry/cache.h"
#include "schemas/registry/expand.h"
#include "schemas/registry/fetch.h"

#define MS             INT64_C(1000)
#define FIRST_RETRY_US (250 * MS)
#define LAST_RETRY_US  (30000 * MS)
#define WANTED_US      (60000 * MS)
#define CHECKS_MAX     (RS_REGISTRY_QUESTIONS / 2)
#define SEEN           8192 /* schemas of which it is known what they were; a power of 2 */

struct question {
    struct rs_registry_key key;
    const struct rs_registry_reader *reader; /* NULL: a schema of the cache is compared with the registry's */
    int64_t due_us, wanted_us;
    uint32_t tries;
    char why[512]; /* of the last try; empty: there was none */
};

struct seen {
    struct rs_registry_key key;
    uint64_t digest; /* 0: none */
};

struct rs_registry {
    struct rs_registry_options options;
    struct rs_registry_cache *cache; /* NULL: none */
    struct rs_registry_http *http;
    struct rs_registry_fetch fetch; /* the thread's, as `seen` */
    struct seen seen[SEEN];
    pthread_t thread;
    bool started;
    _Atomic bool stop;
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t wake;
    struct question questions[RS_REGISTRY_QUESTIONS];
    size_t count, checks; /* checks: those without a reader */
    int64_t resume_us;    /* nobody was there: nothing is asked before */
    uint32_t silences;    /* in a row */
    struct rs_registry_status status;
};

/* ---- time ---- */

/* Half of it is chance, so that many instances do not come back at once. */
static int64_t pause_us(uint32_t tries)
{
    uint32_t chance = 0;
    int64_t full = FIRST_RETRY_US << (tries < 8 ? tries : 7);

    full = full < LAST_RETRY_US ? full : LAST_RETRY_US;
    (void)!getrandom(&chance, sizeof chance, GRND_NONBLOCK);
    return full / 2 + (int64_t)(chance % (uint64_t)(full / 2));
}

static int64_t now_us(const struct rs_registry *registry)
{
    return rs_clock_mono(registry->options.clock);
}

/* ---- questions; all under the mutex ---- */

static struct question *find(struct rs_registry *registry, const struct rs_registry_reader *reader,
                             const struct rs_registry_key *key)
{
    for (size_t i = 0; i < registry->count; i++) {
        struct question *q = &registry->questions[i];
        if (q->reader == reader && rs_registry_key_equal(&q->key, key)) {
            return q;
        }
    }
    return NULL;
}

static void add(struct rs_registry *registry, const struct rs_registry_reader *reader,
                const struct rs_registry_key *key)
{
    if (registry->count == RS_REGISTRY_QUESTIONS || (!reader && registry->checks == CHECKS_MAX)) {
        return;
    }
    registry->questions[registry->count++] = (struct question){
        .key = *key, .reader = reader, .due_us = now_us(registry), .wanted_us = now_us(registry)};
    registry->checks += reader ? 0 : 1;
    pthread_cond_signal(&registry->wake);
}

static void drop(struct rs_registry *registry, struct question *q)
{
    registry->checks -= q->reader ? 0 : 1;
    *q = registry->questions[--registry->count];
}

static void drop_unwanted(struct rs_registry *registry, int64_t now)
{
    for (size_t i = 0; i < registry->count;) {
        struct question *q = &registry->questions[i];
        if (q->reader && now - q->wanted_us > WANTED_US) {
            drop(registry, q);
        } else {
            i++;
        }
    }
}

/* What somebody waits for comes before what is merely compared. NULL: nothing is due; *due_us: when it will. */
static struct question *next(struct rs_registry *registry, int64_t now, int64_t *due_us)
{
    struct question *best = NULL;

    *due_us = INT64_MAX;
    for (size_t i = 0; i < registry->count; i++) {
        struct question *q = &registry->questions[i];
        /* The first look is into the cache, which needs nobody. */
        int64_t due = q->due_us < registry->resume_us && !(q->reader && q->tries == 0 && registry->cache)
                          ? registry->resume_us
                          : q->due_us;
        *due_us = due < *due_us ? due : *due_us;
        if (due <= now && (!best || (q->reader && !best->reader) ||
                           (!q->reader == !best->reader && q->due_us < best->due_us))) {
            best = q;
        }
    }
    return best;
}

/* After a silence whoever waits is asked for at once. */
static void note_answer(struct rs_registry *registry)
{
    registry->resume_us = 0;
    registry->silences = 0;
    registry->status.failing = false;
    for (size_t i = 0; i < registry->count; i++) {
        registry->questions[i].due_us = 0;
    }
}

static void keep_text(const char *text, char *out, size_t room)
{
    size_t size = strnlen(text, room - 1);

    memcpy(out, text, size);
    out[size] = '\0';
}

static void note_failure(struct rs_registry *registry, struct question *q, const char *why)
{
    int64_t now = now_us(registry);

    if (!registry->status.failing) {
        registry->status.failing_since_us = now;
    }
    registry->status.failing = true;
    keep_text(why, registry->status.why, sizeof registry->status.why);
    if (!registry->fetch.answered) {
        registry->resume_us = now + pause_us(registry->silences++);
    }
    if (q) {
        keep_text(why, q->why, sizeof q->why);
        q->due_us = now + pause_us(q->tries++);
    }
}

/* ---- what was answered ---- */

static void key_place(struct rs_registry *registry, const struct rs_registry_key *key, struct seen **out)
{
    *out = &registry->seen[rs_registry_key_hash(key) % SEEN];
}

/* Whether the schema is what it was, as far as that is known. */
static bool as_before(struct rs_registry *registry, const struct rs_registry_key *key, struct rs_slice schema)
{
    uint64_t digest = rs_registry_json_digest(schema);
    struct seen *seen = NULL;

    key_place(registry, key, &seen);
    if (seen->digest != 0 && rs_registry_key_equal(&seen->key, key)) {
        return seen->digest == digest;
    }
    *seen = (struct seen){.key = *key, .digest = digest};
    return true;
}

static void tell(const struct rs_registry_reader *reader, const struct rs_registry_key *key,
                 enum rs_registry_outcome outcome, struct rs_slice schema, const char *why)
{
    const struct rs_registry_answer answer = {.outcome = outcome, .schema = schema, .why = why};

    reader->learn(reader->self, key, &answer);
}

static void count(struct rs_registry *registry, enum rs_registry_outcome outcome, bool cached)
{
    struct rs_registry_status *status = &registry->status;

    pthread_mutex_lock(&registry->mutex);
    status->requests = registry->fetch.requests;
    status->failures = registry->fetch.failures;
    status->found += outcome == RS_REGISTRY_FOUND ? 1 : 0;
    status->unknown += outcome == RS_REGISTRY_UNKNOWN ? 1 : 0;
    status->refused += outcome == RS_REGISTRY_REFUSED ? 1 : 0;
    status->from_cache += cached ? 1 : 0;
    status->url = registry->options.config->urls[registry->fetch.preferred];
    pthread_mutex_unlock(&registry->mutex);
}

/* Nobody waits for the registry where the cache has the schema; it is compared later. */
static bool answer_from_cache(struct rs_registry *registry, const struct question *q)
{
    char name[RS_REGISTRY_KEY_TEXT];
    struct rs_buf schema = {0};

    rs_registry_key_file(&q->key, name);
    bool kept = registry->cache && q->tries == 0 && rs_registry_cache_get(registry->cache, name, &schema);
    if (kept) {
        (void)as_before(registry, &q->key, rs_buf_slice(&schema));
        count(registry, RS_REGISTRY_FOUND, true);
        tell(q->reader, &q->key, RS_REGISTRY_FOUND, rs_buf_slice(&schema), NULL);
    }
    rs_buf_fini(&schema);
    return kept;
}

static void report_changed(struct rs_registry *registry, const struct rs_registry_key *key, const char *then)
{
    char name[RS_REGISTRY_KEY_TEXT];

    rs_registry_key_name(key, name);
    pthread_mutex_lock(&registry->mutex);
    registry->status.changed++;
    pthread_mutex_unlock(&registry->mutex);
    rs_report(&registry->options.report, RS_LOG_ERROR,
              "schema registry: %s is another schema at %s than it was before, which must never be: %s", name,
              registry->options.config->urls[registry->fetch.preferred], then);
}

/* FOUND, and not what it was: no answer, as nobody can tell which of the two the messages were written with. */
static enum rs_registry_outcome ask_registry(struct rs_registry *registry, const struct question *q,
                                             struct rs_buf *schema, struct rs_error *error)
{
    char name[RS_REGISTRY_KEY_TEXT];
    enum rs_registry_outcome outcome = rs_registry_fetch(&registry->fetch, &q->key, schema, error);

    if (outcome == RS_REGISTRY_FOUND && !as_before(registry, &q->key, rs_buf_slice(schema))) {
        if (q->tries == 0) {
            report_changed(registry, &q->key, "it is not used");
        }
        (void)rs_fail(error, RS_EIO,
                      "it is another schema than it was before, which must never be. If the registry was "
                      "replaced, restart the daemon");
        outcome = RS_REGISTRY_FAILED;
    }
    if (outcome == RS_REGISTRY_FOUND && registry->cache) {
        rs_registry_key_file(&q->key, name);
        rs_registry_cache_put(registry->cache, name, rs_buf_slice(schema));
    }
    return outcome;
}

/* A registry that is away, or that no longer has it, says nothing against what is in the cache. */
static enum rs_registry_outcome compare(struct rs_registry *registry, const struct question *q,
                                        struct rs_buf *schema, struct rs_error *error)
{
    char name[RS_REGISTRY_KEY_TEXT];
    struct rs_buf kept = {0};
    enum rs_registry_outcome outcome = rs_registry_fetch(&registry->fetch, &q->key, schema, error);

    rs_registry_key_file(&q->key, name);
    if (outcome == RS_REGISTRY_FOUND && rs_registry_cache_get(registry->cache, name, &kept) &&
        !rs_registry_same_json(rs_buf_slice(schema), rs_buf_slice(&kept))) {
        report_changed(registry, &q->key,
                       "the one in the cache stays in use. If the registry was replaced, stop the daemon and "
                       "empty the directory `schemas.registry.cache`");
    } else if (outcome == RS_REGISTRY_UNKNOWN || outcome == RS_REGISTRY_REFUSED) {
        rs_registry_key_name(&q->key, name);
        rs_report(&registry->options.report, RS_LOG_WARNING,
                  "schema registry: %s is in the cache and stays in use, but the registry has it no more: %s",
                  name, error->text);
    }
    rs_buf_fini(&kept);
    return outcome;
}

/* ---- the thread ---- */

/* Under the mutex. What came out of the cache is compared with the registry's later. */
static void settle(struct rs_registry *registry, const struct question *q, bool cached,
                   enum rs_registry_outcome outcome, const char *why)
{
    if (cached && !registry->options.look_only && !find(registry, NULL, &q->key)) {
        add(registry, NULL, &q->key);
    }
    struct question *now = find(registry, q->reader, &q->key);
    if (outcome == RS_REGISTRY_FAILED) {
        note_failure(registry, now, why);
        return;
    }
    if (!cached && (registry->silences > 0 || registry->status.failing)) {
        note_answer(registry);
    }
    if (now) {
        drop(registry, now);
    }
}

/* `q` is a copy: the array may change meanwhile. */
static void answer(struct rs_registry *registry, const struct question *q)
{
    struct rs_buf schema = {0};
    struct rs_error error = {0};
    enum rs_registry_outcome outcome = RS_REGISTRY_FOUND;
    bool cached = q->reader && answer_from_cache(registry, q);

    if (!cached) {
        outcome =
            q->reader ? ask_registry(registry, q, &schema, &error) : compare(registry, q, &schema, &error);
        count(registry, q->reader ? outcome : RS_REGISTRY_FAILED, false);
        if (q->reader && outcome != RS_REGISTRY_FAILED) {
            tell(q->reader, &q->key, outcome, rs_buf_slice(&schema), error.text);
        }
    }
    pthread_mutex_lock(&registry->mutex);
    settle(registry, q, cached, outcome, error.text);
    pthread_mutex_unlock(&registry->mutex);
    rs_buf_fini(&schema);
}

static void sleep_until(struct rs_registry *registry, int64_t due_us, int64_t now)
{
    struct timespec at;
    int64_t longest = now + 1000 * MS; /* the clock of a test is not the condition's */

    if (registry->count == 0) {
        (void)pthread_cond_wait(&registry->wake, &registry->mutex); /* for a question, or the end */
        return;
    }
    due_us = due_us < longest ? due_us : longest;
    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    int64_t left = due_us > now ? due_us - now : 0;
    int64_t end_us = (int64_t)at.tv_sec * 1000000 + at.tv_nsec / 1000 + left;
    at = (struct timespec){.tv_sec = end_us / 1000000, .tv_nsec = end_us % 1000000 * 1000};
    (void)pthread_cond_timedwait(&registry->wake, &registry->mutex, &at);
}

/* A cache that cannot be used is told: what it is for, a restart while the registry is away, is lost. On this
 * thread, as a large directory takes time to look through. */
static void open_cache(struct rs_registry *registry)
{
    const struct rs_registry_options *options = &registry->options;
    struct rs_error error;

    if (options->config->cache &&
        rs_registry_cache_open(options->config->cache, options->look_only, &options->report, &registry->cache,
                               &error) != 0 &&
        !options->look_only) {
        rs_report(&options->report, RS_LOG_WARNING,
                  "%s: schemas of the registry are not kept, so that a restart needs the registry",
                  error.text);
    }
}

static void *run(void *self)
{
    struct rs_registry *registry = self;

    open_cache(registry);
    pthread_mutex_lock(&registry->mutex);
    while (!atomic_load(&registry->stop)) {
        int64_t due_us = 0;
        int64_t now = now_us(registry);
        drop_unwanted(registry, now);
        const struct question *due = next(registry, now, &due_us);
        if (!due) {
            sleep_until(registry, due_us, now);
            continue;
        }
        struct question q = *due;
        pthread_mutex_unlock(&registry->mutex);
        answer(registry, &q);
        pthread_mutex_lock(&registry->mutex);
    }
    pthread_mutex_unlock(&registry->mutex);
    return NULL;
}

/* ---- life ---- */

static int init(struct rs_registry *registry, struct rs_error *error)
{
    const struct rs_registry_config *config = registry->options.config;

    int code = rs_registry_http_new(config, &registry->stop, &registry->http, error);
    if (code != 0) {
        return code;
    }
    registry->fetch = (struct rs_registry_fetch){.http = registry->http, .config = config};
    registry->status.url = config->urls[0];
    code = rs_thread_start(&registry->thread, run, registry, "the schema registry", error);
    registry->started = code == 0;
    return code;
}

int rs_registry_new(const struct rs_registry_options *options, struct rs_registry **out,
                    struct rs_error *error)
{
    struct rs_registry *registry = calloc(1, sizeof *registry);
    pthread_condattr_t attributes;

    RS_ASSERT(options->config->url_count > 0);
    if (!registry) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    registry->options = *options;
    (void)pthread_mutex_init(&registry->mutex, NULL);
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&registry->wake, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    int code = init(registry, error);
    if (code != 0) {
        rs_registry_free(&registry);
        return code;
    }
    *out = registry;
    return 0;
}

void rs_registry_free(struct rs_registry **pointer)
{
    struct rs_registry *registry = *pointer;

    if (!registry) {
        return;
    }
    pthread_mutex_lock(&registry->mutex);
    atomic_store(&registry->stop, true);
    pthread_cond_signal(&registry->wake);
    pthread_mutex_unlock(&registry->mutex);
    if (registry->started) {
        (void)pthread_join(registry->thread, NULL);
    }
    rs_registry_http_free(&registry->http);
    rs_registry_cache_free(&registry->cache);
    (void)pthread_cond_destroy(&registry->wake);
    (void)pthread_mutex_destroy(&registry->mutex);
    free(registry);
    *pointer = NULL;
}

/* ---- what others call ---- */

static void ask(void *self, const struct rs_registry_reader *reader, const struct rs_registry_key *key)
{
    struct rs_registry *registry = self;

    pthread_mutex_lock(&registry->mutex);
    struct question *q = find(registry, reader, key);
    if (q) {
        q->wanted_us = now_us(registry);
    } else {
        add(registry, reader, key);
    }
    pthread_mutex_unlock(&registry->mutex);
}

static void why(void *self, const struct rs_registry_reader *reader, const struct rs_registry_key *key,
                struct rs_error *out)
{
    struct rs_registry *registry = self;

    pthread_mutex_lock(&registry->mutex);
    const struct question *q = find(registry, reader, key);
    const char *text = q && q->why[0] != '\0'     ? q->why
                       : registry->status.failing ? registry->status.why
                                                  : NULL;
    (void)rs_fail(out, RS_EIO, "%s", text ? text : "the registry has been asked and has not answered yet");
    pthread_mutex_unlock(&registry->mutex);
}

struct rs_registry_asker rs_registry_asker(struct rs_registry *registry)
{
    return (struct rs_registry_asker){.self = registry, .ask = ask, .why = why};
}

void rs_registry_status(struct rs_registry *registry, struct rs_registry_status *out)
{
    pthread_mutex_lock(&registry->mutex);
    *out = registry->status;
    out->waiting = registry->count - registry->checks;
    pthread_mutex_unlock(&registry->mutex);
}
