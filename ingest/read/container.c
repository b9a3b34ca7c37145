#include "ingest/read/container.h"

#include <snappy-c.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "ingest/encode/cell.h"
#include "ingest/encode/put.h"
#include "ingest/read/container_extent.h"
#include "ingest/read/unpack.h"
#include "schemas/wire.h"

#define SYNC_SIZE 16

/* Records without any bytes: there may be no more of them in a block than this. */
#define EMPTY_RECORDS_MAX 1000000

struct rs_container {
    struct rs_input *input;
    struct rs_schema_document *schema;
    bool snappy;
    enum rs_unpack_format packing; /* of blocks that are not snappy's; NONE: as they are */
    struct rs_unpack *unpack;      /* made with the first block */
    uint8_t sync[SYNC_SIZE];
    struct rs_buf unpacked;
    struct rs_slice block; /* records of the block not yet handed out */
    uint64_t block_count;  /* how many */
    size_t block_packed;   /* bytes of the input behind `begin` that the block occupies */
    uint64_t number;       /* records so far */
    bool ended;
    const char *fault; /* why the newest block could not be unpacked */
};

static int no_memory(struct rs_error *error)
{
    return rs_fail(error, RS_ENOMEM, "out of memory");
}

/* ---- header ---- */

struct cursor {
    const uint8_t *p;
    const uint8_t *end;
};

/* false: not there, or damaged. */
static bool get_long(struct cursor *c, int64_t *out)
{
    struct rs_wire_number n = rs_wire_varint(c->p, c->end);
    if (!n.p) {
        return false;
    }
    c->p = n.p;
    *out = rs_wire_zigzag(n.value);
    return true;
}

static bool get_bytes(struct cursor *c, struct rs_slice *out)
{
    struct rs_wire_number n = rs_wire_length(c->p, c->end);
    if (!n.p) {
        return false;
    }
    *out = rs_slice_of(n.p, (size_t)n.value);
    c->p = n.p + n.value;
    return true;
}

struct head {
    struct rs_slice schema;
    struct rs_slice codec;
};

/* One block of the metadata map; *more is false behind the last. */
static bool get_meta(struct cursor *c, struct head *head, bool *more)
{
    int64_t count = 0;
    int64_t size = 0;
    if (!get_long(c, &count) || count < -RS_CONTAINER_HEADER_MAX || count > RS_CONTAINER_HEADER_MAX ||
        (count < 0 && !get_long(c, &size))) {
        return false;
    }
    *more = count != 0;
    for (int64_t i = count < 0 ? -count : count; i > 0; i--) {
        struct rs_slice key;
        struct rs_slice value;
        if (!get_bytes(c, &key) || !get_bytes(c, &value)) {
            return false;
        }
        if (rs_slice_equal(key, rs_slice_text("avro.schema"))) {
            head->schema = value;
        } else if (rs_slice_equal(key, rs_slice_text("avro.codec"))) {
            head->codec = value;
        }
    }
    return true;
}

/* false: the bytes do not hold the whole header. */
static bool parse_head(struct cursor *c, struct head *head, uint8_t sync[SYNC_SIZE])
{
    bool more = true;
    c->p += 4; /* the magic */
    while (more) {
        if (!get_meta(c, head, &more)) {
            return false;
        }
    }
    if (c->end - c->p < SYNC_SIZE) {
        return false;
    }
    memcpy(sync, c->p, SYNC_SIZE);
    c->p += SYNC_SIZE;
    return true;
}

static int set_codec(struct rs_container *f, struct rs_slice codec, struct rs_error *error)
{
    static const struct {
        const char *name;
        enum rs_unpack_format packing;
    } known[] = {{"null", RS_UNPACK_NONE},      {"deflate", RS_UNPACK_DEFLATE}, {"snappy", RS_UNPACK_NONE},
                 {"zstandard", RS_UNPACK_ZSTD}, {"bzip2", RS_UNPACK_BZIP2},     {"xz", RS_UNPACK_XZ}};
    for (size_t i = 0; i < sizeof known / sizeof known[0] && codec.size > 0; i++) {
        if (rs_slice_equal(codec, rs_slice_text(known[i].name))) {
            f->packing = known[i].packing;
            f->snappy = strcmp(known[i].name, "snappy") == 0;
            return 0;
        }
    }
    if (codec.size == 0) {
        return 0;
    }
    char shown[RS_NAME_SHOWN_MAX + 1];
    rs_name_show(codec, shown);
    return rs_fail(error, RS_EUSAGE, "%s: codec \"%s\" is not supported, recompress with deflate",
                   f->input->name, shown);
}

