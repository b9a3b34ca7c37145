#include "base/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HOST_MAX 64
#define BACKLOG  16

struct rs_http {
    struct rs_http_options options;
    struct MHD_Daemon *daemon;
    int epoll_fd;
    uint16_t port;
};

struct address {
    struct sockaddr_storage storage;
    socklen_t size;
};

/* ---- addresses ---- */

static int parse_port(const char *text, uint16_t *out)
{
    char *end = NULL;

    if (*text < '0' || *text > '9') {
        return RS_ECONFIG;
    }
    errno = 0;
    unsigned long port = strtoul(text, &end, 10);
    if (errno != 0 || *end != '\0' || port > UINT16_MAX) {
        return RS_ECONFIG;
    }
    *out = (uint16_t)port;
    return 0;
}

static bool set_host(const char *host, uint16_t port, struct address *out)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)&out->storage;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&out->storage;

    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        out->size = sizeof *v4;
        return true;
    }
    if (inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        out->size = sizeof *v6;
        return true;
    }
    return false;
}

static bool parse_address(const char *text, struct address *out)
{
    const char *colon = strrchr(text, ':');
    char host[HOST_MAX] = "";
    uint16_t port = 0;

    if (!colon || parse_port(colon + 1, &port) != 0) {
        return false;
    }
    size_t length = (size_t)(colon - text);
    bool bracketed = length >= 2 && text[0] == '[' && colon[-1] == ']';
    if (bracketed) {
        text++;
        length -= 2;
    }
    if (length == 0 || length >= sizeof host || (!bracketed && memchr(text, ':', length))) {
        return false;
    }
    memcpy(host, text, length);
    return set_host(host, port, out);
}

static int parse_listen(const char *text, struct address *out, struct rs_error *error)
{
    if (parse_address(text, out)) {
        return 0;
    }
    return rs_fail(error, RS_ECONFIG,
                   "\"%s\" is not an address to listen on, such as 127.0.0.1:9464 or [::1]:9464", text);
}

int rs_http_listen_check(const char *listen, struct rs_error *error)
{
    struct address address = {.size = 0};

    return parse_listen(listen, &address, error);
}

/* ---- answers ---- */

static enum MHD_Result reply(struct MHD_Connection *connection, unsigned status, const char *type,
                             const void *body, size_t size)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(size, (void *)body, MHD_RESPMEM_MUST_COPY);

    if (!response) {
        return MHD_NO;
    }
    enum MHD_Result result = MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    if (result == MHD_YES && status == MHD_HTTP_METHOD_NOT_ALLOWED) {
        result = MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    }
    if (result == MHD_YES) {
        result = MHD_queue_response(connection, status, response);
    }
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result reply_text(struct MHD_Connection *connection, unsigned status, const char *text)
{
    return reply(connection, status, "text/plain; charset=utf-8", text, strlen(text));
}

static const struct rs_http_page *find_page(const struct rs_http *http, const char *path)
{
    for (size_t i = 0; i < http->options.page_count; i++) {
        if (strcmp(http->options.pages[i].path, path) == 0) {
            return &http->options.pages[i];
        }
    }
    return NULL;
}

static enum MHD_Result show(struct rs_http *http, struct MHD_Connection *connection,
                            const struct rs_http_page *page)
{
    struct rs_buf body = {0};
    int status = page->write(http->options.ctx, &body);
    enum MHD_Result result = body.failed
                                 ? reply_text(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, "out of memory\n")
                                 : reply(connection, (unsigned)status, page->type, body.data, body.size);

    rs_buf_fini(&body);
    return result;
}

/* The words are the program's own: nothing in them has to be escaped. */
static enum MHD_Result show_list(struct rs_http *http, struct MHD_Connection *connection)
{
    struct rs_buf body = {0};

