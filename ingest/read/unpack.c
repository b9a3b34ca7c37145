#include "ingest/read/unpack.h"

#include <bzlib.h>
#include <lzma.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

struct rs_unpack {
    enum rs_unpack_format format;
    bool ready; /* what the format's own end is for */
    union {
        z_stream z;
        ZSTD_DCtx *zstd;
        bz_stream bz;
        lzma_stream xz;
    };
};

const char *rs_unpack_name(enum rs_unpack_format format)
{
    static const char *const names[] = {
        [RS_UNPACK_NONE] = "plain", [RS_UNPACK_GZIP] = "gzip",   [RS_UNPACK_DEFLATE] = "deflate",
        [RS_UNPACK_ZSTD] = "zstd",  [RS_UNPACK_BZIP2] = "bzip2", [RS_UNPACK_XZ] = "xz",
    };
    return names[format];
}

static bool start_zlib(struct rs_unpack *u)
{
    /* + 16: the gzip wrapper and no other; negative: none. */
    return u->ready ? inflateReset(&u->z) == Z_OK
                    : inflateInit2(&u->z, u->format == RS_UNPACK_GZIP ? 15 + 16 : -15) == Z_OK;
}

static bool start_zstd(struct rs_unpack *u)
{
    u->zstd = u->ready ? u->zstd : ZSTD_createDCtx();
    return u->zstd && !ZSTD_isError(ZSTD_DCtx_reset(u->zstd, ZSTD_reset_session_only)) &&
           !ZSTD_isError(ZSTD_DCtx_setParameter(u->zstd, ZSTD_d_windowLogMax, RS_UNPACK_MEMORY_LOG2));
}

static bool start_bzip2(struct rs_unpack *u)
{
    if (u->ready) {
        (void)BZ2_bzDecompressEnd(&u->bz);
        u->ready = false;
    }
    u->bz = (bz_stream){0};
    return BZ2_bzDecompressInit(&u->bz, 0, 0) == BZ_OK;
}

/* A stream that is there is begun anew, with the memory that it has. */
static bool start_xz(struct rs_unpack *u)
{
    return lzma_stream_decoder(&u->xz, RS_UNPACK_MEMORY_MAX, 0) == LZMA_OK;
}

bool rs_unpack_restart(struct rs_unpack *u)
{
    switch (u->format) {
    case RS_UNPACK_GZIP:
    case RS_UNPACK_DEFLATE: u->ready = start_zlib(u); break;
    case RS_UNPACK_ZSTD: u->ready = start_zstd(u); break;
    case RS_UNPACK_BZIP2: u->ready = start_bzip2(u); break;
    case RS_UNPACK_XZ: u->ready = start_xz(u); break;
    case RS_UNPACK_NONE: return false;
    }
    return u->ready;
}

struct rs_unpack *rs_unpack_new(enum rs_unpack_format format)
{
    struct rs_unpack *u = calloc(1, sizeof *u);
    if (!u) {
        return NULL;
    }
    u->format = format;
    if (format == RS_UNPACK_XZ) {
        u->xz = (lzma_stream)LZMA_STREAM_INIT;
    }
    if (!rs_unpack_restart(u)) {
        rs_unpack_free(&u);
    }
    return u;
}

void rs_unpack_free(struct rs_unpack **unpack)
{
    struct rs_unpack *u = *unpack;
    if (!u) {
        return;
    }
    switch (u->format) {
    case RS_UNPACK_GZIP:
    case RS_UNPACK_DEFLATE: (void)inflateEnd(&u->z); break;
    case RS_UNPACK_ZSTD: (void)ZSTD_freeDCtx(u->zstd); break;
    case RS_UNPACK_BZIP2: (void)BZ2_bzDecompressEnd(&u->bz); break;
    case RS_UNPACK_XZ: lzma_end(&u->xz); break;
    case RS_UNPACK_NONE: break;
    }
    free(u);
    *unpack = NULL;
}

