/* trading: the calendar of an exchange, `calendar: FILE`, read from a YAML file of its own:
 *     zone: Asia/Shanghai
 *     sessions: ["09:30-11:30", "13:00-15:00"]   # of a trading day; "-1d 21:00-02:30" begins on the evening before
 *     days: [mon, tue, wed, thu, fri]            # the default; or {mon: [SESSION…], …}, then without `sessions`
 *     closed: [2026-01-01, 2026-02-16..2026-02-23]
 *     special: {2026-12-24: ["09:30-11:30"]}     # other hours, also of days that are closed otherwise
 * Thread: one while loading.
 * Limits: 16 sessions a day, 20000 days named, of the years 1800 to 2439. */
#ifndef RS_TRANSFORM_PLAN_TRADING_H
#define RS_TRANSFORM_PLAN_TRADING_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/config/config.h"
#include "base/time/calendar.h"

/* Calendars that were read, each file once. All zero: none. */
struct rs_tradings {
    struct rs_trading **items;
    size_t count;
};

/* *out: that of `calendar` in the mapping; untouched where there is none. Wrong: complaints, false. */
bool rs_trading_load(struct rs_config *config, struct rs_arena *arena, struct rs_tradings *known,
                     const struct rs_config_node *mapping, const struct rs_sessions **out);
/* The arena's memory stays. */
void rs_tradings_fini(struct rs_tradings *known);
/* Of one of the calendars, one of an exchange's two units; the first time it is looked through. *zone: its name. */
const struct rs_calendar *rs_trading_calendar(const struct rs_tradings *known,
                                              const struct rs_sessions *sessions, enum rs_calendar_unit unit,
                                              const char **zone);

#endif
