/* log_tool: the state log's Kafka side by hand, for tests against a real broker.
 * Usage: log_tool BOOTSTRAP GROUP STREAM INPUT < commands. A command a line, answered in order:
 *   append PARTITION COUNT SIZE   begins COUNT appends of SIZE bytes, as room allows
 *   read PARTITION UNTIL          begins a reading
 *   trim PARTITION BEFORE         begins a trim
 *   forget PARTITION
 *   take COUNT                    takes so many events, of whatever kind, and says so
 *   wait                          takes events until everything begun has its answer
 * Prints a line an answer: appended, refused, end, broken, trimmed; of records only what they add up to, with
 * the end. Lines that begin with "#" are what the log reports. */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/error_name.h"
#include "transform/statelog/kafka.h"

#define PARTITIONS_MAX 1024
#define WAIT_US        (60 * INT64_C(1000000))

struct reading {
    uint64_t records, bytes, gaps, wrong;
    int64_t first, next, began_us;
};

struct tool {
    struct rs_kafka_log *log;
    struct rs_append_log io;
    uint64_t open; /* appends, readings and trims without an answer */
    int running;   /* readings of which some records came, but not all */
    int most;      /* of them at once */
    struct reading readings[PARTITIONS_MAX];
    uint64_t appended[PARTITIONS_MAX];
};

static void report(void *ctx, enum rs_log_level level, const char *text)
{
    (void)ctx;
    printf("# %d %s\n", (int)level, text);
}

static uint8_t byte_of(int32_t partition, int64_t cookie)
{
    return (uint8_t)((int64_t)partition * 31 + cookie * 7 + 1);
}

static struct rs_partition_id key_of(long partition)
{
    return (struct rs_partition_id){.worker = 0, .stream = 0, .partition = (int32_t)partition};
}

static void on_record(struct tool *tool, const struct rs_append_event *event)
{
    struct reading *reading = &tool->readings[event->id.partition];

    if (reading->records == 0) {
        reading->first = event->offset;
        tool->running++;
        tool->most = tool->running > tool->most ? tool->running : tool->most;
    } else if (event->offset != reading->next) {
        reading->gaps++;
    }
    reading->next = event->offset + 1;
    reading->records++;
    reading->bytes += event->bytes.size;
    uint8_t expected = byte_of(event->id.partition, event->offset);
    reading->wrong +=
        event->bytes.data[0] != expected || event->bytes.data[event->bytes.size - 1] != expected;
}

static void say(struct tool *tool, const struct rs_append_event *event)
{
    int partition = (int)event->id.partition;
    struct reading *reading = &tool->readings[partition];
    const char *why = !event->error ? "" : event->error->text;

    if (event->kind == RS_APPEND_RECORD) {
        on_record(tool, event);
        return;
    }
    tool->open--;
    switch (event->kind) {
    case RS_APPEND_DONE:
        printf("appended %d %" PRId64 " %" PRIu64 "\n", partition, event->offset, event->cookie);
        break;
    case RS_APPEND_REFUSED: printf("refused %d %" PRIu64 " %s\n", partition, event->cookie, why); break;
    case RS_APPEND_BROKEN:
        printf("broken %d %s %s %s\n", partition, error_name(event->error->code),
               event->error->class == RS_CLASS_RETRY ? "retry" : "final", why);
        break;
    case RS_APPEND_TRIMMED: printf("trimmed %d %" PRId64 " %s\n", partition, event->offset, why); break;
    case RS_APPEND_END:
        tool->running--;
        printf("end %d low %" PRId64 " first %" PRId64 " last %" PRId64 " records %" PRIu64 " bytes %" PRIu64
               " gaps %" PRIu64 " wrong %" PRIu64 " committed %" PRId64 " most %d ms %" PRId64 "\n",
               partition, event->offset, reading->first, reading->next - 1, reading->records, reading->bytes,
               reading->gaps, reading->wrong, event->committed, tool->most,
               (rs_clock_mono(rs_clock_system()) - reading->began_us) / 1000);
        break;
    case RS_APPEND_RECORD: break;
    }
}

