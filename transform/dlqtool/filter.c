#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/reason.h"
#include "base/record.h"
#include "transform/dlqtool/internal.h"

static bool equals(struct rs_slice text, const char *wanted)
{
    return text.data && rs_slice_equal(text, rs_slice_text(wanted));
}

/* The next name of a list with commas between; *list is what follows. */
static struct rs_slice next_name(const char **list)
{
    size_t size = strcspn(*list, ",");
    struct rs_slice name = rs_slice_of(*list, size);
    *list += size + ((*list)[size] == ',');
    return name;
}

static bool is_reason(struct rs_slice name)
{
    for (unsigned i = RS_REASON_NONE + 1; i < RS_REASON_COUNT; i++) {
        if (equals(name, rs_reason_name((enum rs_reason)i))) {
            return true;
        }
    }
    return false;
}

struct rs_slice rs_dlq_filter_wrong_reason(const struct rs_dlq_filter *filter)
{
    for (const char *list = filter->reasons; list && list[0] != '\0';) {
        struct rs_slice name = next_name(&list);
        if (!is_reason(name)) {
            return name;
        }
    }
    return (struct rs_slice){0};
}

static bool has_reason(const char *list, struct rs_slice reason)
{
    while (list[0] != '\0') {
        if (rs_slice_equal(next_name(&list), reason)) {
            return true;
        }
    }
    return false;
}

static bool contains(struct rs_slice text, const char *wanted)
{
    return text.data && memmem(text.data, text.size, wanted, strlen(wanted)) != NULL;
}

/* The field itself, or anything in it. */
static bool within(struct rs_slice field, const char *wanted)
{
    size_t size = strlen(wanted);
    return field.data && field.size >= size && memcmp(field.data, wanted, size) == 0 &&
           (field.size == size || field.data[size] == '.' || field.data[size] == '[');
}

static bool is_position(const struct rs_dlq_filter *filter, const struct rs_dlq_letter *letter)
{
    char text[320];
    if (filter->position_count == 0) {
        return true;
    }
    (void)snprintf(text, sizeof text, "%s:%" PRId32 ":%" PRId64, letter->topic, letter->partition,
                   letter->offset);
    for (size_t i = 0; i < filter->position_count; i++) {
        if (strcmp(filter->positions[i], text) == 0) {
            return true;
        }
    }
    return false;
}

/* A letter whose time is not known is within no time that is asked for. */
static bool in_time(const struct rs_dlq_filter *filter, int64_t us)
{
    bool all = filter->since_us == INT64_MIN && filter->until_us == INT64_MAX;
    return all || (us != RS_TIME_NONE && us >= filter->since_us && us < filter->until_us);
}

bool rs_dlq_filter_takes(const struct rs_dlq_filter *filter, const struct rs_dlq_letter *letter)
{
    return (!filter->reasons || has_reason(filter->reasons, letter->reason)) &&
           (!filter->field || within(letter->field, filter->field)) &&
           (!filter->rule || contains(letter->rule, filter->rule)) &&
           (!filter->schema || equals(letter->schema, filter->schema)) &&
           (filter->partition < 0 || letter->input_partition == filter->partition) &&
           in_time(filter, letter->time_us) && is_position(filter, letter);
}
