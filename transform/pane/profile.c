#include "transform/pane/profile.h"

#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "transform/pane/short_number.h"

#define FIRST_ROOM 8
#define SCALE_MAX  18

struct level {
    int64_t number; /* floor(price / step) */
    uint64_t sum[2];
};

/* Levels are in ascending order. */
struct profile {
    int64_t step; /* in units of the price, before it was doubled; 0: so large that there are two levels */
    uint32_t doublings; /* numbers are halved as often */
    uint32_t room;
    uint32_t count;
    struct level levels[];
};

static const char *profile_fault(const struct rs_num_type *price, const struct rs_num_type *quantity,
                                 const struct rs_stat_param *step)
{
    if (!step || step->value <= 0) {
        return "its step is more than 0";
    }
    if (price->kind != RS_NUM_INT64 || price->scale > SCALE_MAX) {
        return "its price is an int, a long, a decimal of up to 18 digits, or a float or double with a "
               "`scale`";
    }
    if (quantity->kind != RS_NUM_INT64) {
        return "its quantity is an int, a long, a decimal of up to 18 digits, or a float or double with a "
               "`scale`";
    }
    return step->scale > price->scale ? "its step has no more digits after the point than the price" : NULL;
}

/* ---- sums ---- */

static rs_i128 sum_of(const struct level *level)
{
    rs_i128 sum = 0;

    memcpy(&sum, level->sum, sizeof sum);
    return sum;
}

static void add_to(struct level *level, rs_i128 value)
{
    rs_i128 sum =
        (rs_i128)((rs_u128)sum_of(level) + (rs_u128)value); /* of damaged bytes it may be anything */

    memcpy(level->sum, &sum, sizeof sum);
}

/* ---- memory ---- */

static size_t bytes_for(uint32_t room)
{
    return sizeof(struct profile) + room * sizeof(struct level);
}

static size_t profile_heap_bytes(const struct rs_part *part, const void *state)
{
    (void)part;
    return bytes_for(((const struct profile *)state)->room);
}

static struct profile *profile_new(const struct rs_part *part)
{
    struct profile *p = calloc(1, bytes_for(FIRST_ROOM));
    rs_i128 step = (rs_i128)part->params->value * (rs_i128)rs_pow10_u128(part->x.scale - part->params->scale);

    if (p) {
        p->room = FIRST_ROOM;
        p->step = step <= INT64_MAX ? (int64_t)step : 0;
    }
    return p;
}

/* ---- adding ---- */

static int64_t number_of(const struct profile *p, int64_t price)
{
    if (p->step == 0) {
        return price < 0 ? -1 : 0;
    }
    int64_t number = price / p->step;
    return (number - (price % p->step < 0)) >> p->doublings;
}

/* The first level whose number is not below. */
static uint32_t place_of(const struct profile *p, int64_t number)
{
    uint32_t low = 0;
    uint32_t high = p->count;

    while (low < high) {
        uint32_t half = (low + high) / 2;
        if (p->levels[half].number < number) {
            low = half + 1;
        } else {
            high = half;
        }
    }
    return low;
}

static void double_step(struct profile *p)
{
    uint32_t kept = 0;

    p->doublings++;
    for (uint32_t i = 0; i < p->count; i++) {
        struct level level = p->levels[i];
        level.number >>= 1;
        if (kept > 0 && p->levels[kept - 1].number == level.number) {
            add_to(&p->levels[kept - 1], sum_of(&level));
        } else {
            p->levels[kept++] = level;
        }
    }
    p->count = kept;
}

static bool make_room(struct profile **slot, size_t *grown)
{
    struct profile *p = *slot;

    if (p->count < p->room) {
        return true;
    }
    uint32_t room = 2 * p->room;
    struct profile *wider = calloc(1, bytes_for(room));
    if (!wider) {
        return false;
    }
    memcpy(wider, p, bytes_for(p->room));
    wider->room = room;
    *grown += bytes_for(room) - bytes_for(p->room);
    free(p);
    *slot = wider;
    return true;
}

/* False: no memory. */
static bool add_level(struct profile **slot, int64_t number, rs_i128 value, size_t *grown)
{
    uint32_t at = place_of(*slot, number);

    if (at == (*slot)->count || (*slot)->levels[at].number != number) {
        if (!make_room(slot, grown)) {
            return false;
        }
        struct level *level = &(*slot)->levels[at];
        memmove(level + 1, level, ((*slot)->count - at) * sizeof *level);
        *level = (struct level){.number = number};
        (*slot)->count++;
    }
    add_to(&(*slot)->levels[at], value);
    while ((*slot)->count > RS_PROFILE_LEVELS) {
        double_step(*slot);
    }
    return true;
}

static bool profile_add(const struct rs_part *part, void **state, const struct rs_part_event *event,
                        size_t *grown)
{
    struct profile *p = *state;

    if (!p) {
        p = profile_new(part);
        *grown += p ? bytes_for(FIRST_ROOM) : 0;
    }
    bool added = p && add_level(&p, number_of(p, event->x.i), event->w.i, grown);
    *state = p;
    return added;
}

