#include "base/reason.h"

#include "base/error.h"

struct reason_info {
    const char *name;
    const char *text;
};

static const struct reason_info infos[RS_REASON_COUNT] = {{"none", "nothing is wrong"},
#define REASON_INFO(name, stable, text) {stable, text},
                                                          RS_REASONS(REASON_INFO)
#undef REASON_INFO
};

static const struct reason_info *info_of(enum rs_reason reason)
{
    RS_ASSERT((unsigned)reason < RS_REASON_COUNT);
    return &infos[reason];
}

const char *rs_reason_name(enum rs_reason reason)
{
    return info_of(reason)->name;
}

const char *rs_reason_text(enum rs_reason reason)
{
    return info_of(reason)->text;
}
