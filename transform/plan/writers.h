/* writers: what is said of the schemas in `schemas.ids` that no stream can read (rs_program_resolve).
 * Thread: any; nothing is kept. */
#ifndef RS_TRANSFORM_PLAN_WRITERS_H
#define RS_TRANSFORM_PLAN_WRITERS_H

#include "base/config/config.h"
#include "transform/plan/plan.h"

/* Complains about every id of `schemas.ids` whose schema resolves to no stream's, and about every stream of framing
 * `confluent` that can read none of the ids: their events would all be refused at run time. */
void rs_writers_check(struct rs_config *config, const struct rs_engine *engine);

#endif
