#include "sink/deadletter/message.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/number.h"
#include "base/time/text.h"

#define HEADER_COUNT 17
/* Our headers and the message's own bookkeeping in librdkafka, about. */
#define LETTER_OVERHEAD 1536
#define HEADER_OVERHEAD 64 /* of one of the original's, about */
#define CUT_WORTH       64 /* a cut costs a header that tells of it */

static bool add_header(rd_kafka_headers_t *headers, const char *name, const char *value, size_t size)
{
    return rd_kafka_header_add(headers, name, -1, value, (ssize_t)size) == RD_KAFKA_RESP_ERR_NO_ERROR;
}

static bool add_number(rd_kafka_headers_t *headers, const char *name, int64_t number)
{
    char text[RS_NUMBER_TEXT_MAX];
    return add_header(headers, name, text, rs_int64_format(number, text));
}

static bool add_text(rd_kafka_headers_t *headers, const char *name, const char *text)
{
    return !text || text[0] == '\0' || add_header(headers, name, text, strlen(text));
}

/* Where it is wrong. */
static bool add_place(rd_kafka_headers_t *headers, const struct rs_dead_letter *from)
{
    return add_text(headers, RS_LETTER_RULE, from->rule) &&
           add_text(headers, RS_LETTER_RULE_REASON, from->rule_reason) &&
           add_text(headers, RS_LETTER_FIELD, from->field) &&
           (from->byte < 0 || add_number(headers, RS_LETTER_BYTE, from->byte)) &&
           add_text(headers, RS_LETTER_SCHEMA, from->schema);
}

static bool add_headers(rd_kafka_headers_t *headers, const struct rs_dead_letter *from,
                        const char *input_topic)
{
    char time[RS_TIME_TEXT_MAX];
    const char *reason = rs_reason_name(from->reason);
    const char *text = from->text ? from->text : rs_reason_text(from->reason);
    int64_t time_us = from->record->timestamp_us;
    bool good = add_header(headers, RS_LETTER_REASON, reason, strlen(reason)) &&
                add_header(headers, RS_LETTER_TEXT, text, strlen(text)) &&
                add_header(headers, RS_LETTER_TOPIC, input_topic, strlen(input_topic)) &&
                add_number(headers, RS_LETTER_PARTITION, from->partition) &&
                add_number(headers, RS_LETTER_OFFSET, from->record->offset);
    if (good && time_us != RS_TIME_NONE && rs_time_in_range(time_us)) {
        good = add_header(headers, RS_LETTER_TIME, time, rs_time_format(time_us, time));
    }
    return good && add_place(headers, from);
}

