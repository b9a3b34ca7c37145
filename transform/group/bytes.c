#include "transform/group/bytes.h"

#include <math.h>

/* ---- writing ---- */

void rs_form_key(struct rs_slice key, struct rs_buf *out)
{
    rs_write_u32(out, (uint32_t)key.size);
    rs_buf_put(out, key.data, key.size);
}

/* Tumbling: a pane is a window, and one number is enough. Sliding: a list by window ends, ascending. */
static void put_revisions(const struct rs_groups *gs, const struct rs_node *node, struct rs_buf *out)
{
    if (gs->aggregate->window.kind != RS_WINDOW_SLIDING) {
        rs_write_u32(out, node->revision);
        return;
    }
    uint32_t count = 0;
    for (uint32_t i = node->revision; i != RS_NONE; count++) {
        i = ((const struct rs_revision *)rs_slabs_at(&gs->revisions, i))->next;
    }
    rs_write_u32(out, count);
    for (uint32_t i = node->revision; i != RS_NONE;) {
        const struct rs_revision *entry = rs_slabs_at(&gs->revisions, i);
        rs_write_i64(out, entry->end_us);
        rs_write_u32(out, entry->count);
        i = entry->next;
    }
}

void rs_form_pane(const struct rs_groups *gs, const struct rs_node *node, struct rs_buf *out)
{
    rs_write_i64(out, node->start_us);
    rs_write_u32(out, node->flags & RS_NODE_CARRY);
    put_revisions(gs, node, out);
    rs_pane_save(gs->aggregate->layout, node->pane, out);
}

void rs_form_register(const struct rs_groups *gs, const struct rs_register *r, struct rs_buf *out)
{
    rs_write_i64(out, r->period_us);
    rs_write_i64(out, r->version);
    rs_write_i64(out, r->offset);
    rs_write_u32(out, r->revision);
    rs_write_u32(out, r->flags & RS_REGISTER_ABSENT);
    for (uint32_t k = 0; k < gs->aggregate->input_count; k++) {
        rs_write_u32(out, (uint32_t)(r->present[k / 64] >> (k % 64) & 1));
        rs_write_u64(out, r->values[k][0]);
        rs_write_u64(out, r->values[k][1]);
    }
}

/* How many words the value of an event's input takes. */
static size_t value_words(const struct rs_groups *gs, uint32_t i)
{
    return gs->aggregate->plan->inputs.types[gs->aggregate->inputs[i]].kind == RS_NUM_INT128 ? 2 : 1;
}

/* A byte for eight inputs, whether each is there, and then the values of those that are. */
void rs_form_event(const struct rs_groups *gs, const struct rs_last_event *e, struct rs_buf *out)
{
    const uint64_t *value = e->words + gs->last.bit_words;
    uint32_t inputs = gs->aggregate->input_count;
    rs_write_i64(out, e->time_us);
    rs_write_i64(out, e->order);
    for (uint32_t i = 0; i < inputs; i += 8) {
        uint64_t mask = inputs - i < 8 ? (UINT64_C(1) << (inputs - i)) - 1 : UINT8_MAX;
        rs_buf_char(out, (char)(e->words[i / 64] >> (i % 64) & mask));
    }
    for (uint32_t i = 0; i < inputs; i++) {
        for (size_t k = value_words(gs, i); k > 0; k--, value++) {
            if (rs_last_present(e, i)) {
                rs_write_u64(out, *value);
            }
        }
    }
}

/* ---- reading ---- */

int rs_form_damaged(const struct rs_form_reader *f, const char *what)
{
    return rs_fail(f->error, RS_ESTATE, "stored state of aggregate %s: %s is damaged", f->gs->aggregate->name,
                   what);
}

int rs_form_no_memory(const struct rs_form_reader *f)
{
    return rs_fail(f->error, RS_ENOMEM, "out of memory");
}

int rs_form_read_key(struct rs_form_reader *f, struct rs_slice *key)
{
    uint32_t size = rs_read_u32(&f->reader);
    *key = rs_read_bytes(&f->reader, size);
    if (f->reader.failed || !rs_key_valid(&f->gs->aggregate->by, *key)) {
        return rs_form_damaged(f, "a group's key");
    }
    return rs_groups_reserve(f->gs, 1, size) ? 0 : rs_form_no_memory(f);
}

/* Ends must ascend: the list is searched by them, and one that names an end twice would save differently. */
static int read_revisions(struct rs_form_reader *f, struct rs_node *node)
{
    uint32_t count = rs_read_u32(&f->reader);
    if (f->gs->aggregate->window.kind != RS_WINDOW_SLIDING) {
        node->revision = count;
        return 0;
    }
    int64_t before_us = INT64_MIN;
    for (uint32_t i = 0; i < count; i++) {
        int64_t end_us = rs_read_i64(&f->reader);
        uint32_t events = rs_read_u32(&f->reader);
        if (f->reader.failed || !rs_form_plausible(end_us) || end_us <= before_us ||
            f->gs->aggregate->history == 0) {
            return rs_form_damaged(f, "a revision");
        }
        if (!rs_slabs_reserve(&f->gs->revisions, 1)) {
            return rs_form_no_memory(f);
        }
        rs_node_revise(f->gs, node, end_us, events);
        before_us = end_us;
    }
    return 0;
}

