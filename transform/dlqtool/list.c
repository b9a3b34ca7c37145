/* list and export: letter by letter as they are read. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "transform/dlqtool/internal.h"

struct listing {
    struct rs_dlq_tool *tool;
    struct rs_buf out;
    FILE *file;
    int directory; /* of --raw; -1: none */
};

/* ---- list ---- */

static void put_text(struct rs_slice text, struct rs_buf *out)
{
    if (text.data && text.size > 0) {
        rs_buf_printable(out, text);
    } else {
        rs_buf_char(out, '-');
    }
}

static void put_line(const struct rs_dlq_letter *letter, struct rs_buf *out)
{
    rs_dlq_position(letter, out);
    rs_buf_text(out, "  ");
    rs_dlq_put_time(letter->time_us, out);
    rs_buf_text(out, "  ");
    rs_buf_printable(out, letter->input);
    rs_buf_printf(out, ":%" PRId32 ":%" PRId64 "  ", letter->input_partition, letter->input_offset);
    put_text(letter->reason, out);
    rs_buf_text(out, "  ");
    put_text(letter->field, out);
    if (letter->byte >= 0) {
        rs_buf_printf(out, "@%" PRId64, letter->byte);
    }
    rs_buf_text(out, "  ");
    put_text(letter->schema, out);
    rs_buf_text(out, "  ");
    put_text(letter->text, out);
    rs_buf_text(out, letter->cut ? "  (cut)\n" : "\n");
}

static int list_letter(void *ctx, const struct rs_dlq_letter *letter, const struct rs_stream *stream,
                       struct rs_error *error)
{
    struct listing *l = ctx;
    if (l->tool->request.json) {
        rs_buf_char(&l->out, '{');
        rs_dlq_json_head(letter, stream, &l->out);
        rs_buf_text(&l->out, "}\n");
    } else {
        put_line(letter, &l->out);
    }
    return rs_buf_write(&l->out, l->file, error);
}

int rs_dlq_list(struct rs_dlq_tool *tool, struct rs_error *error)
{
    struct listing l = {.tool = tool, .file = stdout, .directory = -1, .out = {0}};
    int rc = rs_dlq_walk(tool, list_letter, &l, error);
    rs_buf_fini(&l.out);
    return rc;
}

/* ---- export ---- */

/* One file for each value. A file that is there is not written over: it may be somebody's evidence. */
static int write_raw(struct listing *l, const struct rs_dlq_letter *letter, struct rs_error *error)
{
    char name[320];
    (void)snprintf(name, sizeof name, "%s-%" PRId32 "-%" PRId64 ".bin", letter->topic, letter->partition,
                   letter->offset);
    int fd = openat(l->directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return rs_fail(error, RS_EIO, "%s/%s cannot be made: %s", l->tool->request.raw, name,
                       strerrordesc_np(errno));
    }
    bool written = rs_file_write_all(fd, letter->value);
    written = close(fd) == 0 && written;
    return written ? 0
                   : rs_fail(error, RS_EIO, "%s/%s cannot be written: %s", l->tool->request.raw, name,
                             strerrordesc_np(errno));
}

static int export_letter(void *ctx, const struct rs_dlq_letter *letter, const struct rs_stream *stream,
                         struct rs_error *error)
{
    struct listing *l = ctx;
    if (l->directory >= 0) {
        return write_raw(l, letter, error);
    }
    rs_buf_char(&l->out, '{');
    rs_dlq_json_head(letter, stream, &l->out);
    rs_dlq_json_payload(letter, &l->out);
    rs_buf_text(&l->out, "}\n");
    return rs_buf_write(&l->out, l->file, error);
}

/* Payloads are for the operator alone. */
static int open_outputs(struct listing *l, struct rs_error *error)
{
    const struct rs_dlq_request *request = &l->tool->request;
    if (request->raw) {
        if (mkdir(request->raw, 0700) < 0 && errno != EEXIST) {
            return rs_fail(error, RS_EIO, "%s cannot be made: %s", request->raw, strerrordesc_np(errno));
        }
        l->directory = open(request->raw, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return l->directory >= 0
                   ? 0
                   : rs_fail(error, RS_EIO, "%s cannot be opened: %s", request->raw, strerrordesc_np(errno));
    }
    if (!request->output || strcmp(request->output, "-") == 0) {
        return 0;
    }
    int fd = open(request->output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    l->file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!l->file) {
        int why = errno;
        if (fd >= 0) {
            (void)close(fd);
        }
        l->file = stdout;
        return rs_fail(error, RS_EIO, "%s cannot be opened: %s", request->output, strerrordesc_np(why));
    }
    return 0;
}

int rs_dlq_export(struct rs_dlq_tool *tool, struct rs_error *error)
{
    struct listing l = {.tool = tool, .file = stdout, .directory = -1, .out = {0}};
    int rc = open_outputs(&l, error);
    if (rc == 0) {
        rc = rs_dlq_walk(tool, export_letter, &l, error);
    }
    if (l.file != stdout && fclose(l.file) != 0 && rc == 0) {
        rc = rs_fail(error, RS_EIO, "%s cannot be written: %s", tool->request.output, strerrordesc_np(errno));
    }
    if (l.directory >= 0) {
        (void)close(l.directory);
    }
    rs_buf_fini(&l.out);
    if (rc == 0 && (l.file != stdout || l.directory >= 0)) {
        fprintf(stderr, "%s: %" PRIu64 " letter%s exported\n", rs_dlq_info.name, tool->found,
                tool->found == 1 ? "" : "s");
    }
    return rc;
}
