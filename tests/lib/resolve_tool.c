/* resolve_tool: messages of one schema read as another, for tests that compare with other implementations.
 * Reads lines: `P WRITER<tab>READER<tab>PATH,PATH,...` (schemas as JSON in one line) compiles; its answer is
 * `ok`, or `!` and why not. `M HEX` reads one message; its answer is the reason by the writer's schema alone,
 * then the reason by resolution, and, where that is none, a value for each path, with tabs between:
 * n, b0, b1, i5, t1000.5 (microseconds, nanoseconds), m-5 (unscaled), d and the bits in hexadecimal, s and
 * the bytes in hexadecimal. Exit: 0 done, 1 the input is not like that. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "schemas/program.h"

#define PATHS_MAX 256

static struct {
    struct rs_schema_document *writer, *reader;
    struct rs_program *plain, *resolved;
    size_t count;
} pair;

static void forget(void)
{
    rs_program_free(&pair.plain);
    rs_program_free(&pair.resolved);
    rs_schema_free(&pair.writer);
    rs_schema_free(&pair.reader);
}

static _Noreturn void give_up(const char *what)
{
    fprintf(stderr, "resolve_tool: %s\n", what);
    _Exit(1);
}

static void compile(char *line)
{
    struct rs_error error;
    const char *paths[PATHS_MAX];
    char *rest = NULL;
    char *writer = strtok_r(line, "\t", &rest);
    char *reader = strtok_r(NULL, "\t", &rest);
    char *list = strtok_r(NULL, "\t", &rest);
    forget();
    if (!list || rs_schema_parse("writer", writer, strlen(writer), &pair.writer, &error) != 0 ||
        rs_schema_parse("reader", reader, strlen(reader), &pair.reader, &error) != 0) {
        give_up(!list ? "a line of P has three parts" : error.text);
    }
    pair.count = 0;
    for (char *path = strtok_r(list, ",", &rest); path && pair.count < PATHS_MAX;
         path = strtok_r(NULL, ",", &rest)) {
        paths[pair.count++] = path;
    }
    if (rs_program_compile(rs_schema_root(pair.writer), NULL, 0, RS_PROGRAM_LIMITS_DEFAULT, &pair.plain,
                           &error) != 0) {
        give_up(error.text);
    }
    int code = rs_program_resolve(rs_schema_root(pair.writer), rs_schema_root(pair.reader), paths, pair.count,
                                  RS_PROGRAM_LIMITS_DEFAULT, &pair.resolved, &error);
    printf("%s%s\n", code == 0 ? "ok" : "!", code == 0 ? "" : error.text);
}

static void put_wide(rs_i128 number, struct rs_buf *out)
{
    char digits[48];
    size_t at = sizeof digits;
    bool negative = number < 0;
    do {
        int digit = (int)(number % 10);
        digits[--at] = (char)('0' + (digit < 0 ? -digit : digit));
        number /= 10;
    } while (number != 0);
    rs_buf_text(out, negative ? "m-" : "m");
    rs_buf_put(out, digits + at, sizeof digits - at);
}

static void put_value(const struct rs_value *value, struct rs_buf *out)
{
    uint64_t bits;
    switch ((enum rs_value_kind)value->kind) {
    case RS_VALUE_NULL: rs_buf_char(out, 'n'); break;
    case RS_VALUE_BOOLEAN: rs_buf_printf(out, "b%d", (int)value->i); break;
    case RS_VALUE_INT: rs_buf_printf(out, "i%" PRId64, value->i); break;
    case RS_VALUE_TIME: rs_buf_printf(out, "t%" PRId64 ".%u", value->i, value->nanos); break;
    case RS_VALUE_DECIMAL: put_wide(value->wide ? value->w : value->i, out); break;
    case RS_VALUE_DOUBLE:
        memcpy(&bits, &value->d, sizeof bits);
        rs_buf_printf(out, "d%016" PRIx64, bits);
        break;
    case RS_VALUE_BYTES:
        rs_buf_char(out, 's');
        for (size_t i = 0; i < value->s.size; i++) {
            rs_buf_printf(out, "%02x", value->s.data[i]);
        }
        break;
    }
}

static int digit_of(char c)
{
    const char *digits = "0123456789abcdef";
    const char *found = c == '\0' ? NULL : strchr(digits, c);
    return found ? (int)(found - digits) : -1;
}

static void read_message(const char *hex)
{
    struct rs_value values[PATHS_MAX];
    size_t size = strlen(hex) / 2;
    uint8_t *bytes = malloc(size + 1);
    if (!bytes || !pair.resolved) {
        give_up("no memory, or no pair that resolves");
    }
    for (size_t i = 0; i < size; i++) {
        int high = digit_of(hex[2 * i]);
        int low = digit_of(hex[2 * i + 1]);
        if (high < 0 || low < 0) {
            give_up("a line of M has hexadecimal digits");
        }
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    struct rs_buf out = {0};
    struct rs_slice message = rs_slice_of(bytes, size);
    enum rs_reason plain = rs_program_run(pair.plain, message, NULL, NULL);
    enum rs_reason reason = rs_program_run(pair.resolved, message, values, NULL);
    for (size_t i = 0; reason == RS_REASON_NONE && i < pair.count; i++) {
        rs_buf_char(&out, '\t');
        put_value(&values[i], &out);
    }
    printf("%s\t%s%.*s\n", rs_reason_name(plain), rs_reason_name(reason), (int)out.size,
           !out.data ? "" : (const char *)out.data);
    rs_buf_fini(&out);
    free(bytes);
}

int main(void)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t size;
    while ((size = getline(&line, &room, stdin)) > 0) {
        line[size - (line[size - 1] == '\n')] = '\0';
        if (line[0] == 'P' && line[1] == ' ') {
            compile(line + 2);
        } else if (line[0] == 'M' && line[1] == ' ') {
            read_message(line + 2);
        } else {
            give_up("a line begins with P or M");
        }
        fflush(stdout);
    }
    forget();
    free(line);
    return 0;
}
