/* redis tls_missing: whether this build can speak TLS to Redis.
 * Thread: any. */
#ifndef RS_SINK_REDIS_TLS_MISSING_H
#define RS_SINK_REDIS_TLS_MISSING_H

/* Why it cannot, for people, with what to do instead; NULL: it can. */
const char *rs_redis_tls_missing(void);

#endif
