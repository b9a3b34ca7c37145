#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <avro.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "ingest/read/container.h"
#include "ingest/read/container_extent.h"
#include "ingest/read/rows.h"
#include "tests/lib/bytes.h"
#include "tests/lib/schema_text.h"
#include "tests/unit/ingest/packing.h"
#include "tests/unit/ingest/support.h"

static const char point[] =
    "{\"type\":\"record\",\"name\":\"P\",\"fields\":[{\"name\":\"id\",\"type\":\"long\"},"
    "{\"name\":\"name\",\"type\":\"string\"}]}";

/* A file written by libavro with `count` records. */
static const char *write_file(const char *json, const char *codec, int count, size_t block)
{
    const char *path = support_path("libavro.avro");
    avro_schema_t schema;
    avro_file_writer_t writer;
    assert_int_equal(avro_schema_from_json_length(json, strlen(json), &schema), 0);
    avro_value_iface_t *class = avro_generic_class_from_schema(schema);
    assert_int_equal(avro_file_writer_create_with_codec(path, schema, &writer, codec, block), 0);
    for (int i = 0; i < count; i++) {
        avro_value_t value;
        avro_value_t field;
        char text[32];
        (void)snprintf(text, sizeof text, "n%d", i);
        assert_int_equal(avro_generic_value_new(class, &value), 0);
        assert_int_equal(avro_value_get_by_index(&value, 0, &field, NULL), 0);
        assert_int_equal(avro_value_set_long(&field, i), 0);
        assert_int_equal(avro_value_get_by_index(&value, 1, &field, NULL), 0);
        assert_int_equal(avro_value_set_string(&field, text), 0);
        assert_int_equal(avro_file_writer_append_value(writer, &value), 0);
        avro_value_decref(&value);
    }
    assert_int_equal(avro_file_writer_close(writer), 0);
    avro_value_iface_decref(class);
    avro_schema_decref(schema);
    return path;
}

/* Rows of a container as the daemon and the publisher see them. */
static void expect_all(const char *path, int count)
{
    struct rs_stream *s = support_stream(point);
    struct rs_buf wanted = {0};
    for (int i = 0; i < count; i++) {
        rs_buf_printf(&wanted, "%d (none) {\"id\":%d,\"name\":\"n%d\"}\n", i + 1, i, i);
    }
    rs_buf_printf(&wanted, "end 0 rejected\n%c", '\0');
    support_expect(s, NULL, path, (const char *)wanted.data);
    rs_buf_fini(&wanted);
    support_stream_free(&s);
}

static void test_codecs(void **state)
{
    (void)state;
    expect_all(write_file(point, "null", 1000, 4096), 1000);
    expect_all(write_file(point, "deflate", 1000, 4096), 1000);
    expect_all(write_file(point, "deflate", 30000, 0), 30000);
    expect_all(write_file(point, "null", 0, 0), 0);
}

static void test_unknown_codecs(void **state)
{
    struct rs_stream *s = support_stream(point);
    (void)state;
    support_expect(s, NULL, write_file(point, "lzma", 1, 0),
                   "stop EUSAGE: @: codec \"lzma\" is not supported, recompress with deflate\n");
    support_stream_free(&s);
}

/* An own writer for what libavro does not write: head, blocks, anything. */
static const uint8_t sync_mark[16] = "0123456789abcdef";

static void put_block(struct rs_buf *out, int64_t count, const void *data, size_t size)
{
    uint8_t n[2 * BYTES_LONG_MAX];
    size_t length = bytes_long(n, count);
    length += bytes_long(n + length, (int64_t)size);
    rs_buf_put(out, n, length);
    rs_buf_put(out, data, size);
    rs_buf_put(out, sync_mark, 16);
}

