#include "ingest/read/row_plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/config/config.h"
#include "ingest/encode/put.h"

enum op_kind {
    OP_COLUMN, /* a cell */
    OP_BYTES,  /* a constant, a default or null, encoded beforehand */
    OP_GROUP,  /* a record whose fields are the ops up to `next` */
};

struct op {
    enum op_kind kind;
    const char *path;
    const struct rs_schema *type; /* COLUMN */
    uint32_t column;              /* COLUMN */
    size_t next;                  /* GROUP */
    long null_branch;             /* GROUP: -1: not nullable */
    struct rs_slice bytes;        /* BYTES; COLUMN: what stands for an ABSENT cell; data NULL: nothing may */
    bool empty_absent;            /* COLUMN: an empty TEXT is no value of the type: as if ABSENT */
    struct rs_time_rule time;     /* COLUMN */
    bool stored_time;             /* COLUMN */
};

struct rs_row_plan {
    struct rs_arena arena;
    const struct rs_mapping *mapping;
    enum rs_row_plan_source source;
    struct rs_encoder encoder;
    const struct rs_slice *given; /* columns of the file */
    size_t given_count;
    bool *used;          /* per given column */
    const char **unused; /* NULL-terminated */
    struct op *ops;
    size_t op_count, op_capacity;
    const char **columns; /* read by the ops */
    uint32_t *where;      /* column → cell of the row at hand */
    size_t column_count, column_capacity;
    struct rs_buf missing; /* names of fields without a source */
    struct rs_buf advice;  /* mappings that may be what is meant */
};

/* ---- building ---- */

static int no_memory(struct rs_error *error)
{
    return rs_fail(error, RS_ENOMEM, "out of memory");
}

static struct op *add_op(struct rs_row_plan *p, enum op_kind kind, const char *path)
{
    struct op *ops = rs_array_grow(p->ops, p->op_count, &p->op_capacity, 16, sizeof *ops);
    if (!ops) {
        return NULL;
    }
    p->ops = ops;
    struct op *op = &p->ops[p->op_count++];
    *op = (struct op){.kind = kind, .path = path, .null_branch = -1};
    return op;
}

/* Number of a column that the ops read; the same name is one column. */
static int add_column(struct rs_row_plan *p, const char *name, uint32_t *out, struct rs_error *error)
{
    for (size_t i = 0; i < p->column_count; i++) {
        if (strcmp(p->columns[i], name) == 0) {
            *out = (uint32_t)i;
            return 0;
        }
    }
    const char **columns =
        rs_array_grow(p->columns, p->column_count, &p->column_capacity, 16, sizeof *columns);
    if (!columns) {
        return no_memory(error);
    }
    p->columns = columns;
    p->columns[p->column_count] = name;
    *out = (uint32_t)p->column_count++;
    return 0;
}

static bool given_equal(struct rs_slice given, const char *name)
{
    return strncmp((const char *)given.data, name, given.size) == 0 && name[given.size] == '\0';
}

static bool path_begins(const char *path, size_t size, const char *prefix)
{
    size_t length = strlen(prefix);
    return size > length && memcmp(path, prefix, length) == 0 && path[length] == '.';
}

/* The file has this column (a key may lead into an object: "venue.country" through "venue"). */
static bool is_given(struct rs_row_plan *p, const char *name)
{
    bool found = false;
    for (size_t i = 0; i < p->given_count && !found; i++) {
        found = given_equal(p->given[i], name);
        p->used[i] |= found;
    }
    const char *dot = p->source == RS_ROW_PLAN_KEYS ? strrchr(name, '.') : NULL;
    if (!found && dot) {
        char *outer = rs_arena_slice(&p->arena, rs_slice_of(name, (size_t)(dot - name)));
        found = outer && is_given(p, outer);
    }
    return found;
}

/* Something supplies a field inside the record at `path`. */
static bool supplied_below(const struct rs_row_plan *p, const char *path)
{
    for (const struct rs_mapping_rule *rule = p->mapping->rules; rule; rule = rule->next) {
        if ((rule->column || rule->text) && path_begins(rule->path, strlen(rule->path), path)) {
            return true;
        }
    }
    for (size_t i = 0; i < p->given_count; i++) {
        if (path_begins((const char *)p->given[i].data, p->given[i].size, path)) {
            return true;
        }
    }
    return false;
}

