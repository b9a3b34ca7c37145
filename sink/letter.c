#include "sink/letter.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/time_text.h"

#define HEADER_COUNT 8
/* Headers and the message's own bookkeeping in librdkafka, about. */
#define LETTER_OVERHEAD 1024

static bool add_header(rd_kafka_headers_t *headers, const char *name, const char *value, size_t size)
{
    return rd_kafka_header_add(headers, name, -1, value, (ssize_t)size) == RD_KAFKA_RESP_ERR_NO_ERROR;
}

static bool add_number(rd_kafka_headers_t *headers, const char *name, int64_t number)
{
    char text[32];
    int size = snprintf(text, sizeof text, "%" PRId64, number);
    return add_header(headers, name, text, (size_t)size);
}

static bool add_headers(rd_kafka_headers_t *headers, const struct rs_dead_letter *from,
                        const char *input_topic)
{
    char time[RS_TIME_TEXT_MAX];
    const char *reason = rs_reason_name(from->reason);
    const char *text = from->text ? from->text : rs_reason_text(from->reason);
    int64_t time_us = from->record->timestamp_us;
    bool good = add_header(headers, "rollstat.reason", reason, strlen(reason)) &&
                add_header(headers, "rollstat.text", text, strlen(text)) &&
                add_header(headers, "rollstat.topic", input_topic, strlen(input_topic)) &&
                add_number(headers, "rollstat.partition", from->partition) &&
                add_number(headers, "rollstat.offset", from->record->offset);
    if (good && time_us != RS_TIME_NONE && rs_time_in_range(time_us)) {
        good = add_header(headers, "rollstat.time", time, rs_time_format(time_us, time));
    }
    return good;
}

static rd_kafka_headers_t *original_headers(const struct rs_record *record)
{
    rd_kafka_headers_t *headers = NULL;
    if (record->origin && rd_kafka_message_headers(record->origin, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        return rd_kafka_headers_copy(headers);
    }
    return rd_kafka_headers_new(HEADER_COUNT);
}

struct rs_letter *rs_letter_new(const struct rs_dead_letter *from, const char *input_topic)
{
    const struct rs_record *record = from->record;
    struct rs_letter *letter = calloc(1, sizeof *letter);
    if (!letter) {
        return NULL;
    }
    *letter = (struct rs_letter){.stream = from->stream,
                                 .partition = from->partition,
                                 .offset = record->offset,
                                 .key_size = record->key.size,
                                 .value_size = record->value.size,
                                 .has_key = record->key.data != NULL,
                                 .has_value = record->value.data != NULL};
    letter->bytes = malloc(letter->key_size + letter->value_size + 1);
    letter->headers = original_headers(record);
    if (!letter->bytes || !letter->headers || !add_headers(letter->headers, from, input_topic)) {
        rs_letter_free(letter);
        return NULL;
    }
    if (record->key.data) {
        memcpy(letter->bytes, record->key.data, letter->key_size);
    }
    if (record->value.data) {
        memcpy(letter->bytes + letter->key_size, record->value.data, letter->value_size);
    }
    return letter;
}

void rs_letter_free(struct rs_letter *letter)
{
    if (!letter) {
        return;
    }
    if (letter->headers) {
        rd_kafka_headers_destroy(letter->headers);
    }
    free(letter->bytes);
    free(letter);
}

size_t rs_letter_bytes(const struct rs_letter *letter)
{
    return sizeof *letter + LETTER_OVERHEAD + letter->key_size + letter->value_size;
}

bool rs_letter_drop_value(struct rs_letter *letter)
{
    if (!add_number(letter->headers, "rollstat.value_dropped", (int64_t)letter->value_size)) {
        return false;
    }
    letter->dropped = true;
    return true;
}

/* ---- lines ---- */

static struct rs_letter_line *find_line(const struct rs_letter_lines *lines, uint32_t stream,
                                        int32_t partition)
{
    for (size_t i = 0; i < lines->count; i++) {
        if (lines->items[i].partition == partition && lines->items[i].stream == stream) {
            return &lines->items[i];
        }
    }
    return NULL;
}

static struct rs_letter_line *make_line(struct rs_letter_lines *lines, uint32_t stream, int32_t partition)
{
    if (lines->count == lines->capacity) {
        size_t capacity = lines->capacity ? 2 * lines->capacity : 8;
        struct rs_letter_line *items = realloc(lines->items, capacity * sizeof *items);
        if (!items) {
            return NULL;
        }
        lines->items = items;
        lines->capacity = capacity;
    }
    struct rs_letter_line *line = &lines->items[lines->count++];
    *line = (struct rs_letter_line){.stream = stream, .partition = partition};
    return line;
}

/* Letters come in order of offset, but for a partition that went away and came back: it is read again from
 * its last seal while letters of its earlier life are still pending. */
bool rs_letter_lines_add(struct rs_letter_lines *lines, struct rs_letter *letter)
{
    struct rs_letter_line *line = find_line(lines, letter->stream, letter->partition);
    if (!line) {
        line = make_line(lines, letter->stream, letter->partition);
    }
    if (!line) {
        return false;
    }
    struct rs_letter *before = line->newest;
    while (before && before->offset > letter->offset) {
        before = before->older;
    }
    letter->older = before;
    letter->newer = before ? before->newer : line->oldest;
    *(before ? &before->newer : &line->oldest) = letter;
    *(letter->newer ? &letter->newer->older : &line->newest) = letter;
    return true;
}

void rs_letter_lines_remove(struct rs_letter_lines *lines, struct rs_letter *letter)
{
    struct rs_letter_line *line = find_line(lines, letter->stream, letter->partition);
    RS_ASSERT(line != NULL);
    *(letter->older ? &letter->older->newer : &line->oldest) = letter->newer;
    *(letter->newer ? &letter->newer->older : &line->newest) = letter->older;
    letter->older = letter->newer = NULL;
}

int64_t rs_letter_lines_oldest(const struct rs_letter_lines *lines, uint32_t stream, int32_t partition)
{
    const struct rs_letter_line *line = find_line(lines, stream, partition);
    return line && line->oldest ? line->oldest->offset : INT64_MAX;
}

void rs_letter_lines_fini(struct rs_letter_lines *lines)
{
    for (size_t i = 0; i < lines->count; i++) {
        struct rs_letter *letter = lines->items[i].oldest;
        while (letter) {
            struct rs_letter *newer = letter->newer;
            rs_letter_free(letter);
            letter = newer;
        }
    }
    free(lines->items);
    *lines = (struct rs_letter_lines){0};
}
