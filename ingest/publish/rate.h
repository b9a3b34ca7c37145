/* rate: at most so many events a second, evenly; what was not used is kept for a tenth of a second at most,
 * so that a pause is not followed by a burst.
 * Thread: one. Time is handed in. */
#ifndef RS_INGEST_PUBLISH_RATE_H
#define RS_INGEST_PUBLISH_RATE_H

#include <stdint.h>

struct rs_rate {
    int64_t per_second; /* 0: no limit */
    int64_t credit;     /* events times 1,000,000 that may go out now */
    int64_t last_us;
};

#define RS_RATE_MAX INT64_C(1000000000)

/* `per_second` at most RS_RATE_MAX. */
void rs_rate_init(struct rs_rate *rate, int64_t per_second, int64_t now_us);
/* 0: one event may go out, and is taken into account; else the microseconds to wait before asking again. */
int64_t rs_rate_take(struct rs_rate *rate, int64_t now_us);

#endif
