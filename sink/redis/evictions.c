#include "sink/redis/evictions.h"

void rs_redis_evictions_restart(struct rs_redis_evictions *e)
{
    e->known = e->suspected = e->owed = false;
    e->seen = e->answered = 0;
}

void rs_redis_evictions_repaired(struct rs_redis_evictions *e)
{
    e->suspected = e->owed = false;
    e->answered = e->seen;
}

static void lengthen(struct rs_redis_evictions *e, int64_t now_us)
{
    bool quiet = e->pause_us == 0 || now_us - e->next_us >= e->pause_us;
    int64_t doubled = 2 * e->pause_us > RS_EVICTION_MAX_US ? RS_EVICTION_MAX_US : 2 * e->pause_us;
    e->pause_us = quiet ? RS_EVICTION_MIN_US : doubled;
    e->next_us = now_us + e->pause_us;
}

/* A suspicion is settled first. If the count is what it was when the fence was there, nothing was evicted,
 * so Redis was emptied; if it has grown, the fence was evicted, and that is owed when the pause is over.
 * Without a count to compare with, the worse is taken to be true. */
enum rs_redis_evictions_verdict rs_redis_evictions_count(struct rs_redis_evictions *e, uint64_t evicted,
                                                         int64_t now_us)
{
    if (!e->known || evicted < e->seen) {
        bool suspected = e->suspected;
        rs_redis_evictions_restart(e);
        e->known = true;
        e->seen = e->answered = evicted;
        return suspected ? RS_EVICTIONS_EMPTIED : RS_EVICTIONS_NONE;
    }
    e->seen = evicted;
    if (e->suspected && evicted == e->suspected_seen) {
        e->suspected = false;
        return RS_EVICTIONS_EMPTIED;
    }
    e->owed |= e->suspected;
    e->suspected = false;
    if ((!e->owed && evicted == e->answered) || now_us < e->next_us) {
        return RS_EVICTIONS_NONE;
    }
    e->owed = false;
    e->answered = evicted;
    lengthen(e, now_us);
    return RS_EVICTIONS_AGAIN;
}

bool rs_redis_evictions_gone(struct rs_redis_evictions *e, uint64_t seen, int64_t now_us)
{
    if (now_us >= e->next_us) {
        return true;
    }
    e->suspected_seen = e->suspected && e->suspected_seen > seen ? e->suspected_seen : seen;
    e->suspected = true;
    return false;
}
