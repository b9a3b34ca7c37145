#include "schemas/learned.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define SLOTS       (2 * (size_t)RS_LEARNED_TABLE_MAX)
#define UNKNOWN_US  (60 * INT64_C(1000000))  /* then the registry is asked again */
#define UNWANTED_US (120 * INT64_C(1000000)) /* the registry has dropped a question that long ago */
#define REPORTS     20                       /* a second */
#define BUCKETS     4096                     /* a power of 2 */

_Static_assert(SLOTS == 1024, "rs_learned_place gives 10 bits");

struct rs_learned_schema {
    struct rs_learned_schema *next; /* of the same bucket */
    struct rs_registry_key key;
    enum rs_learned_state state;
    uint32_t uses;    /* by tables */
    int64_t asked_us; /* WAITS: when it was wanted last; UNKNOWN: since when */
    struct rs_schema_document *document;
    struct rs_program *program;
    char *why; /* REFUSED */
};

struct rs_learned {
    struct rs_learned_options options;
    struct rs_registry_reader reader;
    struct rs_log_limit limit; /* the registry's thread */
    pthread_mutex_t mutex;     /* guards what follows */
    struct rs_learned_schema *buckets[BUCKETS];
    size_t count;
    size_t tidy_at; /* so many: those that nobody uses go */
};

static void schema_free(struct rs_learned_schema *schema)
{
    rs_program_free(&schema->program);
    rs_schema_free(&schema->document);
    free(schema->why);
    free(schema);
}

static int64_t now_us(void)
{
    return rs_clock_mono(rs_clock_system());
}

/* ---- the shared part; under the mutex ---- */

static struct rs_learned_schema **place(struct rs_learned *learned, const struct rs_registry_key *key)
{
    struct rs_learned_schema **link = &learned->buckets[rs_registry_key_hash(key) % BUCKETS];

    while (*link && !rs_registry_key_equal(&(*link)->key, key)) {
        link = &(*link)->next;
    }
    return link;
}

static bool dispensable(const struct rs_learned_schema *schema, int64_t now)
{
    return schema->uses == 0 && (schema->state != RS_LEARNED_WAITS || now - schema->asked_us > UNWANTED_US);
}

/* Whoever needs one of them again asks the registry again, or its cache. */
static void tidy(struct rs_learned *learned)
{
    int64_t now = now_us();

    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct rs_learned_schema **link = &learned->buckets[i]; *link;) {
            struct rs_learned_schema *schema = *link;
            if (dispensable(schema, now)) {
                *link = schema->next;
                schema_free(schema);
                learned->count--;
            } else {
                link = &schema->next;
            }
        }
    }
    learned->tidy_at = learned->count + learned->count / 2;
    learned->tidy_at = learned->tidy_at > RS_LEARNED_MAX ? learned->tidy_at : RS_LEARNED_MAX;
}

static struct rs_learned_schema *add(struct rs_learned *learned, const struct rs_registry_key *key)
{
    if (learned->count >= learned->tidy_at) {
        tidy(learned);
    }
    struct rs_learned_schema *schema = calloc(1, sizeof *schema);
    if (schema) {
        *schema = (struct rs_learned_schema){.key = *key, .state = RS_LEARNED_WAITS};
        *place(learned, key) = schema;
        learned->count++;
    }
    return schema;
}

/* ---- what the registry says ---- */

/* FOUND: the program, or the reason why there is none. False: out of memory, as if there were no answer. */
static bool take(struct rs_learned *learned, struct rs_slice text, struct rs_learned_schema *out)
{
    struct rs_error error;
    int code = rs_schema_parse("its text", (const char *)text.data, text.size, &out->document, &error);

    if (code == 0) {
        code = learned->options.compile(learned->options.self, rs_schema_root(out->document), &out->program,
                                        &error);
    }
    out->state = code == 0 ? RS_LEARNED_KNOWN : RS_LEARNED_REFUSED;
    if (code != 0) {
        rs_schema_free(&out->document);
        out->why = code == RS_ENOMEM ? NULL : strdup(error.text);
    }
    return code == 0 || out->why;
}

static bool judge(struct rs_learned *learned, const struct rs_registry_answer *answer,
                  struct rs_learned_schema *out)
{
    if (answer->outcome == RS_REGISTRY_FOUND) {
        return take(learned, answer->schema, out);
    }
    out->state = answer->outcome == RS_REGISTRY_UNKNOWN ? RS_LEARNED_UNKNOWN : RS_LEARNED_REFUSED;
    out->asked_us = now_us();
    out->why = out->state == RS_LEARNED_REFUSED ? strdup(answer->why) : NULL;
    return out->state == RS_LEARNED_UNKNOWN || out->why;
}

static void tell(struct rs_learned *learned, const struct rs_registry_key *key,
                 const struct rs_learned_schema *schema)
{
    char name[RS_REGISTRY_KEY_TEXT];
    const struct rs_learned_options *options = &learned->options;

    if (!rs_log_allowed(&learned->limit, REPORTS, now_us())) {
        return;
    }
    rs_registry_key_name(key, name);
    if (schema->state == RS_LEARNED_KNOWN) {
        rs_report(&options->report, RS_LOG_INFO, "stream %s: schema %s is read from now on", options->stream,
                  name);
    } else if (schema->state == RS_LEARNED_REFUSED) {
        rs_report(&options->report, RS_LOG_WARNING,
                  "stream %s: events of schema %s are refused (schema_incompatible): %s", options->stream,
                  name, schema->why);
    }
}

