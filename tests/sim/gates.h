/* gates: connections to a Redis through which one command passes at a time, of whichever connection chance names.
 * Thread: one. */
#ifndef RS_TESTS_SIM_GATES_H
#define RS_TESTS_SIM_GATES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "tests/lib/random.h"

#define GATES_MAX 64

struct gate {
    int client, server; /* -1: free */
    struct rs_buf sent; /* by the client, and not let through yet */
};

struct gates {
    int listener, port, target;
    struct gate items[GATES_MAX];
};

/* A command that is all there. */
struct waiting {
    int gate;
    const char *name; /* not terminated: '\r' follows */
    size_t size;
};

/* Listens at gates->port of loopback, for the Redis at port `target`. */
void gates_open(struct gates *gates, int target);
void gates_close(struct gates *gates);
void gates_shut(struct gates *gates); /* all connections */
/* Takes in what clients send, waiting for it no longer than that. */
void gates_let_in(struct gates *gates, int wait_ms);
/* False: nobody has sent a whole command. */
bool gates_choose(const struct gates *gates, struct rs_random *chance, struct waiting *out);
/* Lets it through, and its answer back; `told` false: the connection is cut instead. Returns the answer's type, -1:
 * there was none. */
int gates_pass(struct gates *gates, const struct waiting *what, bool told);

#endif