/* The head that rs_container_put_head writes, with another codec. */
static void put_codec_head(struct rs_buf *out, const char *codec)
{
    struct rs_buf head = {0};
    rs_container_put_head(&head, point, sync_mark);
    rs_buf_put(out, head.data, head.size - 22); /* up to the length of "null", its text, the end, the mark */
    rs_buf_char(out, (char)(2 * strlen(codec)));
    rs_buf_text(out, codec);
    rs_buf_put(out, head.data + head.size - 17, 17);
    rs_buf_fini(&head);
}

/* A head and two records, for something to be wrong behind them. Returns the size. */
static size_t put_two(struct rs_buf *f)
{
    rs_container_put_head(f, point, sync_mark);
    put_block(f, 2,
              "\x02\x02"
              "a\x04\x02"
              "b",
              6);
    return f->size;
}

#define TWO                                                                                                  \
    "1 (none) {\"id\":1,\"name\":\"a\"}\n"                                                                   \
    "2 (none) {\"id\":2,\"name\":\"b\"}\n"

static void put_one(struct rs_buf *f)
{
    put_block(f, 1,
              "\x0A\x02"
              "d",
              3);
}

static void test_damaged_records(void **state)
{
    struct rs_stream *s = support_stream(point);
    struct rs_buf f = {0};
    (void)state;
    size_t good = put_two(&f);
    put_block(&f, 3,
              "\x06\x02"
              "c\x08\x80",
              5); /* ends inside the length of the second name; the third is not there */
    put_one(&f);
    support_expect(
        s, NULL, support_file("a.avro", f.data, f.size),
        TWO
        "3 (none) {\"id\":3,\"name\":\"c\"}\n"
        "! @: record 4: the bytes of the record do not follow the file's schema; the 2 records from here to "
        "the end of the block are lost\n"
        "6 (none) {\"id\":5,\"name\":\"d\"}\n"
        "end 2 rejected\n");
    f.size = good;
    put_block(&f, 2,
              "\x02\x02"
              "\xFF\x04\x02"
              "b",
              6);
    put_block(&f, 1,
              "\x02\x02"
              "aXX",
              5);
    put_one(&f);
    support_expect(s, NULL, support_file("b.avro", f.data, f.size),
                   TWO "! @: record 3: a string is not valid UTF-8\n"
                       "4 (none) {\"id\":2,\"name\":\"b\"}\n"
                       "5 (none) {\"id\":1,\"name\":\"a\"}\n"
                       "! @: record 6: bytes follow the last record of the block\n"
                       "6 (none) {\"id\":5,\"name\":\"d\"}\n"
                       "end 2 rejected\n");
    rs_buf_fini(&f);
    support_stream_free(&s);
}

static void test_damaged_blocks(void **state)
{
    struct rs_stream *s = support_stream(point);
    struct rs_buf f = {0};
    (void)state;
    size_t good = put_two(&f);
    put_one(&f);
    f.data[f.size - 1] ^= 1;
    support_expect(
        s, NULL, support_file("c.avro", f.data, f.size),
        TWO
        "! @: record 3: a block is not followed by the file's sync marker; the rest of the file is given up\n"
        "end 1 rejected\n");
    support_expect(s, NULL, support_file("d.avro", f.data, f.size - 3),
                   TWO "! @: record 3: the file ends inside a block; the rest of the file is given up\n"
                       "end 1 rejected\n");
    f.size = good;
    put_block(&f, -1, "", 0);
    support_expect(
        s, NULL, support_file("e.avro", f.data, f.size),
        TWO "! @: record 3: a block has an impossible count or size; the rest of the file is given up\n"
            "end 1 rejected\n");
    rs_buf_fini(&f);
    support_stream_free(&s);
}

