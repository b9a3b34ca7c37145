/* What windows are compared with: last values of windows before them. */
#include "transform/pane/wide.h"

/* Takes the last value of one input. False: there is none. */
static bool take_last(const struct rs_pane_input *to, void *pane, const struct rs_pane_input *from,
                      const void *older)
{
    uint64_t count = rs_pane_count(older, from);

    if (count == 0) {
        return false;
    }
    memcpy(rs_pane_at(pane, to->count), &count, sizeof count);
    memcpy(rs_pane_at(pane, to->last), rs_pane_at_const(older, from->last), rs_pane_value_size(to->kind));
    return true;
}

/* Inputs that count events have a value in every one, so all of them are taken from the same pane. */
bool rs_pane_take_previous(const struct rs_pane_layout *layout, void *previous, const void *older)
{
    const struct rs_pane_const_form form = rs_pane_const_form(layout, older);
    bool had_events = rs_pane_events(previous) > 0;
    bool all = true;

    for (size_t i = 0; i < layout->field_count; i++) {
        const struct rs_pane_field *field = &layout->fields[i];
        if (!rs_stat_is_change(field->kind) || field->reference >= 0) {
            continue;
        }
        const struct rs_pane_input *to = &layout->inputs[field->input];
        bool had = to->counts_events ? had_events : rs_pane_count(previous, to) > 0;
        all &= had || take_last(to, previous, &form.layout->inputs[field->input], form.pane);
    }
    return all;
}
