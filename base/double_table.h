/* double_table: powers of ten to 128 bits, for double_text. Row k - RS_DOUBLE_TABLE_MIN holds the high and
 * the low half of ceil(10^k / 2^(floor(log2(10^k)) - 127)). Generated: see double_table.py.
 * Thread: any; constants. */
#ifndef RS_BASE_DOUBLE_TABLE_H
#define RS_BASE_DOUBLE_TABLE_H

#include <stdint.h>

#define RS_DOUBLE_TABLE_MIN  (-292)
#define RS_DOUBLE_TABLE_MAX  324
#define RS_DOUBLE_TABLE_ROWS (RS_DOUBLE_TABLE_MAX - RS_DOUBLE_TABLE_MIN + 1)

extern const uint64_t rs_double_table[RS_DOUBLE_TABLE_ROWS][2];

#endif
