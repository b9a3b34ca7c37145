/* What a configuration says about streams, and every complaint about it with its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "schemas/stream.h"

#define HEAD "schemas: {directory: schemas, ids: {7: trade.avsc, 12: indicator.avsc}}\n"

static struct rs_config *load_config(const char *text)
{
    struct rs_config *config = NULL;
    struct rs_error error = {0};
    assert_int_equal(rs_config_load_text("c", text, &config, &error), 0);
    return config;
}

/* The report has to be exactly `report`. */
static void expect_report(const char *text, const char *report)
{
    struct rs_config *config = load_config(text);
    struct rs_streams *streams = NULL;
    struct rs_error error = {0};
    int code = rs_streams_load(config, &streams, &error);
    struct rs_buf found = {0};
    rs_config_report(config, &found);
    rs_buf_char(&found, '\0');
    assert_string_equal((const char *)found.data, report);
    bool refused = rs_config_complaints(config) > 0;
    assert_int_equal(code, refused ? RS_ECONFIG : 0);
    assert_true(refused || streams);
    rs_buf_fini(&found);
    rs_streams_free(&streams);
    rs_config_free(&config);
}

static struct rs_streams *load(const char *text, struct rs_config **config)
{
    *config = load_config(text);
    struct rs_streams *streams = NULL;
    struct rs_error error = {0};
    if (rs_streams_load(*config, &streams, &error) != 0) {
        struct rs_buf report = {0};
        rs_config_report(*config, &report);
        fail_msg("%s: %.*s", error.text, (int)report.size, (const char *)report.data);
    }
    return streams;
}

static void test_defaults(void **state)
{
    (void)state;
    struct rs_config *config = NULL;
    struct rs_streams *streams =
        load(HEAD "streams:\n"
                  "  trades: {topic: t, schema: trade.avsc, time: executed_at}\n"
                  "  indicators: {topic: i, schema: indicator.avsc, time: period_start,"
                  " upsert: {version: revision}}\n",
             &config);
    assert_string_equal(streams->group, "rollstat");
    assert_int_equal(streams->count, 2);
    const struct rs_stream *trades = rs_streams_find(streams, "trades");
    assert_ptr_equal(trades, &streams->items[0]);
    assert_string_equal(trades->name, "trades");
    assert_string_equal(trades->topic, "t");
    assert_string_equal(trades->dead_letter_topic, "t.dlq");
    assert_true(trades->dead_letters);
    assert_false(trades->dead_letter_late);
    assert_int_equal(trades->time_type.kind, RS_VALUE_TIME);
    assert_int_equal(trades->id_count, 0);
    assert_true(trades->lateness_us == 30000000 && trades->max_future_us == 30000000);
    assert_true(trades->expire_us == INT64_C(604800000000) && !trades->expire_set);
    assert_false(trades->upsert);
    assert_true(trades->max_record_bytes == 1048576 && trades->max_groups == 10000000);
    assert_int_equal(trades->key_count, 0);
    assert_int_equal(trades->framing.framing, RS_FRAMING_AUTO);
    assert_non_null(trades->node);
    const struct rs_stream *indicators = rs_streams_find(streams, "indicators");
    assert_int_equal(indicators->index, 1);
    assert_true(indicators->upsert && indicators->max_periods == 10000);
    assert_string_equal(indicators->version_path, "revision");
    assert_null(indicators->value_path);
    assert_true(indicators->max_future_us == INT64_MAX && indicators->expire_us == INT64_MAX);
    assert_int_equal(indicators->lateness_us, 0);
    assert_null(rs_streams_find(streams, "none"));
    /* The ids name the same files, so there are two schemas and not four. */
    assert_int_equal(rs_frame_schema_count(streams->registry), 2);
    assert_int_equal(trades->writer, rs_frame_find_id(streams->registry, 7));
    assert_int_equal(indicators->writer, rs_frame_find_id(streams->registry, 12));
    rs_streams_free(&streams);
    rs_config_free(&config);
}

