/* error name: an error's code as tests print it. */
#ifndef RS_TESTS_LIB_ERROR_NAME_H
#define RS_TESTS_LIB_ERROR_NAME_H

#include "base/error.h"

/* "ECONFIG"; "OK" for 0. */
static inline const char *error_name(int code)
{
    switch (code) {
    case 0: return "OK";
#define ERROR_NAME(name, class, text)                                                                        \
    case RS_##name: return #name;
        RS_ERROR_CODES(ERROR_NAME)
#undef ERROR_NAME
    default: return "UNKNOWN";
    }
}

#endif
