#include "transform/number/powers.h"

#include "base/error.h"
#include "transform/number/accumulator.h"

/* out[0..a_size + b_size) = a * b, schoolbook. */
static void multiply(const uint64_t *a, size_t a_size, const uint64_t *b, size_t b_size, uint64_t *out)
{
    memset(out, 0, (a_size + b_size) * sizeof *out);
    for (size_t i = 0; i < a_size; i++) {
        uint64_t carry = 0;
        for (size_t k = 0; k < b_size; k++) {
            rs_u128 part = (rs_u128)a[i] * b[k] + out[i + k] + carry;
            out[i + k] = (uint64_t)part;
            carry = (uint64_t)(part >> 64);
        }
        out[i + b_size] = carry;
    }
}

void rs_power_move(uint64_t *sum, size_t limbs, rs_i128 x, unsigned power, bool subtract)
{
    rs_u128 magnitude = x < 0 ? -(rs_u128)x : (rs_u128)x;
    const uint64_t once[2] = {(uint64_t)magnitude, (uint64_t)(magnitude >> 64)};
    uint64_t square[4];
    uint64_t all[RS_FOURTH128_LIMBS] = {0};

    RS_ASSERT((power == 3 || power == 4) && limbs <= RS_FOURTH128_LIMBS);
    multiply(once, 2, once, 2, square);
    if (power == 3) {
        multiply(square, 4, once, 2, all);
    } else {
        multiply(square, 4, square, 4, all);
    }
    if ((power == 3 && x < 0) != subtract) {
        rs_limbs_subtract(sum, all, limbs);
    } else {
        rs_limbs_add(sum, all, limbs);
    }
}
