#include "tests/unit/sink/redis_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

bool redis_server_available(void)
{
    char *path = strdup(getenv("PATH") ? getenv("PATH") : "");
    bool found = false;
    char *rest = path;
    assert_non_null(path);
    for (char *folder = strsep(&rest, ":"); folder && !found; folder = strsep(&rest, ":")) {
        char file[4096];
        snprintf(file, sizeof file, "%s/redis-server", folder);
        found = access(file, X_OK) == 0;
    }
    free(path);
    const char *ci = getenv("CI");
    if (!found && ci && strcmp(ci, "true") == 0) {
        fail_msg("redis-server is not installed, and CI=true allows no skip");
    }
    return found;
}

static int free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    close(fd);
    return ntohs(address.sin_port);
}

static void run_server(const struct redis_server *server, const char *const *arguments)
{
    char port[16];
    const char *argv[32] = {"redis-server", "--port", port,    "--bind",         "127.0.0.1", "--save", "",
                            "--appendonly", "no",     "--dir", server->directory};
    size_t count = 11;
    snprintf(port, sizeof port, "%d", server->port);
    for (; arguments && *arguments && count < 31; arguments++) {
        argv[count++] = *arguments;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves no server behind */
    int null = open("/dev/null", O_WRONLY);
    dup2(null, STDOUT_FILENO);
    dup2(null, STDERR_FILENO);
    execvp(argv[0], (char *const *)argv);
    _exit(127);
}

static bool answers(const struct redis_server *server)
{
    struct timeval timeout = {.tv_sec = 1};
    redisContext *context = redisConnectWithTimeout("127.0.0.1", server->port, timeout);
    bool good = false;
    if (context && !context->err) {
        redisSetTimeout(context, timeout);
        redisReply *reply = redisCommand(context, "PING");
        good = reply && (reply->type == REDIS_REPLY_STATUS || strncmp(reply->str, "NOAUTH", 6) == 0);
        if (reply) {
            freeReplyObject(reply);
        }
    }
    if (context) {
        redisFree(context);
    }
    return good;
}

void redis_server_start(struct redis_server *server, int port, const char *const *arguments)
{
    server->port = port ? port : free_port();
    snprintf(server->directory, sizeof server->directory, "/tmp/rs-redis-XXXXXX");
    assert_non_null(mkdtemp(server->directory));
    server->pid = fork();
    assert_true(server->pid >= 0);
    if (server->pid == 0) {
        run_server(server, arguments);
    }
    for (int i = 0; i < 6000; i++) {
        struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};
        if (answers(server)) {
            return;
        }
        nanosleep(&pause, NULL);
    }
    redis_server_kill(server);
    fail_msg("redis-server did not answer on port %d", server->port);
}

void redis_server_kill(struct redis_server *server)
{
    if (server->pid > 0) {
        kill(server->pid, SIGKILL);
        waitpid(server->pid, NULL, 0);
        rmdir(server->directory);
    }
    server->pid = 0;
}

void redis_server_pause(struct redis_server *server)
{
    assert_int_equal(kill(server->pid, SIGSTOP), 0);
}

void redis_server_resume(struct redis_server *server)
{
    assert_int_equal(kill(server->pid, SIGCONT), 0);
}

redisContext *redis_server_connect(const struct redis_server *server)
{
    struct timeval timeout = {.tv_sec = 10};
    redisContext *context = redisConnectWithTimeout("127.0.0.1", server->port, timeout);
    assert_non_null(context);
    assert_int_equal(context->err, 0);
    redisSetTimeout(context, timeout);
    return context;
}

redisReply *redis_do(redisContext *context, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    redisReply *reply = redisvCommand(context, format, arguments);
    va_end(arguments);
    if (!reply) {
        fail_msg("%s: %s", format, context->errstr);
    } else if (reply->type == REDIS_REPLY_ERROR) {
        fail_msg("%s: %s", format, reply->str);
    }
    return reply;
}

static void describe(const redisReply *reply, char **at, const char *end)
{
    size_t room = (size_t)(end - *at);
    int used = 0;
    if (reply->type == REDIS_REPLY_NIL) {
        used = snprintf(*at, room, "(nil)");
    } else if (reply->type == REDIS_REPLY_INTEGER) {
        used = snprintf(*at, room, "%lld", reply->integer);
    } else if (reply->type != REDIS_REPLY_ARRAY) {
        used = snprintf(*at, room, "%s", reply->str);
    } else {
        *(*at)++ = '[';
        for (size_t i = 0; i < reply->elements; i++) {
            if (i) {
                *(*at)++ = ' ';
            }
            describe(reply->element[i], at, end);
        }
        *(*at)++ = ']';
        **at = '\0';
    }
    assert_true((size_t)used + 4 < room);
    *at += used;
}

const char *redis_text(redisContext *context, const char *format, ...)
{
    static char text[65536];
    char *at = text;
    va_list arguments;
    va_start(arguments, format);
    redisReply *reply = redisvCommand(context, format, arguments);
    va_end(arguments);
    assert_non_null(reply);
    describe(reply, &at, text + sizeof text);
    freeReplyObject(reply);
    return text;
}
