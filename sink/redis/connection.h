/* redis_connection: one connection to Redis and what may be wrong with it.
 * Opening is blocking with deadlines: connect, keepalive, TLS, AUTH, SELECT. Code is to the API of hiredis 0.14,
 * RESP2. Commands sent by rs_redis_open: AUTH, SELECT.
 * Thread: a connection belongs to its opener. SIGPIPE must be blocked or ignored there: hiredis writes with
 * write(2). */
#ifndef RS_SINK_REDIS_CONNECTION_H
#define RS_SINK_REDIS_CONNECTION_H

#include <hiredis/hiredis.h>

#include "base/error.h"
#include "sink/redis/config.h"

/* enumerator, how an error reply begins or what it holds ("": not a reply), stable name, what to do about it
 */
#define RS_REDIS_FAULTS(X)                                                                                   \
    X(CONNECT, "", "connect", "is Redis running, and reachable at the configured url?")                      \
    X(IO, "", "io", "the connection broke; it is opened again")                                              \
    X(TIMEOUT, "", "timeout", "Redis does not answer in time: is it overloaded, stopped or cut off?")        \
    X(PROTOCOL, "", "protocol",                                                                              \
      "the answer is not one that Redis gives; is something else at this address, or does it want "          \
      "rediss://?")                                                                                          \
    X(TLS, "", "tls", "no connection is made; see README on TLS to Redis")                                   \
    X(SENTINEL, "", "sentinel",                                                                              \
      "a fail-over may be under way; it is tried again. What do the sentinels say to SENTINEL MASTERS?")     \
    X(LOADING, "LOADING", "loading", "Redis is loading its data set; wait")                                  \
    X(MASTERDOWN, "MASTERDOWN", "masterdown",                                                                \
      "the replica has lost its master; point `redis.url` at the master")                                    \
    X(READONLY, "READONLY", "readonly", "this Redis is a replica; point `redis.url` at the master")          \
    X(OOM, "OOM ", "oom", "Redis is at maxmemory; raise it or keep fewer groups and less history")           \
    X(MISCONF, "MISCONF", "misconf", "Redis cannot save to disk and refuses writes; see its log")            \
    X(NOREPLICAS, "NOREPLICAS", "noreplicas", "Redis has fewer good replicas than min-replicas-to-write")    \
    X(NOAUTH, "NOAUTH", "noauth", "Redis wants a password: set `redis.password`")                            \
    X(WRONGPASS, "WRONGPASS", "wrongpass", "Redis refuses the user or password")                             \
    X(NOPERM, "NOPERM", "noperm",                                                                            \
      "the Redis user lacks a command, key or channel; rollstat.yaml(5) has the line that gives them all")   \
    X(BUSY, "BUSY", "busy", "another script keeps Redis busy")                                               \
    X(NOSCRIPT, "NOSCRIPT", "noscript", "the script was flushed; it is loaded again")                        \
    X(MAXCLIENTS, "max number of clients", "maxclients", "Redis has reached maxclients")                     \
    X(CLUSTER, "MOVED ", "cluster", "this Redis is part of a cluster, which this version does not speak")    \
    X(SCRIPT, "ERR ", "script", "Redis refuses the command; is it older than 4.0, or is a command renamed?")

enum rs_redis_fault {
    RS_REDIS_FINE = 0,
#define RS_REDIS_FAULT_ENUM(name, reply, text, hint) RS_REDIS_##name,
    RS_REDIS_FAULTS(RS_REDIS_FAULT_ENUM)
#undef RS_REDIS_FAULT_ENUM
        RS_REDIS_FAULT_COUNT
};

const char *rs_redis_fault_name(enum rs_redis_fault fault); /* stable, for metrics; "fine" */
const char *rs_redis_fault_hint(enum rs_redis_fault fault);

/* Class of an error reply's text, also where a script passed it on; RS_REDIS_SCRIPT when nothing else fits.
 */
enum rs_redis_fault rs_redis_fault_of_reply(const char *text);
/* Class of a context in error. */
enum rs_redis_fault rs_redis_fault_of_context(const redisContext *context);

/* On failure *out is NULL and *fault says what; the text names address and remedy, never the password. */
RS_MUST_USE int rs_redis_open(const struct rs_redis_address *address, int64_t connect_timeout_us,
                              int64_t timeout_us, redisContext **out, enum rs_redis_fault *fault,
                              struct rs_error *error);

/* Waits for one command's reply. NULL and `fault` when the context broke or the reply is an error. */
redisReply *rs_redis_ask(redisContext *context, int argc, const char **argv, const size_t *sizes,
                         enum rs_redis_fault *fault, struct rs_error *error);

#endif
