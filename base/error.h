/* error: what a fallible function reports.
 * A function that can fail returns 0 or a negative code and takes a `struct rs_error *` last, never NULL.
 * It fills the error where the fault is seen; callers on the way up put their context in front of the text.
 * A message names what is wrong, where, and how to mend it. It never holds a secret or bytes of a payload.
 * Thread: an error object belongs to its caller. */
#ifndef RS_BASE_ERROR_H
#define RS_BASE_ERROR_H

#include <stdarg.h>
#include <stddef.h>

#define RS_MUST_USE     __attribute__((warn_unused_result))
#define RS_PRINTF(f, a) __attribute__((format(printf, f, a)))

/* What a caller does about an error. */
enum rs_class {
    RS_CLASS_RETRY,      /* the environment: back off and try again */
    RS_CLASS_BAD_RECORD, /* this record: dead letter, go on with the next */
    RS_CLASS_FATAL,      /* configuration, a broken invariant: stop and say so */
};

/* name, class, short text */
#define RS_ERROR_CODES(X)                                                                                    \
    X(ENOMEM, RETRY, "out of memory")                                                                        \
    X(EIO, RETRY, "input or output failed")                                                                  \
    X(ETIMEOUT, RETRY, "timed out")                                                                          \
    X(EBROKER, RETRY, "the Kafka broker refused or is away")                                                 \
    X(EREDIS, RETRY, "Redis refused or is away")                                                             \
    X(ERECORD, BAD_RECORD, "the record is not acceptable")                                                   \
    X(EUSAGE, FATAL, "wrong use of the command line")                                                        \
    X(ECONFIG, FATAL, "the configuration is wrong")                                                          \
    X(ESCHEMA, FATAL, "the schema is wrong")                                                                 \
    X(ELIMIT, FATAL, "a limit was reached")                                                                  \
    X(EPRODUCER, FATAL, "the producer cannot go on")                                                         \
    X(ETRIMMED, RETRY, "a later owner has trimmed the state log")                                            \
    X(ESTATE, FATAL, "the stored state is damaged or foreign")                                               \
    X(EINVAL, FATAL, "an argument is not valid")

enum rs_code {
    RS_POSITION_OF_SUCCESS,
#define RS_ERROR_POSITION(name, class, text) RS_POSITION_##name,
    RS_ERROR_CODES(RS_ERROR_POSITION)
#undef RS_ERROR_POSITION
#define RS_ERROR_NEGATIVE(name, class, text) RS_##name = -RS_POSITION_##name,
        RS_ERROR_CODES(RS_ERROR_NEGATIVE)
#undef RS_ERROR_NEGATIVE
};

/* Room for a path or two of every usual length beside the words. */
#define RS_ERROR_TEXT_MAX 2048

struct rs_error {
    int code; /* 0 or negative */
    enum rs_class class;
    char text[RS_ERROR_TEXT_MAX]; /* cut at a UTF-8 boundary when longer */
};

/* Sets code, its class and the text; returns code, so that `return rs_fail(...)` reads well. */
int rs_fail(struct rs_error *error, enum rs_code code, const char *format, ...) RS_PRINTF(3, 4);

/* Puts "context: " in front of the text; returns the error's code. */
int rs_error_prefix(struct rs_error *error, const char *format, ...) RS_PRINTF(2, 3);

/* Programmer errors only; stays on in release. Bytes from outside are validated, never asserted. */
#define RS_ASSERT(condition)                                                                                 \
    do {                                                                                                     \
        if (__builtin_expect(!(condition), 0)) {                                                             \
            rs_assert_failed(#condition, __FILE__, __LINE__);                                                \
        }                                                                                                    \
    } while (0)
_Noreturn void rs_assert_failed(const char *condition, const char *file, int line);

#endif