static const struct rs_mapping_rule *rule_of(const struct rs_row_plan *p, const char *path)
{
    for (const struct rs_mapping_rule *rule = p->mapping->rules; rule; rule = rule->next) {
        if (strcmp(rule->path, path) == 0) {
            return rule;
        }
    }
    return NULL;
}

/* The default of a field, else null, encoded; *out keeps data NULL where there is neither. */
static int encode_fallback(struct rs_row_plan *p, const struct rs_schema_field *field, struct rs_slice *out,
                           struct rs_error *error)
{
    struct rs_buf bytes = {0};
    long null_branch = rs_schema_null_branch(field->type);
    int rc = 0;
    if (field->has_default) {
        rc = rs_encode_default(&p->encoder, field, &bytes, error);
    } else if (null_branch >= 0) {
        rs_put_long(&bytes, null_branch);
    } else {
        return 0;
    }
    if (rc == 0) {
        out->data = (const uint8_t *)rs_arena_slice(&p->arena, rs_buf_slice(&bytes));
        out->size = bytes.size;
        rc = bytes.failed || !out->data ? no_memory(error) : 0;
    }
    rs_buf_fini(&bytes);
    return rc;
}

/* How times of a field are written. */
struct form {
    struct rs_time_rule rule;
    bool stored; /* as the numbers that they are stored as; `rule` is for others */
    bool usual;  /* nobody has said */
};

static int find_form(const struct rs_row_plan *p, const struct rs_mapping_rule *rule, struct form *out,
                     struct rs_error *error)
{
    const struct rs_mapping *m = p->mapping;
    *out = (struct form){.rule = m->time, .stored = m->stored_times, .usual = !m->time_given};
    if (!rule || !rule->format) {
        return 0;
    }
    out->usual = false;
    out->stored = rs_mapping_stored(rule->format);
    return out->stored ? 0 : rs_time_rule_parse(rule->format, m->zone, &out->rule, error);
}

static int add_constant(struct rs_row_plan *p, const char *path, const struct rs_schema_field *field,
                        const char *text, const struct form *form, struct rs_error *error)
{
    struct rs_buf bytes = {0};
    struct rs_cell cell = {.kind = RS_CELL_TEXT, .end = 1};
    cell.text = rs_slice_text(text);
    p->encoder.time = &form->rule;
    p->encoder.stored_times = form->stored;
    int rc = rs_encode(&p->encoder, field->type, &cell, 0, &bytes, error);
    if (rc == RS_ERECORD) {
        error->code = RS_EUSAGE;
        (void)rs_error_prefix(error, "--const %s", path);
        rc = RS_EUSAGE;
    }
    struct op *op = rc == 0 ? add_op(p, OP_BYTES, path) : NULL;
    if (op) {
        op->bytes.data = (const uint8_t *)rs_arena_slice(&p->arena, rs_buf_slice(&bytes));
        op->bytes.size = bytes.size;
    }
    if (rc == 0 && (bytes.failed || !op || !op->bytes.data)) {
        rc = no_memory(error);
    }
    rs_buf_fini(&bytes);
    return rc;
}

static int add_cell(struct rs_row_plan *p, const char *path, const struct rs_schema_field *field,
                    const char *column, const struct form *form, struct rs_error *error)
{
    struct op *op = add_op(p, OP_COLUMN, path);
    if (!op) {
        return no_memory(error);
    }
    op->type = field->type;
    op->time = form->rule;
    op->stored_time = form->stored || (form->usual && p->mapping->avro_json);
    struct rs_slice fallback = {0};
    uint32_t number = 0;
    int rc = add_column(p, column, &number, error);
    if (rc == 0) {
        rc = encode_fallback(p, field, &fallback, error);
    }
    op->column = number;
    op->bytes = fallback;
    op->empty_absent = fallback.data && rs_schema_null_branch(field->type) < 0 &&
                       field->type->kind != RS_AVRO_STRING && field->type->kind != RS_AVRO_BYTES;
    return rc;
}

