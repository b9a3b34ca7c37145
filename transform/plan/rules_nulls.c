#include "transform/plan/rules_nulls.h"

#include "transform/plan/rules_internal.h"

static const struct rs_aggregate *grouped_by(const struct rs_plan *plan, int slot)
{
    for (uint32_t i = 0; i < plan->aggregate_count; i++) {
        const struct rs_aggregate *a = plan->aggregates[i];
        for (size_t k = 0; k < a->by.count; k++) {
            if (a->by.parts[k].slot == slot) {
                return a;
            }
        }
    }
    return NULL;
}

/* Where a null says something else than that there is no number: it must not come about by a rule. */
static bool of_id(const struct rs_plan *plan, int slot)
{
    bool any = false;
    for (uint32_t i = 0; i < plan->id_count; i++) {
        any |= plan->id_slots[i] == slot;
    }
    return any;
}

static void check_null(struct rs_config *config, const struct rs_plan *plan, const struct rs_rule *rule)
{
    const char *path = plan->slots.paths[rule->slot];
    const struct rs_field_type *type = &plan->slots.types[rule->slot];
    const struct rs_aggregate *group = grouped_by(plan, rule->slot);
    if (rs_field_type_known(type) && !type->nullable) {
        rs_config_complain(
            config, rule->where,
            "on_fail: null is for fields that may be null, and %s may not: use reject or count", path);
    } else if (rule->slot == plan->time_slot || rule->slot == plan->version_slot) {
        rs_config_complain(config, rule->where,
                           "on_fail: null would reject the event, since %s is its %s: use reject", path,
                           rule->slot == plan->time_slot ? "time" : "version");
    } else if (plan->stream->upsert && (plan->value_slot < 0 || rule->slot == plan->value_slot)) {
        rs_config_complain(
            config, rule->where,
            "on_fail: null on %s would withdraw the period of an upsert stream: use reject or count", path);
    } else if (of_id(plan, rule->slot)) {
        rs_config_complain(
            config, rule->where,
            "on_fail: null on %s, of the id, would let duplicates of the event count: use reject or "
            "count",
            path);
    } else if (group) {
        rs_config_complain(
            config, rule->where,
            "on_fail: null would move the event to another group of aggregate %s, which is by %s: "
            "use reject or count",
            group->name, path);
    }
}

void rs_rules_check_nulls(struct rs_config *config, const struct rs_plan *plan)
{
    for (size_t i = 0; i < plan->rules.count; i++) {
        if (plan->rules.items[i].on_fail == RS_ON_FAIL_NULL) {
            check_null(config, plan, &plan->rules.items[i]);
        }
    }
}