/* Parsing and compiling need no lock; only one that still waits takes the outcome. */
static void learn(void *self, const struct rs_registry_key *key, const struct rs_registry_answer *answer)
{
    struct rs_learned *learned = self;
    struct rs_learned_schema *made = calloc(1, sizeof *made);

    if (!made || !judge(learned, answer, made)) {
        if (made) {
            schema_free(made);
        }
        return;
    }
    tell(learned, key, made);
    pthread_mutex_lock(&learned->mutex);
    struct rs_learned_schema **link = place(learned, key);
    struct rs_learned_schema *waits = *link;
    if (waits && waits->state == RS_LEARNED_WAITS) {
        made->key = waits->key;
        made->next = waits->next;
        *link = made;
        made = waits;
    }
    pthread_mutex_unlock(&learned->mutex);
    schema_free(made);
}

/* ---- life ---- */

int rs_learned_new(const struct rs_learned_options *options, struct rs_learned **out, struct rs_error *error)
{
    struct rs_learned *learned = calloc(1, sizeof *learned);

    if (!learned) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    learned->options = *options;
    learned->reader = (struct rs_registry_reader){.self = learned, .learn = learn};
    learned->tidy_at = RS_LEARNED_MAX;
    (void)pthread_mutex_init(&learned->mutex, NULL);
    *out = learned;
    return 0;
}

void rs_learned_free(struct rs_learned **learned)
{
    if (!*learned) {
        return;
    }
    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct rs_learned_schema *schema = (*learned)->buckets[i]; schema;) {
            struct rs_learned_schema *next = schema->next;
            schema_free(schema);
            schema = next;
        }
    }
    (void)pthread_mutex_destroy(&(*learned)->mutex);
    free(*learned);
    *learned = NULL;
}

void rs_learned_why(struct rs_learned *learned, const struct rs_registry_key *key, struct rs_error *out)
{
    learned->options.asker.why(learned->options.asker.self, &learned->reader, key, out);
}

/* ---- a partition's table ---- */

static void empty(struct rs_learned_table *table)
{
    for (size_t i = 0; table->slots && i < SLOTS; i++) {
        if (table->slots[i].used) {
            table->slots[i].schema->uses--;
        }
    }
    free(table->slots);
    table->slots = NULL;
    table->count = 0;
}

void rs_learned_table_fini(struct rs_learned_table *table, struct rs_learned *learned)
{
    if (learned) {
        pthread_mutex_lock(&learned->mutex);
        empty(table);
        pthread_mutex_unlock(&learned->mutex);
    }
}

/* A full table begins anew: what is used comes back at once. False: out of memory. */
static bool insert(struct rs_learned_table *table, struct rs_learned_schema *schema)
{
    size_t at = rs_learned_place(rs_registry_key_hash(&schema->key));

    if (table->count == RS_LEARNED_TABLE_MAX) {
        empty(table);
    }
    table->slots = table->slots ? table->slots : calloc(SLOTS, sizeof *table->slots);
    if (!table->slots) {
        return false;
    }
    while (table->slots[at].used) {
        at = (at + 1) % SLOTS;
    }
    table->slots[at] = (struct rs_learned_slot){.id = rs_registry_key_hash(&schema->key),
                                                .used = true,
                                                .by_guid = schema->key.by_guid,
                                                .program = schema->program,
                                                .schema = schema};
    table->count++;
    schema->uses++;
    return true;
}

enum rs_learned_state rs_learned_ask(struct rs_learned *learned, struct rs_learned_table *table,
                                     const struct rs_registry_key *key, const struct rs_program **program)
{
    enum rs_learned_state state = RS_LEARNED_WAITS;

    pthread_mutex_lock(&learned->mutex);
    struct rs_learned_schema *schema = *place(learned, key);
    if (schema && schema->state == RS_LEARNED_UNKNOWN && now_us() - schema->asked_us > UNKNOWN_US) {
        schema->state = RS_LEARNED_WAITS;
    }
    schema = schema ? schema : add(learned, key);
    if (schema && schema->state == RS_LEARNED_WAITS) {
        schema->asked_us = now_us();
    } else if (schema && (schema->state == RS_LEARNED_UNKNOWN || insert(table, schema))) {
        state = schema->state;
        *program = schema->program;
    }
    pthread_mutex_unlock(&learned->mutex);
    if (state == RS_LEARNED_WAITS) {
        learned->options.asker.ask(learned->options.asker.self, &learned->reader, key);
    }
    return state;
}

enum rs_learned_state rs_learned_find_key(struct rs_learned *learned, struct rs_learned_table *table,
                                          const struct rs_registry_key *key,
                                          const struct rs_program **program)
{
    if (!key->by_guid) {
        return rs_learned_find(learned, table, key->id, program);
    }
    uint32_t hash = rs_registry_key_hash(key);
    for (size_t at = rs_learned_place(hash); table->slots && table->slots[at].used; at = (at + 1) % SLOTS) {
        const struct rs_learned_slot *slot = &table->slots[at];
        if (slot->id == hash && slot->by_guid && rs_registry_key_equal(&slot->schema->key, key)) {
            *program = slot->program;
            return *program ? RS_LEARNED_KNOWN : RS_LEARNED_REFUSED;
        }
    }
    return rs_learned_ask(learned, table, key, program);
}