static rd_kafka_headers_t *original_headers(const struct rs_record *record)
{
    rd_kafka_headers_t *headers = NULL;
    if (record->origin && rd_kafka_message_headers(record->origin, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        return rd_kafka_headers_copy(headers);
    }
    return rd_kafka_headers_new(HEADER_COUNT);
}

/* What the original's headers weigh: all of it, and what cutting their values would save. */
static size_t weigh_headers(const struct rs_dead_letter_message *letter, size_t *savings)
{
    const char *name = NULL;
    const void *value = NULL;
    size_t size = 0;
    size_t total = 0;

    *savings = 0;
    for (size_t i = 0; i < letter->original_headers; i++) {
        if (rd_kafka_header_get_all(letter->headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR) {
            total += strlen(name) + size + HEADER_OVERHEAD;
            *savings += size > RS_DEAD_LETTER_HEADER_KEPT ? size - RS_DEAD_LETTER_HEADER_KEPT : 0;
        }
    }
    return total;
}

/* Each time a record becomes a dead letter it gets a header with its input topic. Those with ours among
 * the original's headers therefore say how often it was here before. */
static uint32_t count_rounds(const struct rs_dead_letter_message *letter, const char *input_topic)
{
    const void *value = NULL;
    const char *name = NULL;
    size_t size = 0;
    uint32_t rounds = 0;

    for (size_t i = 0; i < letter->original_headers; i++) {
        bool good =
            rd_kafka_header_get_all(letter->headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
        rounds += good && strcmp(name, RS_LETTER_TOPIC) == 0 && size == strlen(input_topic) &&
                  memcmp(value, input_topic, size) == 0;
    }
    return rounds;
}

static void copy_bytes(struct rs_dead_letter_message *letter, const struct rs_record *record)
{
    if (record->key.data) {
        memcpy(letter->bytes, record->key.data, letter->key_size);
    }
    if (record->value.data) {
        memcpy(letter->bytes + letter->key_size, record->value.data, letter->value_size);
    }
}

struct rs_dead_letter_message *rs_dead_letter_message_new(const struct rs_dead_letter *from,
                                                          const char *input_topic)
{
    const struct rs_record *record = from->record;
    size_t savings = 0;
    struct rs_dead_letter_message *letter = calloc(1, sizeof *letter);
    if (!letter) {
        return NULL;
    }
    *letter = (struct rs_dead_letter_message){.stream = from->stream,
                                              .partition = from->partition,
                                              .offset = record->offset,
                                              .reason = from->reason,
                                              .key_size = record->key.size,
                                              .value_size = record->value.size,
                                              .key_left = record->key.size,
                                              .value_left = record->value.size,
                                              .has_key = record->key.data != NULL,
                                              .has_value = record->value.data != NULL};
    letter->bytes = malloc(letter->key_size + letter->value_size + 1);
    letter->headers = original_headers(record);
    letter->original_headers = letter->headers ? rd_kafka_header_cnt(letter->headers) : 0;
    if (!letter->bytes || !letter->headers || !add_headers(letter->headers, from, input_topic)) {
        rs_dead_letter_message_free(letter);
        return NULL;
    }
    copy_bytes(letter, record);
    letter->rounds = count_rounds(letter, input_topic);
    letter->memory = sizeof *letter + LETTER_OVERHEAD + letter->key_size + letter->value_size +
                     weigh_headers(letter, &savings);
    return letter;
}

void rs_dead_letter_message_free(struct rs_dead_letter_message *letter)
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

/* ---- cutting ---- */

/* At most `size` bytes of the text, and no part of a character. */
static size_t text_prefix(const char *text, size_t length, size_t size)
{
    if (length <= size) {
        return length;
    }
    while (size > 0 && ((unsigned char)text[size] & 0xC0) == 0x80) {
        size--;
    }
    return size;
}

/* How much of a header a minimal dead letter keeps; false: nothing. It is the original's, or of any length, or
 * others say more. */
static bool minimal_header(const struct rs_dead_letter_message *letter, size_t index, const char *name,
                           const void *value, size_t *size)
{
    if (index < letter->original_headers) {
        return false;
    }
    if (strcmp(name, RS_LETTER_TEXT) == 0) {
        *size = text_prefix(value, *size, RS_DEAD_LETTER_TEXT_KEPT);
    }
    return strcmp(name, RS_LETTER_RULE) != 0 && strcmp(name, RS_LETTER_RULE_REASON) != 0 &&
           strcmp(name, RS_LETTER_FIELD) != 0 &&
           strcmp(name, RS_LETTER_HEADERS_CUT) != 0; /* .headers_dropped says more */
}

/* The headers again, with the original's values cut or, for a minimal letter, without them. */
static rd_kafka_headers_t *cut_headers(const struct rs_dead_letter_message *letter, bool minimal,
                                       size_t *values)
{
    rd_kafka_headers_t *fresh = rd_kafka_headers_new(letter->original_headers + HEADER_COUNT);
    const char *name = NULL;
    const void *value = NULL;
    size_t size = 0;
    bool good = fresh != NULL;

    *values = 0;
    for (size_t i = 0; good && rd_kafka_header_get_all(letter->headers, i, &name, &value, &size) ==
                                   RD_KAFKA_RESP_ERR_NO_ERROR;
         i++) {
        bool original = i < letter->original_headers;
        *values += original ? size : 0;
        if (minimal && !minimal_header(letter, i, name, value, &size)) {
            continue;
        }
        size = original && size > RS_DEAD_LETTER_HEADER_KEPT ? RS_DEAD_LETTER_HEADER_KEPT : size;
        good = rd_kafka_header_add(fresh, name, -1, value, value ? (ssize_t)size : 0) ==
               RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    if (!good && fresh) {
        rd_kafka_headers_destroy(fresh);
        fresh = NULL;
    }
    return fresh;
}

static bool drop_value(struct rs_dead_letter_message *letter)
{
    if (!add_number(letter->headers, RS_LETTER_VALUE_DROPPED, (int64_t)letter->value_size)) {
        return false;
    }
    letter->value_left = 0;
    return true;
}

static bool cut_key(struct rs_dead_letter_message *letter)
{
    if (!add_number(letter->headers, RS_LETTER_KEY_CUT, (int64_t)letter->key_size)) {
        return false;
    }
    letter->key_left = RS_DEAD_LETTER_KEY_KEPT;
    return true;
}

static bool cut_header_values(struct rs_dead_letter_message *letter)
{
    size_t values = 0;
    rd_kafka_headers_t *fresh = cut_headers(letter, false, &values);
    if (!fresh || !add_number(fresh, RS_LETTER_HEADERS_CUT, (int64_t)values)) {
        if (fresh) {
            rd_kafka_headers_destroy(fresh);
        }
        return false;
    }
    rd_kafka_headers_destroy(letter->headers);
    letter->headers = fresh;
    return true;
}

/* The last resort: what the record was is said in a few numbers. What was cut before has its header
 * already. */
static bool make_minimal(struct rs_dead_letter_message *letter)
{
    size_t values = 0;
    rd_kafka_headers_t *fresh = cut_headers(letter, true, &values);
    bool good = fresh != NULL;
    if (good && letter->value_left > 0) {
        good = add_number(fresh, RS_LETTER_VALUE_DROPPED, (int64_t)letter->value_size);
    }
    if (good && letter->key_left > 0 && letter->key_left == letter->key_size) {
        good = add_number(fresh, RS_LETTER_KEY_CUT, (int64_t)letter->key_size);
    }
    if (good && letter->original_headers > 0) {
        good = add_number(fresh, RS_LETTER_HEADERS_DROPPED, (int64_t)letter->original_headers);
    }
    if (!good) {
        if (fresh) {
            rd_kafka_headers_destroy(fresh);
        }
        return false;
    }
    rd_kafka_headers_destroy(letter->headers);
    letter->headers = fresh;
    letter->original_headers = 0;
    letter->key_left = letter->value_left = 0;
    letter->minimal = true;
    return true;
}

/* The largest part goes first, and one at a time, since each step costs a refusal and as little as
 * possible is to be lost. */
bool rs_dead_letter_message_cut(struct rs_dead_letter_message *letter)
{
    size_t headers = 0;
    size_t value = letter->value_left;
    size_t key = letter->key_left > RS_DEAD_LETTER_KEY_KEPT ? letter->key_left - RS_DEAD_LETTER_KEY_KEPT : 0;
    bool good = false;

    weigh_headers(letter, &headers);
    if (letter->minimal) {
        return false;
    }
    if (value > CUT_WORTH && value >= key && value >= headers) {
        good = drop_value(letter);
    } else if (key > CUT_WORTH && key >= headers) {
        good = cut_key(letter);
    } else if (headers > CUT_WORTH) {
        good = cut_header_values(letter);
    } else {
        good = make_minimal(letter);
    }
    letter->cut = letter->cut || good;
    return good;
}

/* ---- lines ---- */

static struct rs_dead_letter_line *find_line(const struct rs_dead_letter_lines *lines, uint32_t stream,
                                             int32_t partition)
{
    for (size_t i = 0; i < lines->count; i++) {
        if (lines->items[i].partition == partition && lines->items[i].stream == stream) {
            return &lines->items[i];
        }
    }
    return NULL;
}

static struct rs_dead_letter_line *make_line(struct rs_dead_letter_lines *lines, uint32_t stream,
                                             int32_t partition)
{
    struct rs_dead_letter_line *items =
        rs_array_grow(lines->items, lines->count, &lines->capacity, 8, sizeof *items);
    if (!items) {
        return NULL;
    }
    lines->items = items;
    struct rs_dead_letter_line *line = &lines->items[lines->count++];
    *line = (struct rs_dead_letter_line){.stream = stream, .partition = partition};
    return line;
}

/* Dead letters come in order of offset, but for a partition that went away and came back: it is read again from
 * its last seal while those of its earlier life are still pending. */
bool rs_dead_letter_lines_add(struct rs_dead_letter_lines *lines, struct rs_dead_letter_message *letter)
{
    struct rs_dead_letter_line *line = find_line(lines, letter->stream, letter->partition);
    if (!line) {
        line = make_line(lines, letter->stream, letter->partition);
    }
    if (!line) {
        return false;
    }
    struct rs_dead_letter_message *before = line->newest;
    while (before && before->offset > letter->offset) {
        before = before->older;
    }
    letter->older = before;
    letter->newer = before ? before->newer : line->oldest;
    *(before ? &before->newer : &line->oldest) = letter;
    *(letter->newer ? &letter->newer->older : &line->newest) = letter;
    return true;
}

void rs_dead_letter_lines_remove(struct rs_dead_letter_lines *lines, struct rs_dead_letter_message *letter)
{
    struct rs_dead_letter_line *line = find_line(lines, letter->stream, letter->partition);
    RS_ASSERT(line != NULL);
    *(letter->older ? &letter->older->newer : &line->oldest) = letter->newer;
    *(letter->newer ? &letter->newer->older : &line->newest) = letter->older;
    letter->older = letter->newer = NULL;
}

int64_t rs_dead_letter_lines_oldest(const struct rs_dead_letter_lines *lines, uint32_t stream,
                                    int32_t partition)
{
    const struct rs_dead_letter_line *line = find_line(lines, stream, partition);
    return line && line->oldest ? line->oldest->offset : INT64_MAX;
}

void rs_dead_letter_lines_fini(struct rs_dead_letter_lines *lines)
{
    for (size_t i = 0; i < lines->count; i++) {
        struct rs_dead_letter_message *letter = lines->items[i].oldest;
        while (letter) {
            struct rs_dead_letter_message *newer = letter->newer;
            rs_dead_letter_message_free(letter);
            letter = newer;
        }
    }
    free(lines->items);
    *lines = (struct rs_dead_letter_lines){0};
}
