/* What the source tells its owner. */
#include <stdarg.h>
#include <stdio.h>

#include "ingest/kafka/internal.h"

void rs_kafka_report(const struct rs_kafka_source *source, enum rs_log_level level, const char *format, ...)
{
    char text[RS_ERROR_TEXT_MAX];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    source->options.report(source->options.report_ctx, level, text);
}
