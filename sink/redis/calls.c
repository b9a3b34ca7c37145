#include "sink/redis/calls.h"

#include "base/error.h"

void rs_redis_calls_push(struct rs_redis_calls *calls, const struct rs_redis_call *call)
{
    RS_ASSERT(rs_redis_calls_have_room(calls, 1));
    calls->items[(calls->first + calls->count) % RS_REDIS_INFLIGHT_CALLS] = *call;
    calls->count++;
    calls->bytes += call->bytes;
}

uint32_t rs_redis_calls_answer(struct rs_redis_calls *calls, struct rs_redis_call *out)
{
    RS_ASSERT(calls->count > 0);
    struct rs_redis_call *call = &calls->items[calls->first];
    call->answered++;
    *out = *call;
    if (call->answered < call->answers) {
        return call->answers - call->answered;
    }
    calls->first = (calls->first + 1) % RS_REDIS_INFLIGHT_CALLS;
    calls->count--;
    calls->bytes -= out->bytes;
    return 0;
}
