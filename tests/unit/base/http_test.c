/* The server is driven from the test's own thread: send, run, receive. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/http.h"

struct pages {
    int shown;
    int status;
    size_t size; /* of the large page */
};

static int write_small(void *ctx, struct rs_buf *body)
{
    struct pages *pages = ctx;

    pages->shown++;
    rs_buf_text(body, "small page\n");
    return pages->status;
}

static int write_large(void *ctx, struct rs_buf *body)
{
    const struct pages *pages = ctx;

    for (size_t i = 0; i < pages->size; i++) {
        rs_buf_char(body, 'x');
    }
    return 200;
}

static int write_failing(void *ctx, struct rs_buf *body)
{
    (void)ctx;
    rs_buf_text(body, "half");
    body->failed = true;
    return 200;
}

static const struct rs_http_page page_table[] = {
    {"/small", "text/plain", "a page", write_small},
    {"/large", "application/json", NULL, write_large},
    {"/failing", "text/plain", "fails", write_failing},
};

static struct rs_http *open_server(struct pages *pages)
{
    struct rs_http *http = NULL;
    struct rs_error error;
    const struct rs_http_options options = {
        .listen = "127.0.0.1:0", .pages = page_table, .page_count = 3, .ctx = pages};

    if (rs_http_new(&options, &http, &error) != 0) {
        fail_msg("%s", error.text);
    }
    assert_true(rs_http_port(http) > 0);
    return http;
}

static int connect_to(const struct rs_http *http)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(rs_http_port(http))};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void run_for(struct rs_http *http, int ms)
{
    int64_t until = rs_clock_mono(rs_clock_system()) + ms * INT64_C(1000);

    while (rs_clock_mono(rs_clock_system()) < until) {
        struct pollfd fd = {.fd = rs_http_fd(http), .events = POLLIN};
        (void)poll(&fd, 1, 1);
        rs_http_run(http);
    }
}

/* Runs the server until the connection has brought `enough` bytes or is closed, or for 3 s; returns the bytes
 * in `out`. */
static size_t receive(struct rs_http *http, int fd, char *out, size_t size, size_t enough)
{
    size_t used = 0;
    int64_t until = rs_clock_mono(rs_clock_system()) + 3000000;

    while (used < enough && used + 1 < size && rs_clock_mono(rs_clock_system()) < until) {
        run_for(http, 1);
        ssize_t count = recv(fd, out + used, size - 1 - used, MSG_DONTWAIT);
        if (count == 0) {
            break;
        }
        used += count > 0 ? (size_t)count : 0;
    }
    out[used] = '\0';
    return used;
}

static void exchange(struct rs_http *http, const char *request, char *out, size_t size)
{
    int fd = connect_to(http);

    assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), (ssize_t)strlen(request));
    (void)receive(http, fd, out, size, size);
    close(fd);
}

/* The server answers with its own version. */
static void assert_status(const char *answer, const char *status)
{
    assert_memory_equal(answer, "HTTP/1.", 7);
    assert_memory_equal(answer + 9, status, 3);
}

static void test_pages_are_served(void **state)
{
    struct pages pages = {.status = 200};
    struct rs_http *http = open_server(&pages);
    char answer[4096];

    (void)state;
    exchange(http, "GET /small HTTP/1.0\r\n\r\n", answer, sizeof answer);
    assert_status(answer, "200");
    assert_non_null(strstr(answer, "Content-Type: text/plain\r\n"));
    assert_non_null(strstr(answer, "\r\n\r\nsmall page\n"));
    pages.status = 503;
    exchange(http, "GET /small?x=1 HTTP/1.0\r\n\r\n", answer, sizeof answer);
    assert_status(answer, "503");
    exchange(http, "HEAD /small HTTP/1.0\r\n\r\n", answer, sizeof answer);
    assert_non_null(strstr(answer, "Content-Length: 11\r\n"));
    assert_null(strstr(answer, "small page"));
    assert_int_equal(pages.shown, 3);
    rs_http_free(&http);
}

static void test_what_is_wrong_is_refused(void **state)
{
    struct pages pages = {.status = 200};
    struct rs_http *http = open_server(&pages);
    char answer[4096];

    (void)state;
    exchange(http, "GET /other HTTP/1.0\r\n\r\n", answer, sizeof answer);
    assert_status(answer, "404");
    exchange(http, "GET /small/ HTTP/1.0\r\n\r\n", answer, sizeof answer);
    assert_status(answer, "404");
    exchange(http, "POST /small HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello", answer, sizeof answer);
    assert_status(answer, "405");
    assert_non_null(strstr(answer, "Allow: GET, HEAD\r\n"));
    exchange(http, "GET /failing HTTP/1.0\r\n\r\n", answer, sizeof answer);
    assert_status(answer, "500");
    assert_null(strstr(answer, "half"));
    assert_int_equal(pages.shown, 0);
    rs_http_free(&http);
}

