/* replay: letters back into the topic that they came from, or another. What the configuration as it is now would
 * reject again stays where it is: sent, it would only come back as another letter. */
#include <inttypes.h>
#include <string.h>

#include "transform/dlqtool/send.h"

#define TOLD_MAX 10 /* letters that are named, of each kind */

struct replay {
    struct rs_dlq_tool *tool;
    const struct rs_stream *stream;
    struct rs_dlq_sender *sender;
    struct rs_dlq_check *check;
    struct rs_dlq_marks marks; /* of the partition under way */
    int64_t end;               /* of it, when its markers were read */
    bool begun;                /* a session there */
    int32_t partitions;        /* of the stream's topic; with --to not looked at */
    uint64_t chosen, replayed, again, incomplete, homeless, unjudged;
};

static void tell(const struct rs_dlq_letter *letter, uint64_t number, const char *what, const char *more)
{
    if (number <= TOLD_MAX) {
        fprintf(stderr, "%s: %s:%" PRId32 ":%" PRId64 " %s%s\n", rs_dlq_info.name, letter->topic,
                letter->partition, letter->offset, what, more);
    }
}

/* Whether the letter may be sent; told where not. */
static int judge(struct replay *r, const struct rs_dlq_letter *letter, bool *good, struct rs_error *error)
{
    struct rs_dlq_verdict v = {0};
    char text[640];
    *good = false;
    if (letter->cut) {
        tell(letter, ++r->incomplete, "is cut, and not sent: its original is where it came from, ",
             "if retention has left it there");
        return 0;
    }
    if (!r->tool->request.to && letter->input_partition >= r->partitions) {
        tell(letter, ++r->homeless, "is not sent: its topic has no such partition any more", "");
        return 0;
    }
    int rc = rs_dlq_check_run(r->check, letter, &v, error);
    if (rc == 0 && v.unjudged) {
        tell(letter, ++r->unjudged,
             r->tool->request.force ? "is sent, and could not be judged: "
                                    : "is not sent, as it could not be judged: ",
             v.text);
    } else if (rc == 0 && v.reason != RS_REASON_NONE) {
        (void)snprintf(text, sizeof text, "%s: %s", rs_reason_name(v.reason), v.text);
        tell(letter, ++r->again,
             r->tool->request.force ? "is sent, and would be rejected again: "
                                    : "is not sent, as it would be rejected again: ",
             text);
    }
    *good = rc == 0 && ((v.reason == RS_REASON_NONE && !v.unjudged) || r->tool->request.force);
    return rc;
}

/* Not before there is something to send: a replay that finds nothing to do leaves nothing behind. */
static int begin(struct replay *r, struct rs_error *error)
{
    r->begun = true;
    return rs_dlq_sender_begin(r->sender, &r->marks, r->end, error);
}

static int take_letter(void *ctx, enum rs_dlq_kind kind, const struct rs_dlq_letter *letter,
                       struct rs_error *error)
{
    struct replay *r = ctx;
    const struct rs_dlq_request *request = &r->tool->request;
    bool good = false;
    if (kind != RS_DLQ_LETTER || !rs_slice_equal(letter->input, rs_slice_text(r->stream->topic)) ||
        !rs_dlq_filter_takes(&request->filter, letter)) {
        return 0;
    }
    r->tool->found++;
    if (rs_dlq_marks_have(&r->marks, letter->offset)) {
        r->replayed++;
        return 0;
    }
    int rc = judge(r, letter, &good, error);
    if (rc == 0 && good && !request->dry_run && !r->begun) {
        rc = begin(r, error);
        good = !rs_dlq_marks_have(&r->marks, letter->offset); /* another session may have come before */
        r->replayed += !good;
    }
    if (rc == 0 && good && !request->dry_run) {
        rc = rs_dlq_sender_put(r->sender, letter,
                               request->to ? RD_KAFKA_PARTITION_UA : letter->input_partition, error);
    }
    r->chosen += rc == 0 && good;
    r->tool->chosen += rc == 0 && good;
    return rc == 0 && request->limit > 0 && r->tool->chosen >= (uint64_t)request->limit ? RS_DLQ_ENOUGH : rc;
}

static int replay_partition(struct replay *r, const char *topic, int32_t partition, struct rs_error *error)
{
    int64_t first = 0;
    r->begun = false;
    int rc = rs_dlq_sender_look(r->sender, topic, partition, &r->marks, &first, &r->end, error);
    if (rc == 0 && r->marks.open) {
        rc = r->tool->request.dry_run ? rs_dlq_sender_search(r->sender, &r->marks, error) : begin(r, error);
    }
    if (rc == 0) {
        rc = rs_dlq_read(r->tool, topic, partition, first, r->end, take_letter, r, error);
    }
    if (rc >= 0 && r->begun) {
        int ended = rs_dlq_sender_end(r->sender, error);
        rc = ended < 0 ? ended : rc;
    }
    if (r->marks.damaged > 0) {
        fprintf(stderr,
                "%s: topic %s partition %" PRId32 ": %" PRIu64
                " markers of replays make no sense, and count for nothing\n",
                rs_dlq_info.name, topic, partition, r->marks.damaged);
    }
    rs_dlq_marks_fini(&r->marks);
    return rc;
}

