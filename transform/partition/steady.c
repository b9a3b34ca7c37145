#include "transform/partition/steady.h"

#include <string.h>

#include "base/reader.h"
#include "base/record.h"

#define GAP_SAMPLES 5 /* of fewer there is no quarter on both sides of the median */

void rs_steady_init(struct rs_steady *s)
{
    *s = (struct rs_steady){.clock_us = RS_TIME_NONE};
}

static const int64_t *sorted(const struct rs_steady *s)
{
    return &s->room[s->first];
}

/* Number of the first sample that is not below `time_us`. */
static uint32_t place_of(const struct rs_steady *s, int64_t time_us)
{
    const int64_t *times = sorted(s);
    uint32_t low = 0;
    uint32_t high = s->count;
    if (high == 0 ||
        time_us <= times[0]) { /* as a rule the oldest is the lowest, and the newest the highest */
        return 0;
    }
    if (time_us > times[high - 1]) {
        return high;
    }
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (times[middle] < time_us) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void shift(struct rs_steady *s, uint32_t from, uint32_t to, uint32_t count)
{
    if (count > 0) {
        memmove(&s->room[to], &s->room[from], count * sizeof s->room[0]);
    }
}

/* The sorted times lie in a room that is larger, so that either side can make the gap: the shorter one
 * moves. Only when the room's end is reached does everything move back to its beginning. */
static void put(struct rs_steady *s, int64_t time_us)
{
    uint32_t at = place_of(s, time_us);
    if (s->first + s->count == RS_STEADY_ROOM) {
        shift(s, s->first, 0, s->count);
        s->first = 0;
    }
    if (at < s->count / 2 && s->first > 0) {
        shift(s, s->first, s->first - 1, at);
        s->first--;
    } else {
        shift(s, s->first + at, s->first + at + 1, s->count - at);
    }
    s->room[s->first + at] = time_us;
    s->ring[s->next] = time_us;
    s->next = s->next + 1 < RS_STEADY_SAMPLES ? s->next + 1 : 0;
    s->count++;
}

static void take_oldest_away(struct rs_steady *s)
{
    uint32_t at = place_of(s, s->ring[s->next]);
    s->count--;
    if (at <= s->count / 2) {
        shift(s, s->first, s->first + 1, at);
        s->first++;
    } else {
        shift(s, s->first + at + 1, s->first + at, s->count - at);
    }
}

int64_t rs_steady_median(const struct rs_steady *s)
{
    return s->count ? sorted(s)[(s->count - 1) / 2] : RS_TIME_NONE;
}

static enum rs_steady_move move_to(struct rs_steady *s, int64_t time_us)
{
    enum rs_steady_move move = time_us > s->clock_us   ? RS_STEADY_UP
                               : time_us < s->clock_us ? RS_STEADY_DOWN
                                                       : RS_STEADY_STAYS;
    s->clock_us = time_us;
    s->below = 0;
    return move;
}

enum rs_steady_move rs_steady_take(struct rs_steady *s, int64_t time_us)
{
    bool full = s->count == RS_STEADY_SAMPLES;
    if (full) {
        take_oldest_away(s);
    }
    put(s, time_us);
    int64_t median = rs_steady_median(s);
    if (full && median < s->clock_us && ++s->below < RS_STEADY_SAMPLES) {
        return RS_STEADY_STAYS;
    }
    return move_to(s, median);
}

/* Clocks ahead spoil the upper quarter next to the median, those behind the lower one: a minority, whichever
 * it is, at most one of them. */
int64_t rs_steady_gap(const struct rs_steady *s)
{
    uint32_t low = s->count / 4;
    uint32_t middle = (s->count - 1) / 2;
    uint32_t high = (s->count - 1) * 3 / 4;
    const int64_t *times = sorted(s);
    if (s->count < GAP_SAMPLES) {
        return 0;
    }
    int64_t below = (times[middle] - times[low]) / (middle - low);
    int64_t above = (times[high] - times[middle]) / (high - middle);
    int64_t least = below < above ? below : above;
    return s->seen > RS_STEADY_SAMPLES ? least / RS_STEADY_STRIDE : least;
}

int64_t rs_steady_reach(const struct rs_steady *s, int64_t step_us)
{
    if (s->count == 0) {
        return RS_TIME_NONE;
    }
    const int64_t *times = sorted(s);
    uint32_t at = (s->count - 1) / 2;
    while (at + 1 < s->count && times[at + 1] - times[at] <= step_us) {
        at++;
    }
    return times[at];
}

/* ---- stored ---- */

void rs_steady_save(const struct rs_steady *s, struct rs_buf *out)
{
    rs_write_u64(out, s->seen);
    rs_write_i64(out, s->clock_us);
    rs_write_u32(out, s->below);
    rs_write_u32(out, s->count);
    uint32_t oldest = s->count == RS_STEADY_SAMPLES ? s->next : 0;
    for (uint32_t i = 0; i < s->count; i++) {
        rs_write_i64(out, s->ring[(oldest + i) % RS_STEADY_SAMPLES]);
    }
}

/* Times of the years 1 to 9999, with room: the difference of two does not overflow. */
static bool plausible(int64_t us)
{
    return us > -(INT64_C(1) << 60) && us < INT64_C(1) << 60;
}

/* Only the times in the order of their arrival are stored; putting them in again sorts them. */
int rs_steady_load(struct rs_steady *s, struct rs_reader *reader, struct rs_error *error)
{
    rs_steady_init(s);
    uint64_t seen = rs_read_u64(reader);
    int64_t clock_us = rs_read_i64(reader);
    uint32_t below = rs_read_u32(reader);
    uint32_t count = rs_read_u32(reader);
    bool good = !reader->failed && below < RS_STEADY_SAMPLES && count <= RS_STEADY_SAMPLES &&
                count == (seen < RS_STEADY_SAMPLES ? seen : RS_STEADY_SAMPLES) &&
                (clock_us == RS_TIME_NONE || plausible(clock_us)) && (count == 0 || clock_us != RS_TIME_NONE);
    for (uint32_t i = 0; good && i < count; i++) {
        int64_t time_us = rs_read_i64(reader);
        good = !reader->failed && plausible(time_us);
        if (good) {
            put(s, time_us);
        }
    }
    if (!good) {
        return rs_fail(error, RS_ESTATE, "stored state: the steady time is damaged");
    }
    s->seen = seen;
    s->clock_us = clock_us;
    s->below = below;
    return 0;
}
