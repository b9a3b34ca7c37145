#include "tests/lib/refused_calloc.h"

#include <stddef.h>

_Thread_local int refused_calloc;

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size)
{
    if (refused_calloc == REFUSED_ALL || (refused_calloc > 0 && --refused_calloc == 0)) {
        return NULL;
    }
    return __real_calloc(count, size);
}
