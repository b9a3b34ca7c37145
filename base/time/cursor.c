#include "base/time/cursor.h"

int rs_cursor_digits(struct rs_cursor *c, size_t min, size_t max)
{
    int value = 0;
    size_t count = 0;
    while (count < max && c->at < c->end && *c->at >= '0' && *c->at <= '9') {
        value = value * 10 + (*c->at++ - '0');
        count++;
    }
    return count >= min ? value : -1;
}

bool rs_cursor_take(struct rs_cursor *c, char wanted)
{
    if (c->at < c->end && *c->at == (uint8_t)wanted) {
        c->at++;
        return true;
    }
    return false;
}

int rs_cursor_fraction(struct rs_cursor *c)
{
    static const int scale[] = {0, 100000000, 10000000, 1000000, 100000, 10000, 1000, 100, 10, 1};
    const uint8_t *start = c->at;
    int value = rs_cursor_digits(c, 1, 9);
    return value < 0 ? -1 : value * scale[c->at - start];
}

bool rs_cursor_offset(struct rs_cursor *c, int32_t *out_s)
{
    if (rs_cursor_take(c, 'Z') || rs_cursor_take(c, 'z')) {
        *out_s = 0;
        return true;
    }
    bool west = rs_cursor_take(c, '-');
    if (!west && !rs_cursor_take(c, '+')) {
        return false;
    }
    int hours = rs_cursor_digits(c, 2, 2);
    bool colon = rs_cursor_take(c, ':');
    bool more = c->at < c->end && *c->at >= '0' && *c->at <= '9';
    int minutes = colon || more ? rs_cursor_digits(c, 2, 2) : 0;
    if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) {
        return false;
    }
    *out_s = (west ? -1 : 1) * (hours * 3600 + minutes * 60);
    return true;
}
