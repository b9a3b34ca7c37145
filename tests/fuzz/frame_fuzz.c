/* Framing, of Avro and of JSON: byte 0 says framing (2 bits), own schema (2 bits), and whether a registry is asked (1 bit); the rest is a
 * message. Splitting and prefixes agree; the decoder judges what is behind a prefix as it is, and looking into a message
 * as decoding it; what a registry knows is judged alike however full the table is, and needs to be asked for once. */
#include "schemas/decoder.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/wants.h"

#define FIELD(name, type) "{\"name\":\"" name "\",\"type\":" type "}"
#define RECORD(fields)    "{\"type\":\"record\",\"name\":\"T\",\"fields\":[" fields "]}"

/* Those that the configuration knows, all versions of one. */
static const char *const texts[] = {RECORD(FIELD("a", "\"int\"") "," FIELD("b", "\"string\"")),
                                    RECORD(FIELD("b", "\"bytes\"") "," FIELD("a", "\"int\"")),
                                    RECORD(FIELD("a", "\"string\"") "," FIELD("b", "\"string\"")),
                                    RECORD(FIELD("b", "\"string\"") "," FIELD("a", "[\"int\",\"null\"]"))};
enum { SCHEMAS = sizeof texts / sizeof texts[0], FIRST_ID = 2 };

/* What the registry has: of every fourth id one of these. */
static const char learned_text[] =
    RECORD(FIELD("c", "\"double\"") "," FIELD("a", "\"int\"") "," FIELD("b", "\"string\""));
static const char foreign_text[] = "{\"type\":\"record\",\"name\":\"U\",\"fields\":[]}";

static const char *const paths[] = {"a", "b"};
enum { PATHS = sizeof paths / sizeof paths[0] };

struct subject {
    struct rs_decoder *decoders[4][2]; /* by framing; [1] learns */
    struct rs_program *programs[SCHEMAS];
    struct rs_program *learned;
    bool open;
};

static struct rs_schema_document *documents[SCHEMAS + 1];
static struct rs_frame_registry *registry;
static struct rs_decoder *json_decoders[4]; /* by framing */
static struct subject subjects[SCHEMAS];
static const struct rs_registry_reader *reader;
static struct rs_registry_key asked;
static size_t questions;

static void must(int code, const struct rs_error *error)
{
    rs_fuzz_require(code == 0, error->text);
}

static void ask(void *self, const struct rs_registry_reader *asker, const struct rs_registry_key *key)
{
    (void)self;
    reader = asker;
    asked = *key;
    questions++;
}

static void why(void *self, const struct rs_registry_reader *asker, const struct rs_registry_key *key,
                struct rs_error *out)
{
    (void)self;
    (void)asker;
    (void)rs_fail(out, RS_EIO, "%u", (unsigned)key->id);
}

static void hear(void *self, enum rs_log_level level, const char *text)
{
    (void)self;
    rs_fuzz_require(level <= RS_LOG_DEBUG && text[0] != '\0', "a report says nothing");
}

static void open_schemas(void)
{
    struct rs_error error = {0};
    must(rs_frame_registry_new(&registry, &error), &error);
    for (size_t i = 0; i <= SCHEMAS; i++) {
        const char *text = i < SCHEMAS ? texts[i] : learned_text;
        size_t number = 0;
        must(rs_schema_parse("fuzz", text, strlen(text), &documents[i], &error), &error);
        if (i < SCHEMAS) {
            must(rs_frame_add(registry, rs_schema_root(documents[i]), &number, &error), &error);
            must(rs_frame_add_id(registry, (uint32_t)(FIRST_ID + i), number, &error), &error);
        }
    }
}

