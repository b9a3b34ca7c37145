/* reason: stable codes for records that are not acceptable.
 * They travel in dead-letter headers, metrics and reject files: names never change, new ones may be added.
 * Thread: any; constants. */
#ifndef RS_BASE_REASON_H
#define RS_BASE_REASON_H

/* enumerator, stable name, what is wrong */
#define RS_REASONS(X)                                                                                        \
    X(TOMBSTONE, "tombstone", "the record has no value")                                                     \
    X(TOO_LARGE, "too_large", "the record is larger than max_record_bytes")                                  \
    X(FRAMING, "framing", "the wire framing is not the one this stream uses")                                \
    X(UNKNOWN_SCHEMA, "unknown_schema", "no schema is known for the id or fingerprint")                      \
    X(SCHEMA_INCOMPATIBLE, "schema_incompatible", "the writer's schema does not resolve to the stream's")    \
    X(TRUNCATED, "truncated", "the bytes end inside a value")                                                \
    X(TRAILING, "trailing_bytes", "bytes follow the last field")                                             \
    X(VARINT, "varint", "an integer is longer than its type or overflows")                                   \
    X(BOOLEAN, "boolean", "a boolean is neither 0 nor 1")                                                    \
    X(ENUM_INDEX, "enum_index", "an enum index is out of range")                                             \
    X(UNION_INDEX, "union_index", "a union branch is out of range")                                          \
    X(UTF8, "utf8", "a string is not valid UTF-8")                                                           \
    X(LENGTH, "length", "a length is negative or larger than what follows")                                  \
    X(BLOCK, "block", "an array or map block disagrees with its count or size")                              \
    X(ITEMS, "too_many_items", "arrays and maps hold more items than the budget")                            \
    X(DEPTH, "too_deep", "values nest deeper than the limit")                                                \
    X(DECIMAL, "decimal_range", "a decimal has more digits than its precision or 38")                        \
    X(UUID, "uuid", "a uuid is not in its canonical text form")                                              \
    X(TIME, "time_range", "a time is outside the years 1 to 9999")                                           \
    X(PERIOD, "period", "the period of an upsert stream is not a whole number of microseconds")              \
    X(COMPUTED, "computed_range", "a formula of a statistic comes to more digits than 38")                   \
    X(FIELD_NULL, "field_null", "a field that is needed is null")                                            \
    X(NOT_FINITE, "not_finite", "a number is NaN or infinite where a rule, an id or a group key forbids it") \
    X(RULE, "rule", "a rule of the stream does not hold")                                                    \
    X(FUTURE, "future", "the event time lies beyond the record's time by more than max_future")              \
    X(PAST, "past", "the event time lies before the record's time by more than max_past")                    \
    X(LATE, "late", "every window that could hold the event is final")                                       \
    X(KEY_TOO_LONG, "group_key_too_long", "the values of the group's by fields take more than 1024 bytes")   \
    X(GROUP_LIMIT, "group_limit", "the partition holds max_groups groups already")                           \
    X(JSON, "json", "the value is not JSON")                                                                 \
    X(TYPE, "type", "a value is not of the type that the schema says")                                       \
    X(NUMBER, "number_range", "a number does not fit its type")                                              \
    X(ENUM_SYMBOL, "enum_symbol", "a text is none of the enum's symbols")                                    \
    X(TIME_FORM, "time_form", "a time is not in the stream's form, or finer than its type holds")            \
    X(MISSING_FIELD, "missing_field", "a field is not there, and the schema has no default for it")          \
    X(UNKNOWN_FIELD, "unknown_field", "a field is not declared by the schema, and the stream refuses such")  \
    X(DUPLICATE_FIELD, "duplicate_field", "a field stands twice")                                            \
    X(HEADERS, "headers", "the record's headers cannot be read")

enum rs_reason {
    RS_REASON_NONE = 0,
#define RS_REASON_ENUM(name, stable, text) RS_REASON_##name,
    RS_REASONS(RS_REASON_ENUM)
#undef RS_REASON_ENUM
        RS_REASON_COUNT
};

const char *rs_reason_name(enum rs_reason reason); /* stable name; "none" for RS_REASON_NONE */
const char *rs_reason_text(enum rs_reason reason);

#endif
