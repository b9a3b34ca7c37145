#include "transform/daemon/sample.h"

#include <inttypes.h>
#include <stdio.h>

static void note(struct rs_sample_cause *cause, uint64_t line)
{
    if (cause->count < RS_SAMPLE_PLACES) {
        cause->lines[cause->count] = line;
    }
    cause->count++;
}

/* A row that a rule rejects is the rule's: its reason says no more. */
void rs_sample_row(struct rs_sample *sample, const struct rs_rules *rules, const struct rs_row *row)
{
    bool by_rule = false;

    sample->rows++;
    for (size_t i = 0; i < rules->count; i++) {
        if (sample->now.rules[i] != sample->seen.rules[i]) {
            sample->seen.rules[i] = sample->now.rules[i];
            note(&sample->rules[i], row->line);
            by_rule |= rs_rules_on_fail(rules, (int)i) == RS_ON_FAIL_REJECT;
        }
    }
    if (sample->now.events.rejected == sample->seen.events.rejected) {
        return;
    }
    sample->seen.events.rejected = sample->now.events.rejected;
    for (size_t i = 0; i < RS_REASON_COUNT; i++) {
        if (sample->now.rejected[i] != sample->seen.rejected[i]) {
            sample->seen.rejected[i] = sample->now.rejected[i];
            if (!by_rule) {
                note(&sample->reasons[i], row->line);
            }
        }
    }
}

static void print_cause(const struct rs_sample_cause *cause)
{
    uint64_t shown = cause->count < RS_SAMPLE_PLACES ? cause->count : RS_SAMPLE_PLACES;

    printf("%" PRIu64 " %s, at ", cause->count, cause->count == 1 ? "row" : "rows");
    for (uint64_t i = 0; i < shown; i++) {
        printf("%s%" PRIu64, i ? ", " : "", cause->lines[i]);
    }
    printf("%s\n", cause->count > shown ? " and further on" : "");
}

static void print_rules(const struct rs_sample *sample, const struct rs_rules *rules)
{
    static const char *const outcomes[] = {"rejects", "counts", "makes null"};

    for (size_t i = 0; i < rules->count; i++) {
        const char *reason = rs_rules_own_reason(rules, (int)i);
        if (sample->rules[i].count > 0) {
            printf("  rule %s%s%s%s %s ", rs_rules_name(rules, (int)i), reason ? " (" : "",
                   reason ? reason : "", reason ? ")" : "", outcomes[rs_rules_on_fail(rules, (int)i)]);
            print_cause(&sample->rules[i]);
        }
    }
}

bool rs_sample_print(const struct rs_sample *sample, const struct rs_stream *stream,
                     const struct rs_rules *rules)
{
    const struct rs_accounting *events = &sample->now.events;

    printf("stream %s: rows %" PRIu64 " = unreadable %" PRIu64 " + applied %" PRIu64 " + late %" PRIu64
           " + duplicate %" PRIu64 " + rejected %" PRIu64 " + filtered %" PRIu64 "\n",
           stream->name, sample->rows + sample->bad, sample->bad, events->applied, events->late,
           events->duplicate, events->rejected, events->filtered);
    print_rules(sample, rules);
    for (size_t i = 0; i < RS_REASON_COUNT; i++) {
        if (sample->reasons[i].count > 0) {
            printf("  %s (%s) rejects ", rs_reason_name((enum rs_reason)i),
                   rs_reason_text((enum rs_reason)i));
            print_cause(&sample->reasons[i]);
        }
    }
    return sample->bad > 0 || events->rejected > 0;
}