/* Governments change the rules of their clocks: what was counted under the old ones has no place in the new. Where only
 * the end of a cell moved this is not seen: the start alone is kept. */
static int other_zone_data(const struct rs_form_reader *f)
{
    const struct rs_window *w = &f->gs->aggregate->window;
    if (w->calendar.sessions) {
        return rs_fail(
            f->error, RS_ESTATE,
            "stored state of aggregate %s: a window begins where no session of its calendar does: the "
            "calendar's file is another than when it was written, or this machine's time zone data "
            "(package tzdata) is. Days that are past have to stay as they were: mend the file, read the "
            "input again with --rebuild, or give the aggregate a new name",
            f->gs->aggregate->name);
    }
    return rs_fail(
        f->error, RS_ESTATE,
        "stored state of aggregate %s: a window begins where no %s of %s begins: the time zone data "
        "of this machine (package tzdata) is another than when it was written. Use the same on all "
        "machines, read the input again with --rebuild, or give the aggregate a new name",
        f->gs->aggregate->name, rs_calendar_unit_name(w->calendar.unit), w->zone);
}

int rs_form_read_start(struct rs_form_reader *f, int64_t *start_us, uint32_t *flags)
{
    *start_us = rs_read_i64(&f->reader);
    *flags = rs_read_u32(&f->reader);
    const struct rs_window *w = &f->gs->aggregate->window;
    if (f->reader.failed || !rs_form_plausible(*start_us) || (*flags & ~(uint32_t)RS_NODE_CARRY)) {
        return rs_form_damaged(f, "a pane");
    }
    if (rs_groups_sessions(f->gs) || rs_window_slice(w, *start_us) == *start_us) {
        return 0;
    }
    return w->by_calendar ? other_zone_data(f) : rs_form_damaged(f, "a pane");
}

int rs_form_read_pane(struct rs_form_reader *f, struct rs_node *node)
{
    int rc = read_revisions(f, node);
    size_t used = 0;
    if (rc == 0) {
        rc = rs_groups_pane_load(f->gs, node->pane, f->reader.rest, &used, f->error);
    }
    (void)rs_read_bytes(&f->reader, used);
    return rc;
}

/* Flags of a register that mean something only in memory are not written, so a bit of theirs here is
 * damage. */
int rs_form_read_register(struct rs_form_reader *f, struct rs_register *r)
{
    memset(r, 0, rs_register_size(f->gs->aggregate));
    r->period_us = rs_read_i64(&f->reader);
    r->version = rs_read_i64(&f->reader);
    r->offset = rs_read_i64(&f->reader);
    r->revision = rs_read_u32(&f->reader);
    r->flags = rs_read_u32(&f->reader);
    bool good = rs_form_plausible(r->period_us) && !(r->flags & ~RS_REGISTER_ABSENT);
    for (uint32_t k = 0; k < f->gs->aggregate->input_count; k++) {
        uint32_t present = rs_read_u32(&f->reader);
        const struct rs_num_type *type = &f->gs->aggregate->plan->inputs.types[f->gs->aggregate->inputs[k]];
        /* A pane that counts no such values of its own relies on them. */
        good &= present <= 1 && (present || !type->required || (r->flags & RS_REGISTER_ABSENT));
        r->present[k / 64] |= (uint64_t)(present & 1) << (k % 64);
        r->values[k][0] = rs_read_u64(&f->reader);
        r->values[k][1] = rs_read_u64(&f->reader);
    }
    return f->reader.failed || !good ? rs_form_damaged(f, "a register") : 0;
}

/* What an event may not be, since nothing would have kept it: without a value that is always there, or with one that
 * is no number. */
static bool event_value_right(const struct rs_groups *gs, uint32_t i, bool present, const uint64_t *value)
{
    const struct rs_num_type *type = &gs->aggregate->plan->inputs.types[gs->aggregate->inputs[i]];
    double number = 0;
    if (type->kind == RS_NUM_DOUBLE) {
        memcpy(&number, value, sizeof number);
    }
    return isfinite(number) && (present || !type->required || type->kind == RS_NUM_DOUBLE);
}

int rs_form_read_event(struct rs_form_reader *f, struct rs_last_event *e)
{
    const struct rs_groups *gs = f->gs;
    uint32_t inputs = gs->aggregate->input_count;
    uint64_t *value = e->words + gs->last.bit_words;
    bool good = true;
    memset(e, 0, gs->last.event_size);
    e->time_us = rs_read_i64(&f->reader);
    e->order = rs_read_i64(&f->reader);
    for (uint32_t i = 0; i < inputs; i += 8) {
        struct rs_slice byte = rs_read_bytes(&f->reader, 1);
        uint64_t bits = f->reader.failed ? 0 : byte.data[0];
        good &= inputs - i >= 8 || bits >> (inputs - i) == 0;
        e->words[i / 64] |= bits << (i % 64);
    }
    for (uint32_t i = 0; good && i < inputs; i++) {
        bool present = rs_last_present(e, i);
        for (size_t k = 0; present && k < value_words(gs, i); k++) {
            value[k] = rs_read_u64(&f->reader);
        }
        good = event_value_right(gs, i, present, value);
        value += value_words(gs, i);
    }
    good &= !f->reader.failed && rs_form_plausible(e->time_us);
    return good ? 0 : rs_form_damaged(f, "an event");
}