static void open_decoder(struct subject *s, size_t own, enum rs_framing framing, size_t learns)
{
    static const struct rs_registry_asker asker = {.ask = ask, .why = why};
    const struct rs_report report = {.call = hear};
    struct rs_error error = {0};
    must(rs_decoder_new(registry, framing, own, paths, PATHS, RS_PROGRAM_LIMITS_DEFAULT,
                        &s->decoders[framing][learns], &error),
         &error);
    if (learns) {
        must(rs_decoder_learn(s->decoders[framing][1], &asker, paths, "fuzz", report, &error), &error);
    }
}

static void open_json(enum rs_framing framing)
{
    const struct rs_json_options options = {.refuse_unknown = false};
    struct rs_error error = {0};
    must(rs_decoder_new_json(rs_schema_root(documents[0]), framing, paths, PATHS, RS_PROGRAM_LIMITS_DEFAULT,
                             &options, &json_decoders[framing], &error),
         &error);
}

static struct rs_program *resolve(size_t writer, size_t own)
{
    struct rs_program *program = NULL;
    struct rs_error error = {0};
    int code = rs_program_resolve(rs_schema_root(documents[writer]), rs_schema_root(documents[own]), paths,
                                  PATHS, RS_PROGRAM_LIMITS_DEFAULT, &program, &error);
    rs_fuzz_require(code == 0 || code == RS_ESCHEMA, error.text);
    return program;
}

static void open_subject(struct subject *s, size_t own)
{
    for (unsigned framing = RS_FRAMING_AUTO; framing <= RS_FRAMING_SINGLE_OBJECT; framing++) {
        open_decoder(s, own, (enum rs_framing)framing, 0);
        open_decoder(s, own, (enum rs_framing)framing, 1);
    }
    for (size_t i = 0; i < SCHEMAS; i++) {
        s->programs[i] = resolve(i, own);
    }
    s->learned = resolve(SCHEMAS, own);
    s->open = true;
}

static void check_split(enum rs_framing framing, size_t own, struct rs_slice message)
{
    size_t writer = SIZE_MAX;
    struct rs_slice datum = {0};
    uint64_t name = 0;
    uint8_t prefix[10];
    enum rs_reason reason = rs_frame_split(registry, framing, own, message, &writer, &datum);
    if (reason != RS_REASON_NONE) {
        rs_fuzz_require(framing != RS_FRAMING_AUTO && framing != RS_FRAMING_BARE,
                        "a bare message is refused");
        return;
    }
    rs_fuzz_require(writer < SCHEMAS && datum.size <= message.size, "split");
    size_t size = message.size - datum.size;
    rs_fuzz_require(size > 0 || writer == own, "a bare message is another's");
    if (size > 0) {
        enum rs_framing named = rs_frame_named(message, &name);
        rs_fuzz_require(rs_frame_prefix(named, (uint32_t)name, name, prefix) == size &&
                            memcmp(prefix, message.data, size) == 0,
                        "a prefix is not written as it was read");
    }
}

static void require_same(enum rs_reason a, const struct rs_value *values, enum rs_reason b,
                         const struct rs_value *others, const char *what)
{
    rs_fuzz_require(a == b, what);
    for (size_t i = 0; a == RS_REASON_NONE && i < PATHS; i++) {
        rs_fuzz_require(rs_wants_same(&values[i], &others[i]), what);
    }
}

static enum rs_reason run_program(const struct rs_program *program, struct rs_slice datum,
                                  struct rs_value *values)
{
    return program ? rs_program_run(program, datum, values, NULL) : RS_REASON_SCHEMA_INCOMPATIBLE;
}

