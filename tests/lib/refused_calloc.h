/* refused_calloc: memory that a test refuses. Whatever is linked with the library of this name, and asks by
 * calloc in an object or archive of its own, asks here.
 * Thread: each decides for itself. */
#ifndef RS_TESTS_LIB_REFUSED_CALLOC_H
#define RS_TESTS_LIB_REFUSED_CALLOC_H

#define REFUSED_ALL (-1)

/* Counted from when it is set: 1 refuses the next allocation of this thread, and is 0 then; 0 refuses none. */
extern _Thread_local int refused_calloc;

#endif