static void test_everything_said(void **state)
{
    (void)state;
    struct rs_config *config = NULL;
    struct rs_streams *streams =
        load(HEAD "group: market\n"
                  "streams:\n"
                  "  s:\n"
                  "    topic: t\n"
                  "    schema: trade.avsc\n"
                  "    time: published_at\n"
                  "    id: trade_id\n"
                  "    dedup: 1h\n"
                  "    dedup_max: 5\n"
                  "    lateness: 1m30s\n"
                  "    max_future: 5s\n"
                  "    expire: 2d\n"
                  "    key: [exchange, side]\n"
                  "    framing: confluent\n"
                  "    max_record_bytes: 64KiB\n"
                  "    max_groups: 9\n"
                  "    max_items: 7\n"
                  "    max_depth: 5\n"
                  "    max_past: 1d\n"
                  "    lenient: [trailing_bytes, utf8_unused]\n"
                  "    dead_letters: {topic: bad, late: true}\n"
                  "    rules: {price: {gt: 0}}\n"
                  "    scale: {x: 2}\n"
                  "  u: {topic: u, schema: indicator.avsc, time: period_start, dead_letters: false,\n"
                  "      upsert: {version: revision, value: value, max_periods: 7}, expire: 1d}\n",
             &config);
    assert_string_equal(streams->group, "market");
    const struct rs_stream *s = &streams->items[0];
    assert_true(s->time_type.nullable);
    assert_int_equal(s->id_count, 1);
    assert_string_equal(s->id_paths[0], "trade_id");
    assert_true(s->dedup_us == INT64_C(3600000000) && s->dedup_max == 5);
    assert_true(s->lateness_us == 90000000 && s->max_future_us == 5000000);
    assert_true(s->expire_us == INT64_C(172800000000) && s->expire_set);
    assert_int_equal(s->key_count, 2);
    assert_string_equal(s->key_paths[0], "exchange");
    assert_string_equal(s->key_paths[1], "side");
    assert_int_equal(s->framing.framing, RS_FRAMING_CONFLUENT);
    assert_true(s->max_record_bytes == 65536 && s->max_groups == 9);
    assert_true(s->limits.items == 7 && s->limits.depth == 5 && s->max_past_us == INT64_C(86400000000));
    assert_true(s->limits.lenient_trailing && s->limits.lenient_utf8);
    assert_string_equal(s->dead_letter_topic, "bad");
    assert_true(s->dead_letter_late && s->dead_letters);
    const struct rs_stream *u = &streams->items[1];
    assert_false(u->dead_letters);
    assert_true(u->limits.items == 100000 && u->limits.depth == 64 && u->max_past_us == INT64_MAX);
    assert_false(u->limits.lenient_trailing || u->limits.lenient_utf8);
    assert_string_equal(u->value_path, "value");
    assert_true(u->max_periods == 7 && u->expire_us == INT64_C(86400000000) && u->expire_set);
    rs_streams_free(&streams);
    rs_config_free(&config);
}

static void expect_key(const char *aggregates, const char *key, size_t count, const char *first,
                       const char *second)
{
    char text[1024];
    snprintf(text, sizeof text,
             HEAD "streams: {s: {topic: t, schema: trade.avsc, time: executed_at%s}}\naggregates:%s\n", key,
             aggregates);
    struct rs_config *config = NULL;
    struct rs_streams *streams = load(text, &config);
    assert_int_equal(streams->items[0].key_count, count);
    assert_true(count < 1 || strcmp(streams->items[0].key_paths[0], first) == 0);
    assert_true(count < 2 || strcmp(streams->items[0].key_paths[1], second) == 0);
    rs_streams_free(&streams);
    rs_config_free(&config);
}

static void test_key_by_default(void **state)
{
    (void)state;
    expect_key(" {a: {stream: s, by: [product, exchange]}}", "", 2, "product", "exchange");
    expect_key(" {a: {stream: s, by: [product, exchange]}, b: {stream: s, by: [exchange, side, product]}}",
               "", 2, "product", "exchange");
    expect_key(" {a: {stream: s, by: [product, exchange]}, b: {stream: s, by: exchange}}", "", 1, "exchange",
               NULL);
    expect_key(" {a: {stream: s, by: [product]}, b: {stream: s}}", "", 0, NULL, NULL);
    expect_key(" {a: {stream: x, by: [side]}, b: {stream: s, by: [product]}}", "", 1, "product", NULL);
    /* What is wrong in an aggregate is for its own reader to say. */
    expect_key(" {a: {stream: s, by: [produkt, exchange]}}", "", 1, "exchange", NULL);
    expect_key(" {a: 7, b: {stream: [], by: {}}}", "", 0, NULL, NULL);
    expect_key(" 7", "", 0, NULL, NULL);
    expect_key(" {a: {stream: s, by: [product]}}", ", key: currency", 1, "currency", NULL);
    expect_key(" {a: {stream: s, by: [product]}}", ", key: []", 0, NULL, NULL);
}

static void test_complaints_about_the_whole(void **state)
{
    (void)state;
    expect_report("group: g\n", "c:1:1: `streams` is missing: there is nothing to read\n");
    expect_report("streams: {}\n",
                  "c:1:10: `streams` is a mapping from names to settings, with one stream at least\n");
    expect_report("streams: [a]\n",
                  "c:1:10: `streams` is a mapping from names to settings, with one stream at least\n");
    expect_report(
        "group: a b\n" HEAD "streams: {s: {topic: t, schema: trade.avsc, time: executed_at}}\n",
        "c:1:8: `group` has 1 to 200 letters, digits, '.', '_' and '-': it begins the names of topics\n");
    expect_report("schemas: {directory: schemas, id: {}}\nstreams: {s: {topic: t, schema: trade.avsc, time: "
                  "executed_at}}\n",
                  "c:1:31: unknown key \"id\" in schemas; did you mean \"ids\"?\n");
    expect_report("schemas: {directory: schemas, ids: {x: trade.avsc, 8: none.avsc, 9: [], -1: a}}\n"
                  "streams: {s: {topic: t, schema: trade.avsc, time: executed_at}}\n",
                  "c:1:37: a schema id is a whole number from 0 to 4294967295\n"
                  "c:1:55: cannot open \"./schemas/none.avsc\": No such file or directory\n"
                  "c:1:69: the schema with id 9 needs the path of its file\n"
                  "c:1:73: a schema id is a whole number from 0 to 4294967295\n");
    expect_report("schemas: {directory: schemas, ids: []}\n"
                  "streams: {s: {topic: t, schema: trade.avsc, time: executed_at}}\n",
                  "c:1:36: `ids` is a mapping from schema ids to files, as in {7: trade.avsc}\n");
}

