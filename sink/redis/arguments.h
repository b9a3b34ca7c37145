/* redis arguments: commands in Redis' protocol, word by word into a buffer. Failure is the buffer's and stays.
 * Thread: any; nothing is kept. */
#ifndef RS_SINK_REDIS_ARGUMENTS_H
#define RS_SINK_REDIS_ARGUMENTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* How many words follow. */
void rs_redis_put_count(struct rs_buf *out, uint32_t words);
void rs_redis_put_bytes(struct rs_buf *out, const void *data, size_t size);
void rs_redis_put_text(struct rs_buf *out, const char *text);
void rs_redis_put_number(struct rs_buf *out, int64_t number);
/* One word of three parts. */
void rs_redis_put_joined(struct rs_buf *out, struct rs_slice head, struct rs_slice middle,
                         struct rs_slice tail);
/* Words that were put into `part` before. */
void rs_redis_put_words(struct rs_buf *out, const struct rs_buf *part);

#endif
