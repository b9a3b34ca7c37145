/* load: the configuration of programs that look at the topics of instances: what they read of it, and its faults told.
 * Thread: one. */
#ifndef RS_TRANSFORM_PLAN_LOAD_H
#define RS_TRANSFORM_PLAN_LOAD_H

#include "transform/plan/engine.h"

enum rs_load {
    RS_LOAD_STREAMS, /* group, kafka, schemas without their registry, streams, aggregates */
    RS_LOAD_ENGINE,  /* and what is done with events, compiled */
    RS_LOAD_JUDGE,   /* and where the schema registry is: for asking.h */
};

/* Owns: all of it. */
struct rs_loaded {
    struct rs_config *document;
    struct rs_streams *streams;
    struct rs_engine *engine; /* NULL: not asked for */
};

/* All complaints go to stderr, each in its line.
 * Errors: RS_ECONFIG, RS_ENOMEM, or those of opening the file. To be closed in any case. */
RS_MUST_USE int rs_loaded_open(const char *path, enum rs_load what, struct rs_loaded *out,
                               struct rs_error *error);
void rs_loaded_close(struct rs_loaded *loaded);

#endif
