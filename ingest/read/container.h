/* container: Avro object container files (Avro 1.11.1 specification, "Object Container Files") over an input.
 * Header, blocks and the extent of each record are read here with bounds checks: libavro's reader would hand
 * the bytes of a file to its decoder, which is not safe with damaged ones. Codecs: null, deflate, snappy, zstandard, bzip2, xz.
 * Thread: one.
 * Limits: a header of 4 MiB; a block of 64 MiB, packed and unpacked, and what unpacking it takes (unpack.h); a million
 *         records without bytes in a block. */
#ifndef RS_INGEST_READ_CONTAINER_H
#define RS_INGEST_READ_CONTAINER_H

#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "ingest/read/input.h"
#include "schemas/schema.h"

#define RS_CONTAINER_HEADER_MAX 4194304
#define RS_CONTAINER_BLOCK_MAX  67108864

struct rs_container;

/* Reads the header. Borrows the input.
 * Errors: RS_EUSAGE (not a container file, a codec that is not supported), RS_ESCHEMA (its schema), RS_EIO,
 * RS_ENOMEM. */
RS_MUST_USE int rs_container_open(struct rs_input *input, struct rs_container **out, struct rs_error *error);
void rs_container_free(struct rs_container **container);

const struct rs_schema *rs_container_schema(const struct rs_container *container); /* of the writer */
const char *rs_container_schema_json(const struct rs_container *container);

/* 1: the next record's bytes, valid until the next call; 0: the end. RS_ERECORD: a record whose extent cannot
 * be found, or a damaged block: *lost says how many records are lost with it; the next call goes on behind
 * them. Other negative: give up. *number counts records of the file from 1, lost ones too. */
RS_MUST_USE int rs_container_next(struct rs_container *container, struct rs_slice *datum, uint64_t *number,
                                  uint64_t *lost, struct rs_error *error);

/* The head of a container file without compression, and one record as a block of its own (for rejected
 * records). */
void rs_container_put_head(struct rs_buf *out, const char *schema_json, const uint8_t sync[16]);
void rs_container_put_block(struct rs_buf *out, struct rs_slice datum, const uint8_t sync[16]);

#endif