static int use_head(struct rs_container *f, const struct head *head, struct rs_error *error)
{
    int rc = set_codec(f, head->codec, error);
    if (rc != 0) {
        return rc;
    }
    if (head->schema.size == 0) {
        return rs_fail(error, RS_EUSAGE, "%s: the header holds no schema", f->input->name);
    }
    return rs_schema_parse(f->input->name, (const char *)head->schema.data, head->schema.size, &f->schema,
                           error);
}

/* The header does not say how long it is: as long as it is not all there, it is parsed from its beginning
 * again. */
static int read_head(struct rs_container *f, struct rs_error *error)
{
    struct rs_input *in = f->input;
    for (;;) {
        size_t have = in->end - in->begin;
        if (have >= 4 && memcmp(in->data + in->begin, "Obj\x01", 4) != 0) {
            return rs_fail(error, RS_EUSAGE, "%s: is not an Avro container file", in->name);
        }
        struct cursor c = {.p = in->data + in->begin, .end = in->data + in->end};
        struct head head = {0};
        if (have >= 4 && parse_head(&c, &head, f->sync)) {
            int rc = use_head(f, &head, error);
            in->begin = (size_t)(c.p - in->data);
            return rc;
        }
        int rc = have > RS_CONTAINER_HEADER_MAX ? 0 : rs_input_more(in, error);
        if (rc <= 0) {
            return rc < 0 ? rc
                          : rs_fail(error, RS_EUSAGE,
                                    "%s: is not an Avro container file, or its header is damaged", in->name);
        }
    }
}

int rs_container_open(struct rs_input *input, struct rs_container **out, struct rs_error *error)
{
    struct rs_container *f = calloc(1, sizeof *f);
    if (!f) {
        return no_memory(error);
    }
    f->input = input;
    int rc = read_head(f, error);
    if (rc != 0) {
        rs_container_free(&f);
        return rc;
    }
    *out = f;
    return 0;
}

void rs_container_free(struct rs_container **container)
{
    struct rs_container *f = *container;
    if (!f) {
        return;
    }
    rs_schema_free(&f->schema);
    rs_unpack_free(&f->unpack);
    rs_buf_fini(&f->unpacked);
    free(f);
    *container = NULL;
}

const struct rs_schema *rs_container_schema(const struct rs_container *container)
{
    return rs_schema_root(container->schema);
}

const char *rs_container_schema_json(const struct rs_container *container)
{
    return rs_schema_json(container->schema);
}

/* ---- blocks ---- */

static bool fault(struct rs_container *f, const char *text)
{
    f->fault = text;
    return false;
}

static bool too_large(struct rs_container *f)
{
    return fault(f, "a block holds more than 67108864 bytes once it is unpacked");
}

static bool unpack_failed(struct rs_container *f, enum rs_unpack_result result)
{
    f->unpacked.failed |= result == RS_UNPACK_NO_MEMORY;
    return result == RS_UNPACK_GREEDY ? fault(f, "a block takes more than 128 MiB of memory to unpack")
                                      : fault(f, "a block cannot be unpacked");
}

/* Bytes behind the end of a deflate stream are passed by, as they always were; of the others, which can stand
 * one behind the other, another stream has to begin there. */
static bool next_stream(struct rs_container *f, struct rs_slice packed, bool *more)
{
    *more = packed.size > 0 && f->packing != RS_UNPACK_DEFLATE;
    return !*more || rs_unpack_restart(f->unpack) || unpack_failed(f, RS_UNPACK_NO_MEMORY);
}