/* The message as a datum behind each prefix. */
static void check_prefixed(const struct subject *s, struct rs_slice datum)
{
    uint8_t *framed = malloc(datum.size + 10);
    rs_fuzz_require(framed != NULL, "out of memory");
    for (size_t i = 0; i < 2 * (size_t)SCHEMAS; i++) {
        enum rs_framing framing = i < SCHEMAS ? RS_FRAMING_CONFLUENT : RS_FRAMING_SINGLE_OBJECT;
        size_t writer = i % SCHEMAS;
        struct rs_value values[PATHS];
        struct rs_value others[PATHS];
        size_t size = rs_frame_prefix(framing, (uint32_t)(FIRST_ID + writer),
                                      rs_schema_crc64(rs_schema_root(documents[writer])), framed);
        memcpy(framed + size, datum.data, datum.size);
        enum rs_reason reason = rs_decoder_run(s->decoders[framing][0],
                                               rs_slice_of(framed, size + datum.size), NULL, values, NULL);
        require_same(reason, values, run_program(s->programs[writer], datum, others), others,
                     "a prefix changes a value");
    }
    free(framed);
}

static void check_look(const struct rs_decoder *decoder, struct rs_slice message)
{
    struct rs_value values[PATHS];
    struct rs_place place;
    char schema[RS_DECODER_SCHEMA_MAX];
    size_t at = SIZE_MAX;
    enum rs_reason reason = rs_decoder_run(decoder, message, NULL, values, &at);
    enum rs_reason seen = rs_decoder_visit(decoder, NULL, message, NULL, &place);
    rs_fuzz_require(at <= message.size && place.at <= message.size, "the fault is behind the message");
    /* What the writer may write and the reader cannot hold, whatever is wrong behind it. */
    bool of_the_reader = reason == RS_REASON_SCHEMA_INCOMPATIBLE || reason == RS_REASON_UTF8;
    rs_fuzz_require(reason == seen || of_the_reader, "looking into a message judges otherwise");
    rs_decoder_schema_text(decoder, NULL, message, reason, schema);
    rs_fuzz_require(strlen(schema) < sizeof schema, "the name of a schema has no end");
    for (size_t i = 0; i < PATHS; i++) {
        at = 0;
        rs_fuzz_require(!rs_decoder_find_value(decoder, NULL, message, paths[i], &at) || at <= message.size,
                        "a value begins behind the message");
    }
}

/* Values are seen in their order, and no more of them than the message has bytes. */
static void see(void *self, const struct rs_place *place, size_t size, const struct rs_schema *type,
                struct rs_slice json)
{
    size_t *end = self;
    rs_fuzz_require(place->at >= *end && type && json.size > 0, "values overlap");
    *end = place->at + size;
}

static void check_visit(const struct rs_decoder *decoder, struct rs_slice message)
{
    size_t end = 0;
    struct rs_place place;
    const struct rs_decoder_visitor visitor = {.visit = see, .self = &end};
    (void)rs_decoder_visit(decoder, NULL, message, &visitor, &place);
    rs_fuzz_require(end <= message.size, "a value ends behind the message");
}

static void check_json(enum rs_framing framing, struct rs_slice message)
{
    const struct rs_decoder *decoder = json_decoders[framing];
    struct rs_value values[2][PATHS];
    struct rs_place place;
    struct rs_slice text;
    uint32_t id = 0;
    char schema[RS_DECODER_SCHEMA_MAX];
    size_t at = SIZE_MAX;
    uint8_t *room = rs_fuzz_exactly(message);
    enum rs_reason reason = rs_decoder_run(decoder, message, room, values[0], &at);
    rs_fuzz_require(at <= message.size, "the fault is behind the message");
    rs_fuzz_require(rs_decoder_run(decoder, message, room, values[1], NULL) == reason,
                    "JSON is judged otherwise");
    bool framed = rs_frame_confluent(message, &id, &text);
    rs_fuzz_require((reason == RS_REASON_FRAMING) == (framing == RS_FRAMING_CONFLUENT && !framed),
                    "framing of JSON");
    rs_fuzz_require(rs_decoder_visit(decoder, NULL, message, NULL, &place) == RS_REASON_NONE &&
                        place.at == 0 && !rs_decoder_find_value(decoder, NULL, message, paths[0], &at),
                    "something is seen in JSON");
    rs_decoder_schema_text(decoder, NULL, message, reason, schema);
    rs_fuzz_require(strlen(schema) < sizeof schema, "the name of a schema has no end");
    free(room);
}

