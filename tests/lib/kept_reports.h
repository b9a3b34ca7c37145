/* kept_reports: what a module reports, kept as text for a test, "LEVEL TEXT" a line.
 * Thread: any; whoever looks at `text` itself does so where nobody reports.
 * Limits: 8 KiB; the rest is left out. */
#ifndef RS_TESTS_LIB_KEPT_REPORTS_H
#define RS_TESTS_LIB_KEPT_REPORTS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/report.h"

struct kept_reports {
    pthread_mutex_t lock;
    char text[8192];
};

static inline void kept_reports_init(struct kept_reports *reports)
{
    (void)pthread_mutex_init(&reports->lock, NULL);
    reports->text[0] = '\0';
}

static inline void kept_reports_fini(struct kept_reports *reports)
{
    (void)pthread_mutex_destroy(&reports->lock);
}

static inline void kept_reports_add(void *self, enum rs_log_level level, const char *text)
{
    struct kept_reports *reports = self;
    (void)pthread_mutex_lock(&reports->lock);
    size_t used = strlen(reports->text);
    (void)snprintf(reports->text + used, sizeof reports->text - used, "%d %s\n", (int)level, text);
    (void)pthread_mutex_unlock(&reports->lock);
}

static inline bool kept_reports_have(struct kept_reports *reports, const char *text)
{
    (void)pthread_mutex_lock(&reports->lock);
    bool found = strstr(reports->text, text) != NULL;
    (void)pthread_mutex_unlock(&reports->lock);
    return found;
}

static inline size_t kept_reports_count(struct kept_reports *reports, const char *text)
{
    size_t count = 0;
    (void)pthread_mutex_lock(&reports->lock);
    for (const char *at = strstr(reports->text, text); at; at = strstr(at + 1, text)) {
        count++;
    }
    (void)pthread_mutex_unlock(&reports->lock);
    return count;
}

/* For the options of what reports. */
static inline struct rs_report kept_reports_to(struct kept_reports *reports)
{
    return (struct rs_report){kept_reports_add, reports};
}

#endif
