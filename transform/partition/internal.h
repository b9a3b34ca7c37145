/* partition: the state of one input partition and the scratch of a batch of its records. Internal to the
 * engine. Records are taken in batches: each is decoded and judged by itself first (judge.c), then they
 * pass in offset order what depends on those before (dedup, stream time, expiry), then each aggregate
 * looks up the groups of all of them with prefetches and adds them in offset order (partition.c). The
 * outcome is that of one record after the other.
 * Thread: the owning worker. */
#ifndef RS_TRANSFORM_PARTITION_INTERNAL_H
#define RS_TRANSFORM_PARTITION_INTERNAL_H

#include "transform/group/groups.h"
#include "transform/partition/dedup.h"
#include "transform/partition/partition.h"
#include "transform/partition/seal_internal.h"
#include "transform/plan/plan.h"

#define RS_RECORD_BATCH_MAX 64

/* How far the time that is shown may go by the events that came: times.c. */
struct rs_front {
    int64_t at_us; /* RS_TIME_NONE: no event yet */
    /* Events in a row that are far ahead of it, the newest ones there are: highest time in the first one's
     * group and in any other. RS_TIME_NONE: none. */
    int64_t run_us, run_other_us;
    uint32_t run_source;
    int64_t left_us; /* of those, what is still ahead after they were believed in part at rest; RS_TIME_NONE:
                        none */
    uint64_t ahead;  /* events that were far ahead when they came, since this process began */
    int64_t ahead_offset;  /* the newest of them: */
    int64_t ahead_time_us; /* its event time, */
    int64_t ahead_of_us;   /* and what it was ahead of */
};

/* What is known of a record from itself alone. */
struct rs_judged {
    enum rs_reason reason; /* RS_REASON_NONE: acceptable; RS_DECODER_WAITS: its schema is asked for */
    int rule;              /* RS_REASON_RULE, RS_REASON_NOT_FINITE */
    uint64_t noted;        /* bits of rules that do not hold and reject nothing */
    int64_t time_us;
    int64_t version;
    uint64_t passes; /* by aggregate: has to be applied there; else filtered */
    bool not_finite; /* an input with a declared scale was NaN or infinite */
    bool has_id;
    bool tombstone; /* withdraws the group of its key */
    uint16_t nanos; /* 0 to 999, past time_us; upsert: 0 */
    struct rs_dedup_id id;
};

struct rs_event_key {
    uint32_t offset; /* in key_bytes */
    uint32_t size;
    uint32_t hash;
};

struct rs_batch {
    struct rs_judged judged[RS_RECORD_BATCH_MAX];
    struct rs_value *values; /* of the record being judged */
    uint8_t *text; /* of JSON: texts of the values that do not lie in the record; touched only by use */
    struct rs_session_span *spans; /* by calendar: what was asked for last */
    struct rs_num *inputs;         /* record by record */
    struct rs_event_key *keys;     /* record by record, one for each distinct `by` */
    uint8_t *flags;                /* upsert: record by record, register flags for each aggregate */
    uint8_t *key_bytes;
    uint32_t key_fill;
    uint32_t pending[RS_RECORD_BATCH_MAX]; /* records to apply, in order */
    uint32_t pending_count;
};

/* Where an event goes that is not of a group that is there. */
struct rs_target {
    struct rs_slice key;
    uint32_t hash;
    uint32_t number; /* RS_NONE: of a new group */
};

struct rs_partition {
    const struct rs_engine *engine;
    const struct rs_plan *plan;
    const struct rs_stream *input;
    int32_t partition;
    struct rs_accounting events;
    struct rs_outcomes *outcomes; /* NULL, or of the stream in this process; not state */
    uint64_t rejected_early;      /* before any aggregate saw the record */
    int64_t next_offset;
    int64_t stream_time_us, now_shown_us;
    struct rs_steady steady; /* of event times */
    int64_t expire_at_us;    /* steady time of the next check; INT64_MAX: never, RS_TIME_NONE: not set yet */
    uint64_t expire_checked; /* records consumed at the last one, or when the first may be */
    struct rs_front front;
    int64_t wall_us; /* the daemon's own clock; RS_TIME_NONE: nobody told */
    struct rs_dedup dedup;
    struct rs_groups *groups; /* one for each aggregate of the stream */
    uint32_t group_sets;
    struct {
        uint8_t key[RS_GROUP_KEY_MAX];
        uint32_t size, hash;
    } others; /* key of the group that others are folded into */
    struct rs_pane_scratch *scratch;
    struct rs_buf key_text;
    uint32_t epoch; /* grows when the store was lost: older receipts are void */
    uint32_t turn;
    uint64_t conflicts, expired;
    struct rs_batch batch;
    struct rs_learned_table learned; /* of schemas; empty without a registry */
    bool by_header;                  /* learns, and the record's header may name the schema */
    bool learns, waits_for_schema; /* waits: the last apply stopped at a record whose schema is asked for: */
    struct rs_registry_key wanted_schema;
    struct rs_seal_batch sealing;
    struct rs_restoring restoring;
    /* what has to be sent again, group by group in the order of their numbers */
    uint32_t again_set, again_at; /* the next one; again_set == group_sets: nothing */
    uint64_t again_quota;         /* groups until the next quota is given */
};

