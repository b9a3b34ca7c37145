#include "ingest/read/ndjson.h"

#include <string.h>

int rs_ndjson_init(struct rs_ndjson *ndjson, struct rs_input *input, struct rs_error *error)
{
    *ndjson = (struct rs_ndjson){.input = input, .line = 1};
    return rs_json_new(&ndjson->json, error);
}

void rs_ndjson_fini(struct rs_ndjson *ndjson)
{
    rs_json_free(&ndjson->json);
}

static int too_long(struct rs_ndjson *n, struct rs_slice *raw, uint64_t *line, size_t *at,
                    struct rs_error *error)
{
    bool found = false;
    int rc = rs_input_drop_line(n->input, &found, error);
    *raw = rs_slice_of("", 0);
    *line = n->line;
    *at = 0;
    n->line += found;
    return rc != 0 ? rc : rs_fail(error, RS_ERECORD, "the row is longer than 1048576 bytes");
}

static struct rs_slice trim(struct rs_slice text)
{
    size_t n = text.size;
    while (n > 0 && (text.data[n - 1] == ' ' || text.data[n - 1] == '\t' || text.data[n - 1] == '\r')) {
        n--;
    }
    return rs_slice_of(text.data, n);
}

/* The next line that is not empty. 1, 0 or negative. */
static int next_line(struct rs_ndjson *n, struct rs_slice *raw, uint64_t *line, size_t *at,
                     struct rs_error *error)
{
    struct rs_input *in = n->input;
    for (;;) {
        size_t end = 0;
        int rc = rs_input_line(in, 0, RS_ROW_MAX, &end, error);
        if (rc != 0) {
            return rc;
        }
        if (end > RS_ROW_MAX) {
            return too_long(n, raw, line, at, error);
        }
        size_t behind = rs_input_line_end(in, end);
        bool last = behind == 0;
        *raw = trim(rs_slice_of(in->data + in->begin, end));
        *line = n->line;
        in->begin += end + behind;
        n->line += !last;
        if (!n->begun && raw->size >= 3 && memcmp(raw->data, "\xEF\xBB\xBF", 3) == 0) {
            *raw = rs_slice_of(raw->data + 3, raw->size - 3);
        }
        n->begun = true;
        if (raw->size > 0) {
            return 1;
        }
        if (last) {
            return 0;
        }
    }
}

int rs_ndjson_next(struct rs_ndjson *n, const struct rs_cell **cells, struct rs_slice *raw, uint64_t *line,
                   size_t *at, struct rs_error *error)
{
    int rc = next_line(n, raw, line, at, error);
    if (rc == 1) {
        rc = rs_json_parse(n->json, *raw, cells, at, error);
        rc = rc == 0 ? 1 : rc;
    }
    return rc;
}
