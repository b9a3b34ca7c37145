/* show: a letter with its bytes, and the message decoded as far as it goes. */
#include <inttypes.h>

#include "base/utf8.h"
#include "transform/dlqtool/internal.h"

#define ROW         16
#define DUMP_MAX    4096 /* bytes of a value that are shown; around the byte that is wrong */
#define KEY_MAX     256
#define VALUES_MAX  1000 /* decoded */
#define VALUE_MAX   200  /* characters of one */
#define HEADERS_MAX 100

struct showing {
    struct rs_dlq_tool *tool;
    struct rs_dlq_check *check; /* of the newest letter's stream; NULL: none yet */
    struct rs_buf out;
};

/* ---- bytes ---- */

static void put_row(struct rs_slice bytes, size_t from, int64_t mark, struct rs_buf *out)
{
    size_t size = bytes.size - from < ROW ? bytes.size - from : ROW;
    rs_buf_printf(out, "    %06zx ", from);
    for (size_t i = 0; i < ROW; i++) {
        int64_t at = (int64_t)(from + i);
        bool before = mark >= 0 && at == mark && i < size;
        bool behind = mark >= 0 && at == mark + 1 && i > 0;
        rs_buf_text(out, before ? ">" : behind ? "<" : " ");
        if (i < size) {
            rs_dlq_put_hex(rs_slice_of(bytes.data + from + i, 1), out);
        } else {
            rs_buf_text(out, "  ");
        }
    }
    rs_buf_text(out, mark == (int64_t)(from + ROW - 1) && size == ROW ? "<" : " ");
    rs_buf_text(out, " |");
    for (size_t i = 0; i < size; i++) {
        uint8_t c = bytes.data[from + i];
        rs_buf_put(out, c >= 0x20 && c < 0x7f ? &c : (const uint8_t *)".", 1);
    }
    rs_buf_text(out, "|\n");
}

/* Where the value is long, what is around the mark. */
static void put_dump(struct rs_slice bytes, int64_t mark, size_t max, struct rs_buf *out)
{
    size_t from = 0;
    size_t to = bytes.size;
    if (bytes.size > max) {
        size_t middle = mark > 0 && (uint64_t)mark < bytes.size ? (size_t)mark : 0;
        from = middle > max / 2 ? (middle - max / 2) / ROW * ROW : 0;
        to = bytes.size - from < max ? bytes.size : from + max;
    }
    if (from > 0) {
        rs_buf_printf(out, "    (%zu bytes before)\n", from);
    }
    for (size_t at = from; at < to; at += ROW) {
        put_row(rs_slice_of(bytes.data, to), at, mark, out);
    }
    if (to < bytes.size) {
        rs_buf_printf(out, "    (%zu bytes more; export has all)\n", bytes.size - to);
    }
    if (mark >= 0 && (uint64_t)mark == bytes.size) {
        rs_buf_printf(out, "    %06zx >the end<\n", bytes.size);
    }
}

static void put_part(const char *name, struct rs_slice bytes, int64_t mark, size_t max, struct rs_buf *out)
{
    if (!bytes.data) {
        rs_buf_printf(out, "  %-9s none\n", name);
        return;
    }
    rs_buf_printf(out, "  %-9s %zu byte%s\n", name, bytes.size, bytes.size == 1 ? "" : "s");
    put_dump(bytes, mark, max, out);
}

