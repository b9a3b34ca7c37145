#include "base/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

struct code_info {
    enum rs_class class;
    const char *text;
};

static const struct code_info infos[] = {{RS_CLASS_RETRY, ""},
#define CODE_INFO(name, class, text) {RS_CLASS_##class, text},
                                         RS_ERROR_CODES(CODE_INFO)
#undef CODE_INFO
};

static const struct code_info *info_of(int code)
{
    size_t index = (size_t)(code < 0 ? -(long)code : code);
    return code <= 0 && index < sizeof infos / sizeof *infos ? &infos[index] : NULL;
}

/* vsnprintf cuts anywhere; a text that was cut must still be UTF-8. */
RS_PRINTF(3, 0)
static void format_text(char *out, size_t capacity, const char *format, va_list args)
{
    int wanted = vsnprintf(out, capacity, format, args);
    if (wanted < 0) {
        out[0] = '\0';
    } else if ((size_t)wanted >= capacity) {
        out[rs_utf8_cut((const uint8_t *)out, capacity - 1)] = '\0';
    }
}

int rs_fail(struct rs_error *error, enum rs_code code, const char *format, ...)
{
    const struct code_info *info = info_of(code);
    RS_ASSERT(info && code != 0);
    /* Not in place: the arguments may hold the error's own former text. */
    char text[sizeof error->text];
    va_list args;
    va_start(args, format);
    format_text(text, sizeof text, format, args);
    va_end(args);
    const char *kept = text[0] != '\0' ? text : info->text;
    memcpy(error->text, kept, strlen(kept) + 1);
    error->code = code;
    error->class = info->class;
    return code;
}

int rs_error_prefix(struct rs_error *error, const char *format, ...)
{
    char text[sizeof error->text];
    va_list args;
    va_start(args, format);
    format_text(text, sizeof text - 2, format, args);
    va_end(args);
    size_t prefix = strlen(text);
    text[prefix++] = ':';
    text[prefix++] = ' ';

    size_t room = sizeof text - 1 - prefix;
    size_t size = strlen(error->text);
    size_t kept = size <= room ? size : rs_utf8_cut((const uint8_t *)error->text, room);
    memcpy(text + prefix, error->text, kept);
    text[prefix + kept] = '\0';
    memcpy(error->text, text, prefix + kept + 1);
    return error->code;
}

_Noreturn void rs_assert_failed(const char *condition, const char *file, int line)
{
    (void)fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, condition);
    abort();
}
