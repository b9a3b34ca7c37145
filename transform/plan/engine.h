/* engine: the configuration's rules and aggregates, compiled: what partitions (transform/partition/partition.h)
 * do with their records.
 * Thread: immutable once loaded; any number of partitions share it. */
#ifndef RS_TRANSFORM_PLAN_ENGINE_H
#define RS_TRANSFORM_PLAN_ENGINE_H

#include <stddef.h>
#include <stdint.h>

#include "base/config/config.h"
#include "base/error.h"
#include "base/report.h"
#include "base/view.h"
#include "schemas/registry/asker.h"
#include "schemas/stream.h"

struct rs_engine; /* compiled rules and aggregates */

/* Reads `streams.*.rules`, `streams.*.scale` and `aggregates`; complaints go to `config`. `streams` must
 * outlive it. */
RS_MUST_USE int rs_engine_load(struct rs_config *config, const struct rs_streams *streams,
                               struct rs_engine **out, struct rs_error *error);
void rs_engine_free(struct rs_engine **engine);
/* Before there are partitions: schemas that the configuration has not are asked for. The engine outlives the
 * registry behind `asker`, on whose thread reports come. */
RS_MUST_USE int rs_engine_learn(struct rs_engine *engine, const struct rs_registry_asker *asker,
                                struct rs_report report, struct rs_error *error);

const struct rs_aggregate_meta *rs_engine_metas(const struct rs_engine *engine, size_t *count);
/* Those of a stream. */
struct rs_rules;
const struct rs_rules *rs_engine_rules(const struct rs_engine *engine, uint32_t stream);
/* Of a stream's name, topic and aggregates, as far as stored state hangs on them: in claims, so that people
 * see when the configuration changed. */
uint64_t rs_engine_fingerprint(const struct rs_engine *engine, uint32_t stream);

#endif