/* Ids that are multiples of 4 have a schema that resolves, others one that does not, or no Avro, or none. */
static void answer(void)
{
    struct rs_registry_answer said = {.outcome = RS_REGISTRY_UNKNOWN, .why = "no such schema"};
    switch (asked.id % 4) {
    case 0:
        said.outcome = RS_REGISTRY_FOUND;
        said.schema = rs_slice_text(learned_text);
        break;
    case 1:
        said.outcome = RS_REGISTRY_FOUND;
        said.schema = rs_slice_text(foreign_text);
        break;
    case 2: said.outcome = RS_REGISTRY_REFUSED; break;
    default: break;
    }
    reader->learn(reader->self, &asked, &said);
}

static void check_learning(const struct subject *s, const struct rs_decoder *decoder, struct rs_slice message)
{
    struct rs_learned_table tables[2] = {{0}, {0}};
    struct rs_value values[3][PATHS];
    struct rs_slice datum = {0};
    uint32_t id = 0;
    size_t before = questions;
    enum rs_reason reason = rs_decoder_run_learning(decoder, &tables[0], message, values[0], NULL);
    if (reason == RS_DECODER_WAITS) {
        struct rs_registry_key key;
        rs_fuzz_require(questions == before + 1 && rs_decoder_key(&tables[0], message, &key) &&
                            rs_registry_key_equal(&asked, &key),
                        "nobody is asked");
        answer();
        reason = rs_decoder_run_learning(decoder, &tables[0], message, values[0], NULL);
    }
    rs_fuzz_require(reason != RS_DECODER_WAITS && questions <= before + 1, "what is answered is asked again");
    require_same(reason, values[0], rs_decoder_run_learning(decoder, &tables[0], message, values[1], NULL),
                 values[1], "a table changes a value");
    require_same(reason, values[0], rs_decoder_run_learning(decoder, &tables[1], message, values[1], NULL),
                 values[1], "another table changes a value");
    if (rs_frame_confluent(message, &id, &datum) && rs_frame_find_id(registry, id) == SIZE_MAX &&
        id % 4 == 0) {
        require_same(reason, values[0], run_program(s->learned, datum, values[2]), values[2],
                     "what was learned reads otherwise");
    }
    struct rs_place place;
    enum rs_reason seen = rs_decoder_place(decoder, &tables[1], message, NULL, values[2], &place);
    rs_fuzz_require(seen != RS_DECODER_WAITS && place.at <= message.size, "the fault is behind the message");
    rs_learned_table_fini(&tables[0], rs_decoder_learned(decoder));
    rs_learned_table_fini(&tables[1], rs_decoder_learned(decoder));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    if (!registry) {
        open_schemas();
        for (unsigned i = RS_FRAMING_AUTO; i <= RS_FRAMING_SINGLE_OBJECT; i++) {
            open_json((enum rs_framing)i);
        }
    }
    enum rs_framing framing = (enum rs_framing)(data[0] & 3);
    size_t own = data[0] >> 2 & 3;
    struct subject *s = &subjects[own];
    if (!s->open) {
        open_subject(s, own);
    }
    struct rs_slice rest = rs_slice_of(data + 1, size - 1);
    uint8_t *copy = rs_fuzz_exactly(rest);
    struct rs_slice message = rs_slice_of(copy, rest.size);
    const struct rs_decoder *learning = s->decoders[framing][1];
    check_split(framing, own, message);
    check_prefixed(s, message);
    check_look(s->decoders[framing][0], message);
    check_look(learning, message);
    check_visit(learning, message);
    check_json(framing, message);
    if (rs_decoder_learned(learning) && data[0] >> 4 & 1) {
        check_learning(s, learning, message);
    }
    free(copy);
    return 0;
}
