#include "transform/pane/span.h"

#include "base/record.h"
#include "base/time/civil.h"

static const struct {
    const char *text;
    int days, months;
} spans[] = {
    [-RS_SPAN_YEAR] = {"1y", 0, 12}, [-RS_SPAN_QUARTER] = {"1q", 0, 3}, [-RS_SPAN_MONTH] = {"1mo", 0, 1},
    [-RS_SPAN_WEEK] = {"1w", 7, 0},  [-RS_SPAN_DAY] = {"1d", 1, 0},
};

bool rs_span_read(struct rs_slice text, int64_t *out)
{
    for (size_t i = 0; i < sizeof spans / sizeof *spans; i++) {
        if (rs_slice_equal(text, rs_slice_text(spans[i].text))) {
            *out = -(int64_t)i;
            return true;
        }
    }
    return false;
}

const char *rs_span_text(int64_t span)
{
    return spans[-span].text;
}

static int64_t months_before(int64_t days, int months)
{
    int year;
    int month;
    int day;
    int next_year;
    int next_month;
    int next_day;
    rs_civil_from_days(days, &year, &month, &day);
    rs_civil_from_days(days + 1, &next_year, &next_month, &next_day);
    int then = 12 * year + month - 1 - months; /* months since a year 0 */
    if (then < 12) {
        return RS_DAY_MIN - 1;
    }
    int64_t first = rs_days_from_civil(then / 12, then % 12 + 1, 1);
    int64_t last = rs_days_from_civil((then + 1) / 12, (then + 1) % 12 + 1, 1) - 1;
    int64_t same = first + day - 1;
    return next_month != month || same > last ? last : same;
}

int64_t rs_span_before(int64_t time_us, int64_t span)
{
    int64_t days = rs_floor_div(time_us, RS_US_PER_DAY);
    int64_t then = spans[-span].months ? months_before(days, spans[-span].months) : days - spans[-span].days;
    return then < RS_DAY_MIN ? RS_TIME_NONE : then * RS_US_PER_DAY + (time_us - days * RS_US_PER_DAY);
}
