/* differential: our decoder against libavro, on random schemas and random values.
 * For every value: what libavro writes, and the same value in other blocks, has to decode to the same fields
 * and the same JSON text as libavro's own value. Then the bytes are damaged: whatever the op list still
 * accepts, libavro has to accept with the same text, and the op list and the JSON writer have to agree on
 * everything they refuse. libavro is asked only where our decoder accepts: hostile counts make it hang or
 * leak. Usage: differential [--seed N] [--schemas N] [--values N] */
#include <avro.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "avro_random.h"
#include "json_check.h"
#include "schemas/program.h"
#include "schemas/program_place.h"

#define PATHS_MAX    64
#define WANTS_MAX    12
#define MESSAGE_MAX  ((size_t)1 << 20)
#define VALUE_NODES  60
#define SCHEMA_DEPTH 6

struct run {
    uint64_t seed;
    uint64_t schemas, values;
    struct rs_random random;
    /* of the schema at hand */
    uint64_t schema_seed;
    struct rs_schema_document *document;
    const struct rs_schema *schema;
    struct rs_program *program;
    struct rs_json_check *json; /* NULL: the schema does not suit it */
    struct rs_random json_random;
    char paths[PATHS_MAX][160];
    size_t path_count;
    const char *wants[WANTS_MAX];
    size_t want_count;
    avro_schema_t avro_schema;
    avro_value_iface_t *avro_class;
    avro_value_t value, again;
    avro_reader_t reader;
    /* what was done */
    uint64_t messages, mutants, accepted, odd_keys;
    uint8_t *bytes;
    struct rs_buf text, expected;
};

static void fault(const struct run *r, struct rs_slice message, const char *what)
{
    fprintf(stderr, "differential: %s\nseed %" PRIu64 ", schema number %" PRIu64 "\n%s\n", what, r->seed,
            r->schema_seed, !r->document ? "" : rs_schema_json(r->document));
    for (size_t i = 0; i < message.size; i++) {
        fprintf(stderr, "%02x", message.data[i]);
    }
    fprintf(stderr, "\n");
    exit(1);
}

/* ---- wanted fields ---- */

static void collect_paths(struct run *r, const struct rs_schema *schema, const char *prefix, unsigned depth)
{
    for (size_t i = 0; i < schema->field_count && r->path_count < PATHS_MAX; i++) {
        char path[160];
        snprintf(path, sizeof path, "%s%s%s", prefix, *prefix == '\0' ? "" : ".", schema->fields[i].name);
        struct rs_field_type type;
        struct rs_error error;
        if (rs_schema_field_type(r->schema, path, &type, &error) == 0) {
            snprintf(r->paths[r->path_count++], sizeof r->paths[0], "%s", path);
            continue;
        }
        const struct rs_schema *inner = schema->fields[i].type;
        for (size_t b = 0;
             inner->kind == RS_AVRO_UNION && inner->branch_count <= 2 && b < inner->branch_count; b++) {
            if (inner->branches[b]->kind == RS_AVRO_RECORD) {
                inner = inner->branches[b];
            }
        }
        if (inner->kind == RS_AVRO_RECORD && depth > 0) {
            collect_paths(r, inner, path, depth - 1);
        }
    }
}

static void choose_wants(struct run *r)
{
    r->path_count = 0;
    collect_paths(r, r->schema, "", 4);
    r->want_count = r->path_count == 0 ? 0 : rs_random_below(&r->random, WANTS_MAX + 1);
    for (size_t i = 0; i < r->want_count; i++) {
        r->wants[i] = r->paths[rs_random_below(&r->random, r->path_count)];
    }
    struct rs_error error;
    const struct rs_program_limits limits = {.depth = 64, .items = 2000};
    if (rs_program_compile(r->schema, r->wants, r->want_count, limits, &r->program, &error) != 0) {
        fault(r, (struct rs_slice){0}, error.text);
    }
    r->json = rs_json_check_new(r->schema, r->wants, r->want_count, limits);
    r->json_random.state = r->schema_seed;
}

/* Follows one path in libavro's value; false: null. A path that ends in another branch than the wanted one
 * cannot be, as only unions of one type and null are passed through. */
static bool follow(const struct rs_schema **schema, avro_value_t *value)
{
    while ((*schema)->kind == RS_AVRO_UNION) {
        int branch = 0;
        avro_value_t inside = {0};
        rs_avro_must(avro_value_get_discriminant(value, &branch), "get branch number");
        rs_avro_must(avro_value_get_current_branch(value, &inside), "get branch");
        *schema = (*schema)->branches[branch];
        *value = inside;
    }
    return (*schema)->kind != RS_AVRO_NULL;
}

