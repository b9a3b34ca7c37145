#include "tests/lib/engine_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char tick_schema[] =
    "{\"type\":\"record\",\"name\":\"Tick\",\"fields\":["
    "{\"name\":\"id\",\"type\":[\"null\",\"string\"]},"
    "{\"name\":\"market\",\"type\":[\"null\",\"string\"]},"
    "{\"name\":\"product\",\"type\":\"string\"},"
    "{\"name\":\"side\",\"type\":{\"type\":\"enum\",\"name\":\"Side\",\"symbols\":[\"BUY\",\"SELL\","
    "\"UNKNOWN\"]}},"
    "{\"name\":\"at\",\"type\":[\"null\",{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}]},"
    "{\"name\":\"price\",\"unit\":\"EUR\",\"type\":[\"null\",{\"type\":\"bytes\",\"logicalType\":\"decimal\","
    "\"precision\":18,\"scale\":2}]},"
    "{\"name\":\"quantity\",\"unit\":\"lots\",\"type\":\"long\"},"
    "{\"name\":\"ratio\",\"type\":\"double\"},"
    "{\"name\":\"day\",\"type\":{\"type\":\"int\",\"logicalType\":\"date\"}},"
    "{\"name\":\"open\",\"type\":\"boolean\"},"
    "{\"name\":\"big\",\"type\":{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":38,\"scale\":4}"
    "},"
    "{\"name\":\"revision\",\"type\":[\"null\",\"long\"]},"
    "{\"name\":\"paid\",\"unit\":\"EUR\",\"type\":{\"type\":\"bytes\",\"logicalType\":\"decimal\","
    "\"precision\":18,"
    "\"scale\":2}}]}";

static void must(bool right, const char *what)
{
    if (!right) {
        fprintf(stderr, "engine fixture: %s\n", what);
        abort();
    }
}

bool fixture_open(struct fixture *f, const char *yaml)
{
    struct rs_error error;
    char path[128];
    *f = (struct fixture){.directory = "/tmp/rollstat-engine-XXXXXX"};
    must(mkdtemp(f->directory) != NULL, "no directory");
    snprintf(path, sizeof path, "%s/tick.avsc", f->directory);
    FILE *file = fopen(path, "w");
    must(file && fputs(tick_schema, file) >= 0 && fclose(file) == 0, "no schema file");
    struct rs_buf text = {0};
    rs_buf_printf(&text, "group: test\nschemas: {directory: %s}\n%s", f->directory, yaml);
    rs_buf_char(&text, '\0');
    must(!text.failed && rs_config_load_text("test.yaml", (const char *)text.data, &f->config, &error) == 0,
         "no config");
    rs_buf_fini(&text);
    bool loaded = rs_streams_load(f->config, &f->streams, &error) == 0 &&
                  rs_engine_load(f->config, f->streams, &f->engine, &error) == 0;
    rs_config_report(f->config, &f->complaints);
    if (!loaded && f->complaints.size == 0) {
        rs_buf_text(&f->complaints, error.text);
    }
    rs_buf_char(&f->complaints, '\0');
    return loaded;
}

void fixture_close(struct fixture *f)
{
    char path[128];
    snprintf(path, sizeof path, "%s/tick.avsc", f->directory);
    unlink(path);
    rmdir(f->directory);
    rs_engine_free(&f->engine);
    rs_streams_free(&f->streams);
    rs_config_free(&f->config);
    rs_buf_fini(&f->complaints);
}

/* ---- Avro ---- */

