/* bytes: messages that tests put together by hand.
 * Thread: any. */
#ifndef RS_TESTS_LIB_BYTES_H
#define RS_TESTS_LIB_BYTES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "tests/lib/avro_long.h"

/* Pairs of digits, blanks between them or none. Returns their number. */
static inline size_t bytes_unhex(uint8_t *out, const char *hex)
{
    size_t size = 0;
    while (*hex != '\0') {
        unsigned byte = 0;
        if (*hex == ' ') {
            hex++;
            continue;
        }
        assert_int_equal(sscanf(hex, "%2x", &byte), 1);
        out[size++] = (uint8_t)byte;
        hex += 2;
    }
    return size;
}

#endif
