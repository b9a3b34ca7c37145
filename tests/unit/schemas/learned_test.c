/* Schemas that a stream learns, from a registry that says what the test wants. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "schemas/decoder.h"
#include "tests/lib/kept_reports.h"

#define OWN "{\"type\": \"record\", \"name\": \"T\", \"fields\": [{\"name\": \"x\", \"type\": \"int\"}]}"
#define LATER                                                                                                \
    "{\"type\": \"record\", \"name\": \"T\", \"fields\": [{\"name\": \"y\", \"type\": \"int\"}, "            \
    "{\"name\": \"x\", \"type\": \"int\"}]}"
#define OTHER "{\"type\": \"record\", \"name\": \"U\", \"fields\": []}"

static const char *const paths[] = {"x"};

struct fixture {
    struct rs_schema_document *own;
    struct rs_frame_registry *registry;
    struct rs_decoder *decoder;
    struct rs_learned_table table;
    struct kept_reports reports;
    /* the registry */
    const struct rs_registry_reader *reader;
    uint32_t asked[100];
    size_t ask_count;
};

static void fake_ask(void *self, const struct rs_registry_reader *reader, const struct rs_registry_key *key)
{
    struct fixture *f = self;
    f->reader = reader;
    f->asked[f->ask_count++ % 100] = key->id;
}

static void fake_why(void *self, const struct rs_registry_reader *reader, const struct rs_registry_key *key,
                     struct rs_error *out)
{
    (void)self;
    (void)reader;
    (void)rs_fail(out, RS_EIO, "nobody answers for %u", key->id);
}

/* `id`: that the configuration has for the stream's own schema; 0: none. */
static void begin_with(struct fixture *f, enum rs_framing framing, uint32_t id)
{
    struct rs_error error;
    size_t number = 0;
    *f = (struct fixture){0};
    kept_reports_init(&f->reports);
    const struct rs_registry_asker asker = {.self = f, .ask = fake_ask, .why = fake_why};
    assert_int_equal(rs_schema_parse("own", OWN, strlen(OWN), &f->own, &error), 0);
    assert_int_equal(rs_frame_registry_new(&f->registry, &error), 0);
    assert_int_equal(rs_frame_add(f->registry, rs_schema_root(f->own), &number, &error), 0);
    if (id > 0) {
        assert_int_equal(rs_frame_add_id(f->registry, id, number, &error), 0);
    }
    assert_int_equal(
        rs_decoder_new(f->registry, framing, 0, paths, 1, RS_PROGRAM_LIMITS_DEFAULT, &f->decoder, &error), 0);
    assert_int_equal(
        rs_decoder_learn(f->decoder, &asker, paths, "trades", kept_reports_to(&f->reports), &error), 0);
}

static void begin(struct fixture *f, enum rs_framing framing)
{
    begin_with(f, framing, 1);
}

static void end(struct fixture *f)
{
    rs_learned_table_fini(&f->table, rs_decoder_learned(f->decoder));
    rs_decoder_free(&f->decoder);
    rs_frame_registry_free(&f->registry);
    rs_schema_free(&f->own);
    kept_reports_fini(&f->reports);
}

static void answer(struct fixture *f, uint32_t id, enum rs_registry_outcome outcome, const char *text)
{
    const struct rs_registry_key key = {.id = id};
    bool found = outcome == RS_REGISTRY_FOUND;
    const struct rs_registry_answer said = {
        .outcome = outcome, .schema = rs_slice_text(found ? text : ""), .why = found ? NULL : text};
    f->reader->learn(f->reader->self, &key, &said);
}

/* A message of schema `id` with the values 1 and 2. */
static enum rs_reason run(struct fixture *f, uint32_t id, size_t size, int64_t *x)
{
    const uint8_t message[] = {
        0, (uint8_t)(id >> 24), (uint8_t)(id >> 16), (uint8_t)(id >> 8), (uint8_t)id, 2, 4};
    struct rs_value value = {0};
    struct rs_registry_key wanted;
    enum rs_reason reason =
        rs_decoder_run_learning(f->decoder, &f->table, rs_slice_of(message, size), &value, NULL);
    bool named = rs_decoder_key(&f->table, rs_slice_of(message, size), &wanted);
    assert_true(reason != RS_DECODER_WAITS || (named && wanted.id == id));
    *x = value.i;
    return reason;
}