/* The topic that the partition is of; "" of rows of files, where a pattern names the topics. */
static inline const char *rs_partition_topic(const struct rs_partition *p)
{
    return p->input->topic ? p->input->topic : "";
}

/* ---- judge.c ---- */
/* Fills the slots that are of the record itself. *slot: the one that is refused, with the reason. */
enum rs_reason rs_batch_take_record(const struct rs_partition *p, const struct rs_record *record, int *slot);
/* Values that were decoded once more become what they were when the record was rejected for this. */
void rs_batch_see_again(struct rs_partition *p, enum rs_reason reason, int rule);
RS_MUST_USE int rs_batch_init(struct rs_batch *batch, const struct rs_plan *plan, struct rs_error *error);
void rs_batch_fini(struct rs_batch *batch);
/* What names the record's schema is at hand from now on. Only streams of framing confluent-header look: librdkafka
 * allocates for it even where a message has no headers. False: they cannot be read. */
static inline bool rs_batch_take_header(struct rs_partition *p, const struct rs_record *record)
{
    if (__builtin_expect(!p->by_header, 1)) {
        return true;
    }
    p->learned.header = (struct rs_slice){0};
    return !record->header || record->header(record, RS_REGISTRY_HEADER, &p->learned.header);
}
/* Judges record number i of the batch. */
void rs_batch_judge(struct rs_partition *p, uint32_t i, const struct rs_record *record);

static inline const struct rs_num *rs_batch_inputs(const struct rs_partition *p, uint32_t i)
{
    return p->batch.inputs + (size_t)i * p->plan->inputs.count;
}
static inline const struct rs_event_key *rs_batch_key(const struct rs_partition *p, uint32_t i, uint32_t key)
{
    return &p->batch.keys[(size_t)i * p->plan->key_count + key];
}
static inline struct rs_slice rs_batch_key_bytes(const struct rs_partition *p, const struct rs_event_key *key)
{
    return rs_slice_of(p->batch.key_bytes + key->offset, key->size);
}

/* ---- others.c ---- */
/* Once the number is known. */
void rs_partition_name_others(struct rs_partition *p);
/* For an event whose group is not there. True: *target is the group of others, since there are as many groups as there
 * may be. Else *target is left as it is. */
bool rs_partition_fold(const struct rs_partition *p, const struct rs_groups *gs, struct rs_target *target);

/* ---- letter.c ---- */
/* What is wrong, for people; lives as long as the engine. `rule`: of rs_judged, -1: none. */
const char *rs_letter_text(const struct rs_partition *p, enum rs_reason reason, int rule);
/* Once every record of the batch is judged. False: there is no room for it now, and the record has to wait.
 * Where none is wanted, there is always room. */
bool rs_letter_put(struct rs_partition *p, const struct rs_dead_letter_sink *letters,
                   const struct rs_record *record, enum rs_reason reason, int rule);

/* ---- times.c ---- */
/* What follows from the time of record number i of the batch where it is a sample or may be a jump. */
bool rs_partition_pass_slowly(struct rs_partition *p, uint32_t i, const struct rs_record *record,
                              bool sample);

/* Record number i of the batch counts, and its time with it. True: groups have to be looked through. Seven of
 * eight events are no samples, and at most a step ahead of the front. */
static inline bool rs_partition_pass_time(struct rs_partition *p, uint32_t i, const struct rs_record *record)
{
    int64_t time_us = p->batch.judged[i].time_us;
    bool sample = rs_steady_samples(&p->steady);
    p->stream_time_us = time_us > p->stream_time_us ? time_us : p->stream_time_us;
    bool ahead = time_us > p->front.at_us;
    if (sample || p->front.run_us != RS_TIME_NONE ||
        (ahead && (uint64_t)time_us - (uint64_t)p->front.at_us > (uint64_t)p->plan->step_us)) {
        return rs_partition_pass_slowly(p, i, record, sample);
    }
    p->front.at_us = ahead ? time_us : p->front.at_us;
    return false;
}

/* Shows what the events allow. */
void rs_partition_show_front(struct rs_partition *p);

/* What a group is shown as of: a group's own events may always end its own windows. `delay` holds all of it
 * back. */
static inline int64_t rs_partition_now(const struct rs_partition *p, const struct rs_groups *gs,
                                       const struct rs_group *group)
{
    int64_t now_us = group->clock_us > p->now_shown_us ? group->clock_us : p->now_shown_us;
    return rs_groups_delayed(gs, now_us);
}

/* ---- expire.c ---- */
int64_t rs_expire_step(const struct rs_stream *stream);
/* Whether a check that is due is cheap enough. */
bool rs_partition_expires_now(const struct rs_partition *p);
/* Drops the groups that are too old by the steady time and sets the next check. */
void rs_partition_expire(struct rs_partition *p);

#endif
