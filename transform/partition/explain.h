/* explain: what a configuration comes to, for people: `rollstatd --explain`.
 * Thread: any; nothing is kept. */
#ifndef RS_TRANSFORM_PARTITION_EXPLAIN_H
#define RS_TRANSFORM_PARTITION_EXPLAIN_H

#include <stdint.h>

#include "base/buf.h"

struct rs_engine;
struct rs_streams;

/* Inputs, fields, windows and panes, memory per group, Redis keys. `groups`: how many groups to estimate for.
 */
void rs_engine_explain(const struct rs_engine *engine, const struct rs_streams *streams, const char *prefix,
                       uint64_t groups, struct rs_buf *out);

#endif
