#include "ingest/encode/message.h"

#include <stdlib.h>

#include "base/buf.h"
#include "ingest/encode/json_write.h"
#include "ingest/encode/put.h"
#include "schemas/json_program.h"

struct rs_message_maker {
    const struct rs_stream *stream;
    size_t prefix_size;
    struct rs_json_program *reader; /* NULL: messages are Avro */
    struct rs_buf message;
    struct rs_buf text; /* for the reader */
};

int rs_message_maker_new(const struct rs_stream *stream, const struct rs_framing_prefix *prefix,
                         struct rs_message_maker **out, struct rs_error *error)
{
    struct rs_message_maker *m = calloc(1, sizeof *m);
    if (!m) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    m->stream = stream;
    m->prefix_size = prefix->size;
    int rc = stream->format != RS_FORMAT_JSON
                 ? 0
                 : rs_json_program_compile(rs_schema_root(stream->schema), NULL, 0, stream->limits,
                                           &stream->json, &m->reader, error);
    if (rc != 0) {
        rs_message_maker_free(&m);
        return rc;
    }
    *out = m;
    return 0;
}

void rs_message_maker_free(struct rs_message_maker **maker)
{
    struct rs_message_maker *m = *maker;
    if (!m) {
        return;
    }
    rs_json_program_free(&m->reader);
    rs_buf_fini(&m->message);
    rs_buf_fini(&m->text);
    free(m);
    *maker = NULL;
}

static int make_json(struct rs_message_maker *m, struct rs_slice framed, struct rs_slice *out,
                     struct rs_error *error)
{
    struct rs_slice datum = rs_slice_of(framed.data + m->prefix_size, framed.size - m->prefix_size);
    rs_buf_reset(&m->message);
    rs_buf_reset(&m->text);
    rs_put_raw(&m->message, rs_slice_of(framed.data, m->prefix_size));
    int rc = rs_json_write(rs_schema_root(m->stream->schema), &m->stream->json, datum, &m->message, error);
    if (rc != 0) {
        return rc;
    }
    struct rs_slice json = rs_slice_of(m->message.data + m->prefix_size, m->message.size - m->prefix_size);
    if (!rs_buf_reserve(&m->text, json.size + 1)) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    enum rs_reason reason = rs_json_program_run(m->reader, json, m->text.data, NULL, NULL);
    if (reason != RS_REASON_NONE) {
        return rs_fail(error, RS_ERECORD, "as JSON it would be rejected: %s", rs_reason_text(reason));
    }
    *out = rs_buf_slice(&m->message);
    return 0;
}

int rs_message_make(struct rs_message_maker *m, struct rs_slice framed, struct rs_slice *out,
                    struct rs_error *error)
{
    struct rs_slice message = framed;
    int rc = m->reader ? make_json(m, framed, &message, error) : 0;
    if (rc == 0 && (int64_t)message.size > m->stream->max_record_bytes) {
        return rs_fail(error, RS_ERECORD, "the event takes %zu bytes, max_record_bytes of the stream is %lld",
                       message.size, (long long)m->stream->max_record_bytes);
    }
    if (rc == 0) {
        *out = message;
    }
    return rc;
}
