#include "base/report.h"

#include <stdarg.h>
#include <stdio.h>

void rs_report(const struct rs_report *to, enum rs_log_level level, const char *format, ...)
{
    char text[RS_ERROR_TEXT_MAX];
    va_list args;
    if (!to->call) {
        return;
    }
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    to->call(to->self, level, text);
}

static void log_line(void *self, enum rs_log_level level, const char *text)
{
    (void)self;
    rs_log(level, "%s", text);
}

struct rs_report rs_report_to_log(void)
{
    return (struct rs_report){.call = log_line};
}