static void test_complaints_about_a_stream(void **state)
{
    (void)state;
    expect_report(HEAD "streams:\n  s:\n",
                  "c:3:3: the settings of stream 's' are missing: topic, schema, time\n");
    expect_report(HEAD "streams:\n  's 1': {topik: t}\n",
                  "c:3:3: a stream's name has 1 to 64 letters, digits, '.', '_' and '-'\n"
                  "c:3:10: `topic` is missing: the Kafka topic the events are in\n"
                  "c:3:10: `schema` is missing: the file with the Avro schema of the events\n"
                  "c:3:10: `time` is missing: the field that holds the time of the event\n"
                  "c:3:11: unknown key \"topik\" in a stream; did you mean \"topic\"?\n");
    expect_report(
        HEAD "streams:\n"
             "  a: {topic: t, schema: trade.avsc, time: executed_at}\n"
             "  b: {topic: b, schema: trade.avsc, time: executed_at}\n"
             "  c: {topic: 't t', schema: trade.avsc, time: executed_at}\n"
             "  d: {topic: d, schema: nope.avsc}\n"
             "  e: {topic: e, schema: trade.avsc}\n"
             "  f: {topic: f, schema: trade.avsc, time: execute_at}\n"
             "  g: {topic: g, schema: trade.avsc, time: price}\n"
             "  h: {topic: '', schema: trade.avsc, time: executed_at}\n",
        "c:5:14: a topic's name has 1 to 249 letters, digits, '.', '_' and '-'\n"
        "c:6:6: `time` is missing: the field that holds the time of the event\n"
        "c:6:25: cannot open \"./schemas/nope.avsc\": No such file or directory\n"
        "c:7:6: `time` is missing: the field that holds the time of the event\n"
        "c:8:43: rollstat.Trade has no field 'execute_at'; did you mean 'executed_at'?\n"
        "c:9:43: field 'price' cannot be the time of the event: its type has to be a timestamp (millis, "
        "micros or nanos) or a date\n"
        "c:10:14: `topic` is empty\n");
    expect_report(
        HEAD "streams:\n"
             "  a: {topic: a, schema: trade.avsc, time: executed_at, id: side}\n"
             "  b: {topic: b, schema: trade.avsc, time: executed_at, dedup: 5m}\n"
             "  c: {topic: c, schema: trade.avsc, time: executed_at, framing: confluant}\n"
             "  d: {topic: d, schema: trade.avsc, time: executed_at, key: [price, executed_at, buyr, []]}\n"
             "  e: {topic: e, schema: trade.avsc, time: executed_at, dead_letters: {topic: e}}\n"
             "  f: {topic: f, schema: trade.avsc, time: executed_at, lateness: soon}\n"
             "  g: {topic: g, schema: trade.avsc, time: executed_at, key: {a: b}}\n",
        "c:3:60: field 'side' cannot identify an event: its type has to be string, bytes, fixed, uuid, int, "
        "long or decimal, or float or double with a declared scale\n"
        "c:4:63: `dedup` needs `id`, the field that identifies an event\n"
        "c:5:65: `framing` is auto, bare, confluent, confluent-header or single-object; did you mean "
        "'confluent'?\n"
        "c:6:69: field 'executed_at' cannot be part of a key: a time has a value of its own for each event\n"
        "c:6:82: field 'buyr' cannot be part of a key: rollstat.Trade has no field 'buyr'; did you mean "
        "'buyer'?\n"
        "c:6:88: `key` is a list of fields\n"
        "c:7:78: dead letters may not go back into the topic they come from\n"
        "c:8:66: lateness: \"soon\" is not a duration: write it like 100ms, 30s, 5m, 1h30m, 7d or 2w\n"
        "c:9:61: `key` is a list of fields\n");
    expect_report("schemas: {directory: schemas}\n"
                  "streams: {s: {topic: t, schema: trade.avsc, time: executed_at, framing: confluent}}\n",
                  "c:2:73: framing confluent needs `schemas: {registry: URL}`, or `schemas: {ids: {ID: "
                  "FILE}}`, which say what the ids stand for\n");
}

