/* state_records: the records of a state log for the tests of rollstat-state, one for each line of a script.
 * Usage: state_records GROUP STREAM PARTITION < script. Lines: `claim OWNER`, `rebuild OWNER FROM`, `chunk
 * OWNER PAYLOAD`, `seal OWNER NEXT [SWEEP]`, `format OWNER N` (a chunk of that
 * format); OWNER is a letter. Batches and chunks are numbered as their
 * owner should; a claim's offset is the number of its line. Prints the bytes in hexadecimal. Exit: 0 done, 1
 * usage. */
#include <ctype.h>
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "transform/statelog/record.h"

struct writer {
    int64_t token;
    uint64_t batch, sum;
    uint32_t chunks;
};

static struct writer writers[26];
static int64_t written;

static uint8_t format; /* 0: the writer's own */

static uint64_t emit(struct rs_state_record *record, char owner, uint64_t identity)
{
    struct rs_buf out = {0};
    record->identity = identity;
    record->token = writers[owner - 'a'].token;
    memset(record->owner.bytes, owner, sizeof record->owner.bytes);
    written++;
    uint64_t sum = rs_state_record_write(record, &out);
    if (format > 0) {
        out.data[3] = format - 1;
        sum = htole64(XXH3_64bits(out.data, out.size - sizeof sum));
        memcpy(out.data + out.size - sizeof sum, &sum, sizeof sum);
    }
    for (size_t i = 0; i < out.size; i++) {
        printf("%02x", out.data[i]);
    }
    printf("\n");
    rs_buf_fini(&out);
    return sum;
}

static void claim(struct writer *w, char owner, bool rebuild, int64_t from, uint64_t identity)
{
    struct rs_state_record record = {.kind = RS_RECORD_CLAIM,
                                     .claim = {.flags = rebuild ? RS_CLAIM_REBUILD : 0,
                                               .from_offset = rebuild ? from : -1,
                                               .wall_us = INT64_C(1772355600000000),
                                               .fingerprint = 0xabc,
                                               .instance = rs_slice_text("host\x1b[2J:7"),
                                               .version = rs_slice_text("0.1.0")}};
    *w = (struct writer){.token = written, .batch = 1};
    (void)emit(&record, owner, identity);
}

static void seal(struct writer *w, char owner, int64_t next, int64_t sweep, uint64_t identity)
{
    uint64_t events = next > 0 ? (uint64_t)next : 0;
    struct rs_state_record record = {
        .kind = RS_RECORD_SEAL,
        .seal = {.batch = w->batch++,
                 .chunks = w->chunks,
                 .checksum = w->sum,
                 .seal = {.next_offset = next,
                          .stream_time_us = INT64_C(1772355601000000),
                          .now_shown_us = INT64_C(1772355602500000),
                          .events = {.consumed = events, .applied = events == 13 ? 12 : events}},
                 .sweep_start = sweep}};
    w->chunks = 0;
    w->sum = 0;
    (void)emit(&record, owner, identity);
}

static bool run(char *line, uint64_t identity)
{
    char *rest = NULL;
    const char *verb = strtok_r(line, " \n", &rest);
    const char *owner = strtok_r(NULL, " \n", &rest);
    const char *first = strtok_r(NULL, " \n", &rest);
    const char *second = strtok_r(NULL, " \n", &rest);
    if (!verb || !owner || !islower((unsigned char)*owner)) {
        return false;
    }
    struct writer *w = &writers[*owner - 'a'];
    w->batch = w->batch > 0 ? w->batch : 1;
    if (strcmp(verb, "claim") == 0) {
        claim(w, *owner, false, -1, identity);
    } else if (strcmp(verb, "rebuild") == 0 && first) {
        claim(w, *owner, true, strtoll(first, NULL, 10), identity);
    } else if (strcmp(verb, "chunk") == 0 && first) {
        struct rs_state_record record = {
            .kind = RS_RECORD_CHUNK,
            .chunk = {.batch = w->batch, .sequence = w->chunks++, .payload = rs_slice_text(first)}};
        w->sum = rs_chunk_sum(w->sum, emit(&record, *owner, identity));
    } else if (strcmp(verb, "format") == 0 && first) {
        struct rs_state_record record = {.kind = RS_RECORD_CHUNK, .chunk = {.batch = w->batch}};
        format = (uint8_t)(strtol(first, NULL, 10) + 1);
        (void)emit(&record, *owner, identity);
        format = 0;
    } else if (strcmp(verb, "seal") == 0 && first) {
        seal(w, *owner, strtoll(first, NULL, 10), second ? strtoll(second, NULL, 10) : -1, identity);
    } else {
        return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    char line[256];
    bool good = argc == 4;
    uint64_t identity = good ? rs_state_identity(argv[1], argv[2], (int32_t)strtol(argv[3], NULL, 10)) : 0;
    while (good && fgets(line, sizeof line, stdin)) {
        good = run(line, identity);
    }
    if (!good) {
        fputs("usage: state_records GROUP STREAM PARTITION < script\n", stderr);
    }
    return good ? 0 : 1;
}
