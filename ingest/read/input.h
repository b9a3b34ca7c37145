/* input: bytes of a file or of stdin through a growing window, unpacked on the way.
 * A reader looks at data[begin, end), moves `begin` past what it has used, and asks for more when a row does
 * not end inside the window. Gzip, zstd, bzip2 and xz are known by their first bytes (magic.h), and so is what
 * has no rows, such as a spreadsheet; several packed streams in a row are one (RFC 1952, 2.2).
 * Thread: one.
 * Limits: the window grows as far as its reader asks; each reader bounds its own rows. */
#ifndef RS_INGEST_READ_INPUT_H
#define RS_INGEST_READ_INPUT_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define RS_ROW_MAX 1048576 /* bytes of one row of text: 1 MiB */

/* Line ends in a text: LF, CR LF and CR are one each. */
uint64_t rs_count_lines(const uint8_t *data, size_t size);

struct rs_packed;

struct rs_input {
    const char *name; /* for messages: the path, "stdin" for "-" */
    uint8_t *data;
    size_t begin;
    size_t end;
    size_t capacity;
    bool eof; /* nothing follows data[end) */

    /* private */
    int fd;
    bool seekable; /* a regular file, whose reads never wait */
    bool started;
    uint64_t read_bytes;
    struct rs_packed *packed;
    const volatile sig_atomic_t *stop;
};

/* "-" is stdin. `stop` may be NULL; once it is not 0 the input ends as if the file ended there, also while
 * waiting for a terminal or a pipe. `path` must outlive the input.
 * Errors: RS_EIO (cannot be opened), RS_ENOMEM. */
RS_MUST_USE int rs_input_open(const char *path, const volatile sig_atomic_t *stop, struct rs_input **out,
                              struct rs_error *error);
void rs_input_close(struct rs_input **input);

/* Appends at least one byte behind `end`; may move the window's bytes to its front (begin becomes 0).
 * 1: done; 0: the end of the file; RS_EIO: reading failed or the packed data is damaged; RS_EUSAGE: a file of
 * another kind; RS_ENOMEM. */
RS_MUST_USE int rs_input_more(struct rs_input *input, struct rs_error *error);

/* Brings the line that holds window byte `from` (counted from `begin`) into the window: *end becomes the
 * place of its line end (LF, CR LF or CR, whole in the window too), or of the end of the file. Stops with
 * *end > limit when that is further away. 0, or as rs_input_more. */
RS_MUST_USE int rs_input_line(struct rs_input *input, size_t from, size_t limit, size_t *end,
                              struct rs_error *error);
/* Bytes of the line end at window byte `at`; 0: the end of the file. */
size_t rs_input_line_end(const struct rs_input *input, size_t at);
/* Passes by the rest of a line; *found: a line end ended it, and is used up too. 0, or as rs_input_more. */
RS_MUST_USE int rs_input_drop_line(struct rs_input *input, bool *found, struct rs_error *error);

/* Bytes taken from the file so far (compressed). */
uint64_t rs_input_read(const struct rs_input *input);

#endif
