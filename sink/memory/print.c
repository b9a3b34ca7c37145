#include "sink/memory/print.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/array.h"
#include "base/buf.h"
#include "sink/redis/script.h"

#define FLUSH_BYTES ((size_t)256 << 10)

enum kind { KIND_META, KIND_HASH, KIND_HISTORY, KIND_INDEX };

struct key {
    struct rs_slice text;
    enum kind kind;
    size_t aggregate;
    const struct rs_memory_group *group;
};

struct key_list {
    struct rs_arena arena;
    struct key *items;
    size_t count, capacity;
    struct rs_buf scratch;
};

/* ---- which keys there are ---- */

static bool add_key(struct key_list *list, enum kind kind, size_t aggregate,
                    const struct rs_memory_group *group)
{
    struct key *items = rs_array_grow(list->items, list->count, &list->capacity, 1024, sizeof *items);
    if (!items) {
        return false;
    }
    list->items = items;
    const char *text = rs_arena_slice(&list->arena, rs_buf_slice(&list->scratch));
    if (list->scratch.failed || !text) {
        return false;
    }
    list->items[list->count++] = (struct key){
        .text = rs_slice_of(text, list->scratch.size), .kind = kind, .aggregate = aggregate, .group = group};
    return true;
}

static bool add_group(struct key_list *list, const struct rs_memory_print *what, size_t aggregate,
                      const struct rs_memory_group *group)
{
    rs_buf_reset(&list->scratch);
    rs_redis_group_key(&list->scratch, what->prefix, &what->metas[aggregate],
                       rs_slice_of(group->key, group->key_size));
    if (group->view && !add_key(list, KIND_HASH, aggregate, group)) {
        return false;
    }
    rs_buf_text(&list->scratch, ":history");
    return group->count == 0 || add_key(list, KIND_HISTORY, aggregate, group);
}

static bool add_aggregate(struct key_list *list, const struct rs_memory_print *what, size_t aggregate)
{
    const struct rs_memory_groups *groups = &what->groups[aggregate];
    bool indexed = false;
    for (size_t i = 0; i < groups->capacity; i++) {
        const struct rs_memory_group *group = groups->slots[i];
        if (group && !add_group(list, what, aggregate, group)) {
            return false;
        }
        indexed |= group && group->indexed;
    }
    rs_buf_reset(&list->scratch);
    rs_buf_printf(&list->scratch, "%s:%s:index", what->prefix, what->metas[aggregate].name);
    return !indexed || add_key(list, KIND_INDEX, aggregate, NULL);
}

static bool collect(struct key_list *list, const struct rs_memory_print *what)
{
    rs_buf_printf(&list->scratch, "%s:meta", what->prefix);
    bool good = what->meta_count == 0 || add_key(list, KIND_META, 0, NULL);
    for (size_t i = 0; good && i < what->meta_count; i++) {
        good = add_aggregate(list, what, i);
    }
    return good;
}

