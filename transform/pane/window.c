#include "transform/pane/window.h"

static int64_t gcd(int64_t a, int64_t b)
{
    while (b) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

void rs_window_init(struct rs_window *window, enum rs_window_kind kind, int64_t size_us, int64_t every_us)
{
    *window = (struct rs_window){.kind = kind, .size_us = size_us, .every_us = every_us};
    if (kind == RS_WINDOW_SLIDING && every_us == size_us) {
        window->kind = RS_WINDOW_TUMBLING;
    }
    if (window->kind == RS_WINDOW_TUMBLING || window->kind == RS_WINDOW_SLIDING) {
        window->slice_us = gcd(size_us, every_us);
    }
}

int64_t rs_window_panes(const struct rs_window *window)
{
    return window->slice_us ? window->size_us / window->slice_us : 1;
}
