#include "ingest/read/csv.h"

#include <string.h>

void rs_csv_init(struct rs_csv *csv, struct rs_input *input, char delimiter)
{
    *csv = (struct rs_csv){.input = input, .delimiter = delimiter, .line = 1};
}

void rs_csv_fini(struct rs_csv *csv)
{
    rs_buf_fini(&csv->unquoted);
}

/* One scan of a row's bytes: cells are added as they end. */
struct scan {
    struct rs_csv *csv;
    struct rs_cells *cells;
    const uint8_t *data; /* the row's first byte */
    size_t size;         /* bytes known */
    size_t pos;
    size_t open; /* the quote that opened the newest quoted cell */
    const char *fault;
};

enum scan_result { SCAN_ROW, SCAN_MORE, SCAN_BAD, SCAN_NO_MEMORY };

static bool add_cell(struct scan *s, size_t at, const uint8_t *text, size_t size)
{
    struct rs_cell *cell = rs_cells_add(s->cells, RS_CELL_TEXT, at);
    if (!cell) {
        return false;
    }
    cell->text = rs_slice_of(text, size);
    return true;
}

static enum scan_result bad(struct scan *s, size_t at, const char *fault)
{
    s->pos = at;
    s->fault = fault;
    return SCAN_BAD;
}

/* s->pos is behind the opening quote. Copies the text without doubled quotes: it is never longer than what is
 * read, so that the room reserved once for the row keeps earlier cells where they are. */
static enum scan_result quoted_cell(struct scan *s)
{
    struct rs_buf *to = &s->csv->unquoted;
    size_t at = s->pos - 1;
    size_t start = to->size;
    s->open = at;
    for (;;) {
        const uint8_t *quote = memchr(s->data + s->pos, '"', s->size - s->pos);
        if (!quote) {
            return SCAN_MORE;
        }
        size_t run = (size_t)(quote - (s->data + s->pos));
        rs_buf_put(to, s->data + s->pos, run);
        s->pos += run + 1;
        if (s->pos < s->size && s->data[s->pos] == '"') {
            rs_buf_char(to, '"');
            s->pos++;
            continue;
        }
        if (s->pos == s->size && !s->csv->input->eof) {
            return SCAN_MORE; /* the next byte may double the quote */
        }
        return add_cell(s, at, to->data + start, to->size - start) ? SCAN_ROW : SCAN_NO_MEMORY;
    }
}

static enum scan_result plain_cell(struct scan *s)
{
    size_t at = s->pos;
    const uint8_t delimiter = (uint8_t)s->csv->delimiter;
    const uint8_t *p = s->data + s->pos;
    const uint8_t *end = s->data + s->size;
    while (p < end && *p != delimiter && *p != '\n' && *p != '\r' && *p != '"') {
        p++;
    }
    s->pos = (size_t)(p - s->data);
    if (p == end && !s->csv->input->eof) {
        return SCAN_MORE;
    }
    if (p < end && *p == '"') {
        return bad(s, s->pos,
                   "a quote inside a cell that does not begin with one; quote the whole cell and double "
                   "the quotes in it");
    }
    return add_cell(s, at, s->data + at, s->pos - at) ? SCAN_ROW : SCAN_NO_MEMORY;
}

/* After a cell: true when another one follows. */
static enum scan_result behind_cell(struct scan *s, bool *more)
{
    *more = false;
    size_t p = s->pos;
    if (p == s->size) {
        return s->csv->input->eof ? SCAN_ROW : SCAN_MORE;
    }
    if (s->data[p] == '\r' && p + 1 == s->size && !s->csv->input->eof) {
        return SCAN_MORE; /* a line feed may follow that belongs to it */
    }
    if (s->data[p] == '\n' || s->data[p] == '\r') {
        return SCAN_ROW;
    }
    if (s->data[p] != (uint8_t)s->csv->delimiter) {
        return bad(s, p, "text behind a closing quote; double the quotes that belong to the cell");
    }
    s->pos = p + 1;
    *more = true;
    return SCAN_ROW;
}

/* From the row's first byte; afterwards pos is at its line end (or at the end of the file). */
static enum scan_result scan_row(struct scan *s)
{
    s->pos = 0;
    s->cells->count = 0;
    rs_buf_reset(&s->csv->unquoted);
    if (!rs_buf_reserve(&s->csv->unquoted, s->size)) {
        return SCAN_NO_MEMORY;
    }
    for (bool more = true; more;) {
        enum scan_result result;
        if (s->cells->count == RS_CSV_CELLS_MAX) {
            return bad(s, s->pos, "the row has too many cells");
        }
        if (s->pos < s->size && s->data[s->pos] == '"') {
            s->pos++;
            result = quoted_cell(s);
        } else if (s->pos == s->size && !s->csv->input->eof) {
            result = SCAN_MORE;
        } else {
            result = plain_cell(s);
        }
        if (result == SCAN_ROW) {
            result = behind_cell(s, &more);
        }
        if (result != SCAN_ROW) {
            return result;
        }
    }
    return SCAN_ROW;
}

/* Skips the byte order mark and empty lines. 1: a row begins at the window's first byte; 0: the end. */
static int find_row(struct rs_csv *csv, struct rs_error *error)
{
    struct rs_input *in = csv->input;
    for (;;) {
        size_t have = in->end - in->begin;
        const uint8_t *p = in->data + in->begin;
        if (!csv->begun && (have >= 3 || in->eof)) {
            csv->begun = true;
            if (have >= 3 && memcmp(p, "\xEF\xBB\xBF", 3) == 0) {
                in->begin += 3;
                continue;
            }
            if (have >= 2 && (memcmp(p, "\xFF\xFE", 2) == 0 || memcmp(p, "\xFE\xFF", 2) == 0)) {
                return rs_fail(error, RS_EUSAGE,
                               "%s: is UTF-16; convert it to UTF-8 (iconv -f UTF-16 -t UTF-8)", in->name);
            }
        }
        if (csv->begun && have > 0 && (p[0] == '\n' || (p[0] == '\r' && (have > 1 || in->eof)))) {
            in->begin += rs_input_line_end(in, 0);
            csv->line++;
            continue;
        }
        if (csv->begun && have > 0 && p[0] != '\r') {
            return 1;
        }
        int rc = rs_input_more(in, error);
        if (rc < 0) {
            return rc;
        }
        if (rc == 0 && have == 0) {
            return 0;
        }
    }
}

