/* top screen: the live table in a terminal.
 * Thread: the program's only one. Restores the terminal however it ends: on return, on a signal, on a crash.
 */
#ifndef RS_SINK_TOP_SCREEN_H
#define RS_SINK_TOP_SCREEN_H

#include "sink/top/source.h"

struct rs_top_view {
    struct rs_top_source *source;
    struct rs_top_table **tables;
    size_t count;
    int64_t interval_us;
    size_t limit;     /* groups shown of a table */
    size_t most;      /* groups read of a table */
    const char *sort; /* column; NULL: the key */
    bool descending;
    const char *filter; /* NULL: none */
    bool colour;
};

/* Runs until the user or a signal ends it. RS_EIO: the terminal cannot be used. */
RS_MUST_USE int rs_top_screen_run(const struct rs_top_view *view, struct rs_error *error);

#endif