static void test_json(void **state)
{
    (void)state;
    struct rs_config *config = NULL;
    struct rs_streams *streams = load(
        HEAD
        "streams:\n"
        "  a: {topic: a, schema: trade.avsc, time: executed_at}\n"
        "  b: {topic: b, schema: trade.avsc, time: executed_at, format: json}\n"
        "  c: {topic: c, schema: trade.avsc, time: executed_at, format: json, framing: confluent,\n"
        "      json: {unknown: refuse, zone: '+08:00', times: {executed_at: ms, published_at: '%Y/%j'}}}\n",
        &config);
    assert_int_equal(streams->items[0].format, RS_FORMAT_AVRO);
    assert_int_equal(streams->items[1].format, RS_FORMAT_JSON);
    assert_false(streams->items[1].json.refuse_unknown);
    assert_int_equal(streams->items[1].json.time_count, 0);
    const struct rs_json_options *json = &streams->items[2].json;
    assert_true(json->refuse_unknown);
    assert_int_equal(json->time_count, 2);
    assert_string_equal(json->times[0].path, "executed_at");
    assert_int_equal(json->times[0].rule.kind, RS_TIME_RULE_MILLIS);
    assert_int_equal(json->times[1].rule.kind, RS_TIME_RULE_PATTERN);
    assert_non_null(json->times[1].rule.zone);
    rs_streams_take_rows(streams);
    assert_int_equal(streams->items[2].format, RS_FORMAT_AVRO);
    assert_int_equal(streams->items[2].framing.framing, RS_FRAMING_BARE);
    rs_streams_free(&streams);
    rs_config_free(&config);
    expect_report(
        HEAD
        "streams:\n"
        "  a: {topic: a, schema: trade.avsc, time: executed_at, format: xml}\n"
        "  b: {topic: b, schema: trade.avsc, time: executed_at, json: {unknown: pass}}\n"
        "  c: {topic: c, schema: trade.avsc, time: executed_at, format: json, framing: single-object}\n"
        "  d: {topic: d, schema: trade.avsc, time: executed_at, format: json, json: {unknown: drop, zone: "
        "X/Y}}\n"
        "  e: {topic: e, schema: trade.avsc, time: executed_at, format: json, json: {times: ms, tims: 1}}\n"
        "  f: {topic: f, schema: trade.avsc, time: executed_at, format: json, json: {times: {price: ms}}}\n"
        "  g: {topic: g, schema: trade.avsc, time: executed_at, format: json, json: {times: {execute_at: "
        "ms}}}\n"
        "  h: {topic: h, schema: trade.avsc, time: executed_at, format: json, json: {times: {executed_at: "
        "min}}}\n"
        "  i: {topic: i, schema: trade.avsc, time: executed_at, format: json, json: []}\n",
        "c:3:64: `format` is avro or json\n"
        "c:4:62: `json` is for streams with `format: json`\n"
        "c:5:79: framing single-object is Avro's: that of JSON is auto, bare or confluent\n"
        "c:6:86: `unknown` says what is done with fields that the schema does not declare: pass or refuse\n"
        "c:6:98: unknown time zone \"X/Y\": write an IANA name such as Europe/Berlin (from the tzdata "
        "package), UTC, "
        "or an offset such as +08:00\n"
        "c:7:84: `times` is a mapping from fields to forms, as in {executed_at: ms}\n"
        "c:7:88: unknown key \"tims\" in json; did you mean \"times\"?\n"
        "c:8:85: field 'price' is neither a timestamp nor a date\n"
        "c:9:85: rollstat.Trade has no field 'execute_at'; did you mean 'executed_at'?\n"
        "c:10:98: \"min\" is no time format; use iso, period, s, ms, us, ns or a pattern such as \"%Y-%m-%d "
        "%H:%M:%S\"\n"
        "c:11:76: json must be a mapping (key: value)\n");
}

static void test_units_of_time(void **state)
{
    (void)state;
    struct rs_config *config = NULL;
    struct rs_streams *streams =
        load(HEAD "streams:\n"
                  "  a: {topic: a, schema: indicator.avsc, time: {field: revision, unit: s}}\n"
                  "  b: {topic: b, schema: indicator.avsc, time: {field: revision, unit: ns}}\n"
                  "  c: {topic: c, schema: indicator.avsc, time: {field: period_start}}\n"
                  "  d: {topic: d, schema: indicator.avsc, time: {field: published_at}}\n",
             &config);
    static const enum rs_time_form forms[] = {RS_TIME_FORM_SECONDS, RS_TIME_FORM_NANOS, RS_TIME_FORM_STAMP,
                                              RS_TIME_FORM_STAMP};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(streams->items[i].time_form, forms[i]);
    }
    assert_string_equal(streams->items[0].time_path, "revision");
    rs_streams_free(&streams);
    rs_config_free(&config);
    expect_report(
        HEAD "streams:\n"
             "  a: {topic: a, schema: indicator.avsc, time: revision}\n"
             "  b: {topic: b, schema: indicator.avsc, time: {field: revision}}\n"
             "  c: {topic: c, schema: indicator.avsc, time: {field: revision, unit: min}}\n"
             "  d: {topic: d, schema: indicator.avsc, time: {field: published_at, unit: ms}}\n"
             "  e: {topic: e, schema: indicator.avsc, time: {field: period_start, unit: s}}\n"
             "  f: {topic: f, schema: indicator.avsc, time: {field: value, unit: s}}\n"
             "  g: {topic: g, schema: indicator.avsc, time: {unit: s, fild: revision}}\n"
             "  h: {topic: h, schema: indicator.avsc, time: {field: revison, unit: s}}\n"
             "  i: {topic: i, schema: indicator.avsc, time: {field: revision, unit: s}, format: json,\n"
             "      json: {times: {revision: ms}}}\n",
        "c:3:47: field 'revision' cannot be the time of the event: its type has to be a timestamp (millis, "
        "micros or nanos) or a date; of a plain number say what it counts since 1970, as in time: {field: "
        "revision, unit: ms}\n"
        "c:4:55: field 'revision' cannot be the time of the event: its type has to be a timestamp (millis, "
        "micros or nanos) or a date; of a plain number say what it counts since 1970, as in time: {field: "
        "revision, unit: ms}\n"
        "c:5:71: `unit` is what the numbers count since 1970: s, ms, us or ns\n"
        "c:6:75: `unit` is for plain numbers: field 'published_at' is a timestamp, whose type says what it "
        "counts; leave `unit` out\n"
        "c:7:75: `unit` is for plain numbers: field 'period_start' is a timestamp, whose type says what it "
        "counts; "
        "leave `unit` out\n"
        "c:8:55: field 'value' cannot be the time of the event: its type has to be a timestamp (millis, "
        "micros or nanos) or a date\n"
        "c:9:47: `field` is missing: the field that holds the time of the event\n"
        "c:9:57: unknown key \"fild\" in time; did you mean \"field\"?\n"
        "c:10:55: rollstat.Indicator has no field 'revison'; did you mean 'revision'?\n"
        "c:12:22: field 'revision' is neither a timestamp nor a date; what a plain number counts is said "
        "where it is the time of the event, as in time: {field: NAME, unit: ms}\n");
}