static enum rs_unpack_result run_zlib(z_stream *z, struct rs_slice *in, uint8_t *out, size_t room,
                                      size_t *made)
{
    z->next_in = (Bytef *)in->data;
    z->avail_in = (uInt)in->size;
    z->next_out = out;
    z->avail_out = (uInt)room;
    int rc = inflate(z, Z_NO_FLUSH);
    *in = rs_slice_of(z->next_in, z->avail_in);
    *made = room - z->avail_out;
    return rc == Z_STREAM_END                ? RS_UNPACK_ENDED
           : rc == Z_OK || rc == Z_BUF_ERROR ? RS_UNPACK_GOING
           : rc == Z_MEM_ERROR               ? RS_UNPACK_NO_MEMORY
                                             : RS_UNPACK_DAMAGED;
}

/* The library's struct takes the room as a pointer to anything, so that the checker believes it is only read. */
// NOLINTNEXTLINE(readability-non-const-parameter)
static enum rs_unpack_result run_zstd(ZSTD_DCtx *zstd, struct rs_slice *in, uint8_t *out, size_t room,
                                      size_t *made)
{
    ZSTD_inBuffer from = {.src = in->data, .size = in->size};
    ZSTD_outBuffer to = {.dst = out, .size = room};
    size_t rc = ZSTD_decompressStream(zstd, &to, &from);
    *in = rs_slice_of(in->data + from.pos, in->size - from.pos);
    *made = to.pos;
    if (!ZSTD_isError(rc)) {
        return rc == 0 ? RS_UNPACK_ENDED : RS_UNPACK_GOING;
    }
    ZSTD_ErrorCode code = ZSTD_getErrorCode(rc);
    return code == ZSTD_error_frameParameter_windowTooLarge ? RS_UNPACK_GREEDY
           : code == ZSTD_error_memory_allocation           ? RS_UNPACK_NO_MEMORY
                                                            : RS_UNPACK_DAMAGED;
}

static enum rs_unpack_result run_bzip2(bz_stream *bz, struct rs_slice *in, uint8_t *out, size_t room,
                                       size_t *made)
{
    bz->next_in = (char *)in->data;
    bz->avail_in = (unsigned)in->size;
    bz->next_out = (char *)out;
    bz->avail_out = (unsigned)room;
    int rc = BZ2_bzDecompress(bz);
    *in = rs_slice_of(bz->next_in, bz->avail_in);
    *made = room - bz->avail_out;
    return rc == BZ_STREAM_END  ? RS_UNPACK_ENDED
           : rc == BZ_OK        ? RS_UNPACK_GOING
           : rc == BZ_MEM_ERROR ? RS_UNPACK_NO_MEMORY
                                : RS_UNPACK_DAMAGED;
}

static enum rs_unpack_result run_xz(lzma_stream *xz, struct rs_slice *in, uint8_t *out, size_t room,
                                    size_t *made)
{
    xz->next_in = in->data;
    xz->avail_in = in->size;
    xz->next_out = out;
    xz->avail_out = room;
    lzma_ret rc = lzma_code(xz, LZMA_RUN);
    *in = rs_slice_of(xz->next_in, xz->avail_in);
    *made = room - xz->avail_out;
    switch (rc) {
    case LZMA_STREAM_END: return RS_UNPACK_ENDED;
    case LZMA_OK:
    case LZMA_BUF_ERROR: return RS_UNPACK_GOING;
    case LZMA_MEMLIMIT_ERROR: return RS_UNPACK_GREEDY;
    case LZMA_MEM_ERROR: return RS_UNPACK_NO_MEMORY;
    default: return RS_UNPACK_DAMAGED;
    }
}

enum rs_unpack_result rs_unpack_run(struct rs_unpack *u, struct rs_slice *in, uint8_t *out, size_t room,
                                    size_t *made)
{
    switch (u->format) {
    case RS_UNPACK_GZIP:
    case RS_UNPACK_DEFLATE: return run_zlib(&u->z, in, out, room, made);
    case RS_UNPACK_ZSTD: return run_zstd(u->zstd, in, out, room, made);
    case RS_UNPACK_BZIP2: return run_bzip2(&u->bz, in, out, room, made);
    case RS_UNPACK_XZ: return run_xz(&u->xz, in, out, room, made);
    case RS_UNPACK_NONE: break;
    }
    *made = 0;
    return RS_UNPACK_DAMAGED;
}
