/* A worker whose events are of schemas that a registry has to tell, which here says what the test wants. */
#include "tests/lib/bytes.h"
#include "tests/lib/worker_fixture.h"
#include "transform/plan/engine.h"

#define TICK                                                                                                 \
    "{\"type\": \"record\", \"name\": \"Tick\", \"fields\": [{\"name\": \"at\", \"type\": {\"type\": "       \
    "\"long\", "                                                                                             \
    "\"logicalType\": \"timestamp-micros\"}}, {\"name\": \"name\", \"type\": \"string\"}, {\"name\": "       \
    "\"size\", "                                                                                             \
    "\"type\": \"long\"}]}"

static struct fake_registry {
    const struct rs_registry_reader *reader;
    uint32_t asked;
    int questions;
} registry;

static void fake_ask(void *self, const struct rs_registry_reader *reader, const struct rs_registry_key *key)
{
    struct fake_registry *r = self;

    r->reader = reader;
    r->asked = key->id;
    r->questions++;
}

static void fake_why(void *self, const struct rs_registry_reader *reader, const struct rs_registry_key *key,
                     struct rs_error *out)
{
    (void)self;
    (void)reader;
    (void)rs_fail(out, RS_EIO, "http://r answers 500 for %u", key->id);
}

static void say(uint32_t id, enum rs_registry_outcome outcome)
{
    const struct rs_registry_key key = {.id = id};
    const struct rs_registry_answer answer = {
        .outcome = outcome,
        .schema = rs_slice_text(outcome == RS_REGISTRY_FOUND ? TICK : ""),
        .why = "there is no such schema",
    };

    registry.reader->learn(registry.reader->self, &key, &answer);
}

/* Two partitions of one worker; the registry knows schema 1. */
static void begin_learning(struct fixture *f)
{
    const struct rs_registry_asker asker = {.self = &registry, .ask = fake_ask, .why = fake_why};

    registry = (struct fake_registry){0};
    OK(rs_engine_learn(f->engine, &asker, kept_reports_to(&f->reports), &f->error));
    begin(f);
    assign(f, 1);
    run_for(f, 100 * MS);
}

static void append_framed(struct fixture *f, int32_t partition, uint32_t id, const char *name,
                          int64_t quantity)
{
    uint8_t value[128] = {0, (uint8_t)(id >> 24), (uint8_t)(id >> 16), (uint8_t)(id >> 8), (uint8_t)id};
    size_t size = 5 + bytes_long(value + 5, T0);

    size += bytes_long(value + size, (int64_t)strlen(name));
    memcpy(value + size, name, strlen(name));
    size += strlen(name);
    size += bytes_long(value + size, quantity);
    const struct rs_record record = {.value = rs_slice_of(value, size), .timestamp_us = RS_TIME_NONE};
    OK(rs_memory_source_append(f->source, 0, partition, &record, 0, &f->error));
}

/* The run is held for an answer that comes soon: nothing is read twice. */
static void test_an_answer_that_comes_at_once(void **state)
{
    struct fixture *f = *state;

    begin_learning(f);
    append_framed(f, 0, 7, "a", 1);
    append_framed(f, 0, 7, "a", 2);
    run_for(f, 10 * MS);
    assert_int_equal(registry.asked, 7);
    assert_field(f, "minute", "a", "total", "");
    say(7, RS_REGISTRY_FOUND);
    run_for(f, 10 * MS);
    assert_field(f, "minute", "a", "total", "3");
    assert_int_equal(rs_memory_source_taken(f->source, 0, 0), 2);
    struct one_partition one = look(f, 0);
    assert_int_equal(one.status.health, RS_HEALTH_RUNS);
    assert_int_equal(one.status.state.events.applied, 2);
}

