#include "transform/pane/distinct.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "transform/pane/short_number.h"

#define INDEX_BITS 12
#define REGISTERS  (1u << INDEX_BITS)
#define RANK_BITS  (64 - INDEX_BITS)
#define RANK_MAX   (RANK_BITS + 1)
#define FIRST_ROOM 8
#define LAST_ROOM  (UINT64_C(2) * RS_DISTINCT_EXACT) /* hashes, in as many bytes as there are registers */
#define SPARSE     (REGISTERS / 2)                   /* with fewer in use they are stored one by one */

_Static_assert(LAST_ROOM * sizeof(uint64_t) == REGISTERS, "becoming registers takes no other memory");

/* Hashes lie where their low bits say, or in the next place that is free: 0. */
struct distinct {
    uint32_t room;     /* places for hashes, a power of two; 0: there are registers */
    uint32_t count;    /* of hashes */
    uint64_t hashes[]; /* or registers */
};

static inline uint8_t *registers_of(struct distinct *d)
{
    return (uint8_t *)d->hashes;
}
static inline const uint8_t *registers_in(const struct distinct *d)
{
    return (const uint8_t *)d->hashes;
}

/* ---- hashes ---- */

/* One to one ("Mix13", D. Stafford, 2011, in the form of SplitMix64). */
static uint64_t mix(uint64_t z)
{
    z += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* Never 0. */
static uint64_t hash_of(enum rs_num_kind kind, const struct rs_num *x)
{
    uint64_t bits = 0;

    switch (kind) {
    case RS_NUM_INT64: bits = mix((uint64_t)x->i); break;
    case RS_NUM_INT128: bits = mix((uint64_t)x->w ^ mix((uint64_t)((rs_u128)x->w >> 64))); break;
    case RS_NUM_DOUBLE:
        memcpy(&bits, &x->d, sizeof bits);
        bits = mix(bits);
        break;
    }
    return bits != 0 ? bits : 1;
}

/* ---- memory ---- */

static size_t bytes_for(uint32_t room)
{
    return sizeof(struct distinct) + (room > 0 ? room * sizeof(uint64_t) : REGISTERS);
}

static size_t distinct_heap_bytes(const struct rs_part *part, const void *state)
{
    (void)part;
    return bytes_for(((const struct distinct *)state)->room);
}

static struct distinct *distinct_new(uint32_t room)
{
    struct distinct *d = calloc(1, bytes_for(room));

    if (d) {
        d->room = room;
    }
    return d;
}

/* ---- adding ---- */

static inline void put_in_register(struct distinct *d, uint64_t hash)
{
    uint8_t *at = &registers_of(d)[hash >> RANK_BITS];
    uint8_t rank = (uint8_t)(1 + __builtin_clzll(hash << INDEX_BITS | UINT64_C(1) << (INDEX_BITS - 1)));

    *at = rank > *at ? rank : *at;
}

/* There is a free place. */
static inline void put_in_set(struct distinct *d, uint64_t hash)
{
    uint32_t at = (uint32_t)hash & (d->room - 1);

    while (d->hashes[at] != 0 && d->hashes[at] != hash) {
        at = (at + 1) & (d->room - 1);
    }
    d->count += d->hashes[at] == 0;
    d->hashes[at] = hash;
}

/* Into a wider set, or into registers. False: no memory. */
static bool move_on(struct distinct **slot, uint32_t room, size_t *grown)
{
    struct distinct *d = *slot;
    struct distinct *wider = distinct_new(room);

    if (!wider) {
        return false;
    }
    for (uint32_t i = 0; i < d->room; i++) {
        if (d->hashes[i] == 0) {
            continue;
        }
        if (room > 0) {
            put_in_set(wider, d->hashes[i]);
        } else {
            put_in_register(wider, d->hashes[i]);
        }
    }
    *grown += bytes_for(room) - bytes_for(d->room);
    free(d);
    *slot = wider;
    return true;
}

/* Half of the places are in use at most. Hashes move only once there are too many different ones, so that it does
 * not matter how often each came. */
static inline bool add_hash(struct distinct **slot, uint64_t hash, size_t *grown)
{
    struct distinct *d = *slot;

    if (d->room == 0) {
        put_in_register(d, hash);
        return true;
    }
    put_in_set(d, hash);
    if (d->count <= d->room / 2 && d->count <= RS_DISTINCT_EXACT) {
        return true;
    }
    return move_on(slot, d->count > RS_DISTINCT_EXACT ? 0 : 2 * d->room, grown);
}

static bool distinct_add(const struct rs_part *part, void **state, const struct rs_part_event *event,
                         size_t *grown)
{
    struct distinct *d = *state;

    if (!d) {
        d = distinct_new(FIRST_ROOM);
        *grown += d ? bytes_for(FIRST_ROOM) : 0;
    }
    bool added = d && add_hash(&d, hash_of(part->x.kind, &event->x), grown);
    *state = d;
    return added;
}

static bool distinct_merge(const struct rs_part *part, void **into, const void *from)
{
    struct distinct *d = *into;
    const struct distinct *other = from;
    size_t grown = 0;
    bool merged = other->room > 0 || d->room == 0 || move_on(&d, 0, &grown);

    (void)part;
    for (uint32_t i = 0; merged && i < other->room; i++) {
        merged = other->hashes[i] == 0 || add_hash(&d, other->hashes[i], &grown);
    }
    for (uint32_t i = 0; merged && other->room == 0 && i < REGISTERS; i++) {
        uint8_t *at = &registers_of(d)[i];
        *at = registers_in(other)[i] > *at ? registers_in(other)[i] : *at;
    }
    *into = d;
    return merged;
}

/* ---- bytes ----
 *
 *     hashes      how many, at most 256 | each, ascending
 *     registers   0 | how many are in use | few: by register, how many it is beyond the last one, what it holds;
 *                 else all of them
 */

static void save_hashes(const struct distinct *d, struct rs_buf *out)
{
    uint64_t sorted[RS_DISTINCT_EXACT];
    uint32_t count = 0;

    for (uint32_t i = 0; i < d->room; i++) {
        if (d->hashes[i] != 0) {
            sorted[count++] = d->hashes[i];
        }
    }
    qsort(sorted, count, sizeof *sorted, rs_compare_u64);
    rs_write_number(out, count);
    for (uint32_t i = 0; i < count; i++) {
        rs_write_u64(out, sorted[i]);
    }
}

static uint32_t registers_used(const struct distinct *d)
{
    uint32_t used = 0;

    for (uint32_t i = 0; i < REGISTERS; i++) {
        used += registers_in(d)[i] != 0;
    }
    return used;
}

static void distinct_save(const struct rs_part *part, const void *state, struct rs_buf *out)
{
    const struct distinct *d = state;
    uint32_t next = 0;

    (void)part;
    if (d->room > 0) {
        save_hashes(d, out);
        return;
    }
    uint32_t used = registers_used(d);
    rs_write_number(out, 0);
    rs_write_number(out, used);
    if (used >= SPARSE) {
        rs_buf_put(out, registers_in(d), REGISTERS);
        return;
    }
    for (uint32_t i = 0; i < REGISTERS; i++) {
        if (registers_in(d)[i] != 0) {
            rs_write_number(out, i - next);
            rs_buf_char(out, (char)registers_in(d)[i]);
            next = i + 1;
        }
    }
}

static int load_hashes(struct distinct **d, struct rs_reader *in, uint64_t count)
{
    uint64_t before = 0;
    size_t grown = 0;

    for (uint64_t i = 0; i < count; i++) {
        uint64_t hash = rs_read_u64(in);
        if (in->failed || hash <= before) {
            return RS_ESTATE;
        }
        if (!add_hash(d, hash, &grown)) {
            return RS_ENOMEM;
        }
        before = hash;
    }
    return 0;
}

static bool load_few(struct distinct *d, struct rs_reader *in, uint64_t used)
{
    uint64_t next = 0;

    for (uint64_t i = 0; i < used; i++) {
        uint64_t beyond = rs_read_number(in);
        struct rs_slice rank = rs_read_bytes(in, 1);
        if (in->failed || beyond >= REGISTERS - next || rank.data[0] == 0 || rank.data[0] > RANK_MAX) {
            return false;
        }
        registers_of(d)[next + beyond] = rank.data[0];
        next += beyond + 1;
    }
    return true;
}

static bool load_all(struct distinct *d, struct rs_reader *in)
{
    struct rs_slice all = rs_read_bytes(in, REGISTERS);

    if (!all.data) {
        return false;
    }
    memcpy(registers_of(d), all.data, REGISTERS);
    for (uint32_t i = 0; i < REGISTERS; i++) {
        if (all.data[i] > RANK_MAX) {
            return false;
        }
    }
    return true;
}

static int distinct_load(const struct rs_part *part, void **state, struct rs_reader *in, uint64_t events)
{
    uint64_t count = rs_read_number(in);
    struct distinct *d = NULL;

    (void)part;
    if (in->failed || count > RS_DISTINCT_EXACT || count > events ||
        (count == 0 && events <= RS_DISTINCT_EXACT)) {
        return RS_ESTATE;
    }
    d = distinct_new(count > 0 ? FIRST_ROOM : 0);
    if (!d) {
        return RS_ENOMEM;
    }
    int rc = 0;
    if (count > 0) {
        rc = load_hashes(&d, in, count);
    } else {
        uint64_t used = rs_read_number(in);
        bool read = used > 0 && used <= REGISTERS && used <= events &&
                    (used < SPARSE ? load_few(d, in, used) : load_all(d, in) && registers_used(d) == used);
        rc = read ? 0 : RS_ESTATE;
    }
    *state = d;
    return rc;
}

/* ---- estimating ----
 * Additions, multiplications and roots of doubles, each correctly rounded: the same number on every machine. Both
 * sums end when they no longer change, after some 60 steps at most. */

/* x + sum of x^(2^k) 2^(k - 1); x < 1, of the registers that are in use not all are 0 */
static double sigma(double x)
{
    double y = 1;
    double z = x;
    double before = -1;

    while (z != before) {
        before = z;
        x *= x;
        z += x * y;
        y += y;
    }
    return z;
}

/* (1 - x - sum of (1 - x^(2^-k))^2 2^-k) / 3 */
static double tau(double x)
{
    double y = 1;
    double z = 1 - x;
    double before = -1;

    if (x == 0 || x == 1) {
        return 0;
    }
    while (z != before) {
        before = z;
        x = sqrt(x);
        y *= 0.5;
        z -= (1 - x) * (1 - x) * y;
    }
    return z / 3;
}

static double estimate(const struct distinct *d)
{
    const double m = REGISTERS;
    const double alpha = 0.721347520444481703679962340500; /* 1 / (2 ln 2) */
    uint32_t holding[RANK_MAX + 1] = {0};

    for (uint32_t i = 0; i < REGISTERS; i++) {
        holding[registers_in(d)[i]]++;
    }
    double z = m * tau(1 - holding[RANK_MAX] / m);
    for (int rank = RANK_BITS; rank >= 1; rank--) {
        z = 0.5 * (z + holding[rank]);
    }
    z += m * sigma(holding[0] / m);
    return alpha * m * m / z;
}

/* An estimate may be less than what could have been kept: to raise it would be a bias. With damaged registers, all
 * of them full, it is beyond all numbers. */
static uint64_t count_of(const struct distinct *d)
{
    if (d->room > 0) {
        return d->count;
    }
    double count = round(estimate(d));
    return count < 0x1p63 ? (uint64_t)count : INT64_MAX;
}

static void distinct_render(const struct rs_part *part, const void *state, const struct rs_part_ask *ask,
                            struct rs_buf *out)
{
    char text[RS_NUMBER_TEXT_MAX];

    (void)part;
    (void)ask;
    rs_buf_put(out, text, rs_u64_digits(state ? count_of(state) : 0, text));
}

const struct rs_part_kind rs_part_distinct = {
    .add = distinct_add,
    .merge = distinct_merge,
    .heap_bytes = distinct_heap_bytes,
    .save = distinct_save,
    .load = distinct_load,
    .render = distinct_render,
};
