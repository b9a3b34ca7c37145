/* Counts of letters by what their headers say. Whoever writes into the topic chooses these, so that each table
 * has a limit: what comes for the first time beyond it is counted together. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/record.h"
#include "transform/dlqtool/internal.h"

#define VALUES_MAX 1000
#define VALUE_MAX  256 /* bytes of a text that is counted */
#define HOUR_US    INT64_C(3600000000)

struct count {
    char *text; /* NULL: none was said */
    uint64_t letters;
};

struct table {
    const char *name, *none;
    struct count *items;
    size_t count, capacity;
    uint64_t others; /* of values past the limit */
};

enum { BY_REASON, BY_FIELD, BY_SCHEMA, BY_HOUR, TABLES };

struct stats {
    struct table tables[TABLES];
    uint64_t cut;
};

static struct count *find(struct table *table, const char *text)
{
    for (size_t i = 0; i < table->count; i++) {
        const char *known = table->items[i].text;
        if (known == text || (known && text && strcmp(known, text) == 0)) {
            return &table->items[i];
        }
    }
    return NULL;
}

static int add(struct table *table, const char *text, struct rs_error *error)
{
    struct count *known = find(table, text);
    if (known) {
        known->letters++;
        return 0;
    }
    if (table->count == VALUES_MAX) {
        table->others++;
        return 0;
    }
    struct count *items = rs_array_grow(table->items, table->count, &table->capacity, 16, sizeof *items);
    char *copy = items && text ? strdup(text) : NULL;
    table->items = items ? items : table->items;
    if (!items || (text && !copy)) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    items[table->count++] = (struct count){.text = copy, .letters = 1};
    return 0;
}

static int add_slice(struct table *table, struct rs_slice text, struct rs_error *error)
{
    struct rs_buf printable = {0};
    if (!text.data) {
        return add(table, NULL, error);
    }
    rs_buf_printable(&printable, rs_slice_of(text.data, text.size < VALUE_MAX ? text.size : VALUE_MAX));
    const char *copy = rs_buf_cstr(&printable);
    int rc = copy ? add(table, copy, error) : rs_fail(error, RS_ENOMEM, "out of memory");
    rs_buf_fini(&printable);
    return rc;
}

static int add_hour(struct table *table, int64_t us, struct rs_error *error)
{
    struct rs_buf text = {0};
    if (us == RS_TIME_NONE) {
        return add(table, NULL, error);
    }
    rs_dlq_put_time(us - us % HOUR_US, &text);
    int rc = add_slice(table, rs_buf_slice(&text), error);
    rs_buf_fini(&text);
    return rc;
}

static int count_letter(void *ctx, const struct rs_dlq_letter *letter, const struct rs_stream *stream,
                        struct rs_error *error)
{
    struct stats *s = ctx;
    (void)stream;
    s->cut += letter->cut;
    int rc = add_slice(&s->tables[BY_REASON], letter->reason, error);
    rc = rc == 0 ? add_slice(&s->tables[BY_FIELD], letter->field, error) : rc;
    rc = rc == 0 ? add_slice(&s->tables[BY_SCHEMA], letter->schema, error) : rc;
    return rc == 0 ? add_hour(&s->tables[BY_HOUR], letter->time_us, error) : rc;
}

/* ---- printing ---- */

/* The most frequent first; then by text, so that the order is always the same. */
static int compare_counts(const void *a, const void *b)
{
    const struct count *left = a;
    const struct count *right = b;
    if (left->letters != right->letters) {
        return left->letters > right->letters ? -1 : 1;
    }
    return strcmp(left->text ? left->text : "", right->text ? right->text : "");
}

static int compare_texts(const void *a, const void *b)
{
    const struct count *left = a;
    const struct count *right = b;
    return strcmp(left->text ? left->text : "", right->text ? right->text : "");
}

static void put_table(const struct table *table, struct rs_buf *out)
{
    rs_buf_printf(out, "by %s\n", table->name);
    for (size_t i = 0; i < table->count; i++) {
        const struct count *item = &table->items[i];
        rs_buf_printf(out, "  %10" PRIu64 "  %s\n", item->letters, item->text ? item->text : table->none);
    }
    if (table->others > 0) {
        rs_buf_printf(out, "  %10" PRIu64 "  (others)\n", table->others);
    }
}

static void put_text(const struct rs_dlq_tool *tool, const struct stats *s, struct rs_buf *out)
{
    rs_buf_printf(out, "%" PRIu64 " letter%s, %" PRIu64 " of them cut; %" PRIu64 " other record%s\n",
                  tool->found, tool->found == 1 ? "" : "s", s->cut, tool->foreign,
                  tool->foreign == 1 ? "" : "s");
    for (size_t i = 0; i < TABLES && tool->found > 0; i++) {
        put_table(&s->tables[i], out);
    }
}

/* Lists of pairs, since a value may be null and the order says something. */
static void put_json(const struct rs_dlq_tool *tool, const struct stats *s, struct rs_buf *out)
{
    rs_buf_printf(out, "{\"letters\":%" PRIu64 ",\"cut\":%" PRIu64 ",\"foreign\":%" PRIu64, tool->found,
                  s->cut, tool->foreign);
    for (size_t i = 0; i < TABLES; i++) {
        const struct table *table = &s->tables[i];
        rs_buf_printf(out, ",\"%s\":[", table->name);
        for (size_t k = 0; k < table->count; k++) {
            rs_buf_text(out, k > 0 ? ",[" : "[");
            if (table->items[k].text) {
                rs_buf_json_string(out, rs_slice_text(table->items[k].text));
            } else {
                rs_buf_text(out, "null");
            }
            rs_buf_printf(out, ",%" PRIu64 "]", table->items[k].letters);
        }
        rs_buf_printf(out, "],\"other_%ss\":%" PRIu64, table->name, table->others);
    }
    rs_buf_text(out, "}\n");
}

int rs_dlq_stats(struct rs_dlq_tool *tool, struct rs_error *error)
{
    struct rs_buf out = {0};
    struct stats s = {.tables = {[BY_REASON] = {.name = "reason", .none = "-"},
                                 [BY_FIELD] = {.name = "field", .none = "(no field)"},
                                 [BY_SCHEMA] = {.name = "schema", .none = "(not said)"},
                                 [BY_HOUR] = {.name = "hour", .none = "(no time)"}}};
    int rc = rs_dlq_walk(tool, count_letter, &s, error);
    for (size_t i = 0; i < TABLES; i++) {
        struct table *table = &s.tables[i];
        if (table->count > 0) {
            qsort(table->items, table->count, sizeof *table->items,
                  i == BY_HOUR ? compare_texts : compare_counts);
        }
    }
    if (rc == 0) {
        (tool->request.json ? put_json : put_text)(tool, &s, &out);
        rc = rs_buf_write(&out, stdout, error);
    }
    rs_buf_fini(&out);
    for (size_t i = 0; i < TABLES; i++) {
        for (size_t k = 0; k < s.tables[i].count; k++) {
            free(s.tables[i].items[k].text);
        }
        free(s.tables[i].items);
    }
    return rc;
}
