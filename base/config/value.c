#include "base/config/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/config/internal.h"

static bool is_known(const char *key, const char *const *known)
{
    for (; *known; known++) {
        if (strcmp(*known, key) == 0) {
            return true;
        }
    }
    return false;
}

static void list_names(struct rs_buf *out, const char *const *known)
{
    for (size_t i = 0; known[i]; i++) {
        rs_buf_printf(out, "%s%s", i == 0 ? "" : ", ", known[i]);
    }
    rs_buf_char(out, '\0');
}

static void complain_unknown(struct rs_config *config, const struct rs_config_node *key, const char *what,
                             const char *const *known)
{
    const char *nearest = rs_nearest_name(key->text, known);
    if (nearest) {
        rs_config_complain(config, key, "unknown key \"%s\" in %s; did you mean \"%s\"?", key->text, what,
                           nearest);
        return;
    }
    struct rs_buf names = {0};
    list_names(&names, known);
    if (names.failed) {
        config->failed = true;
    } else {
        rs_config_complain(config, key, "unknown key \"%s\" in %s; known are: %s", key->text, what,
                           (const char *)names.data);
    }
    rs_buf_fini(&names);
}

bool rs_config_expect_mapping(struct rs_config *config, const struct rs_config_node *node, const char *what,
                              const char *const *known)
{
    if (!node || node->faulty) {
        return false;
    }
    if (node->kind != RS_CONFIG_MAPPING) {
        rs_config_complain(config, node, "%s must be a mapping (key: value)", what);
        return false;
    }
    bool good = true;
    for (size_t i = 0; i < node->count; i += 2) {
        const struct rs_config_node *key = node->items[i];
        if (!is_known(key->text, known)) {
            complain_unknown(config, key, what, known);
            good = false;
        }
    }
    return good;
}

/* 1: `*out` is the value's scalar; 0: the key is absent; -1: complained about. */
static int scalar_of(struct rs_config *c, const struct rs_config_node *mapping, const char *key,
                     const struct rs_config_node **out)
{
    const struct rs_config_node *value = rs_config_get(mapping, key);
    if (!value) {
        return 0;
    }
    if (value->faulty) {
        return -1;
    }
    if (value->kind == RS_CONFIG_NULL) {
        rs_config_complain(c, value, "%s: the value is missing", key);
        return -1;
    }
    if (value->kind != RS_CONFIG_SCALAR) {
        rs_config_complain(c, value, "%s: must be a single value, not a %s", key,
                           value->kind == RS_CONFIG_MAPPING ? "mapping" : "sequence");
        return -1;
    }
    *out = value;
    return 1;
}

bool rs_config_string(struct rs_config *c, const struct rs_config_node *mapping, const char *key,
                      const char **out)
{
    const struct rs_config_node *value;
    int found = scalar_of(c, mapping, key, &value);
    if (found == 1) {
        *out = value->text;
    }
    return found >= 0;
}

static bool whole_number(const char *text, int64_t *out)
{
    char *end;
    size_t sign = *text == '-' || *text == '+';
    if (text[sign] < '0' || text[sign] > '9') {
        return false;
    }
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno != 0 || *end != '\0') {
        return false;
    }
    *out = value;
    return true;
}

bool rs_config_int(struct rs_config *c, const struct rs_config_node *mapping, const char *key, int64_t min,
                   int64_t max, int64_t *out)
{
    const struct rs_config_node *value;
    int64_t number;
    int found = scalar_of(c, mapping, key, &value);
    if (found <= 0) {
        return found == 0;
    }
    if (!whole_number(value->text, &number) || number < min || number > max) {
        rs_config_complain(c, value, "%s: must be a whole number from %lld to %lld, not \"%s\"", key,
                           (long long)min, (long long)max, rs_config_shown(value));
        return false;
    }
    *out = number;
    return true;
}

bool rs_config_bool(struct rs_config *c, const struct rs_config_node *mapping, const char *key, bool *out)
{
    const struct rs_config_node *value;
    int found = scalar_of(c, mapping, key, &value);
    if (found <= 0) {
        return found == 0;
    }
    bool is_true = strcmp(value->text, "true") == 0;
    if (!is_true && strcmp(value->text, "false") != 0) {
        rs_config_complain(c, value, "%s: must be true or false, not \"%s\"", key, rs_config_shown(value));
        return false;
    }
    *out = is_true;
    return true;
}

/* A parser's own text quotes the value, which must not be told of a secret. */
static void complain_of_value(struct rs_config *c, const struct rs_config_node *value, const char *key,
                              const char *kind, const struct rs_error *error)
{
    if (value->secret) {
        rs_config_complain(c, value, "%s: the text put in is not a %s", key, kind);
    } else {
        rs_config_complain(c, value, "%s: %s", key, error->text);
    }
}

bool rs_config_duration(struct rs_config *c, const struct rs_config_node *mapping, const char *key,
                        int64_t min_us, int64_t max_us, int64_t *out_us)
{
    const struct rs_config_node *value;
    struct rs_error error;
    int64_t us;
    int found = scalar_of(c, mapping, key, &value);
    if (found <= 0) {
        return found == 0;
    }
    if (rs_duration_parse(value->text, &us, &error) != 0) {
        complain_of_value(c, value, key, "duration", &error);
        return false;
    }
    if (us < min_us || us > max_us) {
        char low[RS_DURATION_TEXT_MAX];
        char high[RS_DURATION_TEXT_MAX];
        rs_duration_format(min_us, low, sizeof low);
        rs_duration_format(max_us, high, sizeof high);
        rs_config_complain(c, value, "%s: must be from %s to %s, not \"%s\"", key, low, high,
                           rs_config_shown(value));
        return false;
    }
    *out_us = us;
    return true;
}

bool rs_config_bytes(struct rs_config *c, const struct rs_config_node *mapping, const char *key, int64_t min,
                     int64_t max, int64_t *out)
{
    const struct rs_config_node *value;
    struct rs_error error;
    int64_t bytes;
    int found = scalar_of(c, mapping, key, &value);
    if (found <= 0) {
        return found == 0;
    }
    if (rs_bytes_parse(value->text, &bytes, &error) != 0) {
        complain_of_value(c, value, key, "size", &error);
        return false;
    }
    if (bytes < min || bytes > max) {
        rs_config_complain(c, value, "%s: must be from %lld to %lld bytes, not \"%s\"", key, (long long)min,
                           (long long)max, rs_config_shown(value));
        return false;
    }
    *out = bytes;
    return true;
}
