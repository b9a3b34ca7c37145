#include "ingest/encode/encode.h"

#include <stdlib.h>
#include <string.h>

#include "base/config/config.h"
#include "ingest/encode/json.h"
#include "ingest/encode/put.h"

void rs_encoder_init(struct rs_encoder *encoder)
{
    static const struct rs_time_rule iso = {.kind = RS_TIME_RULE_ISO};
    *encoder = (struct rs_encoder){.time = &iso};
}

void rs_encoder_fini(struct rs_encoder *encoder)
{
    rs_json_free(&encoder->json);
}

long rs_schema_null_branch(const struct rs_schema *type)
{
    for (size_t i = 0; type->kind == RS_AVRO_UNION && i < type->branch_count; i++) {
        if (type->branches[i]->kind == RS_AVRO_NULL) {
            return (long)i;
        }
    }
    return -1;
}

static const char *cell_kind_name(const struct rs_cell *cell)
{
    static const char *const names[] = {
        [RS_CELL_ABSENT] = "nothing",   [RS_CELL_NULL] = "null",           [RS_CELL_TEXT] = "a text",
        [RS_CELL_STRING] = "a string",  [RS_CELL_NUMBER] = "a number",     [RS_CELL_BOOLEAN] = "a boolean",
        [RS_CELL_OBJECT] = "an object", [RS_CELL_ARRAY] = "an array",      [RS_CELL_INT64] = "an integer",
        [RS_CELL_DOUBLE] = "a double",  [RS_CELL_TIME] = "a time",         [RS_CELL_BYTES] = "bytes",
        [RS_CELL_UTF8] = "a string",    [RS_CELL_FLOAT] = "a float",       [RS_CELL_NANOS] = "a time",
        [RS_CELL_DATE] = "a date",      [RS_CELL_CLOCK] = "a time of day",
    };
    return names[cell->kind];
}

static int wrong_kind(struct rs_encoder *e, const struct rs_cell *cell, const char *wanted,
                      struct rs_error *error)
{
    e->fault_at = cell->at;
    return rs_fail(error, RS_ERECORD, "%s is needed, this is %s", wanted, cell_kind_name(cell));
}

/* ---- containers ---- */

static bool is_scalar(const struct rs_schema *type)
{
    return type->kind != RS_AVRO_ARRAY && type->kind != RS_AVRO_MAP && type->kind != RS_AVRO_RECORD &&
           type->kind != RS_AVRO_UNION;
}

static size_t count_children(const struct rs_cell *cells, size_t index)
{
    size_t n = 0;
    for (size_t i = index + 1; i < cells[index].end; i = cells[i].end) {
        n++;
    }
    return n;
}

/* Array items and map entries: one block with the count, then the end mark. */
static int encode_items(struct rs_encoder *e, const struct rs_schema *type, const struct rs_cell *cells,
                        size_t index, struct rs_buf *out, struct rs_error *error)
{
    bool map = type->kind == RS_AVRO_MAP;
    if (cells[index].kind != (map ? RS_CELL_OBJECT : RS_CELL_ARRAY)) {
        return wrong_kind(e, &cells[index], map ? "a JSON object" : "a JSON array", error);
    }
    size_t count = count_children(cells, index);
    if (count > 0) {
        rs_put_long(out, (int64_t)count);
    }
    for (size_t i = index + 1; i < cells[index].end; i = cells[i].end) {
        if (map) {
            rs_put_bytes(out, cells[i].name);
        }
        int rc = rs_encode(e, type->items, cells, i, out, error);
        if (rc != 0) {
            return rc;
        }
    }
    rs_put_long(out, 0);
    return 0;
}

static bool named(const struct rs_cell *cell, const char *name)
{
    return strncmp((const char *)cell->name.data, name, cell->name.size) == 0 &&
           name[cell->name.size] == '\0';
}

/* Members mostly come in the order of the schema: `hint` is where the one before ended. SIZE_MAX: none. */
static size_t find_member(const struct rs_cell *cells, size_t index, const char *name, size_t hint)
{
    if (hint < cells[index].end && named(&cells[hint], name)) {
        return hint;
    }
    for (size_t i = index + 1; i < cells[index].end; i = cells[i].end) {
        if (named(&cells[i], name)) {
            return i;
        }
    }
    return SIZE_MAX;
}

static const struct rs_schema_field *find_field(const struct rs_schema *type, const struct rs_cell *cell)
{
    for (size_t i = 0; i < type->field_count; i++) {
        if (named(cell, type->fields[i].name)) {
            return &type->fields[i];
        }
    }
    return NULL;
}

