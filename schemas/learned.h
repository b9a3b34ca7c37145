/* learned: the writer schemas of one stream that a registry told while the daemon runs.
 * What was learned is shared by all partitions of the stream, behind a lock. Each partition has a table of its own
 * beside it, which its worker looks into without one; it holds what its messages named lately, and is filled
 * from the shared part when a message names something else, which is not the event path.
 *
 *     id ─▶ the partition's table ──(not there)──▶ shared ──(not there)──▶ registry, which answers later
 *
 * An id is known by its program, or refused for good (no Avro schema, or one that does not fit the stream), or
 * unknown, which the registry has confirmed: then it is asked again after a minute, and for each message the
 * shared part is looked into. Until the registry has said one of these, the message waits.
 *
 * Thread: the shared part any; a table one. `learn` is called on the registry's.
 * Owns:   schemas and programs.
 * Limits: RS_LEARNED_MAX schemas that no table holds, RS_LEARNED_TABLE_MAX in a table. */
#ifndef RS_SCHEMAS_LEARNED_H
#define RS_SCHEMAS_LEARNED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/report.h"
#include "schemas/program.h"
#include "schemas/registry/asker.h"
#include "schemas/schema.h"

#define RS_LEARNED_MAX       12288
#define RS_LEARNED_TABLE_MAX 512

struct rs_learned;

enum rs_learned_state {
    RS_LEARNED_WAITS, /* the registry has not said anything */
    RS_LEARNED_KNOWN,
    RS_LEARNED_UNKNOWN,
    RS_LEARNED_REFUSED,
};

struct rs_learned_options {
    struct rs_registry_asker asker;
    /* The program for what `writer` wrote, which outlives it. RS_ENOMEM: tried again; other codes: it does not fit
     * the stream, for good. On the registry's thread. */
    int (*compile)(void *self, const struct rs_schema *writer, struct rs_program **out,
                   struct rs_error *error);
    void *self;
    const char *stream;      /* its name, for reports; borrowed */
    struct rs_report report; /* on the registry's thread */
};

RS_MUST_USE int rs_learned_new(const struct rs_learned_options *options, struct rs_learned **out,
                               struct rs_error *error);
/* After the registry and all tables. */
void rs_learned_free(struct rs_learned **learned);
/* Why a key has no answer, or why it is refused. */
void rs_learned_why(struct rs_learned *learned, const struct rs_registry_key *key, struct rs_error *out);

struct rs_learned_schema;

struct rs_learned_slot {
    uint32_t id; /* or the hash of a GUID */
    bool used, by_guid;
    const struct rs_program *program; /* NULL: refused */
    struct rs_learned_schema *schema;
};

/* Zeroes are an empty one. */
struct rs_learned_table {
    struct rs_learned_slot *slots; /* NULL, or 2 * RS_LEARNED_TABLE_MAX of them */
    size_t count;
    /* Of the message at hand: the header RS_REGISTRY_HEADER of its record, which whoever has the table sets. No
     * data: it has none, and the message itself may name its schema. */
    struct rs_slice header;
};

void rs_learned_table_fini(struct rs_learned_table *table, struct rs_learned *learned);

/* Of rs_learned_find: a key that is not in the table. */
enum rs_learned_state rs_learned_ask(struct rs_learned *learned, struct rs_learned_table *table,
                                     const struct rs_registry_key *key, const struct rs_program **program);
/* As rs_learned_find. */
enum rs_learned_state rs_learned_find_key(struct rs_learned *learned, struct rs_learned_table *table,
                                          const struct rs_registry_key *key,
                                          const struct rs_program **program);

static inline size_t rs_learned_place(uint32_t id)
{
    return (id * UINT32_C(2654435769)) >> 22; /* 10 bits of Fibonacci hashing: ids are mostly consecutive */
}

/* *program is set where it is KNOWN; it lives as long as the message at hand. */
static inline enum rs_learned_state rs_learned_find(struct rs_learned *learned,
                                                    struct rs_learned_table *table, uint32_t id,
                                                    const struct rs_program **program)
{
    for (size_t at = rs_learned_place(id); table->slots && table->slots[at].used;
         at = (at + 1) % (2 * (size_t)RS_LEARNED_TABLE_MAX)) {
        if (table->slots[at].id == id && !table->slots[at].by_guid) {
            *program = table->slots[at].program;
            return *program ? RS_LEARNED_KNOWN : RS_LEARNED_REFUSED;
        }
    }
    return rs_learned_ask(learned, table, &(const struct rs_registry_key){.id = id}, program);
}

#endif
