#include "ingest/encode/json.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#include "base/buf.h"

/* Members of an object up to which comparing each with each beats sorting them. */
#define RS_JSON_FEW_MEMBERS 16

struct rs_json {
    yajl_handle parser; /* kept from value to value; NULL after an error */
    struct rs_cells cells;
    struct rs_buf texts; /* unescaped strings; reserved before parsing, never moves */
    struct rs_slice input;
    size_t open[RS_JSON_DEPTH_MAX]; /* containers around the parser's position */
    size_t depth;
    size_t values; /* at the top level */
    size_t behind; /* byte behind the newest token */
    struct rs_slice key;
    size_t fault_at;
    const char *fault;
    bool no_memory;
};

static int fault(struct rs_json *j, size_t at, const char *text)
{
    j->fault_at = at;
    j->fault = text;
    return 0; /* cancels yajl */
}

static bool separates(uint8_t c)
{
    return c == ' ' || c == ',' || c == ':' || c == '\t' || c == '\r' || c == '\n';
}

/* Where the token begins that yajl has just read: behind the one before, past separators. */
static size_t token_start(struct rs_json *j)
{
    size_t p = j->behind;
    while (p < j->input.size && separates(j->input.data[p])) {
        p++;
    }
    j->behind = yajl_get_bytes_consumed(j->parser);
    return p;
}

static struct rs_cell *add(struct rs_json *j, enum rs_cell_kind kind)
{
    struct rs_cell *cell = rs_cells_add(&j->cells, kind, token_start(j));
    if (!cell) {
        j->no_memory = true;
        return NULL;
    }
    cell->name = j->key;
    j->key = (struct rs_slice){0};
    j->values += j->depth == 0;
    return cell;
}

static int on_null(void *self)
{
    return add(self, RS_CELL_NULL) != NULL;
}

static int on_boolean(void *self, int value)
{
    struct rs_cell *cell = add(self, RS_CELL_BOOLEAN);
    if (cell) {
        cell->i = value;
    }
    return cell != NULL;
}

/* yajl's text may lie in a buffer of its own that the next token overwrites. */
static struct rs_slice keep(struct rs_json *j, const void *text, size_t size)
{
    size_t start = j->texts.size;
    rs_buf_put(&j->texts, text, size);
    return rs_slice_of(j->texts.data + start, size);
}

static int on_number(void *self, const char *text, size_t size)
{
    struct rs_json *j = self;
    struct rs_cell *cell = add(j, RS_CELL_NUMBER);
    if (cell) {
        cell->text = keep(j, text, size);
    }
    return cell != NULL;
}

static int on_string(void *self, const unsigned char *text, size_t size)
{
    struct rs_json *j = self;
    struct rs_cell *cell = add(j, RS_CELL_STRING);
    if (cell) {
        cell->text = keep(j, text, size);
    }
    return cell != NULL;
}

static int on_key(void *self, const unsigned char *text, size_t size)
{
    struct rs_json *j = self;
    (void)token_start(j);
    j->key = keep(j, text, size);
    return 1;
}

static int on_start(struct rs_json *j, enum rs_cell_kind kind)
{
    struct rs_cell *cell = add(j, kind);
    if (!cell) {
        return 0;
    }
    if (j->depth == RS_JSON_DEPTH_MAX) {
        return fault(j, cell->at, "values nest deeper than 64 levels");
    }
    j->open[j->depth++] = j->cells.count - 1;
    return 1;
}

static int on_start_map(void *self)
{
    return on_start(self, RS_CELL_OBJECT);
}

static int on_start_array(void *self)
{
    return on_start(self, RS_CELL_ARRAY);
}

static int on_end_array(void *self)
{
    struct rs_json *j = self;
    j->cells.items[j->open[--j->depth]].end = (uint32_t)j->cells.count;
    j->behind = yajl_get_bytes_consumed(j->parser);
    return 1;
}

struct member {
    struct rs_slice name;
    const struct rs_cell *cell;
};

static int compare_members(const void *a, const void *b)
{
    const struct member *x = a;
    const struct member *y = b;
    size_t size = x->name.size < y->name.size ? x->name.size : y->name.size;
    int order = size == 0 ? 0 : memcmp(x->name.data, y->name.data, size);
    if (order == 0) {
        order = (x->name.size > y->name.size) - (x->name.size < y->name.size);
    }
    return order != 0 ? order : (x->cell > y->cell) - (x->cell < y->cell);
}

/* The later one of two members with the same key, by sorting; NULL: none. */
static const struct rs_cell *repeated_of_many(struct rs_json *j, size_t first, size_t end, size_t members)
{
    struct member *sorted = reallocarray(NULL, members, sizeof *sorted);
    const struct rs_cell *found = NULL;
    if (!sorted) {
        j->no_memory = true;
        return NULL;
    }
    size_t n = 0;
    for (size_t i = first; i < end; i = j->cells.items[i].end) {
        sorted[n++] = (struct member){.name = j->cells.items[i].name, .cell = &j->cells.items[i]};
    }
    qsort(sorted, n, sizeof *sorted, compare_members);
    for (size_t i = 1; i < n && !found; i++) {
        found = rs_slice_equal(sorted[i - 1].name, sorted[i].name) ? sorted[i].cell : NULL;
    }
    free(sorted);
    return found;
}