static void test_ids_of_several_fields(void **state)
{
    (void)state;
    struct rs_config *config = NULL;
    struct rs_streams *streams =
        load(HEAD "streams:\n"
                  "  a: {topic: a, schema: trade.avsc, time: executed_at, id: [exchange, product, trade_id], "
                  "dedup: 1m}\n"
                  "  b: {topic: b, schema: trade.avsc, time: executed_at, id: [trade_id]}\n",
             &config);
    assert_int_equal(streams->items[0].id_count, 3);
    assert_string_equal(streams->items[0].id_paths[0], "exchange");
    assert_string_equal(streams->items[0].id_paths[2], "trade_id");
    assert_int_equal(streams->items[1].id_count, 1);
    rs_streams_free(&streams);
    rs_config_free(&config);
    expect_report(
        HEAD
        "streams:\n"
        "  a: {topic: a, schema: trade.avsc, time: executed_at, id: []}\n"
        "  b: {topic: b, schema: trade.avsc, time: executed_at, id: [exchange, exchange]}\n"
        "  c: {topic: c, schema: trade.avsc, time: executed_at, id: [exchange, side, [product]]}\n"
        "  d: {topic: d, schema: trade.avsc, time: executed_at, id: {exchange: product}}\n"
        "  e: {topic: e, schema: trade.avsc, time: executed_at, id: [exchang, '']}\n"
        "  f: {topic: f, schema: trade.avsc, time: executed_at, id: [a, b, c, d, e, f, g, h, i, j, k, l, "
        "m, n, o, p, q]}\n",
        "c:3:60: an id is made of 1 to 16 fields\n"
        "c:4:71: field 'exchange' is part of the id already\n"
        "c:5:71: field 'side' cannot identify an event: its type has to be string, bytes, fixed, uuid, int, "
        "long or decimal, or float or double with a declared scale\n"
        "c:5:77: `id` is a field or a list of fields, as in [exchange, trade_id]\n"
        "c:6:60: `id` is a field or a list of fields, as in [exchange, trade_id]\n"
        "c:7:61: rollstat.Trade has no field 'exchang'; did you mean 'exchange'?\n"
        "c:7:70: `id` is a field or a list of fields, as in [exchange, trade_id]\n"
        "c:8:60: an id is made of 1 to 16 fields\n");
}

static void test_schemas_are_looked_for_where_they_are_installed(void **state)
{
    (void)state;
    struct rs_config *config = load_config("streams: {s: {topic: t, schema: no-such.avsc, time: t}}\n");
    struct rs_streams *streams = NULL;
    struct rs_error error = {0};
    assert_int_equal(rs_streams_load(config, &streams, &error), RS_ECONFIG);
    rs_streams_free(&streams);
    struct rs_buf report = {0};
    rs_config_report(config, &report);
    rs_buf_char(&report, '\0');
    assert_non_null(strstr((const char *)report.data, "/rollstat/schemas/no-such.avsc\""));
    rs_buf_fini(&report);
    rs_config_free(&config);
}

/* Aggregates are checked against them: what is known is there, and what is wrong is NULL, so that nobody
 * complains of it again. */
static void test_faulty_streams_are_kept_for_checking(void **state)
{
    (void)state;
    static const struct {
        const char *stream;
        bool schema, time, version, unread;
    } cases[] = {
        {"{topic: t, schema: trade.avsc, time: executed_at, lateness: soon}", true, true, false, false},
        {"{topic: t, schema: trade.avsc, time: executed_at, topik: x}", true, true, false, false},
        {"{topic: t, schema: trade.avsc, time: executed}", true, false, false, false},
        {"{topic: t, schema: indicator.avsc, time: period_start, upsert: {version: revison}}", true, true,
         false, false},
        {"{topic: t, schema: indicator.avsc, time: period_start, upsert: {}}", true, true, false, false},
        {"{topic: t, schema: nope.avsc, time: any, upsert: {version: any}}", false, true, true, false},
        {"7", false, false, false, true}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[256];
        snprintf(text, sizeof text, HEAD "streams: {s: %s}\n", cases[i].stream);
        struct rs_config *config = load_config(text);
        struct rs_streams *streams = NULL;
        struct rs_error error = {0};
        assert_int_equal(rs_streams_load(config, &streams, &error), RS_ECONFIG);
        assert_string_equal(error.text, "the configuration of the streams is wrong");
        assert_non_null(streams);
        const struct rs_stream *stream = &streams->items[0];
        assert_int_equal(stream->schema != NULL, cases[i].schema);
        assert_int_equal(stream->time_path != NULL, cases[i].time);
        assert_int_equal(stream->version_path != NULL, cases[i].version);
        assert_int_equal(stream->unread, cases[i].unread);
        rs_streams_free(&streams);
        rs_config_free(&config);
    }
}

