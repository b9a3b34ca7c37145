/* file: small files as a whole, within a limit.
 * Thread: any. */
#ifndef RS_BASE_FILE_H
#define RS_BASE_FILE_H

#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"

/* Appends the content of `path` to `out`. RS_EIO: it cannot be opened or read; RS_EINVAL: it holds more than
 * `max` bytes; the text names the path. Works on pipes too. */
RS_MUST_USE int rs_file_read(const char *path, size_t max, struct rs_buf *out, struct rs_error *error);

/* Writes all of it, however many calls that takes. False: errno. */
RS_MUST_USE bool rs_file_write_all(int fd, struct rs_slice bytes);

#endif
