/* log: lines on stderr for people and the journal.
 * Only programs and the pipeline loop log above debug; stages return errors.
 * Under systemd (JOURNAL_STREAM set) lines carry <N> priorities and no time; else an ISO time and a level.
 * As JSON a line is an object of time, level, program and message, under systemd behind its priority.
 * Never blocks the caller on a full pipe: lines that cannot be written are counted and dropped.
 * Thread: any. */
#ifndef RS_BASE_LOG_H
#define RS_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum rs_log_level { RS_LOG_ERROR, RS_LOG_WARNING, RS_LOG_INFO, RS_LOG_DEBUG };

void rs_log_init(const char *program); /* reads nothing but JOURNAL_STREAM; level starts at INFO */
void rs_log_set_level(enum rs_log_level level);
enum rs_log_form { RS_LOG_TEXT, RS_LOG_JSON };
void rs_log_set_form(enum rs_log_form form); /* of what rs_log writes; starts as TEXT */
RS_MUST_USE int rs_log_level_parse(const char *text, enum rs_log_level *out); /* error warning info debug */
void rs_log(enum rs_log_level level, const char *format, ...) RS_PRINTF(2, 3);
/* Text that is complete as it is, such as a report of a configuration: line by line with the level's priority
 * where stderr is the journal, as one object each where lines are JSON, else unchanged. Waits where stderr does, but for
 * JSON. */
void rs_log_text(enum rs_log_level level, const char *text, size_t size);
uint64_t rs_log_dropped(void);

/* At most `burst` lines per second and call site object; says how many were left out. */
struct rs_log_limit {
    int64_t window_start_us;
    uint32_t count;
    uint32_t left_out;
};
bool rs_log_allowed(struct rs_log_limit *limit, uint32_t burst, int64_t now_us);

#endif