static const struct rs_cell *repeated(struct rs_json *j, size_t first, size_t end)
{
    const struct rs_cell *items = j->cells.items;
    size_t members = 0;
    for (size_t i = first; i < end; i = items[i].end) {
        members++;
    }
    if (members > RS_JSON_FEW_MEMBERS) {
        return repeated_of_many(j, first, end, members);
    }
    for (size_t i = first; i < end; i = items[i].end) {
        for (size_t k = first; k < i; k = items[k].end) {
            if (rs_slice_equal(items[k].name, items[i].name)) {
                return &items[i];
            }
        }
    }
    return NULL;
}

static int on_end_map(void *self)
{
    struct rs_json *j = self;
    size_t object = j->open[j->depth - 1];
    (void)on_end_array(self);
    const struct rs_cell *twice = repeated(j, object + 1, j->cells.count);
    if (twice) {
        return fault(j, twice->at, "the object has the same key twice");
    }
    return j->no_memory ? 0 : 1;
}

static const yajl_callbacks callbacks = {
    .yajl_null = on_null,
    .yajl_boolean = on_boolean,
    .yajl_number = on_number,
    .yajl_string = on_string,
    .yajl_start_map = on_start_map,
    .yajl_map_key = on_key,
    .yajl_end_map = on_end_map,
    .yajl_start_array = on_start_array,
    .yajl_end_array = on_end_array,
};

int rs_json_new(struct rs_json **out, struct rs_error *error)
{
    struct rs_json *j = calloc(1, sizeof *j);
    if (!j) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    *out = j;
    return 0;
}

static void drop_parser(struct rs_json *j)
{
    if (j->parser) {
        yajl_free(j->parser);
        j->parser = NULL;
    }
}

void rs_json_free(struct rs_json **json)
{
    struct rs_json *j = *json;
    if (!j) {
        return;
    }
    drop_parser(j);
    rs_cells_fini(&j->cells);
    rs_buf_fini(&j->texts);
    free(j);
    *json = NULL;
}

static unsigned hex4(const uint8_t *p)
{
    unsigned value = 0;
    for (int i = 0; i < 4; i++) {
        unsigned c = p[i] | 0x20u;
        value = value << 4 | (c >= 'a' ? c - 'a' + 10 : c - '0');
    }
    return value;
}

/* Place of a \uD800-\uDFFF escape without its other half; input.size: none. The text is JSON already. */
static size_t lone_surrogate(struct rs_slice text)
{
    const uint8_t *d = text.data;
    for (size_t i = 0; i + 1 < text.size; i++) {
        const uint8_t *slash = memchr(d + i, '\\', text.size - i - 1);
        if (!slash) {
            break;
        }
        i = (size_t)(slash - d) + 1;
        if (d[i] != 'u') {
            continue;
        }
        unsigned unit = hex4(d + i + 1);
        if ((unit & 0xF800u) != 0xD800u) {
            continue;
        }
        bool paired = (unit & 0xFC00u) == 0xD800u && i + 10 < text.size && d[i + 5] == '\\' &&
                      d[i + 6] == 'u' && (hex4(d + i + 7) & 0xFC00u) == 0xDC00u;
        if (!paired) {
            return i - 1;
        }
        i += 10;
    }
    return text.size;
}

static bool begin(struct rs_json *j, struct rs_slice text)
{
    j->input = text;
    j->cells.count = 0;
    j->depth = j->values = j->behind = j->fault_at = 0;
    j->fault = NULL;
    j->no_memory = false;
    j->key = (struct rs_slice){0};
    rs_buf_reset(&j->texts);
    if (!j->parser) {
        j->parser = yajl_alloc(&callbacks, NULL, j);
        if (j->parser) {
            yajl_config(j->parser, yajl_allow_multiple_values, 1);
        }
    }
    return j->parser && rs_buf_reserve(&j->texts, text.size + 1);
}

/* The parser is one for all values: a line feed behind each ends a number and shows an open string. */
static void run(struct rs_json *j)
{
    yajl_status status = yajl_parse(j->parser, j->input.data, j->input.size);
    if (status != yajl_status_ok) {
        size_t at = yajl_get_bytes_consumed(j->parser);
        if (status == yajl_status_error) {
            (void)fault(j, at > 0 && at <= j->input.size ? at - 1 : at, "this is not JSON");
        }
        return;
    }
    status = yajl_parse(j->parser, (const unsigned char *)"\n", 1);
    if (status == yajl_status_error || j->depth > 0 || j->values == 0) {
        (void)fault(j, j->input.size, "the JSON value is not complete");
    } else if (status == yajl_status_ok && j->values > 1) {
        (void)fault(j, 0, "more than one JSON value");
    }
}

int rs_json_parse(struct rs_json *j, struct rs_slice text, const struct rs_cell **cells, size_t *at,
                  struct rs_error *error)
{
    if (!begin(j, text)) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    run(j);
    if (!j->fault && !j->no_memory) {
        size_t lone = lone_surrogate(text);
        if (lone < text.size) {
            (void)fault(j, lone, "half of a surrogate pair is missing");
        }
    }
    if (j->no_memory || j->fault) {
        drop_parser(j);
    }
    if (j->no_memory || j->texts.failed) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    if (j->fault) {
        *at = j->fault_at;
        return rs_fail(error, RS_ERECORD, "%s", j->fault);
    }
    *cells = j->cells.items;
    return 0;
}