static bool find_value(const struct run *r, const char *path, const struct rs_schema **schema,
                       avro_value_t *value)
{
    *schema = r->schema;
    *value = r->value;
    while (*path != '\0') {
        size_t size = strcspn(path, ".");
        size_t i = 0;
        while (strlen((*schema)->fields[i].name) != size ||
               memcmp((*schema)->fields[i].name, path, size) != 0) {
            i++;
        }
        avro_value_t field = {0};
        rs_avro_must(avro_value_get_by_index(value, i, &field, NULL), "get field");
        *schema = (*schema)->fields[i].type;
        *value = field;
        if (!follow(schema, value)) {
            return false;
        }
        path += size + (path[size] == '.');
    }
    return true;
}

static bool same_bytes(const struct rs_value *found, const void *bytes, size_t size)
{
    return found->kind == RS_VALUE_BYTES && rs_slice_equal(found->s, rs_slice_of(bytes, size));
}

static bool same_decimal(const struct rs_value *found, const void *bytes, size_t size)
{
    __int128 number = rs_avro_integer(bytes, size);
    bool wide = number != (int64_t)number;
    return found->kind == RS_VALUE_DECIMAL && found->wide == wide &&
           (wide ? found->w == number : found->i == (int64_t)number);
}

static bool same_long(const struct rs_schema *schema, const struct rs_value *found, int64_t number)
{
    switch (schema->logical) {
    case RS_LOGICAL_TIMESTAMP_MILLIS:
    case RS_LOGICAL_LOCAL_TIMESTAMP_MILLIS: {
        __int128 us = (__int128)number * 1000;
        us = us > INT64_MAX ? INT64_MAX : us < INT64_MIN ? INT64_MIN : us;
        return found->kind == RS_VALUE_TIME && found->i == us && found->nanos == 0;
    }
    case RS_LOGICAL_TIMESTAMP_MICROS:
        return found->kind == RS_VALUE_TIME && found->i == number && found->nanos == 0;
    case RS_LOGICAL_TIMESTAMP_NANOS:
        return found->kind == RS_VALUE_TIME && found->nanos < 1000 &&
               (__int128)found->i * 1000 + found->nanos == number;
    default: return found->kind == RS_VALUE_INT && found->i == number;
    }
}

static bool same_double(const struct rs_value *found, double number)
{
    return found->kind == RS_VALUE_DOUBLE &&
           (memcmp(&found->d, &number, sizeof number) == 0 || (number != number && found->d != found->d));
}

static bool same_number(const struct rs_schema *schema, const avro_value_t *value,
                        const struct rs_value *found)
{
    int i = 0;
    int32_t i32 = 0;
    int64_t l = 0;
    float f = 0;
    double d = 0;
    switch (schema->kind) {
    case RS_AVRO_BOOLEAN:
        rs_avro_must(avro_value_get_boolean(value, &i), "get boolean");
        return found->kind == RS_VALUE_BOOLEAN && found->i == i;
    case RS_AVRO_ENUM:
        rs_avro_must(avro_value_get_enum(value, &i), "get enum");
        return found->kind == RS_VALUE_INT && found->i == i;
    case RS_AVRO_INT:
        rs_avro_must(avro_value_get_int(value, &i32), "get int");
        return found->kind == RS_VALUE_INT && found->i == i32;
    case RS_AVRO_LONG:
        rs_avro_must(avro_value_get_long(value, &l), "get long");
        return same_long(schema, found, l);
    case RS_AVRO_FLOAT:
        rs_avro_must(avro_value_get_float(value, &f), "get float");
        return same_double(found, (double)f);
    default: rs_avro_must(avro_value_get_double(value, &d), "get double"); return same_double(found, d);
    }
}

static bool same_value(const struct rs_schema *schema, const avro_value_t *value,
                       const struct rs_value *found)
{
    const void *bytes = NULL;
    const char *text = NULL;
    size_t size = 0;
    switch (schema->kind) {
    case RS_AVRO_STRING:
        rs_avro_must(avro_value_get_string(value, &text, &size), "get string");
        return same_bytes(found, text, size - 1);
    case RS_AVRO_BYTES: rs_avro_must(avro_value_get_bytes(value, &bytes, &size), "get bytes"); break;
    case RS_AVRO_FIXED: rs_avro_must(avro_value_get_fixed(value, &bytes, &size), "get fixed"); break;
    default: return same_number(schema, value, found);
    }
    return schema->logical == RS_LOGICAL_DECIMAL ? same_decimal(found, bytes, size)
                                                 : same_bytes(found, bytes, size);
}

static void check_slots(struct run *r, struct rs_slice message, const struct rs_value *values)
{
    for (size_t i = 0; i < r->want_count; i++) {
        const struct rs_schema *schema = NULL;
        avro_value_t value = {0};
        bool present = find_value(r, r->wants[i], &schema, &value);
        if (present ? !same_value(schema, &value, &values[i]) : values[i].kind != RS_VALUE_NULL) {
            fault(r, message, r->wants[i]);
        }
    }
}

