/* identity: which value a field has, when it is no number: 128 bits that tell values apart.
 * Equal values have equal bits, at any time and on any machine: of an enum it is the symbol that counts, not its
 * place in the schema. Two others share theirs once in 2^128 (XXH3, Y. Collet, with its default seed).
 * Thread: any. */
#ifndef RS_TRANSFORM_PLAN_IDENTITY_H
#define RS_TRANSFORM_PLAN_IDENTITY_H

#include "base/number.h"
#include "schemas/program.h"

/* `schema`: that of the field's values, as in struct rs_field_type. The value is not null. */
rs_i128 rs_value_identity(const struct rs_schema *schema, const struct rs_value *value);

#endif
