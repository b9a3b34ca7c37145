/* zone: offsets between local time and UTC.
 * Named zones come from the system's TZif files (RFC 8536), including the rule that goes on past the table.
 * A local time that does not exist (clocks go forward) is moved forward by the gap; one that exists twice
 * (clocks go back) is the earlier of the two.
 * Thread: any; a zone is immutable once loaded. */
#ifndef RS_BASE_TIME_ZONE_H
#define RS_BASE_TIME_ZONE_H

#include <stdint.h>

#include "base/error.h"

struct rs_zone; /* NULL stands for UTC everywhere */

/* `name`: "UTC", "Z", a fixed offset "+08:00", or an IANA name ("America/New_York") from the zone files in
 * $TZDIR, else /usr/share/zoneinfo. *out is NULL for UTC. RS_EINVAL names the zone and how to mend it. */
RS_MUST_USE int rs_zone_load(const char *name, struct rs_zone **out, struct rs_error *error);
void rs_zone_free(struct rs_zone **zone);
/* Seconds to add to UTC at a moment. */
int32_t rs_zone_offset_at(const struct rs_zone *zone, int64_t utc_us);
/* Local time of the years 1 to 9999, counted as if it were UTC, to UTC; gaps and overlaps as said above. */
int64_t rs_zone_to_utc(const struct rs_zone *zone, int64_t local_us);

#endif
