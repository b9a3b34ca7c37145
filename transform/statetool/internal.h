/* rollstat-state: what the program's own files share. It reads state logs and never writes. */
#ifndef RS_TRANSFORM_STATETOOL_INTERNAL_H
#define RS_TRANSFORM_STATETOOL_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/config/config.h"
#include "base/error.h"
#include "schemas/stream.h"
#include "transform/partition/partition.h"
#include "transform/statelog/reader.h"

/* ---- what its records are worth: judge.c ---- */

enum rs_fate {
    RS_FATE_CLAIM,    /* takes the log over */
    RS_FATE_COUNTS,   /* of a batch that counts */
    RS_FATE_VOID,     /* not the owner's */
    RS_FATE_UNSEALED, /* of the owner, whose seal did not come before the next claim */
    RS_FATE_OPEN,     /* of the owner, whose seal may still come */
    RS_FATE_DAMAGE,   /* here the log is damaged */
    RS_FATE_BEYOND,   /* after the damage, so not judged */
    RS_FATE_UNREAD,   /* after the damage, and damaged itself */
    RS_FATE_REBUILT,  /* made void by a later claim with REBUILD */
};

struct rs_log_row {
    int64_t offset;
    size_t size;
    enum rs_fate fate;
    struct rs_state_record record; /* without its texts, payload and head; kind 0: not readable */
    char *text;                    /* a claim's instance, or what is wrong; NULL: neither */
    char *version;                 /* of a claim's program */
};

struct rs_judged_log {
    const struct rs_stream *stream;
    int32_t partition;
    int64_t first, end;
    struct rs_state_reader *reader;
    struct rs_log_row *rows;
    size_t row_count, row_capacity;
    size_t open_row; /* rows from here on may be of the open batch */
    uint64_t claims, batches, void_batches, unsealed_batches;
    size_t claim_row, seal_row; /* the latest, SIZE_MAX: none */
    struct rs_state_reading result;
    struct rs_error damage;         /* code 0: none */
    const struct rs_engine *engine; /* not NULL: the state is restored into `state` */
    struct rs_partition *state;
    struct rs_error restore_error; /* code 0: none */
};

/* Zero-initialised but for stream, partition, first, end and engine. RS_ENOMEM. */
RS_MUST_USE int rs_judge_begin(struct rs_judged_log *log, uint64_t identity, struct rs_error *error);
/* Damage is noted, not returned. RS_ENOMEM. */
RS_MUST_USE int rs_judge_record(void *ctx, int64_t offset, struct rs_slice bytes, struct rs_error *error);
void rs_judge_end(struct rs_judged_log *log);
void rs_judge_fini(struct rs_judged_log *log);

/* ---- in words: text.c, and as JSON: json.c ---- */

struct rs_state_report {
    const char *config; /* path, for remedies */
    const char *topic;
    int64_t input_end; /* offset after the input's last record; -1: not known */
    const struct rs_judged_log *log;
};

/* What an operator does about damage; appended as text. */
void rs_state_remedy(const struct rs_state_report *report, struct rs_buf *out);
/* Whether the newest seal's accounting balances. */
bool rs_state_balances(const struct rs_judged_log *log);

void rs_state_text_records(const struct rs_state_report *report, struct rs_buf *out);
void rs_state_text_summary(const struct rs_state_report *report, struct rs_buf *out);
/* One object a line. */
void rs_state_json_records(const struct rs_state_report *report, struct rs_buf *out);
void rs_state_json_summary(const struct rs_state_report *report, struct rs_buf *out);

#endif
