/* writers: which of the schemas that `schemas.ids` names a stream can read, and what is said of those that no
 * stream can.
 * Thread: any; nothing is kept. */
#ifndef RS_TRANSFORM_PLAN_WRITERS_H
#define RS_TRANSFORM_PLAN_WRITERS_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/config/config.h"
#include "transform/plan/plan.h"

/* Whether events that `writer` wrote are read by the plan's stream: a record of the same full name in which
 * every field that is used has the very type it has in the stream's own schema, so that no value needs
 * resolving. Else `why` (NULL: not wanted) gets the reason, a clause about "it". */
bool rs_writer_fits(const struct rs_plan *plan, const struct rs_schema *writer, struct rs_buf *why);

/* Complains about every id of `schemas.ids` whose schema fits no stream, and about every stream of framing
 * `confluent` that none of the ids fits: their events would all be refused at run time. */
void rs_writers_check(struct rs_config *config, const struct rs_engine *engine);

#endif