static bool profile_merge(const struct rs_part *part, void **into, const void *from)
{
    struct profile *p = *into;
    const struct profile *other = from;
    bool merged = true;
    size_t grown = 0;

    (void)part;
    while (p->doublings < other->doublings) {
        double_step(p);
    }
    for (uint32_t i = 0; merged && i < other->count; i++) { /* which may double our step again */
        int64_t number = other->levels[i].number >> (p->doublings - other->doublings);
        merged = add_level(&p, number, sum_of(&other->levels[i]), &grown);
    }
    *into = p;
    return merged;
}

/* ---- bytes ----
 *
 *     doublings | how many levels | by level, ascending: its number, of the first with the sign below, then less that
 *     of the one before; 8 or 16, its sum in as many bytes
 */

static uint64_t with_sign_below(int64_t value)
{
    return (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
}

static int64_t from_sign_below(uint64_t value)
{
    return (int64_t)(value >> 1 ^ (0 - (value & 1)));
}

static void profile_save(const struct rs_part *part, const void *state, struct rs_buf *out)
{
    const struct profile *p = state;

    (void)part;
    rs_write_number(out, p->doublings);
    rs_write_number(out, p->count);
    for (uint32_t i = 0; i < p->count; i++) {
        const struct level *level = &p->levels[i];
        bool narrow = sum_of(level) == (int64_t)sum_of(level);
        rs_write_number(out, i == 0 ? with_sign_below(level->number)
                                    : (uint64_t)level->number - (uint64_t)level[-1].number);
        rs_buf_char(out, narrow ? 8 : 16);
        rs_write_u64(out, level->sum[0]);
        if (!narrow) {
            rs_write_u64(out, level->sum[1]);
        }
    }
}

/* Of no more events than there are, and no longer than need be. */
static bool read_sum(struct rs_reader *in, uint64_t events, rs_i128 *out)
{
    struct rs_slice size = rs_read_bytes(in, 1);
    rs_i128 most = (rs_i128)events << 63;

    *out = (int64_t)rs_read_u64(in);
    if (!size.data || in->failed || (size.data[0] != 8 && size.data[0] != 16)) {
        return false;
    }
    if (size.data[0] == 16) {
        *out = (rs_i128)((rs_u128)rs_read_u64(in) << 64 | (uint64_t)*out);
    }
    return !in->failed && (size.data[0] == 8 || *out != (int64_t)*out) && *out >= -most && *out <= most;
}

static int load_levels(struct profile **slot, struct rs_reader *in, uint64_t count, uint64_t events)
{
    int64_t least = number_of(*slot, INT64_MIN);
    int64_t most = number_of(*slot, INT64_MAX);
    int64_t number = 0;
    size_t grown = 0;

    for (uint64_t i = 0; i < count; i++) {
        uint64_t step = rs_read_number(in);
        rs_i128 sum = 0;
        rs_i128 next = i == 0 ? from_sign_below(step) : (rs_i128)number + step;
        if (in->failed || (i > 0 && step == 0) || next < least || next > most ||
            !read_sum(in, events, &sum)) {
            return RS_ESTATE;
        }
        number = (int64_t)next;
        if (!add_level(slot, number, sum, &grown)) {
            return RS_ENOMEM;
        }
    }
    return 0;
}

static int profile_load(const struct rs_part *part, void **state, struct rs_reader *in, uint64_t events)
{
    uint64_t doublings = rs_read_number(in);
    uint64_t count = rs_read_number(in);

    if (in->failed || doublings > 63 || count == 0 || count > RS_PROFILE_LEVELS || count > events ||
        (doublings > 0 && events <= RS_PROFILE_LEVELS)) {
        return RS_ESTATE;
    }
    struct profile *p = profile_new(part);
    if (!p) {
        return RS_ENOMEM;
    }
    p->doublings = (uint32_t)doublings;
    int rc = load_levels(&p, in, count, events);
    *state = p;
    return rc;
}

/* ---- showing: [[price, quantity],[price, quantity]] ---- */

static void put_number(struct rs_buf *out, rs_i128 value, int scale)
{
    char text[RS_NUMBER_TEXT_MAX];

    rs_buf_put(out, text, rs_decimal_format(value, scale, text));
}

static void profile_render(const struct rs_part *part, const void *state, const struct rs_part_ask *ask,
                           struct rs_buf *out)
{
    const struct profile *p = state;

    if (!p) {
        return;
    }
    rs_i128 unit = (rs_i128)part->params->value * (rs_i128)rs_pow10_u128(part->x.scale - part->params->scale);
    rs_i128 step = (rs_i128)((rs_u128)unit << p->doublings);
    if (ask->field == 1) {
        put_number(out, step, part->x.scale);
        return;
    }
    for (uint32_t i = 0; i < p->count; i++) {
        rs_buf_text(out, i == 0 ? "[[" : ",[");
        put_number(out, (rs_i128)((rs_u128)p->levels[i].number * (rs_u128)step), part->x.scale);
        rs_buf_char(out, ',');
        put_number(out, sum_of(&p->levels[i]), part->w.scale);
        rs_buf_char(out, ']');
    }
    rs_buf_char(out, ']');
}

static const char *const suffixes[] = {"", "_step", NULL};

const struct rs_part_kind rs_part_profile = {
    .suffixes = suffixes,
    .has_w = true,
    .own_params = 1,
    .fault = profile_fault,
    .add = profile_add,
    .merge = profile_merge,
    .heap_bytes = profile_heap_bytes,
    .save = profile_save,
    .load = profile_load,
    .render = profile_render,
};
