/* Markers lie in the dead-letter topic itself, each in the partition of the letters it speaks of and behind
 * them. So they need no topic and no right of their own, a letter is not known longer than its marker, and
 * what is deleted by retention is the letter first. */
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "transform/dlqtool/internal.h"

void rs_dlq_marks_fini(struct rs_dlq_marks *marks)
{
    free(marks->ranges);
    free(marks->after);
    *marks = (struct rs_dlq_marks){0};
}

/* ---- ranges ---- */

/* Number of ranges that end before `offset`. */
static size_t ranges_before(const struct rs_dlq_marks *marks, int64_t offset)
{
    size_t from = 0;
    size_t to = marks->count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (marks->ranges[middle].to < offset) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from;
}

bool rs_dlq_marks_have(const struct rs_dlq_marks *marks, int64_t offset)
{
    size_t at = ranges_before(marks, offset);
    return at < marks->count && marks->ranges[at].from <= offset;
}

/* Neighbours become one: a whole topic that was replayed is one range. Offsets are below INT64_MAX. */
int rs_dlq_marks_add(struct rs_dlq_marks *marks, int64_t from, int64_t to, struct rs_error *error)
{
    size_t at = ranges_before(marks, from - 1);
    size_t end = at;
    while (end < marks->count && marks->ranges[end].from <= to + 1) {
        from = marks->ranges[end].from < from ? marks->ranges[end].from : from;
        to = marks->ranges[end].to > to ? marks->ranges[end].to : to;
        end++;
    }
    if (end == at) {
        struct rs_dlq_range *ranges =
            rs_array_grow(marks->ranges, marks->count, &marks->capacity, 16, sizeof *ranges);
        if (!ranges) {
            return rs_fail(error, RS_ENOMEM, "out of memory");
        }
        marks->ranges = ranges;
        memmove(ranges + at + 1, ranges + at, (marks->count - at) * sizeof *ranges);
        marks->count++;
    } else {
        memmove(marks->ranges + at + 1, marks->ranges + end, (marks->count - end) * sizeof *marks->ranges);
        marks->count -= end - at - 1;
    }
    marks->ranges[at] = (struct rs_dlq_range){.from = from, .to = to};
    return 0;
}

/* ---- where in the other topic ---- */

static struct rs_dlq_offset *find_after(const struct rs_dlq_marks *marks, int32_t partition)
{
    for (size_t i = 0; i < marks->after_count; i++) {
        if (marks->after[i].partition == partition) {
            return &marks->after[i];
        }
    }
    return NULL;
}

int64_t rs_dlq_marks_after(const struct rs_dlq_marks *marks, int32_t partition)
{
    const struct rs_dlq_offset *entry = find_after(marks, partition);
    return entry ? entry->offset : -1;
}

int rs_dlq_marks_set_after(struct rs_dlq_marks *marks, int32_t partition, int64_t offset,
                           struct rs_error *error)
{
    struct rs_dlq_offset *entry = find_after(marks, partition);
    if (!entry) {
        struct rs_dlq_offset *after =
            rs_array_grow(marks->after, marks->after_count, &marks->after_capacity, 16, sizeof *after);
        if (!after) {
            return rs_fail(error, RS_ENOMEM, "out of memory");
        }
        marks->after = after;
        entry = &marks->after[marks->after_count++];
    }
    *entry = (struct rs_dlq_offset){.partition = partition, .offset = offset};
    return 0;
}

/* ---- markers ---- */

/* Up to `stop` or the end; *text is what follows. */
static struct rs_slice cut(struct rs_slice *text, char stop)
{
    const uint8_t *at = text->size > 0 ? memchr(text->data, stop, text->size) : NULL;
    struct rs_slice part = rs_slice_of(text->data, at ? (size_t)(at - text->data) : text->size);
    size_t used = part.size + (at != NULL);
    *text = rs_slice_of(text->data + used, text->size - used);
    return part;
}

/* "5-9,12": letters in front of the marker. With `marks` NULL it is only checked. */
static bool read_letters(struct rs_slice text, int64_t below, struct rs_dlq_marks *marks, int *rc,
                         struct rs_error *error)
{
    while (text.size > 0 && *rc == 0) {
        struct rs_slice part = cut(&text, ',');
        struct rs_slice first = cut(&part, '-');
        int64_t from = 0;
        int64_t to = 0;
        if (!rs_dlq_number(first, below - 1, &from)) {
            return false;
        }
        to = from;
        if (part.size > 0 && (!rs_dlq_number(part, below - 1, &to) || to < from)) {
            return false;
        }
        *rc = marks ? rs_dlq_marks_add(marks, from, to, error) : 0;
    }
    return true;
}

/* "0:123,1:456" */
static bool read_after(struct rs_slice text, struct rs_dlq_marks *marks, int *rc, struct rs_error *error)
{
    while (text.size > 0 && *rc == 0) {
        struct rs_slice part = cut(&text, ',');
        struct rs_slice first = cut(&part, ':');
        int64_t partition = 0;
        int64_t offset = 0;
        if (!rs_dlq_number(first, INT32_MAX, &partition) || !rs_dlq_number(part, INT64_MAX, &offset)) {
            return false;
        }
        *rc = marks ? rs_dlq_marks_set_after(marks, (int32_t)partition, offset, error) : 0;
    }
    return true;
}

static bool read_session(struct rs_slice text, uint64_t *out)
{
    static const char digits[] = "0123456789abcdef";
    uint64_t session = 0;
    for (size_t i = 0; i < text.size; i++) {
        const char *at = memchr(digits, text.data[i], sizeof digits - 1);
        if (!at) {
            return false;
        }
        session = session << 4 | (uint64_t)(at - digits);
    }
    *out = session;
    return text.size == 16 && session != 0;
}

/* "begin" takes the partition over: what those before it did is in it, as far as it was found. "sent" counts
 * whoever wrote it, as what it says of letters is true. */
int rs_dlq_marks_take(struct rs_dlq_marks *marks, const struct rs_dlq_letter *marker, struct rs_error *error)
{
    struct rs_slice kind = rs_dlq_header(marker->headers, RS_REPLAY);
    struct rs_slice letters = rs_dlq_header(marker->headers, RS_REPLAY_LETTERS);
    struct rs_slice after = rs_dlq_header(marker->headers, RS_REPLAY_AFTER);
    uint64_t session = 0;
    int rc = 0;
    if (!rs_slice_equal(rs_dlq_header(marker->headers, RS_REPLAY_TO), marks->to)) {
        return 0;
    }
    bool begin = rs_slice_equal(kind, rs_slice_text("begin"));
    bool end = rs_slice_equal(kind, rs_slice_text("end"));
    bool good = (begin || end || rs_slice_equal(kind, rs_slice_text("sent"))) &&
                read_session(rs_dlq_header(marker->headers, RS_REPLAY_SESSION), &session) &&
                read_letters(letters, marker->offset, NULL, &rc, error) &&
                read_after(after, NULL, &rc, error);
    if (!good) {
        marks->damaged++;
        return 0;
    }
    (void)read_letters(letters, marker->offset, marks, &rc, error);
    if (begin) {
        marks->session = session;
        marks->open = true;
        marks->after_count = 0;
    }
    if (session == marks->session) {
        marks->newest = marker->offset;
        marks->open = !end;
        (void)read_after(after, marks, &rc, error);
    }
    return rc;
}
