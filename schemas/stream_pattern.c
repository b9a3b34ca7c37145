/* The patterns of streams. */
#include <regex.h>
#include <stdlib.h>

#include "schemas/stream_internal.h"

struct rs_topic_pattern {
    regex_t regex;
};

const struct rs_topic_pattern *rs_topic_pattern_read(struct rs_stream_loader *l,
                                                     const struct rs_config_node *where, const char *text)
{
    char why[128];
    struct rs_topic_pattern *pattern = calloc(1, sizeof *pattern);
    if (!pattern) {
        l->failed = true;
        return NULL;
    }
    int code = regcomp(&pattern->regex, text, REG_EXTENDED | REG_NOSUB);
    if (code != 0) {
        (void)regerror(code, &pattern->regex, why, sizeof why);
        free(pattern);
        rs_config_complain(l->config, where, "`topics`: \"%s\" is no regular expression (POSIX extended): %s",
                           text, why);
        return NULL;
    }
    return pattern;
}

void rs_topic_pattern_free(const struct rs_topic_pattern *pattern)
{
    struct rs_topic_pattern *owned = (struct rs_topic_pattern *)pattern;
    if (owned) {
        regfree(&owned->regex);
        free(owned);
    }
}

bool rs_topic_pattern_matches(const struct rs_topic_pattern *pattern, const char *topic)
{
    return pattern && regexec(&pattern->regex, topic, 0, NULL, 0) == 0;
}