static void test_what_is_learned(void **state)
{
    (void)state;
    struct fixture f;
    int64_t x = 0;
    begin(&f, RS_FRAMING_CONFLUENT);
    assert_int_equal(run(&f, 1, 6, &x), RS_REASON_NONE); /* of the configuration: nobody is asked */
    assert_int_equal(f.ask_count, 0);
    assert_int_equal(run(&f, 7, 7, &x), RS_DECODER_WAITS);
    assert_int_equal(run(&f, 7, 7, &x), RS_DECODER_WAITS);
    assert_int_equal(f.ask_count, 2);
    answer(&f, 7, RS_REGISTRY_FOUND, LATER);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(run(&f, 7, 7, &x), RS_REASON_NONE);
        assert_int_equal(x, 2);
    }
    assert_int_equal(run(&f, 7, 6, &x), RS_REASON_TRUNCATED);
    assert_int_equal(f.ask_count, 2);
    assert_true(kept_reports_have(&f.reports, "stream trades: schema id 7 is read from now on"));
    answer(&f, 7, RS_REGISTRY_FOUND, OTHER); /* nobody asked: it changes nothing */
    assert_int_equal(run(&f, 7, 7, &x), RS_REASON_NONE);
    end(&f);
}

static void test_what_is_refused(void **state)
{
    (void)state;
    struct fixture f;
    int64_t x = 0;
    begin(&f, RS_FRAMING_CONFLUENT);
    for (uint32_t id = 10; id < 14; id++) {
        assert_int_equal(run(&f, id, 7, &x), RS_DECODER_WAITS);
    }
    answer(&f, 10, RS_REGISTRY_FOUND, OTHER);
    answer(&f, 11, RS_REGISTRY_FOUND, "{");
    answer(&f, 12, RS_REGISTRY_REFUSED, "it is of JSON, not of AVRO");
    answer(&f, 13, RS_REGISTRY_UNKNOWN, "no such schema");
    for (uint32_t id = 10; id < 13; id++) {
        assert_int_equal(run(&f, id, 7, &x), RS_REASON_SCHEMA_INCOMPATIBLE);
    }
    assert_int_equal(run(&f, 13, 7, &x), RS_REASON_UNKNOWN_SCHEMA);
    assert_int_equal(f.ask_count, 4);
    assert_true(
        kept_reports_have(&f.reports, "schema id 12 are refused (schema_incompatible): it is of JSON"));
    assert_int_equal(f.table.count, 3); /* what is unknown may become known */
    end(&f);
}

static void test_auto_takes_what_nobody_knows_for_bare(void **state)
{
    (void)state;
    struct fixture f;
    int64_t x = 0;
    const uint8_t bare[] = {14};
    struct rs_value value = {0};
    begin(&f, RS_FRAMING_AUTO);
    assert_int_equal(rs_decoder_run_learning(f.decoder, &f.table, rs_slice_of(bare, 1), &value, NULL),
                     RS_REASON_NONE);
    assert_int_equal(value.i, 7);
    assert_int_equal(run(&f, 99, 6, &x), RS_DECODER_WAITS);
    answer(&f, 99, RS_REGISTRY_UNKNOWN, "no such schema");
    assert_int_equal(run(&f, 99, 6, &x), RS_REASON_UNKNOWN_SCHEMA);
    assert_int_equal(run(&f, 1, 6, &x), RS_REASON_NONE);
    end(&f);
}

static void test_why(void **state)
{
    (void)state;
    struct fixture f;
    struct rs_error error;
    int64_t x = 0;
    begin(&f, RS_FRAMING_CONFLUENT);
    assert_int_equal(run(&f, 7, 7, &x), RS_DECODER_WAITS);
    rs_learned_why(rs_decoder_learned(f.decoder), &(const struct rs_registry_key){.id = 7}, &error);
    assert_string_equal(error.text, "nobody answers for 7");
    end(&f);
}

static void test_framings_without_ids_learn_nothing(void **state)
{
    (void)state;
    static const enum rs_framing without[] = {RS_FRAMING_BARE, RS_FRAMING_SINGLE_OBJECT};
    for (size_t i = 0; i < 2; i++) {
        struct fixture f;
        begin(&f, without[i]);
        assert_null(rs_decoder_learned(f.decoder));
        end(&f);
    }
}

/* A table that is full begins anew, and what it held comes back from the shared part without a question; beyond
 * its limit that lets go of what no table holds. */
static void test_many(void **state)
{
    (void)state;
    struct fixture f;
    int64_t x = 0;
    begin(&f, RS_FRAMING_CONFLUENT);
    const uint32_t count = RS_LEARNED_MAX + 2000;
    for (uint32_t id = 100; id < 100 + count; id++) {
        assert_int_equal(run(&f, id, 7, &x), RS_DECODER_WAITS);
        answer(&f, id, RS_REGISTRY_FOUND, LATER);
        assert_int_equal(run(&f, id, 7, &x), RS_REASON_NONE);
        assert_true(f.table.count <= RS_LEARNED_TABLE_MAX);
    }
    assert_int_equal(f.ask_count, count);
    for (uint32_t id = 100 + count - 1000; id < 100 + count; id++) {
        assert_int_equal(run(&f, id, 7, &x), RS_REASON_NONE);
    }
    assert_int_equal(f.ask_count, count);
    assert_int_equal(run(&f, 100, 7, &x), RS_DECODER_WAITS);
    end(&f);
}

