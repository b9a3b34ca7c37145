#include "base/metrics.h"

#include <inttypes.h>
#include <stdio.h>

static const char *type_name(enum rs_metric_type type)
{
    switch (type) {
    case RS_METRIC_COUNTER: return "counter";
    case RS_METRIC_GAUGE: return "gauge";
    case RS_METRIC_HISTOGRAM: return "histogram";
    }
    return "untyped";
}

/* Help texts escape backslash and line feed, label values the quote too. */
static void put_escaped(struct rs_buf *out, const char *text, bool quotes)
{
    for (; *text != '\0'; text++) {
        if (*text == '\\' || (quotes && *text == '"')) {
            rs_buf_char(out, '\\');
            rs_buf_char(out, *text);
        } else if (*text == '\n') {
            rs_buf_text(out, "\\n");
        } else {
            rs_buf_char(out, *text);
        }
    }
}

void rs_metrics_family(struct rs_buf *out, const char *name, enum rs_metric_type type, const char *help)
{
    rs_buf_printf(out, "# HELP %s ", name);
    put_escaped(out, help, false);
    rs_buf_printf(out, "\n# TYPE %s %s\n", name, type_name(type));
}

static void put_head(struct rs_buf *out, const char *name, const struct rs_label *labels, const char *bound)
{
    const char *separator = "{";

    rs_buf_text(out, name);
    for (; labels && labels->name; labels++) {
        rs_buf_printf(out, "%s%s=\"", separator, labels->name);
        put_escaped(out, labels->value, true);
        rs_buf_char(out, '"');
        separator = ",";
    }
    if (bound) {
        rs_buf_printf(out, "%sle=\"%s\"", separator, bound);
        separator = ",";
    }
    rs_buf_text(out, *separator == ',' ? "} " : " ");
}

void rs_metrics_integer(struct rs_buf *out, const char *name, const struct rs_label *labels, int64_t value)
{
    put_head(out, name, labels, NULL);
    rs_buf_printf(out, "%" PRId64 "\n", value);
}

void rs_metrics_unsigned(struct rs_buf *out, const char *name, const struct rs_label *labels, uint64_t value)
{
    put_head(out, name, labels, NULL);
    rs_buf_printf(out, "%" PRIu64 "\n", value);
}

/* Digits, not a double: 0.0005, 1.5, -3, without trailing zeros. */
static void format_seconds(int64_t us, char out[32])
{
    uint64_t magnitude = us < 0 ? 0 - (uint64_t)us : (uint64_t)us;
    int length = snprintf(out, 32, "%s%" PRIu64 ".%06" PRIu64, us < 0 ? "-" : "", magnitude / 1000000,
                          magnitude % 1000000);

    while (out[length - 1] == '0') {
        out[--length] = '\0';
    }
    if (out[length - 1] == '.') {
        out[length - 1] = '\0';
    }
}

void rs_metrics_seconds(struct rs_buf *out, const char *name, const struct rs_label *labels, int64_t value_us)
{
    char text[32];

    format_seconds(value_us, text);
    put_head(out, name, labels, NULL);
    rs_buf_printf(out, "%s\n", text);
}

static void put_part(struct rs_buf *out, const char *name, const char *suffix, const struct rs_label *labels,
                     const char *bound)
{
    char full[128];

    (void)snprintf(full, sizeof full, "%s%s", name, suffix);
    put_head(out, full, labels, bound);
}

void rs_metrics_histogram(struct rs_buf *out, const char *name, const struct rs_label *labels,
                          const struct rs_histogram *histogram)
{
    uint64_t total = 0;
    char text[32];

    for (size_t i = 0; i < RS_HISTOGRAM_BUCKETS; i++) {
        total += histogram->buckets[i];
        if (i + 1 < RS_HISTOGRAM_BUCKETS) {
            format_seconds(rs_histogram_bound_us[i], text);
        } else {
            (void)snprintf(text, sizeof text, "+Inf");
        }
        put_part(out, name, "_bucket", labels, text);
        rs_buf_printf(out, "%" PRIu64 "\n", total);
    }
    format_seconds(histogram->sum_us, text);
    put_part(out, name, "_sum", labels, NULL);
    rs_buf_printf(out, "%s\n", text);
    put_part(out, name, "_count", labels, NULL);
    rs_buf_printf(out, "%" PRIu64 "\n", total);
}