static int compare_bytes(struct rs_slice a, struct rs_slice b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int order = size > 0 ? memcmp(a.data, b.data, size) : 0;
    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

static int compare_keys(const void *a, const void *b)
{
    return compare_bytes(((const struct key *)a)->text, ((const struct key *)b)->text);
}

/* ---- what they hold ---- */

static void put_meta(struct rs_buf *out, const struct rs_memory_print *what)
{
    for (size_t i = 0; i < what->meta_count; i++) {
        rs_buf_char(out, i ? ',' : '{');
        rs_buf_json_string(out, rs_slice_text(what->metas[i].name));
        rs_buf_char(out, ':');
        rs_buf_text(out, what->metas[i].json);
    }
    rs_buf_char(out, '}');
}

static void put_fields(struct rs_buf *out, const struct rs_aggregate_meta *meta, const uint8_t *fields,
                       size_t size)
{
    struct rs_op op = {.fields = rs_slice_of(fields, size)};
    rs_redis_history_json(out, meta, &op);
}

static void put_history(struct rs_buf *out, const struct rs_aggregate_meta *meta,
                        const struct rs_memory_group *group)
{
    for (uint32_t i = 0; i < group->count; i++) {
        const struct rs_memory_member *member = &group->members[group->first + i];
        rs_buf_printf(out, "%s[%" PRId64 ",", i ? "," : "[", member->score_ms);
        put_fields(out, meta, member->fields, member->size);
        rs_buf_char(out, ']');
    }
    rs_buf_char(out, ']');
}

/* As a sorted set: by score, then by the bytes of the member. */
static int compare_indexed(const void *a, const void *b)
{
    const struct rs_memory_group *x = *(const struct rs_memory_group *const *)a;
    const struct rs_memory_group *y = *(const struct rs_memory_group *const *)b;
    if (x->score_ms != y->score_ms) {
        return x->score_ms < y->score_ms ? -1 : 1;
    }
    return compare_bytes(rs_slice_of(x->key, x->key_size), rs_slice_of(y->key, y->key_size));
}

static void put_index(struct rs_buf *out, const struct rs_memory_groups *groups)
{
    const struct rs_memory_group **sorted = calloc(groups->count + 1, sizeof(struct rs_memory_group *));
    size_t count = 0;
    if (!sorted) {
        out->failed = true;
        return;
    }
    for (size_t i = 0; i < groups->capacity; i++) {
        if (groups->slots[i] && groups->slots[i]->indexed) {
            sorted[count++] = groups->slots[i];
        }
    }
    qsort(sorted, count, sizeof(struct rs_memory_group *), compare_indexed);
    for (size_t i = 0; i < count; i++) {
        rs_buf_printf(out, "%s[%" PRId64 ",", i ? "," : "[", sorted[i]->score_ms);
        rs_buf_json_string(out, rs_slice_of(sorted[i]->key, sorted[i]->key_size));
        rs_buf_char(out, ']');
    }
    rs_buf_char(out, ']');
    free(sorted);
}

static void put_line(struct rs_buf *out, const struct rs_memory_print *what, const struct key *key)
{
    const struct rs_aggregate_meta *meta = &what->metas[key->aggregate];
    bool hash = key->kind == KIND_META || key->kind == KIND_HASH;
    rs_buf_text(out, "{\"key\":");
    rs_buf_json_string(out, key->text);
    rs_buf_text(out, hash ? ",\"type\":\"hash\",\"value\":" : ",\"type\":\"zset\",\"value\":");
    switch (key->kind) {
    case KIND_META: put_meta(out, what); break;
    case KIND_HASH: put_fields(out, meta, key->group->view, key->group->view_size); break;
    case KIND_HISTORY: put_history(out, meta, key->group); break;
    case KIND_INDEX: put_index(out, &what->groups[key->aggregate]); break;
    }
    rs_buf_text(out, "}\n");
}

static bool flush_lines(struct rs_buf *lines, FILE *out)
{
    bool good = lines->size == 0 || fwrite(lines->data, 1, lines->size, out) == lines->size;
    rs_buf_reset(lines);
    return good;
}

static int print_keys(const struct key_list *list, const struct rs_memory_print *what, FILE *out,
                      struct rs_error *error)
{
    struct rs_buf lines = {0};
    bool good = true;
    for (size_t i = 0; good && i < list->count && !lines.failed; i++) {
        put_line(&lines, what, &list->items[i]);
        good = lines.failed || lines.size < FLUSH_BYTES || flush_lines(&lines, out);
    }
    bool enough = !lines.failed;
    good = good && enough && flush_lines(&lines, out) && fflush(out) == 0;
    rs_buf_fini(&lines);
    if (!enough) {
        return rs_fail(error, RS_ENOMEM, "out of memory while printing");
    }
    return good ? 0 : rs_fail(error, RS_EIO, "cannot write the output: errno %d", errno);
}

int rs_memory_print(const struct rs_memory_print *what, FILE *out, struct rs_error *error)
{
    struct key_list list = {0};
    int code;
    if (collect(&list, what)) {
        if (list.count > 0) {
            qsort(list.items, list.count, sizeof *list.items, compare_keys);
        }
        code = print_keys(&list, what, out, error);
    } else {
        code = rs_fail(error, RS_ENOMEM, "out of memory while printing");
    }
    free(list.items);
    rs_buf_fini(&list.scratch);
    rs_arena_fini(&list.arena);
    return code;
}
