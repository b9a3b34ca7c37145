#include "ingest/publish/progress.h"

#include <inttypes.h>
#include <stdio.h>

#define US 1000000

void rs_progress_init(struct rs_progress *progress, int64_t now_us)
{
    *progress = (struct rs_progress){.started_us = now_us, .shown_us = now_us};
}

bool rs_progress_due(const struct rs_progress *progress, int64_t now_us)
{
    return now_us - progress->shown_us >= RS_PROGRESS_EVERY_US;
}

void rs_progress_number(struct rs_buf *out, uint64_t value)
{
    char digits[24];
    int size = snprintf(digits, sizeof digits, "%" PRIu64, value);
    for (int i = 0; i < size; i++) {
        if (i > 0 && (size - i) % 3 == 0) {
            rs_buf_char(out, ',');
        }
        rs_buf_char(out, digits[i]);
    }
}

static void put_eta(struct rs_buf *out, uint64_t seconds)
{
    if (seconds >= 3600) {
        rs_buf_printf(out, "  ETA %" PRIu64 ":%02" PRIu64 ":%02" PRIu64, seconds / 3600, seconds / 60 % 60,
                      seconds % 60);
    } else {
        rs_buf_printf(out, "  ETA %" PRIu64 ":%02" PRIu64, seconds / 60, seconds % 60);
    }
}

/* The rate shown leans on the last moments; a plain average would hide that a broker has become slow. */
void rs_progress_line(struct rs_progress *p, int64_t now_us, uint64_t rows, uint64_t read, uint64_t total,
                      struct rs_buf *out)
{
    int64_t passed = now_us - p->shown_us;
    if (passed > 0) {
        double now = (double)(rows - p->shown_rows) * US / (double)passed;
        p->rate = p->shown_rows == 0 ? now : p->rate * 0.7 + now * 0.3;
    }
    p->shown_us = now_us;
    p->shown_rows = rows;
    rs_progress_number(out, rows);
    rs_buf_text(out, " rows  ");
    rs_progress_number(out, (uint64_t)p->rate);
    rs_buf_text(out, "/s");
    if (total > 0 && read <= total) {
        double part = (double)read / (double)total;
        rs_buf_printf(out, "  %d%%", (int)(part * 100));
        if (read > 0) {
            put_eta(out, (uint64_t)((double)(now_us - p->started_us) / US * (1 - part) / part + 0.5));
        }
    }
}

void rs_progress_end(const struct rs_progress *p, int64_t now_us, uint64_t rows, struct rs_buf *out)
{
    int64_t passed = now_us > p->started_us ? now_us - p->started_us : 1;
    rs_buf_printf(out, "in %.2f s (", (double)passed / US);
    rs_progress_number(out, (uint64_t)((double)rows * US / (double)passed + 0.5));
    rs_buf_text(out, " rows/s)");
}
