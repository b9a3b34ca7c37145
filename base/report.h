/* report: a module tells its owner something that an operator should read.
 * Modules do not log: whoever makes one hands in where its reports go, which is the log in the daemon and a
 * list in a test.
 * Thread: each options struct says on which thread its reports come. */
#ifndef RS_BASE_REPORT_H
#define RS_BASE_REPORT_H

#include "base/error.h"
#include "base/log.h"

struct rs_report {
    void (*call)(void *self, enum rs_log_level level, const char *text); /* NULL: nobody listens */
    void *self;
};

/* Texts longer than RS_ERROR_TEXT_MAX are cut. */
void rs_report(const struct rs_report *to, enum rs_log_level level, const char *format, ...) RS_PRINTF(3, 4);

struct rs_report rs_report_to_log(void);

#endif