    rs_buf_text(&body, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta "
                       "charset=\"utf-8\"><title>Pages</title></head><body>\n<ul>\n");
    for (size_t i = 0; i < http->options.page_count; i++) {
        const struct rs_http_page *page = &http->options.pages[i];
        rs_buf_printf(&body, "<li><a href=\"%s\">%s</a>%s%s</li>\n", page->path, page->path,
                      page->about ? ": " : "", page->about ? page->about : "");
    }
    rs_buf_text(&body, "</ul>\n</body></html>\n");
    enum MHD_Result result =
        body.failed ? reply_text(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, "out of memory\n")
                    : reply(connection, MHD_HTTP_OK, "text/html; charset=utf-8", body.data, body.size);
    rs_buf_fini(&body);
    return result;
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **request)
{
    static char seen;
    struct rs_http *http = ctx;

    (void)version;
    (void)upload;
    if (!*request) { /* first call: headers only; the answer comes with the second, as libmicrohttpd wants */
        *request = &seen;
        return MHD_YES;
    }
    if (*upload_size > 0) { /* read and dropped, bounded by the connection's time */
        *upload_size = 0;
        return MHD_YES;
    }
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
        return reply_text(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD\n");
    }
    const struct rs_http_page *page = find_page(http, url);
    if (!page && strcmp(url, "/") == 0) {
        return show_list(http, connection);
    }
    if (!page) {
        return reply_text(connection, MHD_HTTP_NOT_FOUND, "no such page\n");
    }
    return show(http, connection, page);
}

/* ---- life ---- */

/* libmicrohttpd writes to stderr otherwise; what clients do wrong is theirs to know. */
static void no_log(void *ctx, const char *format, va_list args)
{
    (void)ctx;
    (void)format;
    (void)args;
}

static int open_socket(const struct address *address, const char *listen_text, struct rs_error *error)
{
    const int yes = 1;
    int fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0) {
        return rs_fail(error, RS_EIO, "http: no socket: %s", strerrordesc_np(errno));
    }
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
        bind(fd, (const struct sockaddr *)&address->storage, address->size) != 0 ||
        listen(fd, BACKLOG) != 0) {
        int rc = rs_fail(error, RS_EIO, "http: cannot listen on %s: %s", listen_text, strerrordesc_np(errno));
        close(fd);
        return rc;
    }
    return fd;
}

int rs_http_listen_try(const char *listen, struct rs_error *error)
{
    struct address address = {0};
    int rc = parse_listen(listen, &address, error);

    if (rc != 0) {
        return rc;
    }
    int fd = open_socket(&address, listen, error);
    if (fd < 0) {
        return fd;
    }
    close(fd);
    return 0;
}

static uint16_t port_of(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } name = {.v6 = {.sin6_port = 0}};
    socklen_t size = sizeof name;

    if (getsockname(fd, &name.any, &size) != 0) {
        return 0;
    }
    return ntohs(name.any.sa_family == AF_INET6 ? name.v6.sin6_port : name.v4.sin_port);
}

static int start(struct rs_http *http, int fd, struct rs_error *error)
{
    http->port = port_of(fd);
    http->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request, http, MHD_OPTION_EXTERNAL_LOGGER,
        no_log, NULL, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)RS_HTTP_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)RS_HTTP_TIMEOUT_S,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)RS_HTTP_CONNECTION_MEMORY, MHD_OPTION_END);
    if (!http->daemon) {
        close(fd);
        return rs_fail(error, RS_EIO, "http: the server does not start");
    }
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (!info || info->epoll_fd < 0) {
        return rs_fail(error, RS_EIO, "http: the server has no descriptor to wait on");
    }
    http->epoll_fd = info->epoll_fd;
    return 0;
}

int rs_http_new(const struct rs_http_options *options, struct rs_http **out, struct rs_error *error)
{
    struct address address = {.size = 0};
    int rc = parse_listen(options->listen, &address, error);

    if (rc != 0) {
        return rc;
    }
    int fd = open_socket(&address, options->listen, error);
    if (fd < 0) {
        return fd;
    }
    struct rs_http *http = calloc(1, sizeof *http);
    if (!http) {
        close(fd);
        return rs_fail(error, RS_ENOMEM, "http: out of memory");
    }
    http->options = *options;
    rc = start(http, fd, error);
    if (rc != 0) {
        rs_http_free(&http);
        return rc;
    }
    *out = http;
    return 0;
}

void rs_http_free(struct rs_http **http)
{
    if (!*http) {
        return;
    }
    if ((*http)->daemon) {
        MHD_stop_daemon((*http)->daemon);
    }
    free(*http);
    *http = NULL;
}

uint16_t rs_http_port(const struct rs_http *http)
{
    return http->port;
}

int rs_http_fd(const struct rs_http *http)
{
    return http->epoll_fd;
}

void rs_http_run(struct rs_http *http)
{
    (void)MHD_run(http->daemon);
}
