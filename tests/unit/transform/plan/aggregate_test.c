/* What a configuration of aggregates, rules and scales may not say, and how it is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "tests/lib/engine_fixture.h"

/* Lines 1 and 2 are the fixture's; what is put into the stream begins in line 8, into the aggregate in line
 * 11 at least. */
static void report(const char *stream, const char *aggregate, struct rs_buf *out)
{
    struct fixture f;
    struct rs_buf yaml = {0};
    rs_buf_printf(&yaml,
                  "streams:\n  ticks:\n    topic: t\n    schema: tick.avsc\n    time: at\n%s"
                  "aggregates:\n  a:\n    stream: ticks\n%s",
                  stream, aggregate);
    rs_buf_char(&yaml, '\0');
    bool loaded = fixture_open(&f, (const char *)yaml.data);
    rs_buf_text(out, loaded ? "" : (const char *)f.complaints.data);
    rs_buf_char(out, '\0');
    fixture_close(&f);
    rs_buf_fini(&yaml);
}

struct wrong {
    const char *stream;
    const char *aggregate;
    const char *complaint;
};

#define STATISTICS                                                                                           \
    "count, sum, mean, min, max, range, first, last, ohlc, vwap, variance, variance_pop, stddev, "           \
    "stddev_pop, skewness, skewness_pop, kurtosis, kurtosis_pop, covariance, covariance_pop, correlation, "  \
    "slope, intercept, r2, quantile, median, profile, distinct, ewma, lag, twa, drawdown, pct_drawdown, "    \
    "realized_variance, rate, change, pct_change and yoy"
#define WINDOW "    window: {tumbling: 1m}\n"
#define STATS  "    stats: {n: count()}\n"
#define UPSERT "    upsert: {version: revision}\n"

