/* redis server: a redis-server of the test's own, on a free loopback port, without persistence.
 * Thread: one. */
#ifndef RS_TEST_REDIS_SERVER_H
#define RS_TEST_REDIS_SERVER_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <sys/types.h>

struct redis_server {
    pid_t pid;
    int port;
    char directory[64];
};

/* True when there is a redis-server in PATH. Else: with CI=true the test fails, otherwise it is skipped by
 * the caller. */
bool redis_server_available(void);
/* `port` 0: any free one. `arguments`: more of them, NULL-terminated; NULL: none. Answers PING when this
 * returns. */
void redis_server_start(struct redis_server *server, int port, const char *const *arguments);
void redis_server_kill(struct redis_server *server);  /* kill -9 */
void redis_server_pause(struct redis_server *server); /* SIGSTOP */
void redis_server_resume(struct redis_server *server);
/* Blocking connection; asserted. */
redisContext *redis_server_connect(const struct redis_server *server);
/* Command with a reply that is not an error; asserted. */
redisReply *redis_do(redisContext *context, const char *format, ...);
/* The reply as one line: strings plain, (nil), integers, arrays as [a b]. Valid until the next call. */
const char *redis_text(redisContext *context, const char *format, ...);

#endif
