/* schema_text: a schema written out in a test.
 * Thread: any. */
#ifndef RS_TESTS_LIB_SCHEMA_TEXT_H
#define RS_TESTS_LIB_SCHEMA_TEXT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "schemas/schema.h"

/* Fails the test where it is no schema. The caller's, for rs_schema_free. */
static inline struct rs_schema_document *parse_schema(const char *json)
{
    struct rs_schema_document *document = NULL;
    struct rs_error error;
    if (rs_schema_parse("test", json, strlen(json), &document, &error) != 0) {
        fail_msg("%s: %s", json, error.text);
    }
    return document;
}

#endif