static int report(const struct replay *r, const char *to, struct rs_error *error)
{
    struct rs_buf out = {0};
    bool dry = r->tool->request.dry_run;
    struct rs_dlq_sent sent = rs_dlq_sender_counts(r->sender);
    uint64_t done = dry ? r->chosen : sent.sent;
    if (r->tool->request.json) {
        rs_buf_text(&out, "{\"stream\":");
        rs_buf_json_string(&out, rs_slice_text(r->stream->name));
        rs_buf_text(&out, ",\"to\":");
        rs_buf_json_string(&out, rs_slice_text(to));
        rs_buf_printf(&out,
                      ",\"dry_run\":%s,\"sent\":%" PRIu64 ",\"replayed_before\":%" PRIu64
                      ",\"rejected_again\":%" PRIu64 ",\"cut\":%" PRIu64 ",\"no_partition\":%" PRIu64
                      ",\"refused\":%" PRIu64 ",\"unjudged\":%" PRIu64 "}\n",
                      dry ? "true" : "false", done, r->replayed, r->again, r->incomplete, r->homeless,
                      sent.refused, r->unjudged);
    } else {
        rs_buf_printf(&out,
                      "stream %s to topic %s: %" PRIu64 " %s, %" PRIu64 " replayed before, %" PRIu64
                      " would be rejected again, %" PRIu64 " cut, %" PRIu64
                      " without their partition, %" PRIu64 " refused",
                      r->stream->name, to, done, dry ? "would be sent" : "sent", r->replayed, r->again,
                      r->incomplete, r->homeless, sent.refused);
        if (r->unjudged > 0) {
            rs_buf_printf(&out, ", %" PRIu64 " not judged", r->unjudged);
        }
        rs_buf_char(&out, '\n');
    }
    int rc = rs_buf_write(&out, stdout, error);
    rs_buf_fini(&out);
    return rc;
}

static int replay_stream(struct rs_dlq_tool *tool, const struct rs_stream *stream, struct rs_error *error)
{
    struct replay r = {.tool = tool, .stream = stream};
    const char *to = tool->request.to ? tool->request.to : stream->topic;
    int32_t count = 0;
    int rc = rs_kafka_reader_partitions(tool->kafka, stream->dead_letter_topic, &count, error);
    if (rc < 0 || count == 0) {
        return rc;
    }
    rc = rs_kafka_reader_partitions(tool->kafka, stream->topic, &r.partitions, error);
    rc = rc == 0 ? rs_dlq_check_new(tool, stream, &r.check, error) : rc;
    rc = rc == 0 ? rs_dlq_sender_new(tool, to, &r.sender, error) : rc;
    for (int32_t i = 0; i < count && rc == 0; i++) {
        rc = replay_partition(&r, stream->dead_letter_topic, i, error);
    }
    if (rc >= 0) {
        int written = report(&r, to, error);
        rc = written < 0 ? written : rc;
    }
    tool->failed += r.incomplete + r.homeless + (tool->request.force ? 0 : r.again + r.unjudged) +
                    (r.sender ? rs_dlq_sender_counts(r.sender).refused : 0);
    rs_dlq_sender_free(&r.sender);
    rs_dlq_check_free(&r.check);
    return rc;
}

/* Into a dead-letter topic letters do not belong, and the daemon's own topics are nobody else's. */
static int check_target(const struct rs_dlq_tool *tool, struct rs_error *error)
{
    const char *to = tool->request.to;
    const char *group = tool->loaded.streams->group;
    size_t size = strlen(group);
    for (size_t i = 0; to && i < tool->loaded.streams->count; i++) {
        const char *letters = tool->loaded.streams->items[i].dead_letter_topic;
        if (letters && strcmp(to, letters) == 0) {
            return rs_usage_fail(&rs_dlq_info, error, "--to: %s is a dead-letter topic", to);
        }
    }
    if (to && strncmp(to, group, size) == 0 &&
        (strncmp(to + size, ".state.", 7) == 0 || strncmp(to + size, ".partials", 9) == 0)) {
        return rs_usage_fail(&rs_dlq_info, error, "--to: rollstatd keeps its state in %s", to);
    }
    return 0;
}

int rs_dlq_replay(struct rs_dlq_tool *tool, struct rs_error *error)
{
    int rc = check_target(tool, error);
    for (const struct rs_stream *stream = rs_dlq_next_stream(tool, NULL); stream && rc == 0;
         stream = rs_dlq_next_stream(tool, stream)) {
        rc = replay_stream(tool, stream, error);
    }
    return rc == RS_DLQ_ENOUGH ? 0 : rc;
}