/* Beyond that only its own partition waits, at that very record; nothing is rejected, and what was read is sealed. */
static void test_no_answer(void **state)
{
    struct fixture *f = *state;

    begin_learning(f);
    append(f, 0, T0, "a", 1);
    append_framed(f, 0, 7, "a", 10);
    append(f, 0, T0, "a", 100);
    run_for(f, 5 * SECOND);
    append(f, 1, T0, "b", 5);
    append(f, 0, T0, "a", 1000);
    run_for(f, 5 * SECOND);
    assert_field(f, "minute", "a", "total", "1");
    assert_field(f, "minute", "b", "total", "5");
    struct one_partition one = look(f, 0);
    assert_int_equal(one.status.health, RS_HEALTH_WAITS);
    assert_int_equal(one.status.waits_for, RS_WAITING_SCHEMA);
    assert_string_equal(
        one.status.why,
        "stream ticks partition 0 waits: its record at offset 1 is of schema id 7, and the schema "
        "registry does not say what that is: http://r answers 500 for 7");
    assert_int_equal(one.status.lag, 3);
    assert_int_equal(one.status.committed, 1);
    assert_int_equal(one.status.state.next_offset, 1);
    assert_int_equal(look(f, 1).status.health, RS_HEALTH_RUNS);
    assert_int_equal(f->letters.count, 0);
    assert_int_equal(
        kept_reports_count(
            &f->reports, "stream ticks partition 0 waits at offset 1 for schema id 7: http://r answers 500"),
        1);
    say(7, RS_REGISTRY_FOUND);
    run_for(f, 100 * MS);
    assert_field(f, "minute", "a", "total", "1111");
    one = look(f, 0);
    assert_int_equal(one.status.health, RS_HEALTH_RUNS);
    assert_int_equal(one.status.state.events.applied, 4);
    assert_int_equal(f->letters.count, 0);
}

/* The question is repeated for as long as the partition waits, or the registry would drop it. */
static void test_the_question_is_repeated(void **state)
{
    struct fixture *f = *state;

    begin_learning(f);
    append_framed(f, 0, 7, "a", 10);
    run_for(f, 5 * SECOND);
    int before = registry.questions;
    run_for(f, 60 * SECOND);
    assert_true(registry.questions > before + 60);
}

static void test_what_there_is_not_is_a_dead_letter(void **state)
{
    struct fixture *f = *state;

    begin_learning(f);
    append_framed(f, 0, 7, "a", 10);
    append_framed(f, 0, 8, "a", 10);
    append(f, 0, T0, "a", 1);
    run_for(f, 5 * SECOND);
    assert_int_equal(f->letters.count, 0);
    say(7, RS_REGISTRY_UNKNOWN);
    run_for(f, 5 * SECOND);
    assert_int_equal(f->letters.count, 1);
    assert_int_equal(f->letters.last, RS_REASON_UNKNOWN_SCHEMA);
    say(8, RS_REGISTRY_REFUSED);
    run_for(f, 100 * MS);
    assert_int_equal(f->letters.count, 2);
    assert_int_equal(f->letters.last, RS_REASON_SCHEMA_INCOMPATIBLE);
    assert_field(f, "minute", "a", "total", "1");
    struct one_partition one = look(f, 0);
    assert_int_equal(one.status.state.events.consumed, 3);
    assert_int_equal(one.status.state.events.rejected, 2);
}

/* One record, whose schema the registry tells while it waits, comes to one dead letter. */
static void expect_letter_of(struct fixture *f, uint32_t id, const char *schema, struct rs_slice value)
{
    const struct rs_record record = {.value = value, .timestamp_us = RS_TIME_NONE};
    const struct rs_registry_key key = {.id = id};
    const struct rs_registry_answer answer = {.outcome = RS_REGISTRY_FOUND, .schema = rs_slice_text(schema)};

    begin_learning(f);
    OK(rs_memory_source_append(f->source, 0, 0, &record, 0, &f->error));
    run_for(f, 10 * MS);
    registry.reader->learn(registry.reader->self, &key, &answer);
    run_for(f, 100 * MS);
    assert_int_equal(f->letters.count, 1);
}