static bool take(struct tool *tool)
{
    struct rs_append_event event;
    struct pollfd fd = {.fd = tool->io.ops->wake_fd(tool->io.self, 0), .events = POLLIN};
    int64_t deadline = rs_clock_mono(rs_clock_system()) + WAIT_US;

    while (!tool->io.ops->take(tool->io.self, 0, &event)) {
        if (rs_clock_mono(rs_clock_system()) > deadline) {
            printf("nothing within %d s\n", (int)(WAIT_US / 1000000));
            return false;
        }
        (void)poll(&fd, 1, 100);
    }
    say(tool, &event);
    return true;
}

static bool append(struct tool *tool, long partition, long count, long size)
{
    static uint8_t bytes[RS_LOG_RECORD_MAX];
    struct rs_error error = {0};

    for (long i = 0; i < count; i++) {
        uint64_t cookie = tool->appended[partition]++;
        memset(bytes, byte_of((int32_t)partition, (int64_t)cookie), (size_t)size);
        int rc = 0;
        do {
            rc = tool->io.ops->append(tool->io.self, key_of(partition), rs_slice_of(bytes, (size_t)size),
                                      cookie, &error);
        } while (rc == RS_ELIMIT && take(tool));
        if (rc != 0) {
            printf("append: %s\n", error.text);
            return false;
        }
        tool->open++;
    }
    return true;
}

static long number(char **rest)
{
    const char *word = strtok_r(NULL, " \n", rest);

    return !word ? 0 : strtol(word, NULL, 10);
}

static bool command(struct tool *tool, char *line)
{
    char *rest = NULL;
    const char *name = strtok_r(line, " \n", &rest);
    struct rs_error error;

    if (!name) {
        return true;
    }
    long a = number(&rest);
    long b = number(&rest);
    long c = number(&rest);
    if (strcmp(name, "take") != 0 && (a < 0 || a >= PARTITIONS_MAX)) {
        return false;
    }
    if (strcmp(name, "append") == 0) {
        return append(tool, a, b, c);
    }
    if (strcmp(name, "read") == 0) {
        tool->readings[a] = (struct reading){.first = -1, .began_us = rs_clock_mono(rs_clock_system())};
        tool->open++;
        return tool->io.ops->read(tool->io.self, key_of(a), b, &error) == 0;
    }
    if (strcmp(name, "trim") == 0) {
        tool->open++;
        return tool->io.ops->trim(tool->io.self, key_of(a), b, &error) == 0;
    }
    if (strcmp(name, "forget") == 0) {
        tool->io.ops->forget(tool->io.self, key_of(a));
        return true;
    }
    bool wait = strcmp(name, "wait") == 0;
    bool good = wait || strcmp(name, "take") == 0;
    for (long i = 0; good && (wait ? tool->open > 0 : i < a); i++) {
        good = take(tool);
    }
    if (!wait && good) {
        printf("taken %ld\n", a);
    }
    return good;
}

int main(int argc, char **argv)
{
    static struct tool tool;
    struct rs_error error;
    char line[256];
    bool good = true;

    if (argc != 5) {
        fputs("usage: log_tool BOOTSTRAP GROUP STREAM INPUT < commands\n", stderr);
        return 1;
    }
    struct rs_stream stream = {.name = argv[3], .topic = argv[4]};
    const struct rs_streams streams = {.group = argv[2], .items = &stream, .count = 1};
    struct rs_kafka_log_options options = {.conf = rd_kafka_conf_new(),
                                           .streams = &streams,
                                           .workers = 1,
                                           .replication_factor = -1,
                                           .clock = rs_clock_system(),
                                           .report = {report, NULL}};
    if (rd_kafka_conf_set(options.conf, "bootstrap.servers", argv[1], line, sizeof line) !=
            RD_KAFKA_CONF_OK ||
        rs_kafka_log_new(&options, &tool.log, &error) != 0) {
        fputs("log_tool: cannot start\n", stderr);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    tool.io = rs_kafka_log_table(tool.log);
    while (good && fgets(line, sizeof line, stdin)) {
        good = command(&tool, line);
    }
    rs_kafka_log_free(&tool.log);
    return good ? 0 : 2;
}
