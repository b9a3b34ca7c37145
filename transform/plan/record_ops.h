/* record_ops: what of the record itself a plan wants, beside the fields that its decode program extracts.
 * Thread: immutable after loading.
 * Owns: nothing; the arena of the slots does. */
#ifndef RS_TRANSFORM_PLAN_RECORD_OPS_H
#define RS_TRANSFORM_PLAN_RECORD_OPS_H

#include <stddef.h>
#include <stdint.h>

#include "base/reason.h"
#include "base/record.h"
#include "schemas/program.h"
#include "schemas/record_field.h"

struct rs_record_op {
    enum rs_record_field field;
    int slot;
    const char *header;
};

/* Where a record is read from. */
struct rs_record_place {
    const char *topic;
    int32_t partition;
};

/* Fills the slots of the ops. Texts have to be UTF-8. *slot: of the op that is refused, with what is returned. */
enum rs_reason rs_record_run(const struct rs_record_op *ops, size_t count,
                             const struct rs_record_place *place, const struct rs_record *record,
                             struct rs_value *values, int *slot);

#endif
