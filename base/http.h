/* http: the few pages a daemon shows to its operators (metrics, health, status), and "/", which lists them.
 * GET and HEAD only; everything else is refused by libmicrohttpd's own limits or here. The server has no
 * thread: the caller watches the descriptor and calls run. Connections, their memory and their time are
 * bounded, so that slow or many clients cost a little memory and nothing else.
 * Thread: one.
 * Limits: RS_HTTP_CONNECTIONS, RS_HTTP_TIMEOUT_S, RS_HTTP_CONNECTION_MEMORY each. */
#ifndef RS_BASE_HTTP_H
#define RS_BASE_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

#define RS_HTTP_CONNECTIONS       32
#define RS_HTTP_TIMEOUT_S         5
#define RS_HTTP_CONNECTION_MEMORY 16384

struct rs_http;

struct rs_http_page {
    const char *path;  /* "/metrics" */
    const char *type;  /* Content-Type */
    const char *about; /* for the list of pages, which is "/"; no markup; NULL: nothing */
    /* Writes the body and returns the status, 200 or 503. */
    int (*write)(void *ctx, struct rs_buf *body);
};

struct rs_http_options {
    const char *listen;               /* "127.0.0.1:9464", "[::1]:9464"; port 0: any free one */
    const struct rs_http_page *pages; /* outlive the server */
    size_t page_count;
    void *ctx;
};

/* "HOST:PORT" with a numeric address. RS_ECONFIG. */
RS_MUST_USE int rs_http_listen_check(const char *listen, struct rs_error *error);
/* Whether rs_http_new would get the address now. RS_EIO where not. */
RS_MUST_USE int rs_http_listen_try(const char *listen, struct rs_error *error);

/* Errors: RS_ECONFIG (not an address), RS_EIO (the port is taken). */
RS_MUST_USE int rs_http_new(const struct rs_http_options *options, struct rs_http **out,
                            struct rs_error *error);
void rs_http_free(struct rs_http **http);

uint16_t rs_http_port(const struct rs_http *http);
int rs_http_fd(const struct rs_http *http);
/* Serves what is ready; never blocks. */
void rs_http_run(struct rs_http *http);

#endif
