#include <inttypes.h>
#include <string.h>

#include "base/record.h"
#include "base/time/text.h"
#include "transform/dlqtool/internal.h"

struct rs_slice rs_dlq_header(const rd_kafka_headers_t *headers, const char *name)
{
    const void *value = NULL;
    size_t size = 0;
    bool found =
        headers && rd_kafka_header_get_last(headers, name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
    return found && value ? rs_slice_of(value, size) : (struct rs_slice){0};
}

bool rs_dlq_number(struct rs_slice text, int64_t max, int64_t *out)
{
    int64_t number = 0;
    if (!text.data || text.size == 0 || text.size > 19) {
        return false;
    }
    for (size_t i = 0; i < text.size; i++) {
        int digit = text.data[i] - '0';
        if (digit < 0 || digit > 9 || number > (max - digit) / 10) {
            return false;
        }
        number = number * 10 + digit;
    }
    *out = number;
    return true;
}

void rs_dlq_position(const struct rs_dlq_letter *letter, struct rs_buf *out)
{
    rs_buf_printf(out, "%s:%" PRId32 ":%" PRId64, letter->topic, letter->partition, letter->offset);
}

/* Ours follow the original's. A record that was a letter before has ours of that time among its own, so that
 * the last of the first of ours counts. */
static size_t count_original(const rd_kafka_headers_t *headers)
{
    const char *name = NULL;
    const void *value = NULL;
    size_t size = 0;
    size_t original = 0;
    for (size_t i = 0;
         rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; i++) {
        original = strcmp(name, RS_LETTER_REASON) == 0 ? i : original;
    }
    return original;
}

static bool has(const rd_kafka_headers_t *headers, size_t from, const char *wanted)
{
    const char *name = NULL;
    const void *value = NULL;
    size_t size = 0;
    for (size_t i = from;
         rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; i++) {
        if (strcmp(name, wanted) == 0) {
            return true;
        }
    }
    return false;
}

/* Of the headers that came with this letter, not with the record. */
static struct rs_slice own_text(const struct rs_dlq_letter *letter, const char *name)
{
    return has(letter->headers, letter->original_headers, name) ? rs_dlq_header(letter->headers, name)
                                                                : (struct rs_slice){0};
}

static int64_t own_time(const struct rs_dlq_letter *letter)
{
    struct rs_error ignored;
    int64_t us = RS_TIME_NONE;
    struct rs_slice text = own_text(letter, RS_LETTER_TIME);
    return text.data && rs_time_parse_iso(text, NULL, &us, &ignored) == 0 ? us : RS_TIME_NONE;
}

static const char *read_letter(struct rs_dlq_letter *letter)
{
    int64_t number = 0;
    letter->original_headers = count_original(letter->headers);
    letter->reason = own_text(letter, RS_LETTER_REASON);
    letter->text = own_text(letter, RS_LETTER_TEXT);
    letter->input = own_text(letter, RS_LETTER_TOPIC);
    letter->rule = own_text(letter, RS_LETTER_RULE);
    letter->rule_reason = own_text(letter, RS_LETTER_RULE_REASON);
    letter->field = own_text(letter, RS_LETTER_FIELD);
    letter->schema = own_text(letter, RS_LETTER_SCHEMA);
    letter->original_us = own_time(letter);
    letter->byte = rs_dlq_number(own_text(letter, RS_LETTER_BYTE), INT64_MAX, &number) ? number : -1;
    letter->cut = has(letter->headers, letter->original_headers, RS_LETTER_VALUE_DROPPED) ||
                  has(letter->headers, letter->original_headers, RS_LETTER_KEY_CUT) ||
                  has(letter->headers, letter->original_headers, RS_LETTER_HEADERS_CUT) ||
                  has(letter->headers, letter->original_headers, RS_LETTER_HEADERS_DROPPED);
    if (!letter->reason.data || letter->reason.size == 0) {
        return "it has no header " RS_LETTER_REASON;
    }
    if (!letter->input.data || letter->input.size == 0) {
        return "it has no header " RS_LETTER_TOPIC;
    }
    if (!rs_dlq_number(own_text(letter, RS_LETTER_PARTITION), INT32_MAX, &number)) {
        return "its header " RS_LETTER_PARTITION " is no partition";
    }
    letter->input_partition = (int32_t)number;
    if (!rs_dlq_number(own_text(letter, RS_LETTER_OFFSET), INT64_MAX, &number)) {
        return "its header " RS_LETTER_OFFSET " is no offset";
    }
    letter->input_offset = number;
    return NULL;
}

enum rs_dlq_kind rs_dlq_letter_parse(const char *topic, const rd_kafka_message_t *message,
                                     struct rs_dlq_letter *out, const char **why)
{
    rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
    int64_t ms = rd_kafka_message_timestamp(message, &type);
    bool timed = type != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE && ms >= 0 && ms < INT64_MAX / 1000;
    *out = (struct rs_dlq_letter){.topic = topic,
                                  .partition = message->partition,
                                  .offset = message->offset,
                                  .time_us = timed ? ms * 1000 : RS_TIME_NONE,
                                  .key = rs_slice_of(message->key, message->key ? message->key_len : 0),
                                  .value = rs_slice_of(message->payload, message->payload ? message->len : 0),
                                  .original_us = RS_TIME_NONE,
                                  .byte = -1};
    *why = "it has no headers";
    if (rd_kafka_message_headers(message, &out->headers) != RD_KAFKA_RESP_ERR_NO_ERROR || !out->headers) {
        return RS_DLQ_FOREIGN;
    }
    if (!message->payload && rs_dlq_header(out->headers, RS_REPLAY).data) {
        return RS_DLQ_MARKER;
    }
    *why = read_letter(out);
    return *why ? RS_DLQ_FOREIGN : RS_DLQ_LETTER;
}