/* Blocks without records, whose bytes an encoder left empty or packed nothing into, wherever they stand. */
static void test_empty_blocks(void **state)
{
    static const struct {
        const char *codec;
        struct rs_slice empty;
        struct rs_slice one;
    } codecs[] = {
        {"null",
         {(const uint8_t *)"", 0},
         {(const uint8_t *)"\x02\x02"
                           "a",
          3}},
        {"deflate",
         {(const uint8_t *)"\x03\0", 2},
         {(const uint8_t *)"\x01\x03\0\xFC\xFF\x02\x02"
                           "a",
          8}},
        {"snappy",
         {(const uint8_t *)"\0\0\0\0\0", 5},
         {(const uint8_t *)"\x03\x08\x02\x02"
                           "a\xF4\x46\x3E\x30",
          9}},
    };
    static const struct {
        const char *order; /* 0: an empty block, 1: a block of one record */
        const char *wanted;
    } files[] = {
        {"0", "end 0 rejected\n"},
        {"000", "end 0 rejected\n"},
        {"01", "1 (none) {\"id\":1,\"name\":\"a\"}\nend 0 rejected\n"},
        {"10", "1 (none) {\"id\":1,\"name\":\"a\"}\nend 0 rejected\n"},
        {"00100010",
         "1 (none) {\"id\":1,\"name\":\"a\"}\n2 (none) {\"id\":1,\"name\":\"a\"}\nend 0 rejected\n"},
    };
    struct rs_stream *s = support_stream(point);
    (void)state;
    for (size_t c = 0; c < sizeof codecs / sizeof codecs[0]; c++) {
        for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
            struct rs_buf f = {0};
            put_codec_head(&f, codecs[c].codec);
            for (const char *p = files[i].order; *p != '\0'; p++) {
                struct rs_slice bytes = *p == '0' ? codecs[c].empty : codecs[c].one;
                put_block(&f, *p - '0', bytes.data, bytes.size);
            }
            support_expect(s, NULL, support_file("e.avro", f.data, f.size), files[i].wanted);
            rs_buf_fini(&f);
        }
    }
    support_stream_free(&s);
}

/* What is wrong with or behind an empty block is said as it is of any other. */
static void test_damaged_empty_blocks(void **state)
{
    struct rs_stream *s = support_stream(point);
    struct rs_buf f = {0};
    (void)state;
    put_codec_head(&f, "null");
    put_block(&f, 0, "", 0);
    size_t good = f.size;
    put_block(&f, 1,
              "\x02\x02"
              "a",
              3);
    support_expect(s, NULL, support_file("a.avro", f.data, f.size - 17),
                   "! @: record 1: the file ends inside a block; the rest of the file is given up\n"
                   "end 1 rejected\n");
    support_expect(s, NULL, support_file("b.avro", f.data, good - 1),
                   "! @: record 1: the file ends inside a block; the rest of the file is given up\n"
                   "end 1 rejected\n");
    f.data[good - 1] ^= 1;
    support_expect(
        s, NULL, support_file("c.avro", f.data, f.size),
        "! @: record 1: a block is not followed by the file's sync marker; the rest of the file is given up\n"
        "end 1 rejected\n");
    f.data[good - 1] ^= 1;
    f.size = good;
    put_block(&f, 0,
              "\x02\x02"
              "a",
              3);
    put_block(&f, 1,
              "\x04\x02"
              "b",
              3);
    support_expect(s, NULL, support_file("d.avro", f.data, f.size),
                   "! @: record 1: bytes follow the last record of the block\n"
                   "1 (none) {\"id\":2,\"name\":\"b\"}\n"
                   "end 1 rejected\n");
    rs_buf_reset(&f);
    put_codec_head(&f, "deflate");
    put_block(&f, 0, "\xFF\xFF", 2);
    put_block(&f, 1,
              "\x01\x03\0\xFC\xFF\x02\x02"
              "a",
              8);
    support_expect(s, NULL, support_file("f.avro", f.data, f.size),
                   "! @: record 1: a block cannot be unpacked; it says that it holds no records\n"
                   "1 (none) {\"id\":1,\"name\":\"a\"}\n"
                   "end 1 rejected\n");
    rs_buf_fini(&f);
    support_stream_free(&s);
}

