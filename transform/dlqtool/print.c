#include <inttypes.h>

#include "base/record.h"
#include "base/time/text.h"
#include "transform/dlqtool/internal.h"

void rs_dlq_put_time(int64_t us, struct rs_buf *out)
{
    char text[RS_TIME_TEXT_MAX];
    if (us == RS_TIME_NONE || !rs_time_in_range(us)) {
        rs_buf_char(out, '-');
    } else {
        rs_buf_put(out, text, rs_time_format(us, text));
    }
}

void rs_dlq_put_hex(struct rs_slice bytes, struct rs_buf *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < bytes.size; i++) {
        rs_buf_char(out, digits[bytes.data[i] >> 4]);
        rs_buf_char(out, digits[bytes.data[i] & 15]);
    }
}

static void put_member(const char *name, struct rs_slice text, struct rs_buf *out)
{
    rs_buf_printf(out, ",\"%s\":", name);
    if (text.data) {
        rs_buf_json_string(out, text);
    } else {
        rs_buf_text(out, "null");
    }
}

static void put_time(const char *name, int64_t us, struct rs_buf *out)
{
    char text[RS_TIME_TEXT_MAX];
    bool known = us != RS_TIME_NONE && rs_time_in_range(us);
    put_member(name, known ? rs_slice_of(text, rs_time_format(us, text)) : (struct rs_slice){0}, out);
}

void rs_dlq_json_head(const struct rs_dlq_letter *letter, const struct rs_stream *stream, struct rs_buf *out)
{
    rs_buf_printf(out, "\"letter\":\"");
    rs_dlq_position(letter, out);
    rs_buf_char(out, '"');
    put_time("time", letter->time_us, out);
    put_member("stream", stream ? rs_slice_text(stream->name) : (struct rs_slice){0}, out);
    put_member("reason", letter->reason, out);
    put_member("text", letter->text, out);
    put_member("rule", letter->rule, out);
    put_member("rule_reason", letter->rule_reason, out);
    put_member("field", letter->field, out);
    if (letter->byte >= 0) {
        rs_buf_printf(out, ",\"byte\":%" PRId64, letter->byte);
    } else {
        rs_buf_text(out, ",\"byte\":null");
    }
    put_member("schema", letter->schema, out);
    put_member("topic", letter->input, out);
    rs_buf_printf(out, ",\"partition\":%" PRId32 ",\"offset\":%" PRId64, letter->input_partition,
                  letter->input_offset);
    put_time("timestamp", letter->original_us, out);
    rs_buf_printf(out, ",\"cut\":%s", letter->cut ? "true" : "false");
}

static void put_bytes(struct rs_slice bytes, struct rs_buf *out)
{
    if (!bytes.data) {
        rs_buf_text(out, "null");
        return;
    }
    rs_buf_char(out, '"');
    rs_dlq_put_hex(bytes, out);
    rs_buf_char(out, '"');
}

void rs_dlq_json_payload(const struct rs_dlq_letter *letter, struct rs_buf *out)
{
    const char *name = NULL;
    const void *value = NULL;
    size_t size = 0;
    rs_buf_text(out, ",\"key\":");
    put_bytes(letter->key, out);
    rs_buf_text(out, ",\"value\":");
    put_bytes(letter->value, out);
    rs_buf_text(out, ",\"headers\":[");
    for (size_t i = 0;
         i < letter->original_headers &&
         rd_kafka_header_get_all(letter->headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
         i++) {
        rs_buf_text(out, i > 0 ? ",[" : "[");
        rs_buf_json_string(out, rs_slice_text(name));
        rs_buf_char(out, ',');
        put_bytes(rs_slice_of(value, size), out);
        rs_buf_char(out, ']');
    }
    rs_buf_char(out, ']');
}