static void test_complaints_about_upsert(void **state)
{
    (void)state;
    expect_report(
        HEAD
        "streams:\n"
        "  a: {topic: a, schema: indicator.avsc, time: period_start, upsert: {}}\n"
        "  b: {topic: b, schema: indicator.avsc, time: period_start, upsert: {version: published_at}}\n"
        "  c: {topic: c, schema: indicator.avsc, time: period_start, upsert: {version: period_kind}}\n"
        "  d: {topic: d, schema: indicator.avsc, time: period_start, upsert: {version: revision},\n"
        "      lateness: 1s, max_future: 1s}\n"
        "  e: {topic: e, schema: indicator.avsc, time: period_start, upsert: {version: revision, valu: x}}\n"
        "  f: {topic: f, schema: indicator.avsc, time: period_start, upsert: yes}\n",
        "c:3:69: `version` is missing: the field whose highest number counts, as in upsert: {version: "
        "revision}\n"
        "c:4:79: field 'published_at' cannot be the version: its type has to be int or long\n"
        "c:5:79: field 'period_kind' cannot be the version: its type has to be int or long\n"
        "c:7:17: `lateness` has no place on an upsert stream: its events are never late\n"
        "c:7:33: `max_future` has no place on an upsert stream: its events are never late\n"
        "c:8:89: unknown key \"valu\" in upsert; did you mean \"value\"?\n"
        "c:9:69: upsert must be a mapping (key: value)\n");
}

static void test_key_fields(void **state)
{
    (void)state;
    struct rs_config *config = NULL;
    struct rs_streams *streams =
        load(HEAD "streams:\n"
                  "  a: {topic: a, schema: indicator.avsc, time: period_start, upsert: {version: revision, "
                  "key_fields: [region, indicator]}}\n"
                  "  b: {topic: b, schema: indicator.avsc, time: period_start, upsert: {version: revision}}\n"
                  "aggregates: {x: {stream: b, by: [indicator]}}\n",
             &config);
    assert_true(streams->items[0].tombstones);
    assert_int_equal(streams->items[0].key_count, 2);
    assert_string_equal(streams->items[0].key_paths[0], "region");
    assert_string_equal(streams->items[0].key_paths[1], "indicator");
    assert_false(streams->items[1].tombstones);
    assert_int_equal(streams->items[1].key_count, 1);
    rs_streams_free(&streams);
    rs_config_free(&config);
    expect_report(
        HEAD "streams:\n"
             "  a: {topic: a, schema: indicator.avsc, time: period_start, upsert: {version: revision, "
             "key_fields: {a: b}}}\n"
             "  b: {topic: b, schema: indicator.avsc, time: period_start, upsert: {version: revision, "
             "key_fields: [regio]}}\n",
        "c:3:101: `key_fields` is a list of fields\n"
        "c:4:102: field 'regio' cannot be part of a key: rollstat.Indicator has no field 'regio'; did "
        "you mean 'region'?\n");
}

static void test_warnings(void **state)
{
    (void)state;
    expect_report(
        HEAD "streams:\n"
             "  a: {topic: a, schema: trade.avsc, time: executed_at, lateness: 1s, max_future: 2s}\n"
             "  b: {topic: b, schema: indicator.avsc, time: period_start, upsert: {version: revision, value: "
             "region}}\n",
        "c:3:82: warning: `max_future` is above `lateness`: an event from the future can make others of its "
        "group late\n"
        "c:4:96: warning: field 'region' cannot be null, so that nothing can be withdrawn\n");
}

/* ---- several topics ---- */

/* Each is an input of its own with the settings of the stream, and is addressed the same wherever it stands. */
static void test_topics(void **state)
{
    (void)state;
    struct rs_config *config = NULL;
    struct rs_streams *streams =
        load(HEAD "streams:\n"
                  "  s: {topics: [a, b.c, d], schema: trade.avsc, time: executed_at, id: trade_id}\n"
                  "  t: {topic: own, topics: [e], schema: trade.avsc, time: executed_at, "
                  "dead_letters: {topic: bad}}\n"
                  "  u: {topic: u, schema: trade.avsc, time: executed_at}\n",
             &config);
    static const struct {
        const char *name, *topic, *input, *label, *letters;
        size_t first;
        bool listed;
    } inputs[] = {
        {"s", "a", "s.a", "s topic a", "a.dlq", 0, true},
        {"t", "own", "t", "t", "bad", 1, false},
        {"u", "u", "u", "u", "u.dlq", 2, false},
        {"s", "b.c", "s.b.c", "s topic b.c", "b.c.dlq", 0, true},
        {"s", "d", "s.d", "s topic d", "d.dlq", 0, true},
        {"t", "e", "t.e", "t topic e", "bad", 1, true},
    };
    assert_int_equal(streams->named, 3);
    assert_int_equal(streams->count, 6);
    assert_int_equal(streams->capacity, 6);
    for (size_t i = 0; i < 6; i++) {
        const struct rs_stream *input = &streams->items[i];
        assert_int_equal(input->index, i);
        assert_int_equal(input->first, inputs[i].first);
        assert_string_equal(input->name, inputs[i].name);
        assert_string_equal(input->topic, inputs[i].topic);
        assert_string_equal(rs_stream_input(input), inputs[i].input);
        assert_string_equal(rs_stream_label(input), inputs[i].label);
        assert_string_equal(input->dead_letter_topic, inputs[i].letters);
        assert_int_equal(input->listed, inputs[i].listed);
        assert_int_equal(input->several, input->first != 2);
        assert_ptr_equal(input->schema, streams->items[input->first].schema);
        assert_ptr_equal(rs_streams_by_topic(streams, input->topic), input);
        assert_ptr_equal(rs_streams_find(streams, input->name), &streams->items[input->first]);
    }
    assert_string_equal(streams->items[4].id_paths[0], "trade_id");
    assert_null(rs_streams_by_topic(streams, "c"));
    assert_null(rs_streams_find(streams, "s.a"));
    rs_streams_free(&streams);
    rs_config_free(&config);
}