static void put_long(struct rs_buf *out, int64_t value)
{
    uint64_t zigzag = (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
    for (; zigzag >= 128; zigzag >>= 7) {
        rs_buf_char(out, (char)(zigzag | 128));
    }
    rs_buf_char(out, (char)zigzag);
}

static void put_text(struct rs_buf *out, const char *text)
{
    put_long(out, (int64_t)strlen(text));
    rs_buf_text(out, text);
}

static void put_decimal(struct rs_buf *out, __int128 value)
{
    uint8_t bytes[16];
    int size = 1;
    while (size < 16 && (value >> (8 * size - 1)) != (value < 0 ? -1 : 0)) {
        size++;
    }
    for (int i = 0; i < size; i++) {
        bytes[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
    }
    put_long(out, size);
    rs_buf_put(out, bytes, (size_t)size);
}

size_t tick_encode(const struct tick *t, struct rs_buf *out)
{
    size_t start = out->size;
    const char *texts[] = {t->id, t->market};
    for (size_t i = 0; i < 2; i++) {
        put_long(out, texts[i] != NULL);
        if (texts[i]) {
            put_text(out, texts[i]);
        }
    }
    put_text(out, t->product ? t->product : "");
    put_long(out, t->side);
    put_long(out, !t->no_time);
    if (!t->no_time) {
        put_long(out, t->at_us);
    }
    put_long(out, !t->no_price);
    if (!t->no_price) {
        put_decimal(out, t->price);
    }
    put_long(out, t->quantity);
    rs_buf_put(out, &t->ratio, sizeof t->ratio);
    put_long(out, t->day);
    rs_buf_char(out, t->open ? 1 : 0);
    put_decimal(out, t->big);
    put_long(out, !t->no_revision);
    if (!t->no_revision) {
        put_long(out, t->revision);
    }
    put_decimal(out, t->paid);
    must(!out->failed, "out of memory");
    return out->size - start;
}

/* ---- logs ---- */

void tick_log_add_bytes(struct tick_log *log, const void *bytes, size_t size)
{
    if (log->count == log->capacity) {
        log->capacity = log->capacity ? log->capacity * 2 : 64;
        log->records = realloc(log->records, log->capacity * sizeof *log->records);
        log->starts = realloc(log->starts, log->capacity * sizeof *log->starts);
        must(log->records && log->starts, "out of memory");
    }
    log->starts[log->count] = log->bytes.size;
    rs_buf_put(&log->bytes, bytes, size);
    log->records[log->count] =
        (struct rs_record){.offset = (int64_t)log->count, .timestamp_us = RS_TIME_NONE};
    log->records[log->count].value.size = size;
    log->count++;
}

void tick_log_add(struct tick_log *log, const struct tick *tick)
{
    struct rs_buf one = {0};
    size_t size = tick_encode(tick, &one);
    tick_log_add_bytes(log, one.data, size);
    rs_buf_fini(&one);
}

const struct rs_record *tick_log_seal(struct tick_log *log)
{
    for (size_t i = 0; i < log->count; i++) {
        log->records[i].value.data = log->bytes.data + log->starts[i];
    }
    return log->records;
}

void tick_log_free(struct tick_log *log)
{
    rs_buf_fini(&log->bytes);
    free(log->records);
    free(log->starts);
    *log = (struct tick_log){0};
}

/* ---- views ---- */

uint64_t partition_emit_all(struct rs_partition *p, struct rs_view_batch *batch, size_t bytes)
{
    uint64_t views = 0;
    bool more = true;
    while (more) {
        rs_view_batch_reset(batch);
        more = rs_partition_emit(p, batch, bytes);
        views += batch->op_count;
        batch->result = RS_BATCH_APPLIED;
        rs_partition_settle(p, batch);
    }
    return views;
}

void partition_drain(const struct fixture *f, struct rs_partition *p, view_seen *see, void *ctx)
{
    size_t count;
    const struct rs_aggregate_meta *metas = rs_engine_metas(f->engine, &count);
    struct rs_view_batch *batch = rs_view_batch_new();
    must(batch != NULL, "out of memory");
    bool more = true;
    while (more) {
        rs_view_batch_reset(batch);
        more = rs_partition_emit(p, batch, 4096);
        struct rs_op op;
        size_t cursor = 0;
        while (see && rs_batch_next(batch, &cursor, &op)) {
            see(ctx, &metas[op.aggregate], &op);
        }
        bool some = batch->op_count > 0;
        batch->result = RS_BATCH_APPLIED;
        rs_partition_settle(p, batch);
        more |= some; /* what was acknowledged may have more history behind it */
    }
    rs_view_batch_free(&batch);
}

void op_text(const struct rs_aggregate_meta *meta, const struct rs_op *op, struct rs_buf *out)
{
    struct rs_op_field field;
    size_t cursor = 0;
    const char *blank = "";
    while (rs_op_field_next(op, &cursor, &field)) {
        rs_buf_printf(out, "%s%s=%.*s", blank, meta->fields[field.field], (int)field.text.size,
                      (const char *)field.text.data);
        blank = " ";
    }
    rs_buf_char(out, '\0');
    must(!out->failed, "out of memory");
}