/* Also where the configuration has no ids: what the message names, not what its bytes would be without a frame. */
static void test_what_only_a_registry_knows_is_not_misread(void **state)
{
    static const uint8_t message[] = {0, 0, 0, 0, 7, 2, 4};
    (void)state;
    struct fixture f;
    struct rs_value value;
    struct rs_place place;
    size_t at = 9;
    int64_t x = 0;
    begin_with(&f, RS_FRAMING_AUTO, 0);
    assert_int_equal(rs_decoder_run(f.decoder, rs_slice_of(message, sizeof message), NULL, &value, &at),
                     RS_REASON_UNKNOWN_SCHEMA);
    assert_int_equal(at, 0);
    assert_int_equal(rs_decoder_visit(f.decoder, NULL, rs_slice_of(message, sizeof message), NULL, &place),
                     RS_REASON_UNKNOWN_SCHEMA);
    assert_int_equal(place.at, 0);
    assert_int_equal(run(&f, 7, 7, &x), RS_DECODER_WAITS);
    answer(&f, 7, RS_REGISTRY_UNKNOWN, "no such schema");
    assert_int_equal(run(&f, 7, 7, &x), RS_REASON_UNKNOWN_SCHEMA);
    end(&f);
}

/* In a dead letter, whatever it is rejected for. */
static void test_a_message_names_what_was_learned(void **state)
{
    static const uint8_t message[] = {0, 0, 0, 0, 7, 2, 4};
    static const enum rs_framing framings[] = {RS_FRAMING_CONFLUENT, RS_FRAMING_AUTO};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct fixture f;
        char text[RS_DECODER_SCHEMA_MAX];
        begin(&f, framings[i]);
        rs_decoder_schema_text(f.decoder, NULL, rs_slice_of(message, sizeof message), RS_REASON_RULE, text);
        assert_string_equal(text, "confluent:7");
        end(&f);
    }
}

/* By whoever has a table of his own: where it is, in a message of a schema that the configuration has not. */
static void test_looking_into_what_was_learned(void **state)
{
    static const uint8_t message[] = {0, 0, 0, 0, 7, 2, 4};
    (void)state;
    struct fixture f;
    struct rs_place place;
    struct rs_value value;
    struct rs_slice whole = rs_slice_of(message, sizeof message);
    struct rs_slice cut = rs_slice_of(message, sizeof message - 1);
    size_t at = 0;
    begin(&f, RS_FRAMING_CONFLUENT);
    assert_int_equal(rs_decoder_visit(f.decoder, NULL, whole, NULL, &place), RS_REASON_UNKNOWN_SCHEMA);
    assert_int_equal(f.ask_count, 0);
    assert_int_equal(rs_decoder_visit(f.decoder, &f.table, whole, NULL, &place), RS_DECODER_WAITS);
    assert_int_equal(f.ask_count, 1);
    answer(&f, 7, RS_REGISTRY_FOUND, LATER);
    assert_int_equal(rs_decoder_visit(f.decoder, &f.table, whole, NULL, &place), RS_REASON_NONE);
    assert_int_equal(rs_decoder_place(f.decoder, &f.table, cut, NULL, &value, &place), RS_REASON_TRUNCATED);
    assert_int_equal(place.at, 6);
    assert_string_equal(place.path, "x");
    assert_int_equal(rs_decoder_run_learning(f.decoder, &f.table, cut, &value, &at), RS_REASON_TRUNCATED);
    assert_int_equal(at, 6);
    assert_true(rs_decoder_find_value(f.decoder, &f.table, whole, "x", &at));
    assert_int_equal(at, 6);
    end(&f);
    begin(&f, RS_FRAMING_CONFLUENT);
    assert_int_equal(rs_decoder_visit(f.decoder, &f.table, whole, NULL, &place), RS_DECODER_WAITS);
    answer(&f, 7, RS_REGISTRY_FOUND, OTHER);
    assert_int_equal(rs_decoder_visit(f.decoder, &f.table, whole, NULL, &place),
                     RS_REASON_SCHEMA_INCOMPATIBLE);
    assert_int_equal(rs_decoder_run_learning(f.decoder, &f.table, whole, &value, &at),
                     RS_REASON_SCHEMA_INCOMPATIBLE);
    assert_int_equal(at, 0);
    end(&f);
}

