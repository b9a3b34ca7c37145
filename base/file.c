#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define FILE_STEP 65536

static int read_all(int fd, const char *path, size_t max, struct rs_buf *out, struct rs_error *error)
{
    size_t start = out->size;
    for (;;) {
        if (!rs_buf_reserve(out, FILE_STEP)) {
            return rs_fail(error, RS_ENOMEM, "out of memory for \"%s\"", path);
        }
        ssize_t got = read(fd, out->data + out->size, FILE_STEP);
        if (got == 0) {
            return 0;
        }
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return rs_fail(error, RS_EIO, "cannot read \"%s\": %s", path, strerrordesc_np(errno));
        }
        out->size += (size_t)got;
        if (out->size - start > max) {
            return rs_fail(error, RS_EINVAL, "\"%s\" is larger than the limit of %zu bytes", path, max);
        }
    }
}

int rs_file_read(const char *path, size_t max, struct rs_buf *out, struct rs_error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return rs_fail(error, RS_EIO, "cannot open \"%s\": %s", path, strerrordesc_np(errno));
    }
    int result = read_all(fd, path, max, out, error);
    (void)close(fd);
    return result;
}

bool rs_file_write_all(int fd, struct rs_slice bytes)
{
    while (bytes.size > 0) {
        ssize_t done = write(fd, bytes.data, bytes.size);
        if (done < 0 && errno != EINTR) {
            return false;
        }
        size_t used = done < 0 ? 0 : (size_t)done;
        bytes = rs_slice_of(bytes.data + used, bytes.size - used);
    }
    return true;
}
