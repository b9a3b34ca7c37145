#include "ingest/read/input.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ingest/read/magic.h"
#include "ingest/read/unpack.h"

/* One read is large enough to make its system call invisible beside the parsing of what it brings. */
#define RS_INPUT_CHUNK   262144
#define RS_INPUT_POLL_MS 100

struct rs_packed {
    enum rs_unpack_format format;
    struct rs_unpack *unpack;
    struct rs_slice left; /* of `bytes`, not yet unpacked */
    bool in_stream;       /* between a stream's first byte and its last */
    uint8_t bytes[RS_INPUT_CHUNK];
};

static void packed_free(struct rs_packed **packed)
{
    if (*packed) {
        rs_unpack_free(&(*packed)->unpack);
    }
    free(*packed);
    *packed = NULL;
}

void rs_input_close(struct rs_input **input)
{
    struct rs_input *in = *input;
    if (!in) {
        return;
    }
    packed_free(&in->packed);
    if (in->fd > STDIN_FILENO) {
        (void)close(in->fd);
    }
    free(in->data);
    free(in);
    *input = NULL;
}

static bool stopped(const struct rs_input *in)
{
    return in->stop && *in->stop != 0;
}

/* Waits in slices, so that a signal that came just before the wait is seen too. */
static bool wait_readable(const struct rs_input *in)
{
    while (!stopped(in)) {
        struct pollfd p = {.fd = in->fd, .events = POLLIN};
        int n = poll(&p, 1, RS_INPUT_POLL_MS);
        if (n > 0 || (n < 0 && errno != EINTR)) {
            return true;
        }
    }
    return false;
}

/* Bytes read; 0 at the end or when stopped; negative: error. */
static ssize_t read_some(struct rs_input *in, uint8_t *to, size_t size, struct rs_error *error)
{
    for (;;) {
        if (stopped(in) || (!in->seekable && !wait_readable(in))) {
            return 0;
        }
        ssize_t n = read(in->fd, to, size);
        if (n >= 0) {
            in->read_bytes += (uint64_t)n;
            return n;
        }
        if (errno != EINTR) {
            return rs_fail(error, RS_EIO, "%s: reading failed: %s", in->name, strerrordesc_np(errno));
        }
    }
}

/* Room for a chunk behind `end`. Used bytes are dropped first; the buffer grows while one row fills it. */
static int make_room(struct rs_input *in, struct rs_error *error)
{
    if (in->begin > 0) {
        memmove(in->data, in->data + in->begin, in->end - in->begin);
        in->end -= in->begin;
        in->begin = 0;
    }
    if (in->capacity - in->end >= RS_INPUT_CHUNK / 2) {
        return 0;
    }
    size_t capacity = in->capacity == 0 ? RS_INPUT_CHUNK : in->capacity * 2;
    uint8_t *data = realloc(in->data, capacity);
    if (!data) {
        return rs_fail(error, RS_ENOMEM, "%s: out of memory", in->name);
    }
    in->data = data;
    in->capacity = capacity;
    return 0;
}

static int open_file(struct rs_input *in, const char *path, struct rs_error *error)
{
    if (strcmp(path, "-") == 0) {
        in->fd = STDIN_FILENO;
    } else {
        in->fd = open(path, O_RDONLY | O_CLOEXEC);
        if (in->fd < 0) {
            return rs_fail(error, RS_EIO, "%s: cannot be opened: %s", path, strerrordesc_np(errno));
        }
    }
    struct stat st;
    if (fstat(in->fd, &st) != 0) {
        return rs_fail(error, RS_EIO, "%s: cannot be examined: %s", in->name, strerrordesc_np(errno));
    }
    if (S_ISDIR(st.st_mode)) {
        return rs_fail(error, RS_EIO, "%s: is a directory, a file is needed", in->name);
    }
    in->seekable = S_ISREG(st.st_mode);
    return 0;
}

int rs_input_open(const char *path, const volatile sig_atomic_t *stop, struct rs_input **out,
                  struct rs_error *error)
{
    struct rs_input *in = calloc(1, sizeof *in);
    if (!in) {
        return rs_fail(error, RS_ENOMEM, "out of memory");
    }
    in->fd = -1;
    in->stop = stop;
    in->name = strcmp(path, "-") == 0 ? "stdin" : path;
    int rc = open_file(in, path, error);
    if (rc == 0) {
        rc = make_room(in, error);
    }
    if (rc != 0) {
        rs_input_close(&in);
        return rc;
    }
    *out = in;
    return 0;
}

static int packed_start(struct rs_input *in, enum rs_unpack_format format, struct rs_error *error)
{
    struct rs_packed *packed = calloc(1, sizeof *packed);
    in->packed = packed;
    if (!packed || !(packed->unpack = rs_unpack_new(format))) {
        return rs_fail(error, RS_ENOMEM, "%s: out of memory", in->name);
    }
    size_t have = in->end - in->begin;
    memcpy(packed->bytes, in->data + in->begin, have);
    packed->format = format;
    packed->left = rs_slice_of(packed->bytes, have);
    packed->in_stream = true;
    in->begin = in->end = 0;
    return 0;
}

/* After a stream either another one begins or padding (zeros, as tar leaves it) ends the file. */
static bool packed_next_stream(struct rs_packed *packed)
{
    struct rs_slice *left = &packed->left;
    while (left->size > 0 && *left->data == 0) {
        *left = rs_slice_of(left->data + 1, left->size - 1);
    }
    packed->in_stream = left->size > 0 && rs_unpack_restart(packed->unpack);
    return packed->in_stream;
}