/* Its bytes would be an event of the stream's own schema, too, in which `size` stands elsewhere: the dead letter
 * tells the place in what the registry's schema says. */
static void test_a_letter_of_what_could_be_bare(void **state)
{
    struct fixture *f = *state;
    static const char turned[] =
        "{\"type\": \"record\", \"name\": \"Tick\", \"fields\": [{\"name\": \"size\", \"type\": \"long\"}, "
        "{\"name\": \"at\", \"type\": {\"type\": \"long\", \"logicalType\": \"timestamp-micros\"}}, "
        "{\"name\": \"name\", \"type\": \"string\"}]}";
    /* As of the own schema: at 0, a name of 13 bytes that are UTF-8, size -49. */
    static const uint8_t value[] = {0,    0x1a, 0,    0,    7, /* id */
                                    0x01, 0xe2, 0x80, 0x80, 0xc2, 0x80, 0xc2, 0x80, 0x06, 0x02, 'a'};

    expect_letter_of(f, 0x1a000007, turned, rs_slice_of(value, sizeof value));
    assert_int_equal(f->letters.last, RS_REASON_RULE);
    assert_string_equal(f->letters.field, "size");
    assert_int_equal(f->letters.byte, 5);
}

/* Its writer has bytes where the stream has a text: they are refused there, though by the writer's schema the fault is
 * the byte behind the end. */
static void test_a_letter_of_what_the_writer_may_write(void **state)
{
    struct fixture *f = *state;
    static const char raw[] =
        "{\"type\": \"record\", \"name\": \"Tick\", \"fields\": [{\"name\": \"size\", \"type\": \"long\"}, "
        "{\"name\": \"name\", \"type\": \"bytes\"}, {\"name\": \"at\", \"type\": "
        "{\"type\": \"long\", \"logicalType\": \"timestamp-micros\"}}]}";
    static const uint8_t value[] = {0, 0, 0, 0, 7, 0x02, 0x02, 0xff, 0x02, 0x00};

    expect_letter_of(f, 7, raw, rs_slice_of(value, sizeof value));
    assert_int_equal(f->letters.last, RS_REASON_UTF8);
    assert_string_equal(f->letters.field, "");
    assert_int_equal(f->letters.byte, 6);
}

/* It goes while it waits, and comes back. */
static void test_a_partition_that_goes_while_it_waits(void **state)
{
    struct fixture *f = *state;

    begin_learning(f);
    append(f, 0, T0, "a", 1);
    append_framed(f, 0, 7, "a", 10);
    run_for(f, 5 * SECOND);
    tell(f, RS_SOURCE_REVOKED, 0);
    run_for(f, 5 * SECOND);
    assert_false(rs_memory_source_owned(f->source, 0, 0));
    assign(f, 0);
    run_for(f, 5 * SECOND);
    assert_int_equal(look(f, 0).status.waits_for, RS_WAITING_SCHEMA);
    say(7, RS_REGISTRY_FOUND);
    run_for(f, 1 * SECOND);
    assert_field(f, "minute", "a", "total", "11");
}

static void test_it_stops_while_it_waits(void **state)
{
    struct fixture *f = *state;

    begin_learning(f);
    append_framed(f, 0, 7, "a", 10);
    run_for(f, 5 * SECOND);
    rs_worker_stop(f->worker);
    run_for(f, 5 * SECOND);
    assert_true(rs_worker_stopped(f->worker));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_an_answer_that_comes_at_once),
        TEST(test_no_answer),
        TEST(test_the_question_is_repeated),
        TEST(test_what_there_is_not_is_a_dead_letter),
        TEST(test_a_letter_of_what_could_be_bare),
        TEST(test_a_letter_of_what_the_writer_may_write),
        TEST(test_a_partition_that_goes_while_it_waits),
        TEST(test_it_stops_while_it_waits),
    };

    return cmocka_run_group_tests_name("transform.worker.schemas", tests, NULL, NULL);
}