static const char *nearest_field(const struct rs_schema *type, const char *name)
{
    const char **names = calloc(type->field_count + 1, sizeof *names);
    if (!names) {
        return NULL;
    }
    for (size_t i = 0; i < type->field_count; i++) {
        names[i] = type->fields[i].name;
    }
    const char *nearest = rs_nearest_name(name, names);
    free(names);
    return nearest;
}

static int unknown_member(struct rs_encoder *e, const struct rs_schema *type, const struct rs_cell *cell,
                          struct rs_error *error)
{
    char shown[RS_NAME_SHOWN_MAX + 1];
    rs_name_show(cell->name, shown);
    const char *nearest = nearest_field(type, shown);
    e->fault_at = cell->at;
    if (nearest) {
        return rs_fail(error, RS_ERECORD, "no field takes the key \"%s\"; did you mean \"%s\"?", shown,
                       nearest);
    }
    return rs_fail(error, RS_ERECORD, "no field takes the key \"%s\" (--ignore-unknown passes such keys by)",
                   shown);
}

/* A member that is absent takes the field's default, or else null where its type has that. */
static int encode_member(struct rs_encoder *e, const struct rs_schema_field *field,
                         const struct rs_cell *cells, size_t index, size_t member, struct rs_buf *out,
                         struct rs_error *error)
{
    int rc = 0;
    if (member != SIZE_MAX) {
        rc = rs_encode(e, field->type, cells, member, out, error);
    } else if (field->has_default) {
        return rs_encode_default(e, field, out, error);
    } else if (rs_schema_null_branch(field->type) >= 0) {
        rs_put_long(out, rs_schema_null_branch(field->type));
    } else {
        e->fault_at = cells[index].at;
        rc = rs_fail(error, RS_ERECORD, "is missing");
    }
    if (rc != 0) {
        (void)rs_error_prefix(error, "%s", field->name);
    }
    return rc;
}

/* Members mostly come in the order of the fields, so each is first looked for behind the last one. Only
 * where some are left over is it worth asking which. */
static int encode_record(struct rs_encoder *e, const struct rs_schema *type, const struct rs_cell *cells,
                         size_t index, struct rs_buf *out, struct rs_error *error)
{
    if (cells[index].kind != RS_CELL_OBJECT) {
        return wrong_kind(e, &cells[index], "a JSON object", error);
    }
    size_t taken = 0;
    size_t hint = index + 1;
    for (size_t i = 0; i < type->field_count; i++) {
        size_t member = find_member(cells, index, type->fields[i].name, hint);
        if (member != SIZE_MAX) {
            taken++;
            hint = cells[member].end;
        }
        int rc = encode_member(e, &type->fields[i], cells, index, member, out, error);
        if (rc != 0) {
            return rc;
        }
    }
    if (taken == count_children(cells, index) || e->ignore_unknown) {
        return 0;
    }
    for (size_t i = index + 1; i < cells[index].end; i = cells[i].end) {
        if (!find_field(type, &cells[i])) {
            return unknown_member(e, type, &cells[i], error);
        }
    }
    return 0;
}

/* ---- unions ---- */

/* A branch whose own JSON form the cell has, so that nothing needs to be read into it. */
static bool suits(const struct rs_schema *type, const struct rs_cell *cell)
{
    bool plain = type->logical == RS_LOGICAL_NONE;
    bool clock = type->logical == RS_LOGICAL_TIME_MILLIS || type->logical == RS_LOGICAL_TIME_MICROS;
    bool number = type->logical == RS_LOGICAL_DECIMAL || type->logical == RS_LOGICAL_UUID;
    switch ((enum rs_cell_kind)cell->kind) {
    case RS_CELL_UTF8:
    case RS_CELL_STRING: return type->kind == RS_AVRO_STRING || type->kind == RS_AVRO_ENUM || !plain;
    case RS_CELL_NUMBER:
        return (plain && (type->kind == RS_AVRO_INT || type->kind == RS_AVRO_LONG)) ||
               type->kind == RS_AVRO_FLOAT || type->kind == RS_AVRO_DOUBLE ||
               type->logical == RS_LOGICAL_DECIMAL;
    case RS_CELL_BOOLEAN: return type->kind == RS_AVRO_BOOLEAN;
    case RS_CELL_OBJECT: return type->kind == RS_AVRO_RECORD || type->kind == RS_AVRO_MAP;
    case RS_CELL_ARRAY: return type->kind == RS_AVRO_ARRAY;
    case RS_CELL_INT64: return plain && (type->kind == RS_AVRO_INT || type->kind == RS_AVRO_LONG);
    case RS_CELL_FLOAT:
    case RS_CELL_DOUBLE: return type->kind == RS_AVRO_DOUBLE || type->kind == RS_AVRO_FLOAT;
    case RS_CELL_BYTES: return plain && (type->kind == RS_AVRO_BYTES || type->kind == RS_AVRO_FIXED);
    case RS_CELL_TIME:
    case RS_CELL_NANOS: return !plain && !number && !clock && type->logical != RS_LOGICAL_DATE;
    case RS_CELL_DATE: return type->logical == RS_LOGICAL_DATE;
    case RS_CELL_CLOCK: return clock;
    case RS_CELL_TEXT: return is_scalar(type);
    case RS_CELL_ABSENT:
    case RS_CELL_NULL: break;
    }
    return false;
}

