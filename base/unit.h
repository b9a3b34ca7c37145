/* unit: durations and sizes as configurations and command lines write them.
 * Thread: any; nothing is kept. */
#ifndef RS_BASE_UNIT_H
#define RS_BASE_UNIT_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* "100ms", "30s", "5m", "1h", "7d", "2w", "500us", also summed from large to small: "1h30m". RS_EINVAL: not a
 * duration, or past INT64_MAX microseconds. */
RS_MUST_USE int rs_duration_parse(const char *text, int64_t *out_us, struct rs_error *error);

/* Exact, summed from days down: "1m30s"; "0s" for none. */
#define RS_DURATION_TEXT_MAX 48
void rs_duration_format(int64_t us, char *out, size_t size);

/* "512", "512B", "5kB" "5MB" "5GB" "5TB" (powers of 1000), "64KiB" "1MiB" "2GiB" "1TiB" (of 1024).
 * RS_EINVAL: not a size, or past INT64_MAX. */
RS_MUST_USE int rs_bytes_parse(const char *text, int64_t *out, struct rs_error *error);

#endif