static void answer_guid(struct fixture *f, const uint8_t guid[16], enum rs_registry_outcome outcome,
                        const char *text)
{
    struct rs_registry_key key = {.by_guid = true};
    const struct rs_registry_answer said = {
        .outcome = outcome, .schema = rs_slice_text(text), .why = outcome == RS_REGISTRY_FOUND ? NULL : text};
    memcpy(key.guid, guid, sizeof key.guid);
    f->reader->learn(f->reader->self, &key, &said);
}

/* A header in front of the message's own bytes, which are then the datum, also where they look framed. */
static void test_a_header_names_the_schema(void **state)
{
    static const uint8_t message[] = {0, 0, 0, 0, 7}; /* of LATER: 0 and 0, and bytes too many */
    static const uint8_t guid[] = {1, 0, 0, 0, 7, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    static const uint8_t other[] = {1, 0, 0, 0, 7, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 17};
    static const uint8_t id[] = {0, 0, 0, 0, 7};
    static const uint8_t own[] = {0, 0, 0, 0, 1};
    (void)state;
    struct fixture f;
    struct rs_value value;
    struct rs_place place;
    struct rs_registry_key key;
    char text[RS_DECODER_SCHEMA_MAX];
    struct rs_slice datum = rs_slice_of(message, 2);
    size_t at = 9;
    begin(&f, RS_FRAMING_CONFLUENT);
    f.table.header = rs_slice_of(guid, sizeof guid);
    assert_int_equal(rs_decoder_run_learning(f.decoder, &f.table, datum, &value, NULL), RS_DECODER_WAITS);
    assert_true(rs_decoder_key(&f.table, datum, &key));
    assert_true(key.by_guid);
    assert_memory_equal(key.guid, guid + 1, 16);
    answer_guid(&f, guid + 1, RS_REGISTRY_FOUND, LATER);
    assert_int_equal(rs_decoder_run_learning(f.decoder, &f.table, datum, &value, NULL), RS_REASON_NONE);
    assert_int_equal(rs_decoder_run_learning(f.decoder, &f.table, rs_slice_of(message, 5), &value, &at),
                     RS_REASON_TRAILING);
    assert_int_equal(at, 2);
    assert_int_equal(rs_decoder_visit(f.decoder, &f.table, rs_slice_of(message, 1), NULL, &place),
                     RS_REASON_TRUNCATED);
    assert_string_equal(place.path, "x");
    rs_decoder_schema_text(f.decoder, &f.table, datum, RS_REASON_NONE, text);
    assert_string_equal(text, "confluent:00000007-0506-0708-090a-0b0c0d0e0f10");
    f.table.header = rs_slice_of(other, sizeof other);
    assert_int_equal(rs_decoder_run_learning(f.decoder, &f.table, datum, &value, NULL), RS_DECODER_WAITS);
    answer_guid(&f, other + 1, RS_REGISTRY_UNKNOWN, "no such schema");
    assert_int_equal(rs_decoder_run_learning(f.decoder, &f.table, datum, &value, &at),
                     RS_REASON_UNKNOWN_SCHEMA);
    assert_int_equal(at, 0);
    f.table.header = rs_slice_of(id, sizeof id); /* no GUID that begins alike */
    assert_int_equal(rs_decoder_run_learning(f.decoder, &f.table, datum, &value, NULL), RS_DECODER_WAITS);
    answer(&f, 7, RS_REGISTRY_FOUND, LATER);
    assert_int_equal(rs_decoder_run_learning(f.decoder, &f.table, datum, &value, NULL), RS_REASON_NONE);
    rs_decoder_schema_text(f.decoder, &f.table, datum, RS_REASON_NONE, text);
    assert_string_equal(text, "confluent:7");
    f.table.header = rs_slice_of(own, sizeof own); /* of the configuration */
    assert_int_equal(rs_decoder_run_learning(f.decoder, &f.table, rs_slice_of(message, 1), &value, NULL),
                     RS_REASON_NONE);
    for (size_t size = 0; size < sizeof guid; size++) {
        f.table.header = rs_slice_of(guid, size);
        assert_int_equal(rs_decoder_run_learning(f.decoder, &f.table, datum, &value, &at), RS_REASON_FRAMING);
    }
    rs_decoder_schema_text(f.decoder, &f.table, datum, RS_REASON_FRAMING, text);
    assert_string_equal(text, "");
    f.table.header = (struct rs_slice){0};
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_learned),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_auto_takes_what_nobody_knows_for_bare),
        cmocka_unit_test(test_why),
        cmocka_unit_test(test_framings_without_ids_learn_nothing),
        cmocka_unit_test(test_a_message_names_what_was_learned),
        cmocka_unit_test(test_what_only_a_registry_knows_is_not_misread),
        cmocka_unit_test(test_looking_into_what_was_learned),
        cmocka_unit_test(test_a_header_names_the_schema),
        cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests_name("schemas.learned", tests, NULL, NULL);
}
