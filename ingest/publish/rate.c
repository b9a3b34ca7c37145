#include "ingest/publish/rate.h"

#define ONE 1000000 /* credit of one event: events per second times microseconds */

void rs_rate_init(struct rs_rate *rate, int64_t per_second, int64_t now_us)
{
    *rate = (struct rs_rate){.per_second = per_second, .credit = ONE, .last_us = now_us};
}

int64_t rs_rate_take(struct rs_rate *rate, int64_t now_us)
{
    int64_t most = rate->per_second * (ONE / 10);
    int64_t passed = now_us - rate->last_us;
    if (rate->per_second == 0) {
        return 0;
    }
    most = most < ONE ? ONE : most;
    passed =
        passed > ONE ? ONE : passed; /* more cannot be kept anyway unless the rate is below one a second */
    rate->credit += passed * rate->per_second;
    rate->credit = rate->credit > most ? most : rate->credit;
    rate->last_us = now_us;
    if (rate->credit >= ONE) {
        rate->credit -= ONE;
        return 0;
    }
    return (ONE - rate->credit + rate->per_second - 1) / rate->per_second;
}