/* The limit is looked at while it unpacks, since a few bytes may become any number. */
static bool unpack_streams(struct rs_container *f, struct rs_slice packed)
{
    struct rs_buf *out = &f->unpacked;
    bool more = true;
    while (more) {
        if (!rs_buf_reserve(out, 64 * (size_t)1024)) {
            return false;
        }
        size_t room = out->capacity - out->size;
        size_t left = RS_CONTAINER_BLOCK_MAX + 1 - out->size;
        size_t made = 0;
        size_t before = packed.size;
        enum rs_unpack_result result =
            rs_unpack_run(f->unpack, &packed, out->data + out->size, room < left ? room : left, &made);
        out->size += made;
        if (out->size > RS_CONTAINER_BLOCK_MAX) {
            return too_large(f);
        }
        bool cut = result == RS_UNPACK_GOING && made == 0 && packed.size == before;
        if (cut || (result != RS_UNPACK_GOING && result != RS_UNPACK_ENDED)) {
            return unpack_failed(f, result);
        }
        if (result == RS_UNPACK_ENDED && !next_stream(f, packed, &more)) {
            return false;
        }
    }
    return true;
}

static bool unpack_block(struct rs_container *f, struct rs_slice packed)
{
    rs_buf_reset(&f->unpacked);
    if (f->unpack) {
        return rs_unpack_restart(f->unpack) ? unpack_streams(f, packed)
                                            : unpack_failed(f, RS_UNPACK_NO_MEMORY);
    }
    f->unpack = rs_unpack_new(f->packing);
    return f->unpack ? unpack_streams(f, packed) : unpack_failed(f, RS_UNPACK_NO_MEMORY);
}

/* The last four bytes are the CRC-32 of the unpacked ones. */
static bool unsnap_block(struct rs_container *f, struct rs_slice packed)
{
    struct rs_buf *out = &f->unpacked;
    const char *data = (const char *)packed.data;
    size_t size = 0;
    rs_buf_reset(out);
    if (packed.size < 4 || snappy_uncompressed_length(data, packed.size - 4, &size) != SNAPPY_OK) {
        return unpack_failed(f, RS_UNPACK_DAMAGED);
    }
    if (size > RS_CONTAINER_BLOCK_MAX) {
        return too_large(f);
    }
    /* One byte more, so that there is room to point to for no bytes, too. */
    if (!rs_buf_reserve(out, size + 1) ||
        snappy_uncompress(data, packed.size - 4, (char *)out->data, &size) != SNAPPY_OK) {
        return unpack_failed(f, RS_UNPACK_DAMAGED);
    }
    out->size = size;
    const uint8_t *c = packed.data + packed.size - 4;
    uint32_t crc = (uint32_t)c[0] << 24 | (uint32_t)c[1] << 16 | (uint32_t)c[2] << 8 | c[3];
    return crc32(0, out->data, (uInt)out->size) == crc || unpack_failed(f, RS_UNPACK_DAMAGED);
}

static bool unpack(struct rs_container *f, struct rs_slice packed)
{
    if (!f->snappy && f->packing == RS_UNPACK_NONE) {
        f->block = packed;
        return true;
    }
    bool good = f->snappy ? unsnap_block(f, packed) : unpack_block(f, packed);
    f->block = rs_buf_slice(&f->unpacked);
    return good;
}

/* Nothing behind a broken block can be trusted to be one. */
static int damaged(struct rs_container *f, uint64_t *lost, const char *what, struct rs_error *error)
{
    f->ended = true;
    f->block_count = 0;
    f->block.size = 0;
    *lost = 1;
    f->number++;
    return rs_fail(error, RS_ERECORD, "%s; the rest of the file is given up", what);
}

/* Brings the next block into the window whole. 1; 2: it cannot be unpacked; 0 at the end; or negative. A
 * block of no records is a block like any other: writers that flush on a timer make them. */