/* ---- messages ---- */

/* Runs both of ours; they have to agree. The message is copied to memory that ends where it ends. */
static bool accepts(struct run *r, struct rs_slice message, struct rs_value *values)
{
    uint8_t *exact = r->bytes + MESSAGE_MAX - message.size;
    if (message.size > 0) {
        memcpy(exact, message.data, message.size);
    }
    enum rs_reason reason = rs_program_run(r->program, rs_slice_of(exact, message.size), values, NULL);
    rs_buf_reset(&r->text);
    enum rs_reason json_reason =
        rs_program_json(r->program, rs_slice_of(exact, message.size), &r->text, NULL);
    struct rs_place place;
    enum rs_reason place_reason =
        rs_program_visit(r->program, rs_slice_of(exact, message.size), NULL, &place);
    if (reason != json_reason || reason != place_reason) {
        char what[160];
        snprintf(what, sizeof what, "the op list says %s, the JSON writer %s, the walk for the place %s",
                 rs_reason_name(reason), rs_reason_name(json_reason), rs_reason_name(place_reason));
        fault(r, message, what);
    }
    return reason == RS_REASON_NONE;
}

static void check_good(struct run *r, struct rs_slice message)
{
    struct rs_value values[WANTS_MAX];
    r->messages++;
    if (!accepts(r, message, values)) {
        fault(r, message, "a good message is refused");
    }
    check_slots(r, message, values);
    if (!rs_slice_equal(rs_buf_slice(&r->text), rs_buf_slice(&r->expected))) {
        rs_buf_char(&r->expected, '\0');
        rs_buf_char(&r->text, '\0');
        fprintf(stderr, "expected %s\nfound    %s\n", (const char *)r->expected.data,
                (const char *)r->text.data);
        fault(r, message, "the texts differ");
    }
    const char *json_fault =
        !r->json ? NULL : rs_json_check_run(r->json, &r->json_random, rs_buf_slice(&r->text), values);
    if (json_fault) {
        fprintf(stderr, "%.*s\n", (int)r->text.size, (const char *)r->text.data);
        fault(r, message, json_fault);
    }
}

/* libavro keeps one value for a key that comes twice, and ends a key at its first NUL; then there is nothing
 * to compare. jansson knows both cases. */
static bool has_odd_keys(const struct rs_buf *text)
{
    json_error_t fault_at;
    /* Integers beyond 64 bits are not for jansson: reals are, and the digits do not matter here. */
    json_t *json = json_loadb(
        (const char *)text->data, text->size,
        JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, &fault_at);
    enum json_error_code code = !json ? json_error_code(&fault_at) : json_error_unknown;
    json_decref(json);
    return code == json_error_duplicate_key || code == json_error_null_byte_in_key;
}

static void check_accepted_mutant(struct run *r, struct rs_slice message)
{
    r->accepted++;
    avro_reader_memory_set_source(r->reader, (const char *)message.data, (int64_t)message.size);
    rs_avro_must(avro_value_reset(&r->again), "reset");
    if (avro_value_read(r->reader, &r->again) != 0) {
        fprintf(stderr, "libavro: %s\n", avro_strerror());
        fault(r, message, "libavro refuses what we accept");
    }
    rs_buf_reset(&r->expected);
    rs_avro_text(r->schema, &r->again, &r->expected);
    if (rs_slice_equal(rs_buf_slice(&r->text), rs_buf_slice(&r->expected))) {
        return;
    }
    if (!has_odd_keys(&r->text)) {
        fault(r, message, "libavro reads other values from a damaged message");
    }
    r->odd_keys++;
}

static size_t damage(struct run *r, uint8_t *bytes, size_t size)
{
    static const uint8_t edges[] = {0x00, 0x01, 0x02, 0x7f, 0x80, 0x81, 0xfe, 0xff};
    size_t at = size == 0 ? 0 : rs_random_below(&r->random, size);
    switch (rs_random_below(&r->random, size == 0 ? 1 : 6)) {
    case 0: /* one more */
        memmove(bytes + at + 1, bytes + at, size - at);
        bytes[at] = (uint8_t)rs_random_next(&r->random);
        return size + 1;
    case 1: /* one less */ memmove(bytes + at, bytes + at + 1, size - at - 1); return size - 1;
    case 2: /* cut */ return at;
    case 3: bytes[at] ^= (uint8_t)(1U << rs_random_below(&r->random, 8)); return size;
    case 4: bytes[at] = edges[rs_random_below(&r->random, sizeof edges)]; return size;
    default: bytes[at] = (uint8_t)rs_random_next(&r->random); return size;
    }
}

