/* Drives panes and number texts from standard input, for the oracles in Python beside it.
 *
 *   pane_cli doubles    hexadecimal bits a line -> shortest text
 *   pane_cli read       text a line -> hexadecimal bits, or "error"
 *   pane_cli stats X W  X, W: type of each input as i<scale>, w<scale> (128 bits) or d, with ! behind it if
 * required <time> <order> <x> <w>   an event; - is null previous                 what came so far is the
 * previous pane end <window_us>          prints every field as name=value, one pane a line, and starts over
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "transform/pane/pane.h"

#define LINE_MAX_BYTES 512

static const struct rs_stat_spec stats[] = {
    {RS_STAT_COUNT, "events", -1, -1, NULL},
    {RS_STAT_COUNT, "count", 0, -1, NULL},
    {RS_STAT_SUM, "sum", 0, -1, NULL},
    {RS_STAT_MEAN, "mean", 0, -1, NULL},
    {RS_STAT_MIN, "min", 0, -1, NULL},
    {RS_STAT_MAX, "max", 0, -1, NULL},
    {RS_STAT_RANGE, "range", 0, -1, NULL},
    {RS_STAT_FIRST, "first", 0, -1, NULL},
    {RS_STAT_LAST, "last", 0, -1, NULL},
    {RS_STAT_OHLC, "x", 0, -1, NULL},
    {RS_STAT_VWAP, "vwap", 0, 1, NULL},
    {RS_STAT_VARIANCE, "variance", 0, -1, NULL},
    {RS_STAT_STDDEV, "stddev", 0, -1, NULL},
    {RS_STAT_VARIANCE_POP, "variance_pop", 0, -1, NULL},
    {RS_STAT_STDDEV_POP, "stddev_pop", 0, -1, NULL},
    {RS_STAT_SKEWNESS, "skewness", 0, -1, NULL},
    {RS_STAT_SKEWNESS_POP, "skewness_pop", 0, -1, NULL},
    {RS_STAT_KURTOSIS, "kurtosis", 0, -1, NULL},
    {RS_STAT_KURTOSIS_POP, "kurtosis_pop", 0, -1, NULL},
    {RS_STAT_COVARIANCE, "covariance", 0, 1, NULL},
    {RS_STAT_COVARIANCE_POP, "covariance_pop", 1, 0, NULL},
    {RS_STAT_CORRELATION, "correlation", 0, 1, NULL},
    {RS_STAT_R2, "r2", 1, 0, NULL},
    {RS_STAT_SLOPE, "slope_x", 0, 1, NULL},
    {RS_STAT_SLOPE, "slope_w", 1, 0, NULL},
    {RS_STAT_INTERCEPT, "intercept_x", 0, 1, NULL},
    {RS_STAT_INTERCEPT, "intercept_w", 1, 0, NULL},
    {RS_STAT_COVARIANCE, "self", 0, 0, NULL},
    {RS_STAT_RATE, "rate_events", -1, -1, NULL},
    {RS_STAT_RATE, "rate", 0, -1, NULL},
    {RS_STAT_CHANGE, "change", 0, -1, NULL},
    {RS_STAT_PCT_CHANGE, "pct_change", 0, -1, NULL},
    {RS_STAT_SUM, "weight", 1, -1, NULL},
};

struct session {
    struct rs_num_type types[2];
    struct rs_pane_layout *layout;
    struct rs_pane_scratch *scratch;
    void *pane;
    void *previous;
    bool has_previous;
};

static void print_field(void *ctx, size_t field, const char *text, size_t size)
{
    const struct session *s = ctx;

    printf("%s=%.*s ", rs_pane_field_name(s->layout, field), (int)size, text);
}

static bool parse_type(const char *text, struct rs_num_type *out)
{
    size_t length = strlen(text);

    *out = (struct rs_num_type){.required = length > 0 && text[length - 1] == '!'};
    switch (text[0]) {
    case 'i': out->kind = RS_NUM_INT64; break;
    case 'w': out->kind = RS_NUM_INT128; break;
    case 'd': out->kind = RS_NUM_DOUBLE; return true;
    default: return false;
    }
    out->scale = (int)strtol(text + 1, NULL, 10);
    return true;
}

static int parse_num(const struct rs_num_type *type, const char *text, struct rs_num *out,
                     struct rs_error *error)
{
    rs_i128 value = 0;

    *out = (struct rs_num){0};
    if (strcmp(text, "-") == 0) {
        return 0;
    }
    out->present = true;
    if (type->kind == RS_NUM_DOUBLE) {
        return rs_double_parse(rs_slice_text(text), &out->d, error);
    }
    int rc = rs_decimal_parse(rs_slice_text(text), type->scale, &value, error);
    if (type->kind == RS_NUM_INT64) {
        out->i = (int64_t)value;
        return rc == 0 && value != out->i ? rs_fail(error, RS_ERECORD, "beyond 64 bits") : rc;
    }
    out->w = value;
    return rc;
}

static bool add_event(struct session *s, const char *line)
{
    struct rs_num inputs[2];
    struct rs_error error;
    int64_t time_us = 0;
    int64_t order = 0;
    char x[LINE_MAX_BYTES];
    char w[LINE_MAX_BYTES];

    if (sscanf(line, "%" SCNd64 " %" SCNd64 " %511s %511s", &time_us, &order, x, w) != 4) {
        fprintf(stderr, "not an event: %s", line);
        return false;
    }
    if (parse_num(&s->types[0], x, &inputs[0], &error) != 0 ||
        parse_num(&s->types[1], w, &inputs[1], &error) != 0) {
        fprintf(stderr, "%s: %s", error.text, line);
        return false;
    }
    return rs_pane_add(s->layout, s->pane, inputs, time_us, order).finite;
}

static bool stats_line(struct session *s, const char *line)
{
    if (strncmp(line, "previous", 8) == 0) {
        rs_pane_copy(s->layout, s->previous, s->pane);
        rs_pane_fini(s->layout, s->pane);
        s->has_previous = true;
        return true;
    }
    if (strncmp(line, "end ", 4) == 0) {
        rs_pane_render(s->layout, s->pane, s->has_previous ? s->previous : NULL, strtoll(line + 4, NULL, 10),
                       s->scratch, print_field, s);
        putchar('\n');
        rs_pane_fini(s->layout, s->pane);
        s->has_previous = false;
        return true;
    }
    return add_event(s, line);
}

static int run_stats(const char *x, const char *w)
{
    struct session s = {0};
    struct rs_error error;
    char line[2 * LINE_MAX_BYTES];
    int rc = 1;

    if (!parse_type(x, &s.types[0]) || !parse_type(w, &s.types[1])) {
        fprintf(stderr, "not a type: %s %s\n", x, w);
        return 1;
    }
    if (rs_pane_layout_new(stats, sizeof stats / sizeof stats[0], s.types, 2, &s.layout, &error) != 0) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    s.scratch = rs_pane_scratch_new();
    s.pane = malloc(rs_pane_size(s.layout));
    s.previous = malloc(rs_pane_size(s.layout));
    if (s.scratch && s.pane && s.previous) {
        rs_pane_init(s.layout, s.pane);
        rs_pane_init(s.layout, s.previous);
        rc = 0;
        while (rc == 0 && fgets(line, sizeof line, stdin)) {
            rc = stats_line(&s, line) ? 0 : 1;
        }
        rs_pane_fini(s.layout, s.pane);
        rs_pane_fini(s.layout, s.previous);
    }
    free(s.pane);
    free(s.previous);
    rs_pane_scratch_free(&s.scratch);
    rs_pane_layout_free(&s.layout);
    return rc;
}

static int run_doubles(void)
{
    char line[64];
    char text[RS_NUMBER_TEXT_MAX];

    while (fgets(line, sizeof line, stdin)) {
        uint64_t bits = strtoull(line, NULL, 16);
        double value = 0;
        memcpy(&value, &bits, sizeof value);
        printf("%.*s\n", (int)rs_double_format(value, text), text);
    }
    return 0;
}

static int run_read(void)
{
    char line[4096];
    struct rs_error error;

    while (fgets(line, sizeof line, stdin)) {
        double value = 0;
        uint64_t bits = 0;
        line[strcspn(line, "\n")] = '\0';
        if (rs_double_parse(rs_slice_text(line), &value, &error) != 0) {
            puts("error");
            continue;
        }
        memcpy(&bits, &value, sizeof bits);
        printf("%016" PRIx64 "\n", bits);
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "doubles") == 0) {
        return run_doubles();
    }
    if (argc == 2 && strcmp(argv[1], "read") == 0) {
        return run_read();
    }
    if (argc == 4 && strcmp(argv[1], "stats") == 0) {
        return run_stats(argv[2], argv[3]);
    }
    fprintf(stderr, "usage: pane_cli doubles | read | stats X W\n");
    return 1;
}