static int read_block(struct rs_container *f, uint64_t *lost, struct rs_error *error)
{
    struct rs_input *in = f->input;
    in->begin += f->block_packed;
    f->block_packed = 0;
    for (;;) {
        struct cursor c = {.p = in->data + in->begin, .end = in->data + in->end};
        int64_t count = 0;
        int64_t size = 0;
        bool known = get_long(&c, &count) && get_long(&c, &size);
        if (known && (count < 0 || size < 0 || size > RS_CONTAINER_BLOCK_MAX)) {
            return damaged(f, lost, "a block has an impossible count or size", error);
        }
        if (known && c.end - c.p >= size + SYNC_SIZE) {
            if (memcmp(c.p + size, f->sync, SYNC_SIZE) != 0) {
                return damaged(f, lost, "a block is not followed by the file's sync marker", error);
            }
            f->block_packed = (size_t)(c.p + size + SYNC_SIZE - (in->data + in->begin));
            f->block_count = (uint64_t)count;
            if (!unpack(f, rs_slice_of(c.p, (size_t)size))) {
                return f->unpacked.failed ? no_memory(error) : 2;
            }
            return f->block_count > EMPTY_RECORDS_MAX && f->block_count > f->block.size
                       ? damaged(f, lost, "a block has more records than bytes", error)
                       : 1;
        }
        bool empty = in->begin == in->end;
        int rc = rs_input_more(in, error);
        if (rc < 0) {
            return rc;
        }
        if (rc == 0) {
            return empty ? 0 : damaged(f, lost, "the file ends inside a block", error);
        }
    }
}

/* Gives up the records of the block at hand that are still to come. A block that says it holds none has yet
 * lost something where its bytes are wrong, and counts as one. */
static int lose_block(struct rs_container *f, uint64_t *lost, const char *what, struct rs_error *error)
{
    if (f->block_count == 0) {
        *lost = 1;
        return rs_fail(error, RS_ERECORD, "%s; it says that it holds no records", what);
    }
    *lost = f->block_count;
    f->number += f->block_count;
    f->block_count = 0;
    return rs_fail(error, RS_ERECORD, "%s; the %llu records from here to the end of the block are lost", what,
                   (unsigned long long)*lost);
}

int rs_container_next(struct rs_container *f, struct rs_slice *datum, uint64_t *number, uint64_t *lost,
                      struct rs_error *error)
{
    *number = f->number + 1;
    *lost = 0;
    while (f->block_count == 0) {
        if (f->block.size > 0) {
            f->block.size = 0;
            *lost = 1;
            return rs_fail(error, RS_ERECORD, "bytes follow the last record of the block");
        }
        int rc = f->ended ? 0 : read_block(f, lost, error);
        if (rc <= 0) {
            return rc;
        }
        if (rc == 2) {
            f->block.size = 0;
            return lose_block(f, lost, f->fault, error);
        }
    }
    long extent = rs_container_extent(rs_schema_root(f->schema), f->block);
    if (extent < 0) {
        f->block.size = 0;
        return lose_block(f, lost, "the bytes of the record do not follow the file's schema", error);
    }
    f->number++;
    f->block_count--;
    *datum = rs_slice_of(f->block.data, (size_t)extent);
    f->block.data += extent;
    f->block.size -= (size_t)extent;
    return 1;
}

/* ---- writing ---- */

void rs_container_put_head(struct rs_buf *out, const char *schema_json, const uint8_t sync[16])
{
    rs_buf_put(out, "Obj\x01", 4);
    rs_put_long(out, 2);
    rs_put_bytes(out, rs_slice_text("avro.schema"));
    rs_put_bytes(out, rs_slice_text(schema_json));
    rs_put_bytes(out, rs_slice_text("avro.codec"));
    rs_put_bytes(out, rs_slice_text("null"));
    rs_put_long(out, 0);
    rs_buf_put(out, sync, SYNC_SIZE);
}

void rs_container_put_block(struct rs_buf *out, struct rs_slice datum, const uint8_t sync[16])
{
    rs_put_long(out, 1);
    rs_put_bytes(out, datum);
    rs_buf_put(out, sync, SYNC_SIZE);
}