static int packed_feed(struct rs_input *in, struct rs_error *error)
{
    struct rs_packed *packed = in->packed;
    ssize_t n = read_some(in, packed->bytes, sizeof packed->bytes, error);
    if (n < 0) {
        return (int)n;
    }
    packed->left = rs_slice_of(packed->bytes, (size_t)n);
    if (n == 0 && packed->in_stream && !stopped(in)) {
        return rs_fail(error, RS_EIO, "%s: the %s data is cut off", in->name, rs_unpack_name(packed->format));
    }
    return n > 0;
}

static int packed_failed(const struct rs_input *in, enum rs_unpack_result result, struct rs_error *error)
{
    const char *name = rs_unpack_name(in->packed->format);
    if (result == RS_UNPACK_NO_MEMORY) {
        return rs_fail(error, RS_ENOMEM, "%s: out of memory", in->name);
    }
    return result == RS_UNPACK_GREEDY
               ? rs_fail(error, RS_EIO,
                         "%s: takes more than %u MiB of memory to unpack; unpack it with %s itself first",
                         in->name, RS_UNPACK_MEMORY_MAX >> 20, name)
               : rs_fail(error, RS_EIO, "%s: the %s data is damaged", in->name, name);
}

static int packed_more(struct rs_input *in, struct rs_error *error)
{
    struct rs_packed *packed = in->packed;
    for (bool hungry = false;;) {
        if (packed->left.size == 0 && hungry) {
            int rc = packed_feed(in, error);
            if (rc <= 0) {
                return rc;
            }
        }
        hungry = true;
        if (!packed->in_stream && !packed_next_stream(packed)) {
            if (packed->left.size > 0) {
                return rs_fail(error, RS_ENOMEM, "%s: out of memory", in->name);
            }
            continue;
        }
        size_t made = 0;
        enum rs_unpack_result result =
            rs_unpack_run(packed->unpack, &packed->left, in->data + in->end, in->capacity - in->end, &made);
        if (result != RS_UNPACK_GOING && result != RS_UNPACK_ENDED) {
            return packed_failed(in, result, error);
        }
        packed->in_stream = result != RS_UNPACK_ENDED;
        in->end += made;
        if (made > 0) {
            return 1;
        }
    }
}

static int plain_more(struct rs_input *in, struct rs_error *error)
{
    ssize_t n = read_some(in, in->data + in->end, in->capacity - in->end, error);
    if (n > 0) {
        in->end += (size_t)n;
    }
    return n < 0 ? (int)n : n > 0;
}

/* The first bytes decide what this is; a pipe may bring them one at a time. */
static int start(struct rs_input *in, struct rs_error *error)
{
    struct rs_magic magic = {0};
    while (!rs_magic_find(in->data, in->end, &magic)) {
        int rc = plain_more(in, error);
        if (rc < 0) {
            return rc;
        }
        if (rc == 0) {
            break;
        }
    }
    in->started = true;
    if (magic.foreign) {
        return rs_fail(error, RS_EUSAGE, "%s: %s", in->name, magic.foreign);
    }
    if (magic.packed != RS_UNPACK_NONE) {
        return packed_start(in, magic.packed, error);
    }
    return in->end > 0;
}

int rs_input_more(struct rs_input *in, struct rs_error *error)
{
    if (in->eof) {
        return 0;
    }
    int rc = make_room(in, error);
    if (rc == 0 && !in->started) {
        rc = start(in, error);
        if (rc != 0) {
            return rc;
        }
    }
    if (rc == 0) {
        rc = in->packed ? packed_more(in, error) : plain_more(in, error);
    }
    in->eof = rc == 0;
    return rc;
}

uint64_t rs_count_lines(const uint8_t *data, size_t size)
{
    uint64_t n = 0;
    for (size_t i = 0; i < size; i++) {
        n += data[i] == '\n' || (data[i] == '\r' && (i + 1 == size || data[i + 1] != '\n'));
    }
    return n;
}

/* Not two memchr: in a file that has only one of the two each would run to the end of the window for each
 * line. */
static size_t find_line_end(const struct rs_input *in, size_t from)
{
    size_t have = in->end - in->begin;
    const uint8_t *data = in->data + in->begin;
    while (from < have && data[from] != '\n' && data[from] != '\r') {
        from++;
    }
    return from;
}

size_t rs_input_line_end(const struct rs_input *in, size_t at)
{
    size_t have = in->end - in->begin;
    const uint8_t *data = in->data + in->begin;
    if (at >= have) {
        return 0;
    }
    return data[at] == '\r' && at + 1 < have && data[at + 1] == '\n' ? 2 : 1;
}

/* A CR at the end of what is known may be the first half of a line end. */
static bool line_ends(const struct rs_input *in, size_t end)
{
    size_t have = in->end - in->begin;
    return end < have && (in->data[in->begin + end] == '\n' || end + 1 < have || in->eof);
}

int rs_input_line(struct rs_input *in, size_t from, size_t limit, size_t *end, struct rs_error *error)
{
    for (;;) {
        *end = find_line_end(in, from);
        if (line_ends(in, *end) || in->eof || *end > limit) {
            return 0;
        }
        from = *end;
        int rc = rs_input_more(in, error);
        if (rc < 0) {
            return rc;
        }
    }
}

int rs_input_drop_line(struct rs_input *in, bool *found, struct rs_error *error)
{
    for (;;) {
        size_t end = find_line_end(in, 0);
        *found = line_ends(in, end);
        in->begin += end + (*found ? rs_input_line_end(in, end) : 0);
        if (*found || in->eof) {
            return 0;
        }
        int rc = rs_input_more(in, error);
        if (rc < 0) {
            return rc;
        }
    }
}

uint64_t rs_input_read(const struct rs_input *input)
{
    return input->read_bytes;
}
