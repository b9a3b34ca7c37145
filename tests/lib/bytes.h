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

#define BYTES_LONG_MAX 10

/* An int or long of Avro: zigzag, seven bits a byte, the lowest first. Returns its size. */
static inline size_t bytes_long(uint8_t *out, int64_t value)
{
    uint64_t left = (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
    size_t size = 0;
    for (; left >= 0x80; left >>= 7) {
        out[size++] = (uint8_t)(left | 0x80);
    }
    out[size++] = (uint8_t)left;
    return size;
}

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
