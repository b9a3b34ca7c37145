/* fifo: queues of objects that carry the link themselves, so that putting one in needs no memory.
 * RS_FIFO(rs_jobs, rs_job); makes struct rs_jobs, a queue of struct rs_job, and as static inline functions
 *   void rs_jobs_push(struct rs_jobs *q, struct rs_job *item);       puts it at the end
 *   struct rs_job *rs_jobs_pop(struct rs_jobs *q);                   takes the first out; NULL: there is none
 *   void rs_jobs_append(struct rs_jobs *q, struct rs_jobs *from);    all of `from`, which is empty then
 *   void rs_jobs_remove(struct rs_jobs *q, struct rs_job *item);     from any place; walks there
 * struct rs_job is complete by then, and has a member `next` of its own kind; the queue is walked by `first`
 * and `next`. A queue of zeroes is empty.
 * Thread: whoever holds the queue.
 * Owns: nothing. An object is in one such queue at a time.
 * Invariant: `last` is NULL exactly when `first` is, and the last one's `next` is NULL. */
#ifndef RS_BASE_FIFO_H
#define RS_BASE_FIFO_H

#include "base/error.h"

/* No user needs all four. */
#define RS_FIFO_FUNCTION __attribute__((unused)) static inline

#define RS_FIFO(name, object)                                                                                \
    struct name {                                                                                            \
        struct object *first, *last;                                                                         \
    };                                                                                                       \
                                                                                                             \
    RS_FIFO_FUNCTION void name##_push(struct name *q, struct object *item)                                   \
    {                                                                                                        \
        item->next = NULL;                                                                                   \
        *(q->last ? &q->last->next : &q->first) = item;                                                      \
        q->last = item;                                                                                      \
    }                                                                                                        \
                                                                                                             \
    RS_FIFO_FUNCTION struct object *name##_pop(struct name *q)                                               \
    {                                                                                                        \
        struct object *item = q->first;                                                                      \
                                                                                                             \
        if (item) {                                                                                          \
            q->first = item->next;                                                                           \
            q->last = q->first ? q->last : NULL;                                                             \
            item->next = NULL;                                                                               \
        }                                                                                                    \
        return item;                                                                                         \
    }                                                                                                        \
                                                                                                             \
    RS_FIFO_FUNCTION void name##_append(struct name *q, struct name *from)                                   \
    {                                                                                                        \
        if (from->first) {                                                                                   \
            *(q->last ? &q->last->next : &q->first) = from->first;                                           \
            q->last = from->last;                                                                            \
            *from = (struct name){NULL, NULL};                                                               \
        }                                                                                                    \
    }                                                                                                        \
                                                                                                             \
    RS_FIFO_FUNCTION void name##_remove(struct name *q, struct object *item)                                 \
    {                                                                                                        \
        struct object *before = NULL;                                                                        \
        struct object **link = &q->first;                                                                    \
                                                                                                             \
        while (*link != item) {                                                                              \
            RS_ASSERT(*link);                                                                                \
            before = *link;                                                                                  \
            link = &before->next;                                                                            \
        }                                                                                                    \
        *link = item->next;                                                                                  \
        q->last = q->last == item ? before : q->last;                                                        \
        item->next = NULL;                                                                                   \
    }                                                                                                        \
    struct name

#endif