static void test_damaged_deflate(void **state)
{
    struct rs_stream *s = support_stream(point);
    struct rs_buf f = {0};
    struct rs_buf got = {0};
    (void)state;
    support_read(write_file(point, "deflate", 2000, 2048), &f);
    f.data[f.size / 2] ^= 0xFF;
    const char *path = support_file("x.avro", f.data, f.size);
    support_rows(s, NULL, &path, 1, &got);
    const char *lost = strstr((const char *)got.data, "a block cannot be unpacked; the ");
    const char *missing = strstr((const char *)got.data, "the bytes of the record do not follow");
    assert_true(lost || missing);
    assert_non_null(strstr((const char *)got.data, "2000 (none) {\"id\":1999,\"name\":\"n1999\"}\n"));
    rs_buf_fini(&f);
    rs_buf_fini(&got);
    support_stream_free(&s);
}

/* Cut anywhere or with any byte changed, a file is read or refused, never more. */
static void test_mutations(void **state)
{
    struct rs_stream *s = support_stream(point);
    struct rs_buf f = {0};
    uint32_t x = 1;
    (void)state;
    const char *path = support_path("mutated.avro");
    rs_container_put_head(&f, point, sync_mark);
    for (int i = 0; i < 5; i++) {
        put_block(&f, 2,
                  "\x02\x02"
                  "a\x04\x02"
                  "b",
                  6);
    }
    for (size_t i = 0; i < 3 * f.size; i++) {
        struct rs_buf got = {0};
        struct rs_buf copy = {0};
        x = x * 1664525 + 1013904223;
        rs_buf_put(&copy, f.data, i < f.size ? i : f.size);
        if (i >= f.size) {
            copy.data[i % f.size] ^= (uint8_t)(1 + (x >> 24) % 255);
        }
        FILE *to = fopen(path, "w");
        assert_non_null(to);
        assert_true(copy.size == 0 || fwrite(copy.data, 1, copy.size, to) == copy.size);
        assert_int_equal(fclose(to), 0);
        support_rows(s, NULL, &path, 1, &got);
        assert_true(strstr((const char *)got.data, "end ") || strstr((const char *)got.data, "stop E"));
        rs_buf_fini(&got);
        rs_buf_fini(&copy);
    }
    rs_buf_fini(&f);
    support_stream_free(&s);
}

