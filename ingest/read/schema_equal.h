/* schema equal: whether bytes written with one schema mean the same read with the other.
 * Stricter than equal canonical forms, which leave out logical types and scales. Names count, docs, defaults
 * and aliases do not.
 * Thread: any. */
#ifndef RS_INGEST_READ_SCHEMA_EQUAL_H
#define RS_INGEST_READ_SCHEMA_EQUAL_H

#include <stdbool.h>

#include "schemas/schema.h"

/* false also where telling would take more than a bounded number of comparisons. */
bool rs_schema_equal(const struct rs_schema *a, const struct rs_schema *b);

#endif