/* The same of a default in a schema, which is of the first branch that it is a value of. */
static bool default_suits(const struct rs_schema *type, const struct rs_cell *cell)
{
    bool integer = type->kind == RS_AVRO_INT || type->kind == RS_AVRO_LONG;
    switch ((enum rs_cell_kind)cell->kind) {
    case RS_CELL_STRING:
        return type->kind == RS_AVRO_STRING || type->kind == RS_AVRO_ENUM || type->kind == RS_AVRO_BYTES ||
               type->kind == RS_AVRO_FIXED;
    case RS_CELL_NUMBER:
        return type->kind == RS_AVRO_FLOAT || type->kind == RS_AVRO_DOUBLE ||
               (integer && !memchr(cell->text.data, '.', cell->text.size) &&
                !memchr(cell->text.data, 'e', cell->text.size) &&
                !memchr(cell->text.data, 'E', cell->text.size));
    default: return suits(type, cell);
    }
}

static bool try_branch(struct rs_encoder *e, const struct rs_schema *type, size_t branch,
                       const struct rs_cell *cells, size_t index, struct rs_buf *out)
{
    struct rs_error ignored;
    size_t start = out->size;
    rs_put_long(out, (int64_t)branch);
    if (rs_encode(e, type->branches[branch], cells, index, out, &ignored) == 0) {
        return true;
    }
    out->size = start;
    return false;
}

static int encode_choice(struct rs_encoder *e, const struct rs_schema *type, const struct rs_cell *cells,
                         size_t index, struct rs_buf *out, struct rs_error *error)
{
    for (int any = 0; any <= !e->schema_defaults; any++) {
        for (size_t i = 0; i < type->branch_count; i++) {
            const struct rs_schema *branch = type->branches[i];
            bool suited =
                e->schema_defaults ? default_suits(branch, &cells[index]) : suits(branch, &cells[index]);
            if (branch->kind != RS_AVRO_NULL && suited != (any == 1) &&
                try_branch(e, type, i, cells, index, out)) {
                return 0;
            }
        }
    }
    e->fault_at = cells[index].at;
    return rs_fail(error, RS_ERECORD, "no branch of the union takes this value");
}

/* {"string": …}: what Avro's JSON encoding makes of a value of a union. */
static bool is_wrapped(const struct rs_schema *branch, const struct rs_cell *cells, size_t index)
{
    return cells[index].kind == RS_CELL_OBJECT && index + 1 < cells[index].end &&
           cells[index + 1].end == cells[index].end &&
           named(&cells[index + 1], rs_schema_branch_name(branch));
}

/* The branch that such an object names, where no branch could have it as its value; -1: none. */
static long sure_branch(const struct rs_schema *type, const struct rs_cell *cells, size_t index)
{
    long found = -1;
    for (size_t i = 0; i < type->branch_count; i++) {
        const struct rs_schema *branch = type->branches[i];
        if (cells[index].kind != RS_CELL_OBJECT || branch->kind == RS_AVRO_MAP) {
            return -1;
        }
        found = is_wrapped(branch, cells, index) ? (long)i : found;
    }
    for (size_t i = 0; found >= 0 && i < type->branch_count; i++) {
        if (type->branches[i]->kind == RS_AVRO_RECORD && find_field(type->branches[i], &cells[index + 1])) {
            return -1;
        }
    }
    return found;
}

