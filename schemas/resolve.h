/* resolve: whether what one schema wrote can be read as another, by type: Avro's schema resolution. `writer`
 * is the type that the bytes have, `reader` the one that is wanted.
 * Source: Avro 1.11.1 specification, "Schema Resolution" and "Aliases". Names are compared without their
 * namespaces, as it says; an alias of the reader is compared with the writer's full name. A branch of the
 * reader's union of the very same type goes before one that needs a promotion, as in Java.
 * Beyond the specification, which lets logical types pass that mean something else:
 *   decimal      to one of another scale and precision where no digit can be lost: the reader's has at least
 *                as many digits on both sides of the point; never from or to text
 *   time, timestamp, local-timestamp
 *                to one of a finer unit, the value being multiplied; never to a coarser one
 *   others       to the same logical type
 * From or to a type without a logical type, the number or bytes are taken as they are.
 * Thread: any; nothing is kept. */
#ifndef RS_SCHEMAS_RESOLVE_H
#define RS_SCHEMAS_RESOLVE_H

#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"
#include "schemas/schema.h"

/* What keeps a reader from a writer's data: enumerator, stable name (those of Avro's own checkers where they
 * have one). */
#define RS_BREAKS(X)                                                                                         \
    X(TYPE, "type_mismatch")                                                                                 \
    X(NAME, "name_mismatch")                                                                                 \
    X(FIXED_SIZE, "fixed_size_mismatch")                                                                     \
    X(SYMBOLS, "missing_enum_symbols")                                                                       \
    X(FIELD, "reader_field_missing_default_value")                                                           \
    X(BRANCH, "missing_union_branch")                                                                        \
    X(DECIMAL, "decimal_mismatch")                                                                           \
    X(LOGICAL, "logical_type_mismatch")                                                                      \
    X(INVOLVED, "too_involved")

enum rs_break {
    RS_BREAK_NONE = 0,
#define RS_BREAK_ENUM(name, stable) RS_BREAK_##name,
    RS_BREAKS(RS_BREAK_ENUM)
#undef RS_BREAK_ENUM
};

const char *rs_break_name(enum rs_break kind);

/* Two types that are not unions, without what is in them: of arrays and maps the kind, of records and enums
 * the kind and the name, of fixed the size, too. */
enum rs_break rs_resolve_match(const struct rs_schema *writer, const struct rs_schema *reader);

/* Field of the record `reader` that field number `field` of the record `writer` is: that of its name, else
 * the first that has the name as an alias and that the writer has not under its own name. SIZE_MAX: none. */
size_t rs_resolve_field(const struct rs_schema *writer, size_t field, const struct rs_schema *reader);

/* Number of the reader's symbol for one of the writer's: of the same name, or its default. SIZE_MAX: none. */
size_t rs_resolve_symbol(const struct rs_schema *writer, size_t symbol, const struct rs_schema *reader);

/* A type in words: "decimal(18, 2)", "enum Side", "union of null and string". */
void rs_resolve_put_type(const struct rs_schema *type, struct rs_buf *out);
/* What a break of these two types means and what to do, as a clause. */
void rs_resolve_put_why(enum rs_break kind, const struct rs_schema *writer, const struct rs_schema *reader,
                        struct rs_buf *out);

#endif