static void test_garbage_and_endless_headers_end_the_connection(void **state)
{
    struct pages pages = {.status = 200};
    struct rs_http *http = open_server(&pages);
    static char large[3 * RS_HTTP_CONNECTION_MEMORY];
    char answer[4096];

    (void)state;
    exchange(http, "\x16\x03\x01\x02 not http at all\r\n\r\n", answer, sizeof answer);
    assert_null(strstr(answer, "200 OK"));
    int fd = connect_to(http);
    memset(large, 'a', sizeof large);
    memcpy(large, "GET /small HTTP/1.0\r\nX: ", 24);
    for (size_t sent = 0; sent < sizeof large;) {
        ssize_t count = send(fd, large + sent, sizeof large - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count < 0) {
            break; /* the server hung up */
        }
        sent += (size_t)count;
        run_for(http, 1);
    }
    (void)receive(http, fd, answer, sizeof answer, sizeof answer);
    assert_null(strstr(answer, "200 OK"));
    close(fd);
    exchange(http, "GET /small HTTP/1.0\r\n\r\n", answer, sizeof answer);
    assert_non_null(strstr(answer, "200 OK"));
    assert_int_equal(pages.shown, 1);
    rs_http_free(&http);
}

static void test_too_many_connections_wait_and_later_ones_are_served(void **state)
{
    struct pages pages = {.status = 200};
    struct rs_http *http = open_server(&pages);
    int fds[RS_HTTP_CONNECTIONS + 8];
    char answer[4096];

    (void)state;
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
        fds[i] = connect_to(http);
        assert_true(send(fds[i], "GET /sm", 7, MSG_NOSIGNAL) == 7); /* and then nothing */
        run_for(http, 1);
    }
    run_for(http, 50);
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
        close(fds[i]);
    }
    run_for(http, 50);
    exchange(http, "GET /small HTTP/1.0\r\n\r\n", answer, sizeof answer);
    assert_non_null(strstr(answer, "200 OK"));
    rs_http_free(&http);
}

static void test_a_large_page_arrives_whole_though_read_slowly(void **state)
{
    struct pages pages = {.status = 200, .size = 3000000};
    struct rs_http *http = open_server(&pages);
    static char answer[3100000];
    int fd = connect_to(http);

    (void)state;
    assert_int_equal(send(fd, "GET /large HTTP/1.0\r\n\r\n", 23, MSG_NOSIGNAL), 23);
    run_for(http, 50); /* the socket's buffer is full now */
    size_t size = receive(http, fd, answer, sizeof answer, sizeof answer);
    const char *body = strstr(answer, "\r\n\r\n");
    assert_non_null(body);
    assert_int_equal(size - (size_t)(body + 4 - answer), 3000000);
    close(fd);
    rs_http_free(&http);
}

static void test_addresses(void **state)
{
    static const char *const good[] = {"127.0.0.1:9464", "0.0.0.0:0", "[::1]:80", "[::]:65535"};
    static const char *const bad[] = {
        "",           ":",           "9464",          "127.0.0.1",      "127.0.0.1:",
        "::1:8",      "127.0.0.1:x", "1.2.3.4:65536", "localhost:9464", "[::1:80",
        "1.2.3.4:-1", "1.2.3.4: 1",  "[]:80",         "[1.2.3]:80"};
    struct rs_error error;

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(rs_http_listen_check(good[i], &error), 0);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(rs_http_listen_check(bad[i], &error), RS_ECONFIG);
    }
    assert_string_equal(
        error.text, "\"[1.2.3]:80\" is not an address to listen on, such as 127.0.0.1:9464 or [::1]:9464");
}

static void test_a_port_that_is_taken_is_named(void **state)
{
    struct pages pages = {.status = 200};
    struct rs_http *http = open_server(&pages);
    struct rs_http *other = NULL;
    struct rs_error error;
    char listen[64];
    char expected[128];

    (void)state;
    (void)snprintf(listen, sizeof listen, "127.0.0.1:%u", rs_http_port(http));
    (void)snprintf(expected, sizeof expected, "http: cannot listen on %s: Address already in use", listen);
    const struct rs_http_options options = {
        .listen = listen, .pages = page_table, .page_count = 1, .ctx = &pages};
    assert_int_equal(rs_http_new(&options, &other, &error), RS_EIO);
    assert_string_equal(error.text, expected);
    assert_null(other);
    assert_int_equal(rs_http_listen_try(listen, &error), RS_EIO);
    assert_string_equal(error.text, expected);
    rs_http_free(&http);
    assert_int_equal(rs_http_listen_try(listen, &error), 0); /* and it keeps nothing: */
    assert_int_equal(rs_http_new(&options, &http, &error), 0);
    rs_http_free(&http);
    assert_int_equal(rs_http_listen_try("localhost:80", &error), RS_ECONFIG);
}

/* What there is, each with a link. */
static void test_the_first_page_lists_the_others(void **state)
{
    struct pages pages = {.status = 200};
    struct rs_http *http = open_server(&pages);
    char out[2048];
    (void)state;
    exchange(http, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", out, sizeof out);
    assert_non_null(strstr(out, "200 OK"));
    assert_non_null(strstr(out, "text/html"));
    assert_non_null(strstr(out, "<a href=\"/small\">/small</a>: a page</li>"));
    assert_non_null(strstr(out, "<a href=\"/large\">/large</a></li>"));
    assert_int_equal(pages.shown, 0);
    rs_http_free(&http);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_page_lists_the_others),
        cmocka_unit_test(test_pages_are_served),
        cmocka_unit_test(test_what_is_wrong_is_refused),
        cmocka_unit_test(test_garbage_and_endless_headers_end_the_connection),
        cmocka_unit_test(test_too_many_connections_wait_and_later_ones_are_served),
        cmocka_unit_test(test_a_large_page_arrives_whole_though_read_slowly),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_a_port_that_is_taken_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
