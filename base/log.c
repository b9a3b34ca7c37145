#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/utf8.h"

/* A pipe that poll calls writable takes PIPE_BUF (4096) bytes without blocking, and in one piece. */
#define LOG_LINE_MAX 4096

static const char *log_program = "rollstat";
static bool log_journal;
static atomic_int log_level = RS_LOG_INFO;
static atomic_int log_form = RS_LOG_TEXT;
static atomic_uint_fast64_t log_dropped;

static const char *const level_names[] = {"error", "warning", "info", "debug"};

/* JOURNAL_STREAM is inherited by children whose stderr goes elsewhere: device and inode must match. */
static bool stderr_is_journal(void)
{
    const char *text = secure_getenv("JOURNAL_STREAM");
    struct stat info;
    if (!text || fstat(STDERR_FILENO, &info) != 0) {
        return false;
    }
    char wanted[64];
    (void)snprintf(wanted, sizeof wanted, "%llu:%llu", (unsigned long long)info.st_dev,
                   (unsigned long long)info.st_ino);
    return strcmp(text, wanted) == 0;
}

void rs_log_init(const char *program)
{
    log_program = program;
    log_journal = stderr_is_journal();
    atomic_store(&log_level, RS_LOG_INFO);
    atomic_store(&log_form, RS_LOG_TEXT);
}

void rs_log_set_level(enum rs_log_level level)
{
    atomic_store(&log_level, (int)level);
}

void rs_log_set_form(enum rs_log_form form)
{
    atomic_store(&log_form, (int)form);
}

int rs_log_level_parse(const char *text, enum rs_log_level *out)
{
    for (size_t i = 0; i < sizeof level_names / sizeof *level_names; i++) {
        if (strcmp(text, level_names[i]) == 0) {
            *out = (enum rs_log_level)i;
            return 0;
        }
    }
    return RS_EINVAL;
}

/* syslog's numbers (sd-daemon(3)). */
static int journal_priority(enum rs_log_level level)
{
    static const int priorities[] = {3, 4, 6, 7};
    return priorities[level];
}

/* "2026-12-01T08:00:00.123Z" */
#define STAMP_MAX 48
static void put_stamp(char stamp[STAMP_MAX])
{
    int64_t now_us = rs_clock_wall(rs_clock_system());
    time_t seconds = (time_t)(now_us / 1000000);
    struct tm tm;
    char text[32] = "";

    if (gmtime_r(&seconds, &tm)) {
        (void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    }
    (void)snprintf(stamp, STAMP_MAX, "%s.%03dZ", text, (int)(now_us / 1000 % 1000));
}

/* All that stands before the message; both are below HEAD_MAX. */
#define HEAD_MAX 192
static size_t put_head(char *line, enum rs_log_level level, bool json)
{
    char stamp[STAMP_MAX];
    char priority[8] = "";

    if (log_journal) {
        (void)snprintf(priority, sizeof priority, "<%d>", journal_priority(level));
    }
    if (log_journal && !json) {
        return (size_t)snprintf(line, HEAD_MAX, "%s", priority);
    }
    put_stamp(stamp);
    return (size_t)snprintf(line, HEAD_MAX,
                            json ? "%s{\"time\":\"%s\",\"program\":\"%.32s\",\"level\":\"%s\",\"message\":\""
                                 : "%s%s %.32s %s: ",
                            priority, stamp, log_program, level_names[level]);
}

/* One message is one line: what came from outside must not fake another. */
static void flatten(char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7F) {
            *text = ' ';
        }
    }
}

static ssize_t write_at_once(const char *line, size_t size)
{
    ssize_t sent = send(STDERR_FILENO, line, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0 || errno != ENOTSOCK) {
        return sent;
    }
    /* A pipe without a reader is writable too, but with POLLERR: writing would raise SIGPIPE. */
    struct pollfd ready = {.fd = STDERR_FILENO, .events = POLLOUT};
    if (poll(&ready, 1, 0) != 1 || ready.revents != POLLOUT) {
        return -1;
    }
    return write(STDERR_FILENO, line, size);
}

/* One writer at a time: between poll and write another thread could fill the pipe. Neither call blocks.
 * A disk that fills up takes the beginning of a line; when there is room again the next line does not
 * continue it. */
