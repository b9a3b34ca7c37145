#include "ingest/encode/framing.h"

#include <string.h>

static bool parse_id(const char *text, uint32_t *out)
{
    uint64_t id = 0;
    size_t size = strlen(text);
    for (size_t i = 0; i < size; i++) {
        unsigned digit = (unsigned)text[i] - '0';
        if (digit > 9) {
            return false;
        }
        id = id * 10 + digit;
    }
    *out = (uint32_t)id;
    return size > 0 && size <= 10 && id <= INT32_MAX;
}

int rs_framing_prefix_of(const struct rs_stream *stream, const char *text, struct rs_framing_prefix *out,
                         struct rs_error *error)
{
    enum rs_framing framing = stream->framing.framing;
    uint32_t id = 0;
    if (!text) {
        if (framing == RS_FRAMING_CONFLUENT) {
            return rs_fail(error, RS_EUSAGE,
                           "the stream \"%s\" is framed as confluent: say which id the schema has, --framing "
                           "confluent:ID",
                           stream->name);
        }
    } else if (strncmp(text, "confluent", 9) == 0 && (text[9] == ':' || text[9] == '\0')) {
        if (text[9] == '\0' || !parse_id(text + 10, &id)) {
            return rs_fail(error, RS_EUSAGE, "--framing %s: the schema's id is needed, confluent:ID", text);
        }
        framing = RS_FRAMING_CONFLUENT;
    } else if (strcmp(text, "bare") == 0) {
        framing = RS_FRAMING_BARE;
    } else if (strcmp(text, "single-object") == 0 && stream->format == RS_FORMAT_JSON) {
        return rs_fail(error, RS_EUSAGE,
                       "--framing single-object is Avro's, and the messages of stream \"%s\" are JSON",
                       stream->name);
    } else if (strcmp(text, "single-object") == 0) {
        framing = RS_FRAMING_SINGLE_OBJECT;
    } else {
        return rs_fail(error, RS_EUSAGE, "--framing %s: bare, confluent:ID or single-object is needed", text);
    }
    if (framing == RS_FRAMING_AUTO || framing == RS_FRAMING_BARE) {
        out->size = 0;
        return 0;
    }
    out->size = rs_frame_prefix(framing, id, rs_schema_crc64(rs_schema_root(stream->schema)), out->bytes);
    return 0;
}
