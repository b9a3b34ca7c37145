/* accounting: what became of the records of a partition. It is part of the state, and balances in every seal.
 * Thread: plain values, any. */
#ifndef RS_TRANSFORM_PLAN_ACCOUNTING_H
#define RS_TRANSFORM_PLAN_ACCOUNTING_H

#include <stdint.h>

struct rs_accounting {
    uint64_t consumed, applied, late, duplicate, rejected, filtered; /* consumed is the sum of the others */
};
static inline void rs_accounting_add(struct rs_accounting *sum, const struct rs_accounting *more)
{
    sum->consumed += more->consumed;
    sum->applied += more->applied;
    sum->late += more->late;
    sum->duplicate += more->duplicate;
    sum->rejected += more->rejected;
    sum->filtered += more->filtered;
}

#endif
