/* redis evictions: when a Redis that evicts keys is filled again.
 * Publishing everything into a Redis that is full evicts again. So the first eviction is answered at once,
 * the next ones not before a pause is over, which doubles each time from RS_EVICTION_MIN_US to
 * RS_EVICTION_MAX_US, and begins anew when it has been quiet for as long as the pause was.
 * A fence that is gone may have been evicted too. Within a pause it is told from an emptied Redis by the
 * count of evictions: when that is still what it was when the fence was last seen, nothing was evicted.
 * Thread: the caller's lock. Source of the count: `evicted_keys` of INFO, which starts at 0 with the server.
 */
#ifndef RS_SINK_REDIS_EVICTIONS_H
#define RS_SINK_REDIS_EVICTIONS_H

#include <stdbool.h>
#include <stdint.h>

#define RS_EVICTION_MIN_US INT64_C(10000000)
#define RS_EVICTION_MAX_US INT64_C(300000000)

struct rs_redis_evictions {
    bool known;              /* `seen` was told by this server */
    uint64_t seen, answered; /* newest count; count when everything was last published for it */
    bool suspected;          /* a fence is gone, and the next count tells why */
    uint64_t suspected_seen; /* count when that fence was still there */
    bool owed;               /* a fence was evicted, and the pause is not over */
    int64_t next_us, pause_us;
};

enum rs_redis_evictions_verdict {
    RS_EVICTIONS_NONE,    /* nothing to do, or not yet */
    RS_EVICTIONS_EMPTIED, /* publish everything: Redis was emptied */
    RS_EVICTIONS_AGAIN,   /* publish everything: it evicted keys; not again for `pause_us` */
};

/* Another server, or the same after a restart. */
void rs_redis_evictions_restart(struct rs_redis_evictions *e);
/* Everything is being published, for whatever reason: what was evicted so far is answered. */
void rs_redis_evictions_repaired(struct rs_redis_evictions *e);
/* The count now. */
enum rs_redis_evictions_verdict rs_redis_evictions_count(struct rs_redis_evictions *e, uint64_t evicted,
                                                         int64_t now_us);
/* A fence is gone that was there when the count was `seen`. true: publish everything now; false: the next
 * count decides. */
bool rs_redis_evictions_gone(struct rs_redis_evictions *e, uint64_t seen, int64_t now_us);

#endif