size_t rs_csv_count(struct rs_slice row, char c)
{
    size_t n = 0;
    bool quoted = false;
    for (size_t i = 0; i < row.size; i++) {
        quoted ^= row.data[i] == '"';
        n += !quoted && row.data[i] == (uint8_t)c;
    }
    return n;
}

int rs_csv_find_delimiter(struct rs_csv *csv, char *out, struct rs_error *error)
{
    size_t end = 0;
    size_t most = 0;
    int rc = find_row(csv, error);
    rc = rc == 1 ? rs_input_line(csv->input, 0, RS_ROW_MAX, &end, error) : rc;
    if (rc != 0 || end == 0) {
        return rc;
    }
    struct rs_slice line = rs_slice_of(csv->input->data + csv->input->begin, end);
    *out = ',';
    for (const char *p = RS_CSV_DELIMITERS; *p != '\0' && rs_csv_count(line, ',') == 0; p++) {
        size_t n = rs_csv_count(line, *p);
        if (n > most) {
            most = n;
            *out = *p;
        }
    }
    return 0;
}

const char *rs_csv_line_end_name(enum rs_csv_line_end end)
{
    static const char *const names[] = {[RS_CSV_LINE_END_UNKNOWN] = "nothing",
                                        [RS_CSV_LF] = "LF",
                                        [RS_CSV_CRLF] = "CR LF",
                                        [RS_CSV_CR] = "CR"};
    return names[end];
}

static void note_line_end(struct rs_csv *csv, const uint8_t *end, size_t size)
{
    uint8_t kind = *end == '\n' ? RS_CSV_LF : size == 2 ? RS_CSV_CRLF : RS_CSV_CR;
    if (csv->line_end == RS_CSV_LINE_END_UNKNOWN) {
        csv->line_end = kind;
    } else if (csv->line_end != kind && csv->mixed_line == 0) {
        csv->mixed_line = csv->line;
        csv->mixed_end = kind;
    }
}

/* Uses up the row and its line end. */
static void take(struct rs_csv *csv, size_t size, struct rs_csv_row *row)
{
    struct rs_input *in = csv->input;
    const uint8_t *data = in->data + in->begin;
    size_t end = rs_input_line_end(in, size);
    row->line = csv->line;
    row->raw = rs_slice_of(data, size);
    csv->line += rs_count_lines(data, size);
    in->begin += size + end;
    if (end > 0) {
        note_line_end(csv, data + size, end);
        csv->line++;
    }
}

/* The scan stopped somewhere inside. Reading goes on behind the next line end, whatever the quotes say:
 * those are what may be wrong. */
static int reject(struct rs_csv *csv, size_t from, size_t fault_at, const char *fault, struct rs_csv_row *row,
                  size_t *at, struct rs_error *error)
{
    size_t end = 0;
    int rc = rs_input_line(csv->input, from, RS_ROW_MAX, &end, error);
    if (rc != 0) {
        return rc;
    }
    if (end > RS_ROW_MAX) {
        bool found = false;
        *row = (struct rs_csv_row){.line = csv->line};
        *at = 0;
        rc = rs_input_drop_line(csv->input, &found, error);
        csv->line += found;
        return rc != 0 ? rc : rs_fail(error, RS_ERECORD, "the row is longer than 1048576 bytes");
    }
    take(csv, end, row);
    *at = fault_at;
    return rs_fail(error, RS_ERECORD, "%s", fault);
}

/* The row does not end within the bytes at hand. Nothing more comes, or there is too much of it. */
static int reject_open(struct rs_csv *csv, const struct scan *s, struct rs_csv_row *row, size_t *at,
                       struct rs_error *error)
{
    return reject(csv, 0, s->open,
                  csv->input->eof ? "a quoted cell is not closed before the end of the file"
                                  : "the row is longer than 1048576 bytes; is a quoted cell not closed?",
                  row, at, error);
}

int rs_csv_next(struct rs_csv *csv, struct rs_cells *cells, struct rs_csv_row *row, size_t *at,
                struct rs_error *error)
{
    int rc = find_row(csv, error);
    if (rc <= 0) {
        return rc;
    }
    struct rs_input *in = csv->input;
    for (;;) {
        struct scan s = {
            .csv = csv, .cells = cells, .data = in->data + in->begin, .size = in->end - in->begin};
        switch (scan_row(&s)) {
        case SCAN_ROW:
            if (s.pos > RS_ROW_MAX) {
                return reject(csv, s.pos, 0, "the row is longer than 1048576 bytes", row, at, error);
            }
            take(csv, s.pos, row);
            return 1;
        case SCAN_BAD: return reject(csv, s.pos, s.pos, s.fault, row, at, error);
        case SCAN_NO_MEMORY: return rs_fail(error, RS_ENOMEM, "%s: out of memory", in->name);
        case SCAN_MORE: break;
        }
        if (in->eof || s.size > RS_ROW_MAX) {
            return reject_open(csv, &s, row, at, error);
        }
        rc = rs_input_more(in, error);
        if (rc < 0) {
            return rc;
        }
    }
}