static void put_headers(const struct rs_dlq_letter *letter, struct rs_buf *out)
{
    const char *name = NULL;
    const void *value = NULL;
    size_t size = 0;
    for (size_t i = 0;
         i < letter->original_headers && i < HEADERS_MAX &&
         rd_kafka_header_get_all(letter->headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
         i++) {
        rs_buf_text(out, "  header    ");
        rs_buf_printable(out, rs_slice_text(name));
        rs_buf_text(out, ": ");
        rs_buf_printable(out, rs_slice_of(value, value ? (size < KEY_MAX ? size : KEY_MAX) : 0));
        rs_buf_text(out, size > KEY_MAX ? "...\n" : "\n");
    }
    if (letter->original_headers > HEADERS_MAX) {
        rs_buf_printf(out, "  (%zu headers more)\n", letter->original_headers - HEADERS_MAX);
    }
}

/* ---- decoded ---- */

struct decoding {
    struct rs_buf *out;
    const struct rs_dlq_letter *letter;
    bool json;
    size_t count;
};

static void put_value_text(const struct decoding *d, const struct rs_place *place, size_t size,
                           struct rs_slice json)
{
    size_t used = json.size < VALUE_MAX ? json.size : rs_utf8_cut(json.data, VALUE_MAX);
    int64_t mark = d->letter->byte;
    bool marked = mark >= 0 && (uint64_t)mark >= place->at && (uint64_t)mark < place->at + size;
    rs_buf_printf(d->out, "  %s %6zu+%-4zu ", marked ? ">>" : "  ", place->at, size);
    rs_buf_printable(d->out, rs_slice_text(place->path[0] ? place->path : "(message)"));
    rs_buf_text(d->out, " = ");
    rs_buf_printable(d->out, rs_slice_of(json.data, used));
    rs_buf_text(d->out, used < json.size ? "...\n" : "\n");
}

static void put_value(void *self, const struct rs_place *place, size_t size, const struct rs_schema *type,
                      struct rs_slice json)
{
    struct decoding *d = self;
    (void)type;
    if (++d->count > VALUES_MAX) {
        return;
    }
    if (!d->json) {
        put_value_text(d, place, size, json);
        return;
    }
    rs_buf_printf(d->out, "%s{\"byte\":%zu,\"size\":%zu,\"field\":", d->count > 1 ? "," : "", place->at,
                  size);
    rs_buf_json_string(d->out, rs_slice_text(place->path));
    rs_buf_text(d->out, ",\"value\":");
    rs_buf_put(d->out, json.data, json.size);
    rs_buf_char(d->out, '}');
}

/* ---- one letter ---- */

static void put_pair(const char *name, struct rs_slice text, struct rs_buf *out)
{
    if (text.data) {
        rs_buf_printf(out, "  %-9s ", name);
        rs_buf_printable(out, text);
        rs_buf_char(out, '\n');
    }
}

static void put_head(const struct rs_dlq_letter *letter, const struct rs_stream *stream, struct rs_buf *out)
{
    rs_dlq_position(letter, out);
    rs_buf_text(out, "\n  letter    of ");
    rs_dlq_put_time(letter->time_us, out);
    rs_buf_text(out, letter->cut ? ", cut: its original is where it came from\n" : "\n");
    rs_buf_text(out, "  from      ");
    rs_buf_printable(out, letter->input);
    rs_buf_printf(out, ", partition %" PRId32 ", offset %" PRId64 ", time ", letter->input_partition,
                  letter->input_offset);
    rs_dlq_put_time(letter->original_us, out);
    rs_buf_printf(out, ", %s%s\n", stream ? "stream " : "no stream of this configuration",
                  stream ? stream->name : "");
    put_pair("reason", letter->reason, out);
    put_pair("text", letter->text, out);
    put_pair("rule", letter->rule, out);
    put_pair("because", letter->rule_reason, out);
    put_pair("field", letter->field, out);
    if (letter->byte >= 0) {
        rs_buf_printf(out, "  byte      %" PRId64 "\n", letter->byte);
    }
    put_pair("schema", letter->schema, out);
}

/* Where the reading stops. */
static void put_stop(const struct decoding *d, enum rs_reason reason, const struct rs_place *place)
{
    struct rs_buf *out = d->out;
    if (d->json) {
        rs_buf_printf(out, ",\"stops\":{\"byte\":%zu,\"reason\":\"%s\",\"field\":", place->at,
                      rs_reason_name(reason));
        rs_buf_json_string(out, rs_slice_text(place->path));
        rs_buf_char(out, '}');
        return;
    }
    rs_buf_printf(out, "  >> %6zu      ", place->at);
    rs_buf_printable(out, rs_slice_text(place->path));
    rs_buf_printf(out, "%s%s: %s\n", place->path[0] ? ": " : "", rs_reason_name(reason),
                  rs_reason_text(reason));
}

static void put_decoded(const struct showing *s, const struct rs_dlq_letter *letter, struct rs_buf *out)
{
    struct decoding d = {.out = out, .letter = letter, .json = s->tool->request.json};
    const struct rs_decoder_visitor visitor = {.visit = put_value, .self = &d};
    struct rs_place place;
    rs_buf_text(out, d.json ? ",\"values\":[" : "  decoded, byte and size first\n");
    enum rs_reason reason = rs_dlq_check_visit(s->check, letter, &visitor, &place);
    bool waits = reason == RS_DECODER_WAITS;
    if (d.json) {
        rs_buf_printf(out, "],\"decodes\":%s", waits ? "null" : reason == RS_REASON_NONE ? "true" : "false");
    } else if (d.count > VALUES_MAX) {
        rs_buf_printf(out, "     (%zu values more)\n", d.count - VALUES_MAX);
    } else if (waits) {
        rs_buf_text(out, "     (its schema is not known)\n");
    }
    if (reason != RS_REASON_NONE && !waits) {
        put_stop(&d, reason, &place);
    }
}

static int judge(struct showing *s, const struct rs_dlq_letter *letter, const struct rs_stream *stream,
                 struct rs_dlq_verdict *out, struct rs_error *error)
{
    int rc = 0;
    if (!s->check || rs_dlq_check_stream(s->check) != stream) {
        rs_dlq_check_free(&s->check);
        rc = rs_dlq_check_new(s->tool, stream, &s->check, error);
    }
    return rc == 0 ? rs_dlq_check_run(s->check, letter, out, error) : rc;
}

static void put_verdict(const struct rs_dlq_verdict *v, bool json, struct rs_buf *out)
{
    if (json && v->unjudged) {
        rs_buf_text(out, ",\"now\":null,\"unjudged\":");
        rs_buf_json_string(out, rs_slice_text(v->text));
    } else if (json) {
        rs_buf_text(out, ",\"now\":");
        rs_buf_json_string(out, rs_slice_text(rs_reason_name(v->reason)));
    } else if (v->unjudged) {
        rs_buf_printf(out, "  now       not known: %s\n", v->text);
    } else if (v->reason == RS_REASON_NONE) {
        rs_buf_text(out, "  now       acceptable\n");
    } else {
        rs_buf_printf(out, "  now       rejected: %s: %s\n", rs_reason_name(v->reason), v->text);
    }
}

static int show_letter(void *ctx, const struct rs_dlq_letter *letter, const struct rs_stream *stream,
                       struct rs_error *error)
{
    struct showing *s = ctx;
    struct rs_buf *out = &s->out;
    struct rs_dlq_verdict v = {0};
    bool judged = stream && !letter->cut;
    int rc = judged ? judge(s, letter, stream, &v, error) : 0;
    if (rc < 0) {
        return rc;
    }
    if (s->tool->request.json) {
        rs_buf_char(out, '{');
        rs_dlq_json_head(letter, stream, out);
        rs_dlq_json_payload(letter, out);
    } else {
        put_head(letter, stream, out);
        put_part("key", letter->key, -1, KEY_MAX, out);
        put_headers(letter, out);
        put_part("value", letter->value, letter->byte, DUMP_MAX, out);
    }
    if (judged && stream->format == RS_FORMAT_AVRO && letter->value.data) { /* JSON is text */
        put_decoded(s, letter, out);
    }
    if (judged) {
        put_verdict(&v, s->tool->request.json, out);
    }
    rs_buf_text(out, s->tool->request.json ? "}\n" : "\n");
    return rs_buf_write(out, stdout, error);
}

int rs_dlq_show(struct rs_dlq_tool *tool, struct rs_error *error)
{
    struct showing s = {.tool = tool, .out = {0}};
    int rc = rs_dlq_walk(tool, show_letter, &s, error);
    rs_dlq_check_free(&s.check);
    rs_buf_fini(&s.out);
    return rc;
}