static void test_complaints_about_topics(void **state)
{
    (void)state;
    char longest[300];
    snprintf(longest, sizeof longest, "%.*s", 246,
             "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
             "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
             "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
             "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    expect_report(
        HEAD "streams:\n"
             "  a: {topics: [], schema: trade.avsc, time: executed_at}\n"
             "  b: {topics: t, schema: trade.avsc, time: executed_at}\n"
             "  c: {topics: [t, u, t], schema: trade.avsc, time: executed_at}\n"
             "  d: {topic: v, topics: [w, v], schema: trade.avsc, time: executed_at}\n"
             "  e: {topics: [x, [], 'y z', ''], schema: trade.avsc, time: executed_at}\n"
             "  f: {topics: [r, s], schema: trade.avsc, time: executed_at, dead_letters: {topic: s}}\n"
             "  g: {topic: '', topics: [q], schema: trade.avsc, time: executed_at}\n"
             "  h: {topics: {}, schema: trade.avsc, time: executed_at}\n"
             "  i: {topics: /a(b/, schema: trade.avsc, time: executed_at}\n",
        "c:3:15: `topics` is a list of 1 to 1000 topics\n"
        "c:4:15: `topics` is a list of topics, as in topics: [A, B], or a regular expression between "
        "slashes, "
        "as in topics: '/^market\\..*$/'; for one topic there is `topic`\n"
        "c:5:22: topic \"t\" is named twice\n"
        "c:6:29: topic \"v\" is named twice\n"
        "c:7:19: `topics` is a list of names of topics\n"
        "c:7:23: a topic's name has 1 to 249 letters, digits, '.', '_' and '-'\n"
        "c:7:30: `topics` is a list of names of topics\n"
        "c:8:84: dead letters may not go back into the topic they come from\n"
        "c:9:14: `topic` is empty\n"
        "c:10:15: `topics` is a list of topics, as in topics: [A, B], or a regular expression between "
        "slashes, "
        "as in topics: '/^market\\..*$/'; for one topic there is `topic`\n"
        "c:11:15: `topics`: \"a(b\" is no regular expression (POSIX extended): Unmatched ( or \\(\n");
    char text[512];
    snprintf(text, sizeof text,
             HEAD "streams: {s: {topics: [a, %s], schema: trade.avsc, time: executed_at}}\n", longest);
    expect_report(
        text, "c:2:27: the topic of its dead letters, this name with .dlq behind it, would have 250 "
              "characters; Kafka allows 249: give another one with `dead_letters: {topic: NAME}`, or keep "
              "none with `dead_letters: false`\n");
}

/* What becomes of a topic that there is: "": nothing, else the name of the input; or the refusal. */
static void expect_taken(struct rs_streams *streams, const char *topic, const char *wanted)
{
    const struct rs_stream *input = NULL;
    struct rs_error error = {0};
    size_t before = streams->count;
    int rc = rs_streams_take(streams, topic, &input, &error);
    assert_int_equal(streams->count, before); /* not before it is admitted */
    if (rc < 0) {
        assert_non_null(strstr(error.text, wanted));
        return;
    }
    if (rc == 1) {
        assert_int_equal(input->index, before);
        assert_true(input->found && input->listed);
        rs_streams_admit(streams);
        const struct rs_stream *again = NULL;
        assert_int_equal(rs_streams_take(streams, topic, &again, &error), 0);
        assert_ptr_equal(again, input);
    }
    assert_string_equal(input ? rs_stream_input(input) : "", wanted);
}

