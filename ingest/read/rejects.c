#include "ingest/read/rejects.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/buf.h"
#include "ingest/read/container.h"

#define SYNC_SIZE 16

struct rs_rejects {
    const char *path;
    FILE *file;
    struct rs_buf head;  /* of the rows to come */
    struct rs_buf kept;  /* head that the file begins with */
    struct rs_buf bytes; /* being written */
    const char *source;
    bool avro;
    bool begun;
    uint8_t sync[SYNC_SIZE];
};

static int no_memory(struct rs_error *error)
{
    return rs_fail(error, RS_ENOMEM, "out of memory");
}

static int write_failed(const struct rs_rejects *r, struct rs_error *error)
{
    return rs_fail(error, RS_EIO, "--rejects %s: writing failed: %s", r->path, strerrordesc_np(errno));
}

int rs_rejects_open(const char *path, struct rs_rejects **out, struct rs_error *error)
{
    struct rs_rejects *r = calloc(1, sizeof *r);
    if (!r) {
        return no_memory(error);
    }
    r->path = path;
    r->file = fopen(path, "we");
    if (!r->file) {
        int rc = rs_fail(error, RS_EIO, "--rejects %s: cannot be written: %s", path, strerrordesc_np(errno));
        rs_rejects_free(&r);
        return rc;
    }
    if (getrandom(r->sync, sizeof r->sync, 0) != (ssize_t)sizeof r->sync) {
        int rc = rs_fail(error, RS_EIO, "no random bytes: %s", strerrordesc_np(errno));
        rs_rejects_free(&r);
        return rc;
    }
    *out = r;
    return 0;
}

void rs_rejects_free(struct rs_rejects **rejects)
{
    struct rs_rejects *r = *rejects;
    if (!r) {
        return;
    }
    if (r->file) {
        (void)fclose(r->file);
    }
    rs_buf_fini(&r->head);
    rs_buf_fini(&r->kept);
    rs_buf_fini(&r->bytes);
    free(r);
    *rejects = NULL;
}

int rs_rejects_head(struct rs_rejects *r, struct rs_slice head, bool avro, const char *file,
                    struct rs_error *error)
{
    if (r->begun && (avro != r->avro || !rs_slice_equal(head, rs_buf_slice(&r->kept)))) {
        return rs_fail(
            error, RS_EUSAGE,
            "--rejects %s keeps rows of %s already, whose columns are not those of %s; run them apart",
            r->path, r->source, file);
    }
    rs_buf_reset(&r->head);
    rs_buf_put(&r->head, head.data, head.size);
    r->avro = avro;
    r->source = file;
    return r->head.failed ? no_memory(error) : 0;
}

static void begin(struct rs_rejects *r)
{
    r->begun = true;
    rs_buf_put(&r->kept, r->head.data, r->head.size);
    if (r->avro) {
        rs_buf_char(&r->head, '\0');
        if (!r->head.failed) {
            rs_container_put_head(&r->bytes, (const char *)r->head.data, r->sync);
        }
    } else if (r->head.size > 0) {
        rs_buf_put(&r->bytes, r->head.data, r->head.size);
        rs_buf_char(&r->bytes, '\n');
    }
}

int rs_rejects_put(struct rs_rejects *r, struct rs_slice raw, struct rs_error *error)
{
    if (raw.size == 0) {
        return 0; /* too long to be kept, or its extent is not known */
    }
    rs_buf_reset(&r->bytes);
    if (!r->begun) {
        begin(r);
    }
    if (r->avro) {
        rs_container_put_block(&r->bytes, raw, r->sync);
    } else {
        rs_buf_put(&r->bytes, raw.data, raw.size);
        rs_buf_char(&r->bytes, '\n');
    }
    if (r->bytes.failed || r->kept.failed || r->head.failed) {
        return no_memory(error);
    }
    return fwrite(r->bytes.data, 1, r->bytes.size, r->file) == r->bytes.size ? 0 : write_failed(r, error);
}

int rs_rejects_finish(struct rs_rejects *r, struct rs_error *error)
{
    return fflush(r->file) == 0 ? 0 : write_failed(r, error);
}
