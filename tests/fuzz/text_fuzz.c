/* Texts of times, patterns, periods, durations, sizes, numbers and time zones' rules: "text 0 pattern". What was read is
 * written, and read again, as the same; a text of another length or place in memory reads no further than it goes. */
#include "base/number.h"
#include "base/time/rule.h"
#include "base/time/text.h"
#include "base/time/zone_rule.h"
#include "base/unit.h"
#include "base/utf8.h"
#include "tests/fuzz/fuzz.h"

static void check_times(struct rs_slice text)
{
    char written[RS_TIME_TEXT_MAX];
    struct rs_error error = {0};
    int64_t us = 0;
    int64_t again = 0;
    int ns = 0;
    int ns_again = 0;
    if (rs_time_parse_iso_exact(text, NULL, &us, &ns, &error) == 0) {
        rs_fuzz_require(rs_time_in_range(us) && ns >= 0 && ns < 1000, "a time out of range");
        size_t size = rs_time_format_exact(us, ns, written);
        int code = rs_time_parse_iso_exact(rs_slice_of(written, size), NULL, &again, &ns_again, &error);
        rs_fuzz_require(code == 0 && again == us && ns_again == ns, "a time is not read as it was written");
    } else {
        rs_fuzz_require(error.text[0] != '\0', "an error says nothing");
    }
    if (rs_date_parse(text, &us, &error) == 0) {
        size_t size = rs_date_format(us, written);
        rs_fuzz_require(rs_date_parse(rs_slice_of(written, size), &again, &error) == 0 && again == us,
                        "a date");
    }
    if (rs_period_parse(text, &us, &error) == 0) {
        rs_fuzz_require(us >= RS_DAY_MIN && us <= RS_DAY_MAX, "a period out of range");
    }
}

static void check_rule(const char *form, struct rs_slice text)
{
    struct rs_time_rule rule = {0};
    struct rs_exact_time time = {0};
    struct rs_error error = {0};
    if (rs_time_rule_parse(form, NULL, &rule, &error) != 0) {
        rs_fuzz_require(error.text[0] != '\0', "an error says nothing");
        return;
    }
    if (rs_time_rule_read(&rule, NULL, text, &time, &error) == 0) {
        rs_fuzz_require(rs_time_in_range(time.us) && time.ns >= 0 && time.ns < 1000, "a time out of range");
    }
    rs_i128 ns = 0;
    if (rs_time_rule_counts(&rule)) {
        (void)!rs_time_rule_nanos(&rule, text, &ns, &error);
    }
}

static void check_units(const char *text)
{
    char written[RS_DURATION_TEXT_MAX];
    struct rs_error error = {0};
    int64_t us = 0;
    int64_t again = 0;
    if (rs_duration_parse(text, &us, &error) == 0) {
        rs_fuzz_require(us >= 0, "a negative duration");
        rs_duration_format(us, written, sizeof written);
        rs_fuzz_require(rs_duration_parse(written, &again, &error) == 0 && again == us,
                        "a duration is not read as it was written");
    }
    if (rs_bytes_parse(text, &us, &error) == 0) {
        rs_fuzz_require(us >= 0, "a negative size");
    }
}

static void check_decimal(struct rs_slice text)
{
    char written[RS_NUMBER_TEXT_MAX];
    struct rs_error error = {0};
    for (int scale = 0; scale <= RS_SCALE_MAX; scale += 19) {
        rs_i128 number = 0;
        rs_i128 again = 0;
        if (rs_decimal_parse(text, scale, &number, &error) == 0) {
            size_t size = rs_decimal_format(number, scale, written);
            rs_fuzz_require(size <= sizeof written, "a number is too long");
            rs_fuzz_require(rs_decimal_parse(rs_slice_of(written, size), scale, &again, &error) == 0 &&
                                again == number,
                            "a number is not read as it was written");
        }
    }
}

static bool is_finite(double number)
{
    return number - number == 0;
}

static void check_double(struct rs_slice text)
{
    char written[RS_NUMBER_TEXT_MAX];
    struct rs_error error = {0};
    double number = 0;
    double again = 0;
    float half = 0;
    float half_again = 0;
    if (rs_double_parse(text, &number, &error) == 0 && is_finite(number)) {
        size_t size = rs_double_format(number, written);
        rs_fuzz_require(rs_double_parse(rs_slice_of(written, size), &again, &error) == 0 && again == number,
                        "a double");
    }
    if (rs_float_parse(text, &half, &error) == 0 && is_finite((double)half)) {
        size_t size = rs_float_format(half, written);
        rs_fuzz_require(rs_float_parse(rs_slice_of(written, size), &half_again, &error) == 0 &&
                            half_again == half,
                        "a float");
    }
}

static void check_zone_rule(const char *text)
{
    struct rs_zone_rule rule = {0};
    struct rs_zone_change changes[2];
    if (rs_zone_rule_parse(text, &rule) && rule.has_dst) {
        for (int year = 1; year < 10000; year += 1999) {
            rs_zone_rule_year(&rule, year, changes);
            rs_fuzz_require(changes[0].at_s <= changes[1].at_s, "the later change is the first");
            int32_t offset = rs_zone_rule_at(&rule, changes[1].at_s);
            rs_fuzz_require(offset == rule.std_s || offset == rule.dst_s, "an offset that is neither");
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rs_slice rest = rs_slice_of(data, size);
    struct rs_slice part = rs_fuzz_part(&rest);
    uint8_t *exact = rs_fuzz_exactly(part);
    struct rs_slice text = rs_slice_of(exact, part.size);
    char *closed = rs_fuzz_text(part);
    char *form = rs_fuzz_text(rs_fuzz_part(&rest));
    check_times(text);
    check_rule(form, text);
    check_units(closed);
    check_decimal(text);
    check_double(text);
    check_zone_rule(closed);
    (void)rs_utf8_valid(text.data, text.size);
    free(exact);
    free(closed);
    free(form);
    return 0;
}
