#include "tests/sim/gates.h"

#include <arpa/inet.h>
#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void need(bool good, const char *what)
{
    if (!good) {
        perror(what);
        abort();
    }
}

static int connect_to(int port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;
    need(fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0, "connect");
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

static void close_gate(struct gate *gate)
{
    close(gate->client);
    close(gate->server);
    gate->client = gate->server = -1;
    rs_buf_reset(&gate->sent);
}

static int listen_at(int *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    need(bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 16) == 0 &&
             getsockname(fd, (struct sockaddr *)&address, &size) == 0,
         "listen");
    *port = ntohs(address.sin_port);
    return fd;
}

void gates_open(struct gates *gates, int target)
{
    gates->target = target;
    gates->listener = listen_at(&gates->port);
    for (int i = 0; i < GATES_MAX; i++) {
        gates->items[i].client = gates->items[i].server = -1;
    }
}

static void open_gate(struct gates *gates)
{
    int client = accept4(gates->listener, NULL, NULL, SOCK_CLOEXEC);
    int on = 1;
    for (int i = 0; client >= 0 && i < GATES_MAX; i++) {
        if (gates->items[i].client < 0) {
            (void)setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            gates->items[i].client = client;
            gates->items[i].server = connect_to(gates->target);
            return;
        }
    }
    need(client < 0, "gates");
}

static void read_client(struct gate *gate)
{
    char bytes[65536];
    ssize_t size = recv(gate->client, bytes, sizeof bytes, MSG_DONTWAIT);
    if (size > 0) {
        rs_buf_put(&gate->sent, bytes, (size_t)size);
    } else if (size == 0) {
        close_gate(gate);
    }
}

void gates_let_in(struct gates *gates, int wait_ms)
{
    struct pollfd fds[GATES_MAX + 1] = {{.fd = gates->listener, .events = POLLIN}};
    for (int i = 0; i < GATES_MAX; i++) {
        fds[i + 1] = (struct pollfd){.fd = gates->items[i].client, .events = POLLIN};
    }
    (void)poll(fds, GATES_MAX + 1, wait_ms);
    for (int i = 0; i < GATES_MAX; i++) {
        if (fds[i + 1].revents) {
            read_client(&gates->items[i]);
        }
    }
    if (fds[0].revents) {
        open_gate(gates);
    }
}

/* How many bytes the first command has, and where its name stands; 0: it is not all here. */
static size_t command_size(const struct rs_buf *sent, const char **name)
{
    const char *text = (const char *)sent->data;
    const char *end = text + sent->size;
    const char *at = text ? memchr(text, '\n', sent->size) : NULL;
    long words = at ? strtol(text + 1, NULL, 10) : 0;
    for (long i = 0; at && i < words; i++) {
        const char *head = at + 1;
        at = head < end ? memchr(head, '\n', (size_t)(end - head)) : NULL;
        long size = at ? strtol(head + 1, NULL, 10) : 0;
        *name = i == 0 && at ? at + 1 : *name;
        at = at && end - at > size + 2 ? at + size + 2 : NULL;
    }
    return at ? (size_t)(at + 1 - text) : 0;
}

bool gates_choose(const struct gates *gates, struct rs_random *chance, struct waiting *out)
{
    struct waiting ready[GATES_MAX];
    size_t count = 0;
    for (int i = 0; i < GATES_MAX; i++) {
        struct waiting *next = &ready[count];
        *next = (struct waiting){.gate = i, .name = ""};
        next->size = gates->items[i].client >= 0 ? command_size(&gates->items[i].sent, &next->name) : 0;
        count += next->size > 0;
    }
    if (count == 0) {
        return false;
    }
    *out = ready[rs_random_below(chance, count)];
    return true;
}

/* Reads the whole answer of the server, and gives it to the client. */
static int pass_answer(const struct gate *gate, bool told)
{
    redisReader *reader = redisReaderCreate();
    void *reply = NULL;
    bool good = true;
    while (good && !reply) {
        char bytes[65536];
        ssize_t size = recv(gate->server, bytes, sizeof bytes, 0);
        good = size > 0 && redisReaderFeed(reader, bytes, (size_t)size) == REDIS_OK &&
               redisReaderGetReply(reader, &reply) == REDIS_OK;
        if (good && told) {
            (void)!send(gate->client, bytes, (size_t)size, MSG_NOSIGNAL);
        }
    }
    int type = good ? ((redisReply *)reply)->type : -1;
    if (reply) {
        freeReplyObject(reply);
    }
    redisReaderFree(reader);
    return type;
}

int gates_pass(struct gates *gates, const struct waiting *what, bool told)
{
    struct gate *gate = &gates->items[what->gate];
    (void)!send(gate->server, gate->sent.data, what->size, MSG_NOSIGNAL);
    int type = pass_answer(gate, told);
    memmove(gate->sent.data, gate->sent.data + what->size, gate->sent.size - what->size);
    gate->sent.size -= what->size;
    if (type < 0 || !told) {
        close_gate(gate);
    }
    return type;
}

void gates_shut(struct gates *gates)
{
    for (int i = 0; i < GATES_MAX; i++) {
        if (gates->items[i].client >= 0) {
            close_gate(&gates->items[i]);
        }
    }
    for (int client; (client = accept4(gates->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0;) {
        close(client);
    }
}

void gates_close(struct gates *gates)
{
    gates_shut(gates);
    close(gates->listener);
    for (int i = 0; i < GATES_MAX; i++) {
        rs_buf_fini(&gates->items[i].sent);
    }
}