static bool write_line(const char *line, size_t size)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static bool torn;
    RS_ASSERT(pthread_mutex_lock(&lock) == 0);
    ssize_t written = torn && write_at_once("\n", 1) != 1 ? -1 : write_at_once(line, size);
    torn = written < 0 ? torn : written < (ssize_t)size;
    RS_ASSERT(pthread_mutex_unlock(&lock) == 0);
    return written == (ssize_t)size;
}

/* A text without control characters as the inside of a JSON string, cut where `room` ends. Bytes that are no UTF-8
 * become question marks, as a reader would drop the whole line. Returns the size. rs_buf_json_string would need memory,
 * and that there is none is among what is logged. */
static size_t put_json(char *out, size_t room, const char *text)
{
    size_t size = 0;
    size_t length = strlen(text);

    for (size_t at = 0; at < length;) {
        size_t sequence = rs_utf8_sequence((const uint8_t *)text + at, length - at);
        bool escaped = text[at] == '"' || text[at] == '\\';
        if (size + (sequence > 1 ? sequence : 2) > room) {
            break;
        }
        if (escaped) {
            out[size++] = '\\';
        }
        if (sequence == 0) {
            out[size++] = '?';
            at++;
            continue;
        }
        memcpy(out + size, text + at, sequence);
        size += sequence;
        at += sequence;
    }
    return size;
}

/* The message in place, cut where it is too long, as one line. */
RS_PRINTF(3, 0)
static bool put_message(char *text, size_t room, const char *format, va_list args)
{
    int wanted = vsnprintf(text, room, format, args);

    if (wanted < 0) {
        return false;
    }
    if ((size_t)wanted >= room) {
        text[rs_utf8_cut((const uint8_t *)text, room - 1)] = '\0';
    }
    flatten(text);
    return true;
}

static void RS_PRINTF(2, 0) write_log(enum rs_log_level level, const char *format, va_list args)
{
    static const char end[] = "\"}";
    bool json = atomic_load_explicit(&log_form, memory_order_relaxed) == RS_LOG_JSON;
    char message[LOG_LINE_MAX];
    char line[LOG_LINE_MAX];

    size_t size = put_head(line, level, json);
    size_t room = sizeof line - size - (json ? sizeof end : 0);
    char *text = json ? message : line + size;
    if (!put_message(text, room, format, args)) {
        return;
    }
    if (json) {
        size += put_json(line + size, room, message);
        memcpy(line + size, end, sizeof end - 1);
        size += sizeof end - 1;
    } else {
        size += strlen(text);
    }
    line[size++] = '\n';
    if (!write_line(line, size)) {
        atomic_fetch_add(&log_dropped, 1);
    }
}

void rs_log(enum rs_log_level level, const char *format, ...)
{
    if ((int)level > atomic_load_explicit(&log_level, memory_order_relaxed)) {
        return;
    }
    va_list args;
    va_start(args, format);
    write_log(level, format, args);
    va_end(args);
}

/* Whatever the level: a report is not left out. */
static void RS_PRINTF(2, 3) write_always(enum rs_log_level level, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    write_log(level, format, args);
    va_end(args);
}

void rs_log_text(enum rs_log_level level, const char *text, size_t size)
{
    while (size > 0) {
        const char *end = memchr(text, '\n', size);
        size_t length = !end ? size : (size_t)(end - text) + 1;
        if (atomic_load(&log_form) == RS_LOG_JSON) {
            write_always(level, "%.*s", (int)(!end ? length : length - 1), text);
        } else {
            if (log_journal) {
                (void)fprintf(stderr, "<%d>", journal_priority(level));
            }
            (void)fwrite(text, 1, length, stderr);
        }
        text += length;
        size -= length;
    }
}

uint64_t rs_log_dropped(void)
{
    return atomic_load(&log_dropped);
}

bool rs_log_allowed(struct rs_log_limit *limit, uint32_t burst, int64_t now_us)
{
    if (limit->count == 0 || now_us - limit->window_start_us >= 1000000) {
        uint32_t left_out = limit->left_out;
        *limit = (struct rs_log_limit){.window_start_us = now_us};
        if (left_out > 0) {
            rs_log(RS_LOG_INFO, "%u messages like the next one were left out", left_out);
        }
    }
    if (limit->count < burst) {
        limit->count++;
        return true;
    }
    limit->left_out++;
    return false;
}
