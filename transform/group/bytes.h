/* state form: the byte form of keys, panes and registers, for the pieces of state that the state log gets
 * (changes.c, and back in partition/restore.c). Little-endian; equal contents give equal bytes.
 * Thread: the owning worker. */
#ifndef RS_TRANSFORM_GROUP_BYTES_H
#define RS_TRANSFORM_GROUP_BYTES_H

#include "base/reader.h"
#include "transform/group/last.h"
#include "transform/group/upsert.h"

/* ---- writing ---- */
void rs_form_key(struct rs_slice key, struct rs_buf *out);
void rs_form_pane(const struct rs_groups *gs, const struct rs_node *node, struct rs_buf *out);
void rs_form_register(const struct rs_groups *gs, const struct rs_register *r, struct rs_buf *out);
void rs_form_event(const struct rs_groups *gs, const struct rs_last_event *e, struct rs_buf *out);

/* ---- reading: RS_ESTATE (damaged), RS_ENOMEM ---- */
struct rs_form_reader {
    struct rs_reader reader;
    struct rs_groups *gs;
    struct rs_error *error;
};

/* Whether a stored time can be one: times are of the years 1 to 9999, and with some windows on top they stay
 * far from where arithmetic overflows. */
static inline bool rs_form_plausible(int64_t us)
{
    return us > -(INT64_C(1) << 60) && us < INT64_C(1) << 60;
}

int rs_form_damaged(const struct rs_form_reader *f, const char *what);
int rs_form_no_memory(const struct rs_form_reader *f);
/* A key of the aggregate, with room made for a group that has it. */
RS_MUST_USE int rs_form_read_key(struct rs_form_reader *f, struct rs_slice *key);
/* A pane's start and flags; then, into a node that holds nothing yet, the rest. */
RS_MUST_USE int rs_form_read_start(struct rs_form_reader *f, int64_t *start_us, uint32_t *flags);
RS_MUST_USE int rs_form_read_pane(struct rs_form_reader *f, struct rs_node *node);
RS_MUST_USE int rs_form_read_register(struct rs_form_reader *f, struct rs_register *r);
RS_MUST_USE int rs_form_read_event(struct rs_form_reader *f, struct rs_last_event *e);

#endif
