/* avro_long: Avro's numbers, for messages that tests and benches put together by hand.
 * Thread: any. */
#ifndef RS_TESTS_LIB_AVRO_LONG_H
#define RS_TESTS_LIB_AVRO_LONG_H

#include <stddef.h>
#include <stdint.h>

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

#endif