static int encode_wrapped(struct rs_encoder *e, const struct rs_schema *type, size_t branch,
                          const struct rs_cell *cells, size_t index, struct rs_buf *out,
                          struct rs_error *error)
{
    const struct rs_schema *inner = type->branches[branch];
    if (!e->avro_json && inner->logical == RS_LOGICAL_DECIMAL && cells[index + 1].kind == RS_CELL_STRING) {
        e->fault_at = cells[index + 1].at;
        return rs_fail(
            error, RS_ERECORD,
            "is a decimal in Avro's JSON encoding, which holds its bytes; --format avro-json reads it");
    }
    rs_put_long(out, (int64_t)branch);
    return rs_encode(e, inner, cells, index + 1, out, error);
}

static int encode_avro_json_union(struct rs_encoder *e, const struct rs_schema *type,
                                  const struct rs_cell *cells, size_t index, struct rs_buf *out,
                                  struct rs_error *error)
{
    const char *example = NULL;
    long null_branch = rs_schema_null_branch(type);
    if (null_branch >= 0 && rs_encode_is_null(e, &cells[index])) {
        rs_put_long(out, null_branch);
        return 0;
    }
    for (size_t i = 0; i < type->branch_count; i++) {
        if (is_wrapped(type->branches[i], cells, index)) {
            return encode_wrapped(e, type, i, cells, index, out, error);
        }
        example = example || (long)i == null_branch ? example : rs_schema_branch_name(type->branches[i]);
    }
    e->fault_at = cells[index].at;
    return rs_fail(
        error, RS_ERECORD,
        "is no value of a union in Avro's JSON encoding, such as {\"%s\": …}%s; --format ndjson reads "
        "values without the name of their branch",
        example ? example : "null", null_branch >= 0 ? " or null" : "");
}

static int encode_union(struct rs_encoder *e, const struct rs_schema *type, const struct rs_cell *cells,
                        size_t index, struct rs_buf *out, struct rs_error *error)
{
    long null_branch = rs_schema_null_branch(type);
    if (e->avro_json) {
        return encode_avro_json_union(e, type, cells, index, out, error);
    }
    if (null_branch >= 0 && rs_encode_is_null(e, &cells[index])) {
        rs_put_long(out, null_branch);
        return 0;
    }
    long named_branch = e->schema_defaults ? -1 : sure_branch(type, cells, index);
    if (named_branch >= 0) {
        return encode_wrapped(e, type, (size_t)named_branch, cells, index, out, error);
    }
    size_t others = type->branch_count - (null_branch >= 0);
    if (others != 1) {
        return encode_choice(e, type, cells, index, out, error);
    }
    size_t branch = null_branch == 0 ? 1 : 0;
    rs_put_long(out, (int64_t)branch);
    return rs_encode(e, type->branches[branch], cells, index, out, error);
}

/* ---- entry ---- */

/* An array, map or record in a cell of text is JSON. Positions inside it are given as the cell's own. */
static int encode_embedded(struct rs_encoder *e, const struct rs_schema *type, const struct rs_cell *cell,
                           struct rs_buf *out, struct rs_error *error)
{
    const struct rs_cell *inner = NULL;
    size_t at = 0;
    int rc = 0;
    if (!e->json) {
        rc = rs_json_new(&e->json, error);
    }
    if (rc == 0) {
        rc = rs_json_parse(e->json, cell->text, &inner, &at, error);
    }
    if (rc == 0) {
        rc = rs_encode(e, type, inner, 0, out, error);
    }
    e->fault_at = cell->at;
    return rc;
}

int rs_encode(struct rs_encoder *e, const struct rs_schema *type, const struct rs_cell *cells, size_t index,
              struct rs_buf *out, struct rs_error *error)
{
    if (is_scalar(type)) {
        return rs_encode_scalar(e, type, &cells[index], out, error);
    }
    if (type->kind == RS_AVRO_UNION) {
        return encode_union(e, type, cells, index, out, error);
    }
    if (cells[index].kind == RS_CELL_TEXT) {
        return encode_embedded(e, type, &cells[index], out, error);
    }
    return type->kind == RS_AVRO_RECORD ? encode_record(e, type, cells, index, out, error)
                                        : encode_items(e, type, cells, index, out, error);
}

int rs_encode_default(struct rs_encoder *e, const struct rs_schema_field *field, struct rs_buf *out,
                      struct rs_error *error)
{
    struct rs_encoder plain;
    struct rs_cell cell = {.kind = RS_CELL_TEXT, .at = 0, .end = 1};
    cell.text = rs_slice_text(field->default_json);
    rs_encoder_init(&plain);
    plain.schema_defaults = true;
    plain.fault_at = e->fault_at;
    int rc = encode_embedded(&plain, field->type, &cell, out, error);
    rs_encoder_fini(&plain);
    return rc;
}