static void test_extent(void **state)
{
    static const char json[] = "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":{"
                               "\"type\":\"array\",\"items\":\"null\"}},"
                               "{\"name\":\"m\",\"type\":{\"type\":\"map\",\"values\":\"float\"}},{\"name\":"
                               "\"u\",\"type\":[\"null\",\"R\"]}]}";
    (void)state;
    struct rs_schema_document *document = parse_schema(json);
    const struct rs_schema *r = rs_schema_root(document);
    assert_int_equal(rs_container_extent(r, rs_slice_of("\0\0\0rest", 7)), 3);
    assert_int_equal(rs_container_extent(r, rs_slice_of("\x04\0\0\0", 4)), 4);
    assert_int_equal(rs_container_extent(r, rs_slice_of("\x03\x00\0\0\0", 5)), 5); /* count -2 and a size */
    assert_int_equal(rs_container_extent(r, rs_slice_of("\0\x02\x02k....\0\0", 10)), 10); /* one entry */
    assert_int_equal(rs_container_extent(r, rs_slice_of("\0\0\x02\0\0\0", 6)), 6);        /* a record in it */
    assert_int_equal(rs_container_extent(r, rs_slice_of("\0\0", 2)), -1);
    assert_int_equal(rs_container_extent(r, rs_slice_of("\0\0\x04", 3)), -1); /* branch 2 */
    assert_int_equal(rs_container_extent(r, rs_slice_of("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x02", 10)), -1);
    assert_int_equal(
        rs_container_extent(r, rs_slice_of("\xFE\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01\0\0\0", 13)), -1);
    uint8_t deep[3000];
    for (size_t i = 0; i < sizeof deep; i += 3) {
        memcpy(deep + i, "\0\0\x02", 3);
    }
    assert_int_equal(rs_container_extent(r, rs_slice_of(deep, sizeof deep)), -1);
    rs_schema_free(&document);
}

/* A block of one record, `packed`, with the CRC-32 of what should come out of it. */
static void expect_snappy(struct rs_slice packed, struct rs_slice record, const char *wanted)
{
    struct rs_stream *s = support_stream(point);
    struct rs_buf f = {0};
    struct rs_buf block = {0};
    uLong crc = crc32(0, record.data, (uInt)record.size);
    rs_buf_put(&block, packed.data, packed.size);
    for (int shift = 24; shift >= 0; shift -= 8) {
        rs_buf_char(&block, (char)(crc >> shift));
    }
    put_codec_head(&f, "snappy");
    put_block(&f, 1, block.data, block.size);
    support_expect(s, NULL, support_file("s.avro", f.data, f.size), wanted);
    rs_buf_fini(&block);
    rs_buf_fini(&f);
    support_stream_free(&s);
}

#define EXPECT_SNAPPY(packed, wanted)                                                                        \
    expect_snappy(rs_slice_of(packed, sizeof packed - 1),                                                    \
                  rs_slice_text("\x02\x0C"                                                                   \
                                "ababab"),                                                                   \
                  wanted)

/* Vectors made by hand from the format's description. */
static void test_snappy(void **state)
{
    static const char good[] = "1 (none) {\"id\":1,\"name\":\"ababab\"}\nend 0 rejected\n";
    static const char bad[] =
        "! @: record 1: a block cannot be unpacked; the 1 records from here to the end of "
        "the block are lost\nend 1 rejected\n";
    (void)state;
    EXPECT_SNAPPY("\x08\x1C\x02\x0C"
                  "ababab",
                  good);
    /* "ab" and a copy of 4 from offset 2, in the forms of one byte, two and four */
    EXPECT_SNAPPY("\x08\x0C\x02\x0C"
                  "ab\x01\x02",
                  good);
    EXPECT_SNAPPY("\x08\x0C\x02\x0C"
                  "ab\x0E\x02\x00",
                  good);
    EXPECT_SNAPPY("\x08\x0C\x02\x0C"
                  "ab\x0F\x02\x00\x00\x00",
                  good);
    /* before the beginning, and from no distance */
    EXPECT_SNAPPY("\x08\x0C\x02\x0C"
                  "ab\x01\x05",
                  bad);
    EXPECT_SNAPPY("\x08\x0C\x02\x0C"
                  "ab\x01\x00",
                  bad);
    /* longer than said, and shorter */
    EXPECT_SNAPPY("\x07\x0C\x02\x0C"
                  "ab\x01\x02",
                  bad);
    EXPECT_SNAPPY("\x09\x0C\x02\x0C"
                  "ab\x01\x02",
                  bad);
    /* cut in a copy, in a literal, before the data, in the length */
    EXPECT_SNAPPY("\x08\x0C\x02\x0C"
                  "ab\x01",
                  bad);
    EXPECT_SNAPPY("\x08\x1C\x02\x0C"
                  "ababa",
                  bad);
    EXPECT_SNAPPY("\x08", bad);
    EXPECT_SNAPPY("\x88", bad);
    EXPECT_SNAPPY("", bad);
    /* a length of more than 32 bits */
    EXPECT_SNAPPY("\xFF\xFF\xFF\xFF\x7F\x1C\x02\x0C"
                  "ababab",
                  bad);
}

/* A string of zeros in a record of `size` bytes: copies of 64 bytes, 3 bytes each. */
static void expect_unpacked_size(size_t size, const char *wanted)
{
    struct rs_buf packed = {0};
    struct rs_buf record = {0};
    const uint64_t text = size - 5;
    assert_true(text >> 20 && text < 1 << 27);
    rs_buf_char(&record, 2);
    for (uint64_t z = text << 1; z; z >>= 7) {
        rs_buf_char(&record, (char)(z > 0x7F ? (z & 0x7F) | 0x80 : z));
    }
    assert_int_equal(record.size, 5);
    for (uint64_t n = size; n; n >>= 7) {
        rs_buf_char(&packed, (char)(n > 0x7F ? (n & 0x7F) | 0x80 : n));
    }
    rs_buf_char(&packed, 5 << 2); /* a literal of 6 bytes: the record's beginning and the first zero */
    rs_buf_put(&packed, record.data, record.size);
    rs_buf_char(&packed, 0);
    for (size_t left = size - 6; left;) {
        size_t length = left < 64 ? left : 64;
        rs_buf_char(&packed, (char)((length - 1) << 2 | 2));
        rs_buf_put(&packed, "\x01", 2);
        left -= length;
    }
    assert_true(rs_buf_reserve(&record, size));
    memset(record.data + record.size, 0, size - record.size);
    expect_snappy(rs_buf_slice(&packed), rs_slice_of(record.data, size), wanted);
    rs_buf_fini(&packed);
    rs_buf_fini(&record);
}

static void test_snappy_limit(void **state)
{
    (void)state;
    expect_unpacked_size(
        RS_CONTAINER_BLOCK_MAX + 1,
        "! @: record 1: a block holds more than 67108864 bytes once it is unpacked; the 1 records from here "
        "to the end of the block are lost\nend 1 rejected\n");
    /* Unpacked, and then refused for what it holds. */
    expect_unpacked_size(RS_CONTAINER_BLOCK_MAX,
                         "! @:1:1: the event takes 67108864 bytes, max_record_bytes of "
                         "the stream is 1048576\nend 1 rejected\n");
}

static const struct packing {
    const char *codec;
    enum rs_unpack_format format;
} packings[] = {{"deflate", RS_UNPACK_DEFLATE},
                {"zstandard", RS_UNPACK_ZSTD},
                {"bzip2", RS_UNPACK_BZIP2},
                {"xz", RS_UNPACK_XZ}};

static void put_packed(struct rs_buf *f, const struct packing *packing, int64_t count, const void *data,
                       size_t size)
{
    struct rs_buf packed = {0};
    pack(packing->format, data, size, &packed);
    put_block(f, count, packed.data, packed.size);
    rs_buf_fini(&packed);
}

/* A block, an empty one, one of two streams, one that is cut and one that is damaged, and a good one again. */
static void test_packed_blocks(void **state)
{
    struct rs_stream *s = support_stream(point);
    (void)state;
    for (size_t i = 0; i < sizeof packings / sizeof packings[0]; i++) {
        struct rs_buf f = {0};
        struct rs_buf packed = {0};
        put_codec_head(&f, packings[i].codec);
        put_packed(&f, &packings[i], 2,
                   "\x02\x02"
                   "a\x04\x02"
                   "b",
                   6);
        put_packed(&f, &packings[i], 0, "", 0);
        pack(packings[i].format,
             "\x06\x02"
             "c",
             3, &packed);
        put_block(&f, 1, packed.data, packed.size - 1);
        packed.data[0] ^= 0xFF;
        put_block(&f, 1, packed.data, packed.size);
        put_packed(&f, &packings[i], 1,
                   "\x0A\x02"
                   "d",
                   3);
        support_expect(s, NULL, support_file("p.avro", f.data, f.size),
                       TWO
                       "! @: record 3: a block cannot be unpacked; the 1 records from here to the end of the "
                       "block are lost\n"
                       "! @: record 4: a block cannot be unpacked; the 1 records from here to the end of the "
                       "block are lost\n"
                       "5 (none) {\"id\":5,\"name\":\"d\"}\n"
                       "end 2 rejected\n");
        rs_buf_fini(&packed);
        rs_buf_fini(&f);
    }
    support_stream_free(&s);
}

/* A block of one record of a few bytes more than there may be, and a good one behind it. */
static void test_packed_bombs(void **state)
{
    struct rs_stream *s = support_stream(point);
    size_t size = RS_CONTAINER_BLOCK_MAX + 1;
    char *zeros = calloc(1, size);
    (void)state;
    assert_non_null(zeros);
    for (size_t i = 0; i < sizeof packings / sizeof packings[0]; i++) {
        struct rs_buf f = {0};
        put_codec_head(&f, packings[i].codec);
        put_packed(&f, &packings[i], 1, zeros, size);
        assert_true(f.size < 200000);
        put_packed(&f, &packings[i], 1,
                   "\x0A\x02"
                   "d",
                   3);
        support_expect(
            s, NULL, support_file("bomb.avro", f.data, f.size),
            "! @: record 1: a block holds more than 67108864 bytes once it is unpacked; the 1 records "
            "from here to the end of the block are lost\n"
            "2 (none) {\"id\":5,\"name\":\"d\"}\n"
            "end 1 rejected\n");
        rs_buf_fini(&f);
    }
    free(zeros);
    support_stream_free(&s);
}

/* A schema whose records take no bytes says nothing about how many there can be. */
static void test_records_without_bytes(void **state)
{
    static const char nothing[] =
        "{\"type\":\"record\",\"name\":\"P\",\"fields\":[{\"name\":\"n\",\"type\":\"null\"}]}";
    struct rs_stream *s = support_stream(nothing);
    struct rs_buf f = {0};
    (void)state;
    rs_container_put_head(&f, nothing, sync_mark);
    put_block(&f, 2, "", 0);
    put_block(&f, INT64_C(1) << 62, "", 0);
    support_expect(s, NULL, support_file("n.avro", f.data, f.size),
                   "1 (none) {\"n\":null}\n"
                   "2 (none) {\"n\":null}\n"
                   "! @: record 3: a block has more records than bytes; the rest of the file is given up\n"
                   "end 1 rejected\n");
    rs_buf_fini(&f);
    support_stream_free(&s);
}

static void test_other_schema(void **state)
{
    struct rs_stream *s = support_stream(
        "{\"type\":\"record\",\"name\":\"Q\",\"fields\":[{\"name\":\"name\",\"type\":[\"null\",\"string\"]},"
        "{\"name\":\"number\",\"type\":{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":9,"
        "\"scale\":2}},"
        "{\"name\":\"more\",\"type\":\"int\",\"default\":7}]}");
    struct rs_error error;
    struct rs_rows_options o = {0};
    (void)state;
    const char *path = write_file(point, "deflate", 2, 0);
    support_expect(
        s, NULL, path,
        "stop EUSAGE: @: no column supplies: number. Use --map FIELD=COLUMN or --const FIELD=VALUE\n");
    assert_int_equal(rs_rows_option(&o, "map", "number=id", &error), 0);
    support_expect(s, &o, path,
                   "1 (none) {\"name\":\"n0\",\"number\":0,\"more\":7}\n2 (none) "
                   "{\"name\":\"n1\",\"number\":1,\"more\":7}\n"
                   "end 0 rejected\n");
    rs_rows_options_fini(&o);
    support_stream_free(&s);
}

/* Bytes into a string and a float into a decimal; what cannot be is a bad row and is kept. */
static void test_other_types(void **state)
{
    static const char written[] =
        "{\"type\":\"record\",\"name\":\"P\",\"fields\":[{\"name\":\"k\",\"type\":[\"bytes\",\"null\"]},"
        "{\"name\":\"v\",\"type\":\"float\"}]}";
    struct rs_stream *s = support_stream(
        "{\"type\":\"record\",\"name\":\"Q\",\"fields\":[{\"name\":\"k\",\"type\":\"string\"},"
        "{\"name\":\"v\",\"type\":{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":9,"
        "\"scale\":2}}]}");
    struct rs_buf f = {0};
    struct rs_buf kept = {0};
    struct rs_rows_options o = {.rejects = support_path("types-rejected.avro")};
    (void)state;
    rs_container_put_head(&f, written, sync_mark);
    put_block(&f, 4,
              "\0\x06\xE4\xB8\x9C\x85\xEB\x9F\x41"
              "\0\x02\xFF\0\0\xC0\x40"
              "\0\x02x\xB6\xF3\x9D\x3F"
              "\x02\0\0\xC0\x40",
              28);
    support_expect(s, &o, support_file("types.avro", f.data, f.size),
                   "1 (none) {\"k\":\"东\",\"v\":19.99}\n"
                   "! @: record 2: k: is not valid UTF-8\n"
                   "! @: record 3: v: more than 2 digits after the point\n"
                   "! @: record 4: k: is null, which the schema does not allow; a string is needed\n"
                   "end 3 rejected\n");
    support_read(o.rejects, &kept);
    assert_non_null(memmem(kept.data, kept.size, "\0\x02\xFF\0\0\xC0\x40", 7));
    rs_buf_fini(&f);
    rs_buf_fini(&kept);
    support_stream_free(&s);
}

static void test_heads(void **state)
{
    struct rs_stream *s = support_stream(point);
    struct rs_buf f = {0};
    (void)state;
    support_expect(s, &(struct rs_rows_options){.format = "avro"}, support_text("a", "id,name\n1,x\n"),
                   "stop EUSAGE: @: is not an Avro container file\n");
    support_expect(s, &(struct rs_rows_options){.format = "avro"}, support_text("a", ""),
                   "stop EUSAGE: @: is not an Avro container file, or its header is damaged\n");
    support_expect(s, NULL, support_file("a", "Obj\x01\0", 5),
                   "stop EUSAGE: @: is not an Avro container file, or its header is damaged\n");
    support_expect(s, NULL, support_file("a", "Obj\x01\0sixteen bytes....", 5 + 16),
                   "stop EUSAGE: @: the header holds no schema\n");
    rs_container_put_head(&f, "\"int\"", sync_mark);
    support_expect(s, NULL, support_file("a", f.data, f.size),
                   "stop EUSAGE: @: holds int values, records are needed\n");
    rs_buf_fini(&f);
    support_stream_free(&s);
}

static void test_rejected_records(void **state)
{
    struct rs_stream *s = support_stream(point);
    struct rs_buf f = {0};
    struct rs_buf got = {0};
    struct rs_rows_options o = {.rejects = support_path("r.avro")};
    (void)state;
    rs_container_put_head(&f, point, sync_mark);
    put_block(&f, 3,
              "\x02\x02"
              "a\x04\x02\xFF\x06\x02\xFE",
              9);
    const char *path = support_file("x.avro", f.data, f.size);
    support_rows(s, &o, &path, 1, &got);
    support_expect(s, NULL, o.rejects,
                   "! @: record 1: a string is not valid UTF-8\n"
                   "! @: record 2: a string is not valid UTF-8\nend 2 rejected\n");
    rs_buf_fini(&f);
    rs_buf_fini(&got);
    support_stream_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codecs),           cmocka_unit_test(test_unknown_codecs),
        cmocka_unit_test(test_damaged_records),  cmocka_unit_test(test_damaged_blocks),
        cmocka_unit_test(test_damaged_deflate),  cmocka_unit_test(test_mutations),
        cmocka_unit_test(test_extent),           cmocka_unit_test(test_snappy),
        cmocka_unit_test(test_snappy_limit),     cmocka_unit_test(test_other_schema),
        cmocka_unit_test(test_empty_blocks),     cmocka_unit_test(test_damaged_empty_blocks),
        cmocka_unit_test(test_other_types),      cmocka_unit_test(test_heads),
        cmocka_unit_test(test_rejected_records), cmocka_unit_test(test_packed_blocks),
        cmocka_unit_test(test_packed_bombs),     cmocka_unit_test(test_records_without_bytes),
    };
    return cmocka_run_group_tests_name("container", tests, NULL, support_end);
}