static const struct wrong wrongs[] = {
    {"", WINDOW "    stat: {n: count()}\n",
     "test.yaml:12:5: unknown key \"stat\" in an aggregate; did you mean \"stats\"?\n"},
    {"", STATS, "test.yaml:10:5: an aggregate needs window, as in {tumbling: 1m}\n"},
    {"", WINDOW, "test.yaml:10:5: an aggregate needs stats, as in {volume: sum(quantity)}\n"},
    {"", "    window: 1m\n" STATS, "test.yaml:11:13: an aggregate needs window, as in {tumbling: 1m}\n"},
    {"", "    window: {tumbling: 1m, all: true}\n" STATS,
     "test.yaml:11:13: window is exactly one of tumbling, sliding with every, since, session, all, and "
     "last\n"},
    {"", "    window: {sliding: 1m}\n" STATS,
     "test.yaml:11:23: sliding needs every, as in {sliding: 5m, every: 1s}\n"},
    {"", "    window: {tumbling: 1m, every: 1s}\n" STATS,
     "test.yaml:11:24: tumbling takes no every; {sliding: 5m, every: 1s} does\n"},
    {"", "    window: {sliding: 1m, every: 2m}\n" STATS,
     "test.yaml:11:34: every is longer than the window: events would be left out\n"},
    {"", "    window: {sliding: 1d, every: 1ms}\n" STATS,
     "test.yaml:11:23: this window has 86400000 panes a group; at most 100000 are allowed: make every "
     "larger\n"},
    {"", "    window: {every: 1m}\n" STATS,
     "test.yaml:11:13: window is exactly one of tumbling, sliding with every, since, session, all, and "
     "last\n"},
    {"", "    window: {session: 30}\n" STATS,
     "test.yaml:11:23: session: \"30\" is not a duration: write it like 100ms, 30s, 5m, 1h30m, 7d or 2w\n"},
    {"", "    window: {session: 999us}\n" STATS,
     "test.yaml:11:23: session: must be from 1ms to 36525d, not \"999us\"\n"},
    {UPSERT, "    window: {session: 30s}\n" STATS,
     "test.yaml:12:23: sessions are of append streams: an upsert stream has one value for each period; there "
     "are "
     "tumbling, sliding with every, all and last\n"},
    {"", "    window: {gap: 30s}\n" STATS,
     "test.yaml:11:14: a session says its gap itself, as in {session: 30s}\n"},
    {"", "    window: {since: days}\n" STATS,
     "test.yaml:11:21: since is one of hour, day, week, month, quarter, year and session\n"},
    {"", "    window: {since: day, zone: Asia/Shangha}\n" STATS,
     "test.yaml:11:32: unknown time zone \"Asia/Shangha\": write an IANA name such as Europe/Berlin (from "
     "the "
     "tzdata package), UTC, or an offset such as +08:00\n"},
    {"", "    window: {tumbling: 3q}\n" STATS,
     "test.yaml:11:24: windows by the calendar are of one unit: 1d, 1w, 1mo, 1q or 1y in a zone\n"},
    {"", "    window: {tumbling: 1h, zone: UTC}\n" STATS,
     "test.yaml:11:34: zone belongs to windows by the calendar: tumbling 1d, 1w, 1mo, 1q or 1y, and since; "
     "offset moves the others\n"},
    {"", "    window: {tumbling: 1h, offset: 1h}\n" STATS,
     "test.yaml:11:36: offset has to be shorter than the window: windows repeat after that\n"},
    {"", "    window: {slidin: 1m}\n" STATS,
     "test.yaml:11:14: no window \"slidin\"; did you mean \"sliding\"?\n"},
    {"", "    window: {last: 100001}\n" STATS,
     "test.yaml:11:20: last: must be a whole number from 1 to 100000, not \"100001\"\n"},
    {"", "    window: {last: 5}\n    history: 3\n" STATS,
     "test.yaml:12:14: history needs windows that end: tumbling, sliding, since or session; the newest "
     "events are "
     "another window with each event\n"},
    {"", "    window: {all: false}\n" STATS, "test.yaml:11:19: all can only be true\n"},
    {"", "    window: {tumbling: soon}\n" STATS,
     "test.yaml:11:24: tumbling: \"soon\" is not a duration: write it like 100ms, 30s, 5m, 1h30m, 7d or "
     "2w\n"},
    {"", "    window: {tumbling: 30d}\n" STATS,
     "test.yaml:11:13: groups of stream ticks expire after 7d, before this window and its lateness are over: "
     "expire must be at least 30d30s\n"},
    {"", "    window: {all: true}\n    history: 5\n" STATS,
     "test.yaml:12:14: history needs windows that end: tumbling, sliding, since or session\n"},
    {"", WINDOW "    history: -1\n" STATS,
     "test.yaml:12:14: history: must be a whole number from 0 to 1000000, not \"-1\"\n"},
    {"", WINDOW "    by: product\n" STATS,
     "test.yaml:12:9: by is a list of up to 16 field names, as in [exchange, product]\n"},
    {"", WINDOW "    by: [produkt]\n" STATS,
     "test.yaml:12:10: Tick has no field 'produkt'; did you mean 'product'?\n"},
    {"", WINDOW "    by: [ratio]\n" STATS,
     "test.yaml:12:10: ratio is double; groups are made by string, enum, integer, boolean, date, decimal or "
     "uuid fields\n"},
    {"", WINDOW "    by: [at]\n" STATS,
     "test.yaml:12:10: at is timestamp; groups are made by string, enum, integer, boolean, date, decimal or "
     "uuid fields\n"},
    {"", WINDOW "    by: [product, product]\n" STATS, "test.yaml:12:19: product is named twice in by\n"},
    {"", WINDOW "    stats: {}\n",
     "test.yaml:12:12: stats is a mapping of up to 64 statistics, as in {volume: sum(quantity)}\n"},
    {"", WINDOW "    stats: {v: summ(quantity)}\n",
     "test.yaml:12:16: no statistic \"summ\"; did you mean \"sum\"?\n"},
    {"", WINDOW "    stats: {v: 'quantile(price, 99)'}\n",
     "test.yaml:12:16: q of quantile is a number from 0 to 1, as in quantile(price, 0.99)\n"},
    {"", WINDOW "    stats: {v: quantile(price)}\n",
     "test.yaml:12:16: quantile takes a field and a number from 0 to 1 (q), as in quantile(price, 0.99)\n"},
    {"", WINDOW "    stats: {v: median(product)}\n",
     "test.yaml:12:16: product is string; statistics are made of int, long, float, double and decimal "
     "fields\n"},
    {"", WINDOW "    stats: {v: topk(price)}\n",
     "test.yaml:12:16: statistic \"topk\" is not available in this version; there are " STATISTICS "\n"},
    {"", WINDOW "    stats: {v: frobnicate(price)}\n",
     "test.yaml:12:16: no statistic \"frobnicate\"; there are " STATISTICS "\n"},
    {"", WINDOW "    stats: {v: sum}\n",
     "test.yaml:12:16: a statistic is written as name(field), as in sum(quantity) or count()\n"},
    {"", WINDOW "    stats: {v: sum()}\n", "test.yaml:12:16: sum takes one field\n"},
    {"", WINDOW "    stats: {v: vwap(price)}\n",
     "test.yaml:12:16: vwap takes two fields, as in vwap(price, quantity)\n"},
    {"", WINDOW "    stats: {v: slope(price)}\n",
     "test.yaml:12:16: slope takes two fields, as in slope(price, $event_time)\n"},
    {"", WINDOW "    stats: {v: correlation(price)}\n",
     "test.yaml:12:16: correlation takes two fields, as in correlation(price, quantity)\n"},
    {"", WINDOW "    stats: {v: 'covariance(price, product)'}\n",
     "test.yaml:12:16: product is string; statistics are made of int, long, float, double and decimal "
     "fields\n"},
    {"", WINDOW "    stats: {v: mean($event_time)}\n",
     "test.yaml:12:16: $event_time is an input of covariance, covariance_pop, correlation, slope, intercept "
     "and r2 "
     "alone, as in slope(price, $event_time)\n"},
    {"", WINDOW "    stats: {v: mean(at)}\n",
     "test.yaml:12:16: at is timestamp; statistics are made of int, long, float, double and decimal "
     "fields\n"},
    {"", WINDOW "    stats: {v: skewness()}\n", "test.yaml:12:16: skewness takes one field\n"},
    {"", WINDOW "    stats: {v: vwap(price, quantity)}\n",
     "test.yaml:12:16: a statistic is written as name(field), as in sum(quantity) or count(); between braces "
     "one with a comma needs quotes\n"
     "test.yaml:12:28: a statistic's name is made of letters, digits, '_', '-' and '.'\n"},
    {"", WINDOW "    stats: {v: sum(prise)}\n",
     "test.yaml:12:16: Tick has no field 'prise'; did you mean 'price'?\n"},
    {"", WINDOW "    stats: {v: sum(product)}\n",
     "test.yaml:12:16: product is string; statistics are made of int, long, float, double and decimal "
     "fields\n"},
    {"", WINDOW "    stats: {'a b': count()}\n",
     "test.yaml:12:13: a statistic's name is made of letters, digits, '_', '-' and '.'\n"},
    {"", WINDOW "    stats: {events: count()}\n",
     "test.yaml:12:12: two values of aggregate a would be called \"events\"\n"},
    {"", WINDOW "    stats: {p: ohlc(price), p_open: first(price)}\n",
     "test.yaml:12:12: two values of aggregate a would be called \"p_open\"\n"},
    {"", "    window: {sliding: 1m, every: 1s}\n    stats: {c: change(price)}\n",
     "test.yaml:12:16: change and pct_change compare with the window before: they need a tumbling window or "
     "a session\n"},
    {"", "    window: {all: true}\n    stats: {r: rate(quantity)}\n",
     "test.yaml:12:16: rate is per second of the window: it needs a tumbling or sliding window or a "
     "session\n"},
    {"", WINDOW "    where: {side: BUI}\n" STATS,
     "test.yaml:12:19: \"BUI\" is not a symbol of side; did you mean \"BUY\"?\n"},
    {"", WINDOW "    where: {side: {gt: BUY}}\n" STATS,
     "test.yaml:12:20: side is enum, which has no order: use eq, ne, in or not_in\n"},
    {"", WINDOW "    where: {price: {above: 3}}\n" STATS,
     "test.yaml:12:21: unknown key \"above\" in a condition; known are: eq, ne, lt, le, gt, ge, in, not_in, "
     "is_null\n"},
    {"", WINDOW "    where: {price: {gt: 0.001}}\n" STATS,
     "test.yaml:12:25: price (decimal): more than 2 digits after the point\n"},
    {"", WINDOW "    where: {price: {gt: cheap}}\n" STATS,
     "test.yaml:12:25: price (decimal): not a number\n"},
    {"", WINDOW "    where: {price: {in: 3}}\n" STATS,
     "test.yaml:12:25: price: a list of values is expected, as in [A, B]\n"},
    {"", WINDOW "    where: {price: {is_null: maybe}}\n" STATS,
     "test.yaml:12:30: is_null is true or false\n"},
    {"", WINDOW "    where: {quantity: 1.5}\n" STATS,
     "test.yaml:12:23: quantity (long): more than 0 digits after the point\n"},
    {"", WINDOW "    where: {day: yesterday}\n" STATS,
     "test.yaml:12:18: day is a date: not a date like 2026-01-31\n"},
    {"", WINDOW "    where: {at: {gt: noon}}\n" STATS,
     "test.yaml:12:22: at is a timestamp: not a time in ISO 8601, such as 2026-01-31 or "
     "2026-01-31T23:59:59.5Z\n"},
    {"", WINDOW "    where: {open: perhaps}\n" STATS,
     "test.yaml:12:19: open is a boolean: write true or false\n"},
    {"", WINDOW "    where: {or: {side: BUY}}\n" STATS,
     "test.yaml:12:17: \"or\" takes a list of conditions\n"},
    {"", WINDOW "    where: [side]\n" STATS,
     "test.yaml:12:12: a mapping from field to condition is expected, as in {side: {in: [BUY]}}\n"},
    {"", WINDOW "    where: {nosuch: 1}\n" STATS, "test.yaml:12:13: Tick has no field 'nosuch'\n"},
    {"    rules: {price: {greater: 0}}\n", WINDOW STATS,
     "test.yaml:8:21: unknown key \"greater\" in a rule; known are: required, eq, ne, lt, le, gt, ge, in, "
     "not_in, pattern, min_length, max_length, finite, on_fail, reason\n"},
    {"    rules: {prices: {gt: 0}}\n", WINDOW STATS,
     "test.yaml:8:13: Tick has no field 'prices'; did you mean 'price'?\n"},
    {"    rules: [price]\n", WINDOW STATS,
     "test.yaml:8:12: rules is a mapping from field to rules, as in {price: {gt: 0}}\n"},
    {"    rules: {price: {required: false}}\n", WINDOW STATS,
     "test.yaml:8:31: required can only be true; leave it out otherwise\n"},
    {"    rules: {price: {pattern: x}}\n", WINDOW STATS,
     "test.yaml:8:21: pattern is for strings, and price is decimal\n"},
    {"    rules: {product: {pattern: 'a('}}\n", WINDOW STATS,
     "test.yaml:8:32: pattern: Unmatched ( or \\(\n"},
    {"    rules: {price: {le: {field: prices}}}\n", WINDOW STATS,
     "test.yaml:8:33: Tick has no field 'prices'; did you mean 'price'?\n"},
    {"    rules: {price: {le: {fields: paid}}}\n", WINDOW STATS,
     "test.yaml:8:25: a comparison is with a constant or {field: NAME}\n"},
    {"    rules: {price: {le: {field: price}}}\n", WINDOW STATS,
     "test.yaml:8:33: price is compared with itself\n"},
    {"    rules: {price: {le: {field: ratio}}}\n", WINDOW STATS,
     "test.yaml:8:33: price is decimal and ratio is double, which cannot be compared; give a float or double "
     "a scale\n"},
    {"    rules: {side: {lt: {field: side}}}\n", WINDOW STATS,
     "test.yaml:8:20: side is enum, which has no order: use eq, ne, in or not_in\n"},
    {"    rules: {side: {eq: {field: quantity}}}\n", WINDOW STATS,
     "test.yaml:8:32: side is enum and quantity is long, which cannot be compared\n"},
    {"    rules: {price: {le: {}}}\n", WINDOW STATS,
     "test.yaml:8:25: a comparison is with a constant or {field: NAME}\n"},
    {"    rules: {price: {gt: 0, on_fail: cuont}}\n", WINDOW STATS,
     "test.yaml:8:37: on_fail is reject, count or null; did you mean \"count\"?\n"},
    {"    rules: {price: {gt: 0, on_fail: }}\n", WINDOW STATS,
     "test.yaml:8:28: on_fail is reject, count or null\n"},
    {"    rules: {price: {gt: 0, reason: ''}}\n", WINDOW STATS,
     "test.yaml:8:36: reason is a text of 1 to 64 bytes on one line, which dead letters and metrics show\n"},
    {"    rules: {price: {on_fail: count}}\n", WINDOW STATS,
     "test.yaml:8:20: on_fail and reason belong to tests, as in {gt: 0, on_fail: count}\n"},
    {"    rules: {price: []}\n", WINDOW STATS,
     "test.yaml:8:20: a list of rules is of one at least, as in [{gt: 0}]\n"},
    {"    rules: {price: [{gt: 0}, {gtt: 0}]}\n", WINDOW STATS,
     "test.yaml:8:31: unknown key \"gtt\" in a rule; did you mean \"gt\"?\n"},
    {"    rules: {quantity: {gt: 0, on_fail: null}}\n", WINDOW STATS,
     "test.yaml:8:40: on_fail: null is for fields that may be null, and quantity may not: use reject or "
     "count\n"},
    {"    rules: {price: {required: true, on_fail: null}}\n", WINDOW STATS,
     "test.yaml:8:21: required with on_fail: null changes nothing: leave it out\n"},
    {"    rules: {at: {gt: '2000-01-01', on_fail: null}}\n", WINDOW STATS,
     "test.yaml:8:45: on_fail: null would reject the event, since at is its time: use reject\n"},
    {"    rules: {product: {pattern: '.*a.{20}'}}\n", WINDOW STATS,
     "test.yaml:8:32: pattern: it would need more than 4096 states: make what it repeats shorter, or write "
     "it without a choice of where a part of it begins, as in .*x.{20}\n"},
    {"    max_past: 1\n", WINDOW STATS,
     "test.yaml:8:15: max_past: \"1\" is not a duration: write it like 100ms, 30s, 5m, 1h30m, 7d or 2w\n"},
    {UPSERT "    rules: {price: {gt: 0, on_fail: null}}\n", WINDOW STATS,
     "test.yaml:9:37: on_fail: null on price would withdraw the period of an upsert stream: use reject or "
     "count\n"},
    {UPSERT "    max_past: 1d\n", WINDOW STATS,
     "test.yaml:9:15: `max_past` has no place on an upsert stream: its events are never late\n"},
    {"    rules: {market: {min_length: 1, on_fail: null}}\n", "    by: [market]\n" WINDOW STATS,
     "test.yaml:8:46: on_fail: null would move the event to another group of aggregate a, which is by "
     "market: use reject or count\n"},
    {"    id: market\n    rules: {market: {min_length: 1, on_fail: null}}\n", WINDOW STATS,
     "test.yaml:9:46: on_fail: null on market, of the id, would let duplicates of the event count: use "
     "reject or "
     "count\n"},
    /* Its zone is let go of with it. */
    {"", "    window: {since: day, zone: Asia/Shanghai}\n    stats: {v: sum(prise)}\n",
     "test.yaml:12:16: Tick has no field 'prise'; did you mean 'price'?\n"},
    {"    max_items: 0\n", WINDOW STATS,
     "test.yaml:8:16: max_items: must be a whole number from 1 to 10000000, not \"0\"\n"},
    {"    max_depth: 257\n", WINDOW STATS,
     "test.yaml:8:16: max_depth: must be a whole number from 1 to 256, not \"257\"\n"},
    {"    lenient: [trailing_byte]\n", WINDOW STATS,
     "test.yaml:8:15: lenient is a list of trailing_bytes and utf8_unused; did you mean "
     "\"trailing_bytes\"?\n"},
    {"    lenient: {trailing_bytes: true}\n", WINDOW STATS,
     "test.yaml:8:14: lenient is a list of trailing_bytes and utf8_unused\n"},
    {"    format: json\n    lenient: [utf8_unused]\n", WINDOW STATS,
     "test.yaml:9:15: utf8_unused is of Avro: JSON is UTF-8 as a whole\n"},
    {"    rules: {product: {min_length: -1}}\n", WINDOW STATS,
     "test.yaml:8:35: min_length is a number of characters\n"},
    {"    rules: {price: {finite: true}}\n", WINDOW STATS,
     "test.yaml:8:21: finite is for float and double, and price is decimal\n"},
    {"    rules: {product: {gt: [1]}}\n", WINDOW STATS,
     "test.yaml:8:27: product is compared with a single value here\n"},
    {"    scale: {price: 2}\n", WINDOW STATS,
     "test.yaml:8:13: scale is for float and double fields, and price is decimal\n"},
    {"    scale: {ratio: 19}\n", WINDOW STATS,
     "test.yaml:8:20: ratio: must be a whole number from 0 to 18, not \"19\"\n"},
    {"    scale: 4\n", WINDOW STATS,
     "test.yaml:8:12: scale is a mapping from field to digits after the point, as in {price: 4}\n"},
    {UPSERT, "    window: {last: 0}\n" STATS,
     "test.yaml:12:20: last: must be a whole number from 1 to 10000, not \"0\"\n"},
    {UPSERT, "    window: {last: 5}\n    history: 3\n" STATS,
     "test.yaml:13:14: history needs windows that end: tumbling, sliding, since or session\n"},
    {UPSERT, "    window: {sliding: 1m, every: 1s}\n    history: 3\n" STATS,
     "test.yaml:13:14: history of an upsert stream needs a tumbling window\n"},
    {UPSERT, "    window: {last: 5}\n    stats: {r: rate()}\n",
     "test.yaml:13:16: rate is per second of the window: it needs a tumbling or sliding window or a "
     "session\n"},
};

static void test_complaints(void **state)
{
    (void)state;
    int failed = 0;
    for (size_t i = 0; i < sizeof wrongs / sizeof *wrongs; i++) {
        struct rs_buf out = {0};
        report(wrongs[i].stream, wrongs[i].aggregate, &out);
        if (strcmp((const char *)out.data, wrongs[i].complaint) != 0) {
            print_error("case %zu\n%s%s  said:     %s\n  expected: %s\n", i, wrongs[i].stream,
                        wrongs[i].aggregate, (const char *)out.data, wrongs[i].complaint);
            failed++;
        }
        rs_buf_fini(&out);
    }
    assert_int_equal(failed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_complaints),
    };
    return cmocka_run_group_tests_name("aggregate", tests, NULL, NULL);
}
