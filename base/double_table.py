#!/usr/bin/env python3
"""Writes double_table.c: the powers of ten that the shortest text of a double needs.

Row i is g(k) = ceil(10^k / 2^r), r = floor(log2(10^k)) - 127, for k = i - 292: a 128-bit number with its top bit
set. The range of k is what the exponents of IEEE 754 binary64 ask for (R. Giulietti, "The Schubfach way to render
doubles", section 9.10). Run without arguments; the text goes to standard output.
"""

K_MIN, K_MAX = -292, 324


def power(k):
    numerator, denominator = (10**k, 1) if k >= 0 else (1, 10**-k)
    r = numerator.bit_length() - denominator.bit_length() - 128
    while True:
        top, bottom = (numerator, denominator << r) if r >= 0 else (numerator << -r, denominator)
        g = -(-top // bottom)
        # The exponent is that of 10^k itself, so the test is on the floor: rounding up must not move it.
        if top // bottom >= 1 << 128:
            r += 1
        elif top // bottom < 1 << 127:
            r -= 1
        else:
            return g


def main():
    print("/* Written by double_table.py; do not edit. */")
    print('#include "base/double_table.h"')
    print()
    print("/* clang-format off */")
    print("const uint64_t rs_double_table[RS_DOUBLE_TABLE_ROWS][2] = {")
    for k in range(K_MIN, K_MAX + 1):
        g = power(k)
        assert (1 << 127) <= g < (1 << 128)
        print("    {0x%016xu, 0x%016xu}," % (g >> 64, g & (1 << 64) - 1))
    print("};")
    print("/* clang-format on */")


main()