static void test_topics_by_pattern(void **state)
{
    (void)state;
    struct rs_config *config = NULL;
    struct rs_streams *streams =
        load(HEAD "group: g\n"
                  "streams:\n"
                  "  s: {topics: '/^market[.].*[.]trades$/', schema: trade.avsc, time: executed_at}\n"
                  "  all: {topic: own, topics: /o/, schema: trade.avsc, time: executed_at, "
                  "dead_letters: {topic: foo}}\n"
                  "  s.t: {topic: u, schema: trade.avsc, time: executed_at}\n"
                  "  any: {topics: /x/, schema: trade.avsc, time: executed_at}\n",
             &config);
    assert_int_equal(streams->named, 4);
    assert_int_equal(streams->count, 4);
    assert_int_equal(streams->capacity, 3004);
    assert_int_equal(rs_streams_room(streams), 3004);
    assert_true(rs_streams_have_patterns(streams));
    assert_null(streams->items[0].topic);
    expect_taken(streams, "market.a.trades", "s.market.a.trades");
    expect_taken(streams, "market.a.b.trades", "s.market.a.b.trades");
    expect_taken(streams, "market.a.trade", "");
    expect_taken(streams, "own", "all");
    expect_taken(streams, "oo", "all.oo");
    /* What the daemon writes itself, and what is Kafka's. */
    expect_taken(streams, "oo.dlq", "all.oo.dlq"); /* the letters of that stream go elsewhere */
    expect_taken(streams, "foo", "");
    expect_taken(streams, "g.state.foo", "");
    expect_taken(streams, "g.partials.o", "");
    expect_taken(streams, "__consumer_offsets", "");
    expect_taken(streams, "x1", "any.x1");
    expect_taken(streams, "x1.dlq", "");
    expect_taken(streams, "x1.dlq.dlq", "");
    expect_taken(streams, "x2.dlq", "");
    expect_taken(streams, "ox", "the patterns of streams \"all\" and \"any\" both take the topic \"ox\"");
    assert_string_equal(rs_streams_by_topic(streams, "market.a.trades")->dead_letter_topic,
                        "market.a.trades.dlq");
    assert_string_equal(rs_stream_label(rs_streams_by_topic(streams, "x1")), "any topic x1");
    assert_ptr_equal(rs_streams_by_topic(streams, "x1")->schema, streams->items[3].schema);
    char longest[250];
    memset(longest, 'x', 249);
    longest[249] = '\0';
    expect_taken(streams, longest, "would have 261 and 253 characters");
    char name[32];
    for (int i = 1; i < RS_STREAM_TOPICS_MAX; i++) {
        struct rs_error error;
        snprintf(name, sizeof name, "xx%d", i);
        assert_int_equal(rs_streams_learn(streams, name, &error), 0);
    }
    expect_taken(streams, "xx1000",
                 "stream \"any\" reads 1000 topics, the most there can be, and leaves out \"xx1000\"");
    expect_taken(streams, "xx999", "any.xx999");
    rs_streams_free(&streams);
    rs_config_free(&config);
}

static void test_the_name_of_a_state_is_taken(void **state)
{
    (void)state;
    struct rs_config *config = NULL;
    struct rs_streams *streams = load(HEAD "streams:\n"
                                           "  s: {topics: /./, schema: trade.avsc, time: executed_at}\n"
                                           "  s.t: {topic: u, schema: trade.avsc, time: executed_at}\n",
                                      &config);
    expect_taken(streams, "t",
                 "its state would be in the topic rollstat.state.s.t, where that of stream \"s.t\" is");
    expect_taken(streams, "v", "s.v");
    rs_streams_free(&streams);
    rs_config_free(&config);
}

/* ---- where a group begins ---- */

static void expect_start(const char *start, enum rs_start_kind kind, int64_t us)
{
    char text[512];
    snprintf(text, sizeof text, HEAD "streams: {s: {topic: t, schema: trade.avsc, time: executed_at%s}}\n",
             start);
    struct rs_config *config = NULL;
    struct rs_streams *streams = load(text, &config);
    assert_int_equal(streams->items[0].start, kind);
    assert_true(streams->items[0].start_us == us);
    rs_streams_free(&streams);
    rs_config_free(&config);
}

static void test_start(void **state)
{
    (void)state;
    expect_start("", RS_START_EARLIEST, 0);
    expect_start(", start: earliest", RS_START_EARLIEST, 0);
    expect_start(", start: latest", RS_START_LATEST, 0);
    expect_start(", start: 2024-07-01T12:00:00Z", RS_START_TIME, INT64_C(1719835200000000));
    expect_start(", start: 1969-01-01T00:00:00Z", RS_START_TIME, 0);
    int64_t before = rs_clock_wall(rs_clock_system());
    struct rs_config *config = NULL;
    struct rs_streams *streams = load(
        HEAD "streams: {s: {topics: [a, b], schema: trade.avsc, time: executed_at, start: -24h}}\n", &config);
    int64_t after = rs_clock_wall(rs_clock_system());
    const struct rs_stream *b = &streams->items[1];
    assert_int_equal(b->start, RS_START_TIME);
    assert_true(b->start_us >= before - INT64_C(86400000000) && b->start_us <= after - INT64_C(86400000000));
    rs_streams_free(&streams);
    rs_config_free(&config);
    static const char report[] =
        "c:2:71: `start` is earliest, latest, a time such as 2024-07-01T00:00:00Z, or a "
        "duration back from now such as -24h\n";
    expect_report(HEAD "streams: {s: {topic: t, schema: trade.avsc, time: executed_at, start: oldest}}\n",
                  report);
    expect_report(HEAD "streams: {s: {topic: t, schema: trade.avsc, time: executed_at, start: 24h}}\n",
                  report);
    expect_report(HEAD "streams: {s: {topic: t, schema: trade.avsc, time: executed_at, start: -soon}}\n",
                  report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_everything_said),
        cmocka_unit_test(test_key_by_default),
        cmocka_unit_test(test_complaints_about_the_whole),
        cmocka_unit_test(test_complaints_about_a_stream),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_topics),
        cmocka_unit_test(test_complaints_about_topics),
        cmocka_unit_test(test_units_of_time),
        cmocka_unit_test(test_ids_of_several_fields),
        cmocka_unit_test(test_topics_by_pattern),
        cmocka_unit_test(test_start),
        cmocka_unit_test(test_the_name_of_a_state_is_taken),
        cmocka_unit_test(test_schemas_are_looked_for_where_they_are_installed),
        cmocka_unit_test(test_faulty_streams_are_kept_for_checking),
        cmocka_unit_test(test_complaints_about_upsert),
        cmocka_unit_test(test_key_fields),
        cmocka_unit_test(test_warnings),
    };
    return cmocka_run_group_tests_name("schemas.stream", tests, NULL, NULL);
}