/* A column of the file whose name is near the one that is missed. */
static void advise(struct rs_row_plan *p, const char *path, const char *wanted)
{
    const char **names = calloc(p->given_count + 1, sizeof *names);
    const char *nearest = NULL;
    for (size_t i = 0; names && i < p->given_count; i++) {
        names[i] = rs_arena_slice(&p->arena, p->given[i]);
        if (!names[i]) {
            break;
        }
    }
    if (names) {
        nearest = rs_nearest_name(wanted, names);
    }
    if (nearest) {
        char shown[RS_NAME_SHOWN_MAX + 1];
        rs_name_show(rs_slice_text(nearest), shown);
        rs_buf_printf(&p->advice, "%s--map %s=%s", p->advice.size > 0 ? " " : ", perhaps ", path, shown);
    }
    free(names);
}

static int add_fallback(struct rs_row_plan *p, const char *path, const struct rs_schema_field *field,
                        const char *wanted, struct rs_error *error)
{
    struct rs_slice bytes = {0};
    int rc = encode_fallback(p, field, &bytes, error);
    if (rc != 0) {
        return rc;
    }
    if (!bytes.data) {
        advise(p, path, wanted);
        rs_buf_printf(&p->missing, "%s%s", p->missing.size > 0 ? ", " : "", path);
        if (strcmp(path, wanted) != 0) {
            rs_buf_printf(&p->missing, " (column \"%s\")", wanted);
        }
        return 0;
    }
    struct op *op = add_op(p, OP_BYTES, path);
    if (!op) {
        return no_memory(error);
    }
    op->bytes = bytes;
    return 0;
}

static const struct rs_schema *record_branch(const struct rs_schema *type)
{
    long null_branch = rs_schema_null_branch(type);
    if (null_branch >= 0 && type->branch_count == 2) {
        type = type->branches[1 - null_branch];
    }
    return type->kind == RS_AVRO_RECORD ? type : NULL;
}

struct enclosing {
    const struct enclosing *up;
    const struct rs_schema *record;
};

static bool encloses(const struct enclosing *in, const struct rs_schema *record)
{
    while (in && in->record != record) {
        in = in->up;
    }
    return in != NULL;
}

static int add_record(struct rs_row_plan *p, const struct enclosing *in, const char *prefix,
                      struct rs_error *error);

static int add_group(struct rs_row_plan *p, const struct enclosing *in, const char *path,
                     const struct rs_schema *type, const struct rs_schema *record, struct rs_error *error)
{
    struct op *op = add_op(p, OP_GROUP, path);
    size_t index = p->op_count - 1;
    if (!op) {
        return no_memory(error);
    }
    op->null_branch = rs_schema_null_branch(type);
    struct enclosing inside = {.up = in, .record = record};
    int rc = add_record(p, &inside, path, error);
    p->ops[index].next = p->op_count;
    return rc;
}

static int add_field(struct rs_row_plan *p, const struct enclosing *in, const char *path,
                     const struct rs_schema_field *field, struct rs_error *error)
{
    const struct rs_mapping_rule *rule = rule_of(p, path);
    const char *column = rule && rule->column ? rule->column : path;
    const struct rs_schema *record = record_branch(field->type);
    struct form form;
    bool below = record && (supplied_below(p, path) || p->source == RS_ROW_PLAN_FIELDS);
    int rc = find_form(p, rule, &form, error);
    if (rc != 0) {
        return rc;
    }
    if (rule && rule->text) {
        return add_constant(p, path, field, rule->text, &form, error);
    }
    if (below && !encloses(in, record) && (!rule || !rule->column)) {
        return add_group(p, in, path, field->type, record, error);
    }
    if (p->given_count > 0 && !is_given(p, column)) {
        return add_fallback(p, path, field, column, error);
    }
    return add_cell(p, path, field, column, &form, error);
}

