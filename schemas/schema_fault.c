/* What is wrong with a schema, and where in it. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "schemas/schema_internal.h"

static void describe_place(const struct rs_schema_place *place, struct rs_buf *out)
{
    if (!place) {
        return;
    }
    describe_place(place->up, out);
    if (place->label) {
        rs_buf_text(out, place->label);
    } else {
        rs_buf_printf(out, "[%zu]", place->part);
    }
}

int rs_schema_bad(struct rs_schema_parser *p, const struct rs_schema_place *place, const char *format, ...)
{
    char text[RS_ERROR_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    struct rs_buf where = {0};
    describe_place(place, &where);
    rs_buf_char(&where, '\0');
    int code = rs_fail(p->error, RS_ESCHEMA, "%s: %.400s: %s", p->name,
                       where.failed ? "schema" : (const char *)where.data, text);
    rs_buf_fini(&where);
    return code;
}

int rs_schema_no_memory(struct rs_schema_parser *p)
{
    return rs_fail(p->error, RS_ENOMEM, "%s: out of memory", p->name);
}

const char *rs_schema_shown(struct rs_schema_parser *p, const char *text)
{
    char *copy = rs_arena_slice(&p->document->arena,
                                rs_slice_of(text, rs_utf8_cut((const uint8_t *)text, strnlen(text, 100))));
    if (!copy) {
        return "(a name)";
    }
    for (char *c = copy; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f) {
            *c = '?';
        }
    }
    return copy;
}
