/* json_program: a JSON message of a stream in, values of the wanted fields out.
 * The stream's Avro schema says what a message holds: an object with the record's fields. Every field that the
 * schema declares is checked against its type, wanted or not; others are passed by, or refused by choice, and
 * have to be JSON all the same (RFC 8259, UTF-8). A declared field must not stand twice.
 *
 *   record           an object
 *   map, array       an object, an array
 *   null, boolean    null, true, false
 *   int, long        a number without digits after the point (5, 5.0 and 5e2 are whole)
 *   float, double    a number, correctly rounded from its digits; "NaN", "Infinity", "-Infinity"
 *   decimal          a number or a text with one, exactly as its digits say: never by way of a double
 *   string, uuid     a text
 *   enum             a text: one of the symbols
 *   bytes, fixed     a text of the characters U+0000 to U+00FF, one for each byte, as in Avro's own JSON; a fixed
 *                    that is a uuid also in the 36 characters of one
 *   timestamps       a number that counts the type's unit, or an ISO 8601 text, or what `json.times` says
 *   date             a number of days, or YYYY-MM-DD, or what `json.times` says
 *   time-millis, …   a number that counts the type's unit
 *   union            a value of any of its types, bare or as Avro's own JSON has it: {"string": "x"}
 *
 * A field that is not there takes the schema's default; without one it is null if it may be; else the message
 * is refused. What stands twice for a union of several types is of the first type that takes it.
 * Thread: a program is immutable after compiling; any number of threads may run it.
 * Limits: struct rs_program_limits. Nothing allocates while running. */
#ifndef RS_SCHEMAS_JSON_PROGRAM_H
#define RS_SCHEMAS_JSON_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/reason.h"
#include "base/slice.h"
#include "base/time/rule.h"
#include "schemas/program.h"
#include "schemas/program_place.h"
#include "schemas/schema.h"

struct rs_json_program;

/* The form in which a field of a time or a date is given, where it is neither ISO 8601 nor a number of the type's
 * own unit. */
struct rs_json_time {
    const char *path;
    struct rs_time_rule rule;
};

struct rs_json_options {
    bool refuse_unknown; /* fields that the schema does not declare */
    const struct rs_json_time *times;
    size_t time_count;
};

/* Compiles `schema`, a record, to extract paths[0..count) into slots 0..count. A path may be named twice; where it
 * is NULL, the slot is left to others. Takes no ownership; `schema` and what the options point to must outlive the program.
 * Errors: RS_ECONFIG as rs_schema_field_type, also for the paths of times; RS_ENOMEM. */
RS_MUST_USE int rs_json_program_compile(const struct rs_schema *schema, const char *const *paths,
                                        size_t count, struct rs_program_limits limits,
                                        const struct rs_json_options *options, struct rs_json_program **out,
                                        struct rs_error *error);
void rs_json_program_free(struct rs_json_program **program);

/* Reads one message. Returns RS_REASON_NONE and fills values[0..count), or why the message is not acceptable
 * and the byte where (*at, may be NULL); then values are unspecified. `text` has room for message.size
 * bytes, where texts with escapes and bytes go: values point into it and into the message. */
enum rs_reason rs_json_program_run(const struct rs_json_program *program, struct rs_slice message,
                                   uint8_t *text, struct rs_value *values, size_t *at);

/* The same of a message that somebody looks into: *place is where it is not acceptable. A field that is not
 * there has its path and the byte where the record ends; of fields that the schema does not declare the path is
 * the record's. The values are no use. */
enum rs_reason rs_json_program_place(const struct rs_json_program *program, struct rs_slice message,
                                     uint8_t *text, struct rs_value *values, struct rs_place *place);

#endif
