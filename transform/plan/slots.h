/* slots: the fields of a stream's events that something wants, each decoded once. While the configuration
 * is read, every user of a field asks for its slot; the decode program is compiled from the list.
 * Thread: one while compiling; read only afterwards. */
#ifndef RS_TRANSFORM_PLAN_SLOTS_H
#define RS_TRANSFORM_PLAN_SLOTS_H

#include <stddef.h>

#include "base/arena.h"
#include "base/config/config.h"
#include "base/error.h"
#include "base/time/sessions.h"
#include "schemas/program.h"
#include "transform/plan/record_ops.h"

#define RS_SLOTS_MAX 256

/* `$in_session`: whether the exchange trades at the event's time. */
#define RS_IN_SESSION "$in_session"
struct rs_session_op {
    int slot;
    const struct rs_sessions *sessions;
};

struct rs_slots {
    struct rs_arena *arena;
    const struct rs_schema *schema; /* NULL, after a complaint: any field may be there, of a type unknown */
    const char **paths;
    const char **decoded; /* the same for the decoder: NULL where it is the record that is asked */
    struct rs_field_type *types;
    size_t count;
    struct rs_record_op *record;
    size_t record_count;
    const struct rs_sessions *calendar; /* of whoever asks for slots now; NULL: none */
    struct rs_session_op *session;
    size_t session_count;
};

/* Slot of the field at `path`, of the event or its record, or of RS_IN_SESSION, which stands in the configuration at `where`, added if new; negative: there
 * was a complaint, which says which field is near. */
RS_MUST_USE int rs_slots_want(struct rs_slots *slots, struct rs_config *config,
                              const struct rs_config_node *where, const char *path);

/* Room for one more item in an array that grows by doubling inside an arena: the array, moved if need be;
 * NULL: out of memory, the old array stays valid. Starts as NULL with count 0. */
void *rs_arena_grow(struct rs_arena *arena, void *items, size_t count, size_t item_size);

/* Whether anything can be said about the values of a field. What is not known is not complained about: the
 * configuration is refused anyway, and only read for its other faults. */
bool rs_field_type_known(const struct rs_field_type *type);

/* What a field of a known type holds, for people: "decimal(18, 4)", "enum", "timestamp". */
const char *rs_field_type_name(const struct rs_field_type *type);

#endif
