#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <bzlib.h>
#include <lzma.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "tests/unit/ingest/packing.h"

static size_t pack_zlib(int window, const void *data, size_t size, uint8_t *to, size_t room)
{
    z_stream z = {.next_in = (Bytef *)data, .avail_in = (uInt)size, .next_out = to, .avail_out = (uInt)room};
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    assert_int_equal(deflateEnd(&z), Z_OK);
    return room - z.avail_out;
}

static size_t pack_zstd(const void *data, size_t size, uint8_t *to, size_t room)
{
    ZSTD_CCtx *zstd = ZSTD_createCCtx();
    assert_non_null(zstd);
    assert_false(ZSTD_isError(ZSTD_CCtx_setParameter(zstd, ZSTD_c_checksumFlag, 1)));
    size_t n = ZSTD_compress2(zstd, to, room, data, size);
    assert_false(ZSTD_isError(n));
    (void)ZSTD_freeCCtx(zstd);
    return n;
}

void pack(enum rs_unpack_format format, const void *data, size_t size, struct rs_buf *out)
{
    size_t room = size + size / 10 + 1000;
    assert_true(rs_buf_reserve(out, room));
    uint8_t *to = out->data + out->size;
    size_t n = 0;
    unsigned bz_room = (unsigned)room;
    switch (format) {
    case RS_UNPACK_GZIP: n = pack_zlib(15 + 16, data, size, to, room); break;
    case RS_UNPACK_DEFLATE: n = pack_zlib(-15, data, size, to, room); break;
    case RS_UNPACK_ZSTD: n = pack_zstd(data, size, to, room); break;
    case RS_UNPACK_BZIP2:
        assert_int_equal(
            BZ2_bzBuffToBuffCompress((char *)to, &bz_room, (char *)data, (unsigned)size, 9, 0, 0), BZ_OK);
        n = bz_room;
        break;
    case RS_UNPACK_XZ:
        assert_int_equal(
            lzma_easy_buffer_encode(0, LZMA_CHECK_CRC64, NULL, (const uint8_t *)data, size, to, &n, room),
            LZMA_OK);
        break;
    case RS_UNPACK_NONE: fail();
    }
    out->size += n;
}

/* The block's head follows the stream's, 12 bytes: its size, flags, the filter (2 bytes), the dictionary, padding,
 * the CRC-32 of it all (the .xz file format 1.0.4, 3.1). */
void pack_greedy_xz(struct rs_buf *xz)
{
    uint8_t *head = xz->data + 12;
    size_t size = 4 * ((size_t)head[0] + 1);
    uint8_t *filter = memchr(head + 2, 0x21, size - 6);
    assert_non_null(filter);
    filter[2] = 34; /* 2 << (34 / 2 + 11) */
    uint32_t crc = lzma_crc32(head, size - 4, 0);
    for (int i = 0; i < 4; i++) {
        head[size - 4 + (size_t)i] = (uint8_t)(crc >> (8 * i));
    }
}
