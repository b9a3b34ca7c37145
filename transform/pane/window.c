#include "transform/pane/window.h"

#include "base/time/civil.h"

static int64_t gcd(int64_t a, int64_t b)
{
    while (b) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

void rs_window_init(struct rs_window *window, enum rs_window_kind kind, int64_t size_us, int64_t every_us)
{
    *window = (struct rs_window){.kind = kind, .size_us = size_us, .every_us = every_us};
    if (kind == RS_WINDOW_SLIDING && every_us == size_us) {
        window->kind = RS_WINDOW_TUMBLING;
    }
    if (window->kind == RS_WINDOW_TUMBLING || window->kind == RS_WINDOW_SLIDING ||
        window->kind == RS_WINDOW_SESSION) {
        window->slice_us = gcd(size_us, every_us);
    }
}

/* How far times may go on at once is said by a cell as it should be, whatever the zone's clocks did: what is
 * shown does not hang on the release of the zones. What has to be inside of one pane wherever that begins is
 * said by the shortest cell. */
void rs_window_init_calendar(struct rs_window *window, enum rs_window_kind kind, enum rs_calendar_unit unit,
                             const struct rs_zone *zone)
{
    static const int days[] = {1, 7, 31, 92, 366};
    *window = (struct rs_window){.kind = kind, .by_calendar = true, .size_us = days[unit] * RS_US_PER_DAY};
    rs_calendar_init(&window->calendar, unit, zone);
    window->every_us = window->calendar.shortest_us;
    window->slice_us = window->calendar.shortest_us;
}

void rs_window_init_sessions(struct rs_window *window, enum rs_window_kind kind,
                             const struct rs_calendar *calendar)
{
    *window = (struct rs_window){.kind = kind,
                                 .by_calendar = true,
                                 .size_us = RS_US_PER_DAY,
                                 .every_us = calendar->shortest_us,
                                 .slice_us = calendar->shortest_us,
                                 .calendar = *calendar};
}

int64_t rs_window_panes(const struct rs_window *window)
{
    return window->slice_us && !window->by_calendar ? window->size_us / window->slice_us : 1;
}

const char *rs_window_cell_text(const struct rs_window *window)
{
    static const char *const texts[] = {"1d", "1w", "1mo", "1q", "1y"};
    return window->calendar.sessions ? "session" : texts[window->calendar.unit];
}

const char *rs_window_since_text(const struct rs_window *window)
{
    return !window->by_calendar        ? "hour"
           : window->calendar.sessions ? "session"
                                       : rs_calendar_unit_name(window->calendar.unit);
}