static int add_record(struct rs_row_plan *p, const struct enclosing *in, const char *prefix,
                      struct rs_error *error)
{
    const struct rs_schema *record = in->record;
    for (size_t i = 0; i < record->field_count; i++) {
        struct rs_buf path = {0};
        rs_buf_printf(&path, "%s%s%s", prefix, prefix[0] != '\0' ? "." : "", record->fields[i].name);
        const char *kept = path.failed ? NULL : rs_arena_slice(&p->arena, rs_buf_slice(&path));
        rs_buf_fini(&path);
        int rc = !kept ? no_memory(error) : add_field(p, in, kept, &record->fields[i], error);
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

static int check_columns(const struct rs_row_plan *p, struct rs_error *error)
{
    for (size_t i = 0; i < p->given_count; i++) {
        for (size_t k = 0; k < i; k++) {
            if (p->given[i].size > 0 && rs_slice_equal(p->given[i], p->given[k])) {
                char shown[RS_NAME_SHOWN_MAX + 1];
                rs_name_show(p->given[i], shown);
                return rs_fail(error, RS_EUSAGE, "the column \"%s\" is there twice", shown);
            }
        }
    }
    return 0;
}

static int list_unused(struct rs_row_plan *p, struct rs_error *error)
{
    size_t n = 0;
    p->unused = rs_arena_array(&p->arena, p->given_count + 1, sizeof *p->unused);
    if (!p->unused) {
        return no_memory(error);
    }
    for (size_t i = 0; i < p->given_count; i++) {
        char shown[RS_NAME_SHOWN_MAX + 1];
        rs_name_show(p->given[i], shown);
        if (!p->used[i] && !(p->unused[n++] = rs_arena_text(&p->arena, shown))) {
            return no_memory(error);
        }
    }
    return 0;
}

/* COLUMNS: a column's cell is the same in every row. FIELDS: the cells are the columns. */
static int place_columns(struct rs_row_plan *p, struct rs_error *error)
{
    p->where = rs_arena_array(&p->arena, p->column_count + 1, sizeof *p->where);
    if (!p->where) {
        return no_memory(error);
    }
    for (size_t c = 0; c < p->column_count; c++) {
        p->where[c] = (uint32_t)c;
        for (size_t i = 0; p->source == RS_ROW_PLAN_COLUMNS && i < p->given_count; i++) {
            if (given_equal(p->given[i], p->columns[c])) {
                p->where[c] = (uint32_t)i;
            }
        }
    }
    return 0;
}

static int build(struct rs_row_plan *p, struct rs_error *error)
{
    struct enclosing root = {.record = p->mapping->schema};
    int rc = check_columns(p, error);
    p->used = rs_arena_array(&p->arena, p->given_count + 1, sizeof *p->used);
    if (rc == 0 && !p->used) {
        rc = no_memory(error);
    }
    if (rc == 0) {
        rc = add_record(p, &root, "", error);
    }
    if (rc == 0 && p->missing.size > 0) {
        rs_buf_char(&p->missing, '\0');
        rs_buf_char(&p->advice, '\0');
        rc = p->missing.failed || p->advice.failed
                 ? no_memory(error)
                 : rs_fail(error, RS_EUSAGE,
                           "no column supplies: %s. Use --map FIELD=COLUMN or --const FIELD=VALUE%s",
                           (const char *)p->missing.data, (const char *)p->advice.data);
    }
    if (rc == 0) {
        rc = list_unused(p, error);
    }
    return rc == 0 ? place_columns(p, error) : rc;
}

int rs_row_plan_new(const struct rs_mapping *mapping, enum rs_row_plan_source source,
                    const struct rs_slice *columns, size_t count, struct rs_row_plan **out,
                    struct rs_error *error)
{
    struct rs_row_plan *p = calloc(1, sizeof *p);
    if (!p) {
        return no_memory(error);
    }
    p->mapping = mapping;
    p->source = source;
    p->given = columns;
    p->given_count = count;
    rs_encoder_init(&p->encoder);
    p->encoder.null_text = mapping->null_text;
    p->encoder.ignore_unknown = mapping->ignore_unknown;
    int rc = build(p, error);
    /* Constants are written as the command line writes them. */
    p->encoder.decimal_comma = mapping->decimal_comma;
    p->encoder.avro_json = mapping->avro_json;
    p->given = NULL; /* the caller's columns need not live on */
    p->given_count = 0;
    if (rc != 0) {
        rs_row_plan_free(&p);
        return rc;
    }
    *out = p;
    return 0;
}

void rs_row_plan_free(struct rs_row_plan **plan)
{
    struct rs_row_plan *p = *plan;
    if (!p) {
        return;
    }
    rs_encoder_fini(&p->encoder);
    rs_buf_fini(&p->missing);
    rs_buf_fini(&p->advice);
    rs_arena_fini(&p->arena);
    free(p->ops);
    free(p->columns);
    free(p);
    *plan = NULL;
}

/* ---- running ---- */

static bool key_is(const struct rs_cell *cell, const char *name, size_t size)
{
    return cell->name.size == size && memcmp(cell->name.data, name, size) == 0;
}

static uint32_t find_key(const struct rs_cell *cells, uint32_t object, const char *name, size_t size,
                         bool wrapped)
{
    for (uint32_t i = object + 1; i < cells[object].end; i = cells[i].end) {
        if (key_is(&cells[i], name, size)) {
            return i;
        }
    }
    /* A record in a union of Avro's JSON encoding is inside an object that names it: {"ns.Venue": {…}}. */
    uint32_t only = object + 1;
    return wrapped && only < cells[object].end && cells[only].end == cells[object].end &&
                   cells[only].kind == RS_CELL_OBJECT
               ? find_key(cells, only, name, size, false)
               : RS_ROW_PLAN_ABSENT;
}

/* The key as it is, else through objects by its dots. */
static uint32_t find_path(const struct rs_cell *cells, const char *name, bool avro_json)
{
    uint32_t found = find_key(cells, 0, name, strlen(name), false);
    uint32_t object = 0;
    const char *dot = strchr(name, '.');
    while (found == RS_ROW_PLAN_ABSENT && dot) {
        object = find_key(cells, object, name, (size_t)(dot - name), avro_json && object != 0);
        if (object == RS_ROW_PLAN_ABSENT || cells[object].kind != RS_CELL_OBJECT) {
            return RS_ROW_PLAN_ABSENT;
        }
        name = dot + 1;
        dot = strchr(name, '.');
        if (!dot) {
            found = find_key(cells, object, name, strlen(name), avro_json);
        }
    }
    return found;
}

static bool key_known(const struct rs_row_plan *p, const struct rs_cell *cell)
{
    for (size_t c = 0; c < p->column_count; c++) {
        const char *name = p->columns[c];
        if (strncmp(name, (const char *)cell->name.data, cell->name.size) == 0 &&
            (name[cell->name.size] == '\0' || name[cell->name.size] == '.')) {
            return true;
        }
    }
    return false;
}

static int unknown_key(struct rs_row_plan *p, const struct rs_cell *cell, uint32_t *at,
                       struct rs_error *error)
{
    char shown[RS_NAME_SHOWN_MAX + 1];
    rs_name_show(cell->name, shown);
    const char **names = calloc(p->column_count + 1, sizeof *names);
    const char *nearest = NULL;
    if (names) {
        memcpy(names, p->columns, p->column_count * sizeof *names);
        nearest = rs_nearest_name(shown, names);
    }
    *at = cell->at;
    if (nearest) {
        (void)rs_fail(error, RS_ERECORD, "no field takes the key \"%s\"; did you mean \"%s\"?", shown,
                      nearest);
    } else {
        (void)rs_fail(error, RS_ERECORD,
                      "no field takes the key \"%s\" (--ignore-unknown passes such keys by)", shown);
    }
    free(names);
    return RS_ERECORD;
}

/* Finds each column's cell. Objects mostly have their keys in the same order: the next sibling is tried
 * first. */
static int resolve(struct rs_row_plan *p, const struct rs_cell *cells, uint32_t *at, struct rs_error *error)
{
    uint32_t hint = 1;
    size_t children = 0;
    size_t direct = 0;
    for (size_t c = 0; c < p->column_count; c++) {
        const char *name = p->columns[c];
        uint32_t found = hint < cells[0].end && key_is(&cells[hint], name, strlen(name))
                             ? hint
                             : find_path(cells, name, p->mapping->avro_json);
        p->where[c] = found;
        if (found != RS_ROW_PLAN_ABSENT) {
            hint = cells[found].end;
            direct += key_is(&cells[found], name, strlen(name));
        }
    }
    for (uint32_t i = 1; i < cells[0].end; i = cells[i].end) {
        children++;
    }
    if (p->mapping->ignore_unknown || direct == children) {
        return 0;
    }
    for (uint32_t i = 1; i < cells[0].end; i = cells[i].end) {
        if (!key_known(p, &cells[i])) {
            return unknown_key(p, &cells[i], at, error);
        }
    }
    return 0;
}

/* A nullable record is null where columns supply it and every one of them is null or empty. */
static bool group_is_null(const struct rs_row_plan *p, const struct op *group, const struct rs_cell *cells)
{
    bool any = false;
    if (group->null_branch < 0) {
        return false;
    }
    for (const struct op *op = group + 1; op < p->ops + group->next; op++) {
        if (op->kind != OP_COLUMN) {
            continue;
        }
        uint32_t index = p->where[op->column];
        if (index != RS_ROW_PLAN_ABSENT && !rs_encode_is_null(&p->encoder, &cells[index])) {
            return false;
        }
        any = true;
    }
    return any;
}

static int refuse(struct rs_row_plan *p, const struct op *op, uint32_t *at, struct rs_error *error)
{
    const char *column = p->columns[op->column];
    *at = p->encoder.fault_at;
    if (strcmp(column, op->path) != 0) {
        char shown[RS_NAME_SHOWN_MAX + 1];
        rs_name_show(rs_slice_text(column), shown);
        return rs_error_prefix(error, "%s (column \"%s\")", op->path, shown);
    }
    return rs_error_prefix(error, "%s", op->path);
}

static int encode_column(struct rs_row_plan *p, const struct op *op, const struct rs_cell *cells,
                         struct rs_buf *out, uint32_t *at, struct rs_error *error)
{
    uint32_t index = p->where[op->column];
    const struct rs_cell *cell = index != RS_ROW_PLAN_ABSENT ? &cells[index] : NULL;
    int rc = 0;
    if (cell && cell->kind != RS_CELL_ABSENT &&
        !(op->empty_absent && cell->kind == RS_CELL_TEXT && cell->text.size == 0)) {
        p->encoder.time = &op->time;
        p->encoder.stored_times = op->stored_time;
        rc = rs_encode(&p->encoder, op->type, cells, index, out, error);
    } else if (op->bytes.data) {
        rs_put_raw(out, op->bytes);
    } else {
        p->encoder.fault_at = 0;
        rc = rs_fail(error, RS_ERECORD, "is missing");
    }
    return rc == RS_ERECORD ? refuse(p, op, at, error) : rc;
}

static int run_ops(struct rs_row_plan *p, const struct rs_cell *cells, struct rs_buf *out, uint32_t *at,
                   struct rs_error *error)
{
    for (size_t i = 0; i < p->op_count; i++) {
        const struct op *op = &p->ops[i];
        if (op->kind == OP_COLUMN) {
            int rc = encode_column(p, op, cells, out, at, error);
            if (rc != 0) {
                return rc;
            }
        } else if (op->kind == OP_BYTES) {
            rs_put_raw(out, op->bytes);
        } else if (group_is_null(p, op, cells)) {
            rs_put_long(out, op->null_branch);
            i = op->next - 1;
        } else if (op->null_branch >= 0) {
            rs_put_long(out, 1 - op->null_branch);
        }
    }
    return 0;
}

int rs_row_plan_encode(struct rs_row_plan *p, const struct rs_cell *cells, struct rs_buf *out, uint32_t *at,
                       struct rs_error *error)
{
    size_t start = out->size;
    int rc = 0;
    *at = 0;
    if (p->source == RS_ROW_PLAN_KEYS) {
        if (cells[0].kind != RS_CELL_OBJECT) {
            return rs_fail(error, RS_ERECORD, "a row is one JSON object per line, this is something else");
        }
        rc = resolve(p, cells, at, error);
    }
    if (rc == 0) {
        rc = run_ops(p, cells, out, at, error);
    }
    if (rc == 0 && out->failed) {
        rc = no_memory(error);
    }
    if (rc != 0) {
        out->size = start;
    }
    return rc;
}

const char *rs_row_plan_unused(const struct rs_row_plan *plan, size_t index)
{
    return plan->unused[index];
}

size_t rs_row_plan_column_count(const struct rs_row_plan *plan)
{
    return plan->column_count;
}

const char *rs_row_plan_column(const struct rs_row_plan *plan, size_t index)
{
    return plan->columns[index];
}