static void check_mutant(struct run *r, struct rs_slice message)
{
    static uint8_t bytes[MESSAGE_MAX + 16];
    struct rs_value values[WANTS_MAX];
    if (message.size > 0) {
        memcpy(bytes, message.data, message.size);
    }
    size_t size = message.size;
    for (uint64_t changes = 1 + rs_random_below(&r->random, 3); changes > 0; changes--) {
        size = damage(r, bytes, size);
    }
    r->mutants++;
    if (accepts(r, rs_slice_of(bytes, size), values)) {
        check_accepted_mutant(r, rs_slice_of(bytes, size));
    }
}

static void check_value(struct run *r)
{
    static char written[MESSAGE_MAX];
    rs_avro_must(avro_value_reset(&r->value), "reset");
    rs_random_value(&r->random, r->schema, &r->value, VALUE_NODES);
    avro_writer_t writer = avro_writer_memory(written, sizeof written);
    rs_avro_must(avro_value_write(writer, &r->value), "write");
    struct rs_slice message = rs_slice_of(written, (size_t)avro_writer_tell(writer));
    avro_writer_free(writer);
    rs_buf_reset(&r->expected);
    rs_avro_text(r->schema, &r->value, &r->expected);
    check_good(r, message);
    struct rs_buf blocks = {0};
    rs_random_encode(&r->random, r->schema, &r->value, &blocks);
    check_good(r, rs_buf_slice(&blocks));
    for (int i = 0; i < 2; i++) {
        check_mutant(r, i == 0 ? message : rs_buf_slice(&blocks));
    }
    rs_buf_fini(&blocks);
}

/* ---- schemas ---- */

static void open_schema(struct run *r)
{
    struct rs_buf json = {0};
    struct rs_error error;
    rs_random_schema(&r->random, SCHEMA_DEPTH, &json);
    if (json.failed ||
        rs_schema_parse("random", (const char *)json.data, json.size, &r->document, &error) != 0) {
        fprintf(stderr, "%s\n%s\n", json.failed ? "out of memory" : error.text, (const char *)json.data);
        exit(1);
    }
    r->schema = rs_schema_root(r->document);
    rs_avro_must(avro_schema_from_json_length((const char *)json.data, json.size, &r->avro_schema), "schema");
    r->avro_class = avro_generic_class_from_schema(r->avro_schema);
    rs_avro_must(!r->avro_class, "class");
    rs_avro_must(avro_generic_value_new(r->avro_class, &r->value), "new value");
    rs_avro_must(avro_generic_value_new(r->avro_class, &r->again), "new value");
    rs_buf_fini(&json);
    choose_wants(r);
}

static void close_schema(struct run *r)
{
    avro_value_decref(&r->value);
    avro_value_decref(&r->again);
    avro_value_iface_decref(r->avro_class);
    avro_schema_decref(r->avro_schema);
    rs_program_free(&r->program);
    rs_json_check_free(&r->json);
    rs_schema_free(&r->document);
}

static uint64_t number_argument(int argc, char **argv, const char *name, uint64_t fallback)
{
    for (int i = 1; i + 1 < argc; i++) {
        if (strcmp(argv[i], name) == 0) {
            return strtoull(argv[i + 1], NULL, 10);
        }
    }
    return fallback;
}

int main(int argc, char **argv)
{
    static struct run run;
    run.seed = number_argument(argc, argv, "--seed", 1);
    run.schemas = number_argument(argc, argv, "--schemas", 200);
    run.values = number_argument(argc, argv, "--values", 1000);
    run.bytes = malloc(MESSAGE_MAX);
    run.reader = avro_reader_memory("", 0);
    if (!run.bytes || !run.reader) {
        fprintf(stderr, "differential: out of memory\n");
        return 2;
    }
    printf("differential: seed %" PRIu64 "\n", run.seed);
    for (uint64_t i = 0; i < run.schemas; i++) {
        run.schema_seed = i;
        run.random.state = run.seed * 1000003 + i;
        open_schema(&run);
        for (uint64_t v = 0; v < run.values; v++) {
            check_value(&run);
        }
        close_schema(&run);
    }
    printf("differential: %" PRIu64 " schemas, %" PRIu64 " messages equal; %" PRIu64
           " damaged, of which %" PRIu64 " were accepted and %" PRIu64 " had keys that libavro cannot hold\n",
           run.schemas, run.messages, run.mutants, run.accepted, run.odd_keys);
    uint64_t json[3];
    rs_json_check_counts(json);
    printf("differential: %" PRIu64 " of the messages equal as JSON; %" PRIu64
           " damaged texts, of which %" PRIu64 " were accepted, by jansson too\n",
           json[0], json[1], json[2]);
    avro_reader_free(run.reader);
    rs_buf_fini(&run.text);
    rs_buf_fini(&run.expected);
    free(run.bytes);
    return run.accepted > 0 && json[2] > 0 ? 0 : 1;
}
