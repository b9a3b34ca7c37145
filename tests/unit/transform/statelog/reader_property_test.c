/* Random logs, whole and faulty, trimmed anywhere: the reader against the rules said the other way round. */
#include "tests/lib/random.h"
#include "tests/unit/transform/state_log_build.h"

/* What a record is, without its bytes. */
struct fact {
    enum rs_record_kind kind;
    uint8_t owner;
    int64_t token;
    bool rebuild;
    uint64_t batch;
    uint32_t sequence; /* of a seal: its chunks */
    bool wrong;        /* a seal whose checksum is not that of its chunks */
    int64_t sweep;
};

static struct fact facts[RECORDS_MAX];

enum { OWNERS = 5 };

/* The rules once more, the other way round: a stretch from one claim to the next is sorted out first, and
 * what is left of the owner's must be whole batches. */
struct expectation {
    bool damaged, whole, sealed;
    int64_t next_offset, sweep;
};

/* The owner's records of the stretch [from, to). `first`: the lowest number the first batch may have; 0: any.
 */
static void expect_stretch(int64_t from, int64_t to, uint8_t owner, uint64_t first, struct expectation *e)
{
    int64_t mine[RECORDS_MAX];
    int64_t starts[RECORDS_MAX];
    size_t count = 0;
    size_t started = 0;
    for (int64_t i = from; i < to; i++) {
        if (facts[i].kind != RS_RECORD_CLAIM && facts[i].owner == owner) {
            mine[count++] = i;
        }
    }
    uint64_t due = first > 0 || count == 0 ? first : facts[mine[0]].batch;
    for (size_t i = 0; i < count;) {
        uint32_t chunks = i == 0 && first == 0 ? facts[mine[0]].sequence : 0;
        bool headless = chunks > 0;
        int64_t start = mine[i];
        bool sealed = false;
        for (; i < count && !sealed; i++) {
            const struct fact *f = &facts[mine[i]];
            sealed = f->kind == RS_RECORD_SEAL;
            if (f->batch != due || f->sequence != chunks++ || (sealed && f->wrong && !headless)) {
                e->damaged = true;
                return;
            }
        }
        due++;
        if (!headless) {
            starts[started++] = start;
        }
        const struct fact *f = &facts[mine[i - 1]];
        if (!sealed || headless) {
            continue;
        }
        e->sealed = true;
        e->next_offset = mine[i - 1];
        for (size_t k = 0; k < started; k++) {
            if (starts[k] == f->sweep) {
                e->whole = true;
                e->sweep = f->sweep;
            }
        }
    }
}

/* Who wrote under the latest of the claims that were trimmed away. */
static uint8_t expect_owner(int64_t from, int64_t to)
{
    int64_t latest = from;
    for (int64_t i = from; i < to; i++) {
        latest = facts[i].token > facts[latest].token ? i : latest;
    }
    return facts[latest].owner;
}

static struct expectation expect_log(int64_t first, int64_t end)
{
    struct expectation e = {.whole = first == 0, .sweep = first == 0 ? 0 : -1, .next_offset = -1};
    int64_t from = first;
    for (int64_t i = first; i < end; i++) {
        if (facts[i].kind == RS_RECORD_CLAIM && facts[i].rebuild) {
            e = (struct expectation){.whole = true, .sweep = i, .next_offset = -1};
            from = i;
        }
    }
    if (from == first && first == 0 && facts[0].kind != RS_RECORD_CLAIM) {
        e.damaged = true;
    }
    while (from < end && !e.damaged) {
        int64_t to = from + 1;
        while (to < end && facts[to].kind != RS_RECORD_CLAIM) {
            to++;
        }
        bool claimed = facts[from].kind == RS_RECORD_CLAIM;
        expect_stretch(from, to, claimed ? facts[from].owner : expect_owner(from, to), claimed, &e);
        from = to;
    }
    e.damaged = e.damaged || !e.whole;
    return e;
}

struct random_writer {
    struct writer w;
    uint32_t written; /* chunks of the batch; another number than w.chunks after a fault */
    int64_t batch_start, sweep_start;
};

static void random_record(struct random_writer *r, struct rs_random *random)
{
    int64_t offset = log_.end;
    struct fact *f = &facts[offset];
    *f = (struct fact){
        .owner = r->w.owner, .token = r->w.token, .batch = r->w.batch, .sequence = r->w.chunks, .sweep = -1};
    if (r->w.chunks == 0) {
        r->batch_start = offset;
    }
    if (r->w.token < 0 || rs_random_next(random) % 8 == 0) {
        *r = (struct random_writer){.sweep_start = -1};
        f->kind = RS_RECORD_CLAIM;
        f->rebuild = rs_random_next(random) % 8 == 0;
        r->w = f->rebuild ? rebuild(f->owner, 0) : claim(f->owner);
    } else if (rs_random_next(random) % 2 == 0) {
        f->kind = RS_RECORD_CHUNK;
        r->written++;
        chunk(&r->w, "payload");
    } else {
        f->kind = RS_RECORD_SEAL;
        f->wrong = r->written != r->w.chunks;
        r->written = 0;
        f->sweep = r->sweep_start >= 0 && rs_random_next(random) % 2 == 0 ? r->sweep_start : -1;
        seal_sweep(&r->w, offset, f->sweep);
        r->sweep_start = f->sweep >= 0 ? -1 : r->sweep_start;
        r->sweep_start =
            r->sweep_start < 0 && rs_random_next(random) % 3 == 0 ? r->batch_start : r->sweep_start;
    }
}

/* One number of a writer is off from now on. */
static void random_fault(struct writer *w, struct rs_random *random)
{
    switch (rs_random_next(random) % 4) {
    case 0: w->batch++; break;
    case 1: w->chunks++; break;
    case 2: w->chunks -= w->chunks > 0; break;
    default: w->batch -= w->batch > 1; break;
    }
}

static void random_log(struct rs_random *random, bool faulty)
{
    struct random_writer writers[OWNERS];
    size_t active = 0;
    log_.end = 0;
    for (size_t i = 0; i < OWNERS; i++) {
        writers[i] = (struct random_writer){.w = {.owner = (uint8_t)i, .token = -1}, .sweep_start = -1};
    }
    facts[0] = (struct fact){.kind = RS_RECORD_CLAIM, .sweep = -1};
    writers[0].w = claim(0);
    size_t count = 1 + rs_random_next(random) % 60;
    while ((size_t)log_.end < count) {
        active = rs_random_next(random) % 6 == 0 ? rs_random_next(random) % OWNERS : active;
        if (faulty && rs_random_next(random) % 50 == 0) {
            random_fault(&writers[active].w, random);
        }
        random_record(&writers[active], random);
    }
}

/* A writer that skipped a chunk knows the sums of those it wrote, so the seal's own count tells; where the
 * facts alone would let it pass, the checksum is what differs. */
static void compare(void)
{
    struct expectation e = expect_log(log_.first, log_.end);
    read_all();
    int rc = read_end();
    if ((rc < 0) != e.damaged) {
        fail_msg("from %lld: %s: %s, expected %s", (long long)log_.first, log_.verdicts, log_.error.text,
                 e.damaged ? "damage" : "none");
    }
    if (e.damaged) {
        return;
    }
    struct rs_state_reading reading = result();
    assert_int_equal(reading.sealed, e.sealed);
    assert_int_equal(reading.sweep_start, e.sweep);
    if (e.sealed) {
        assert_int_equal(reading.seal.next_offset, e.next_offset);
    }
    assert_true(reading.bytes_since == bytes_between(e.sweep, log_.end));
}

static void test_random_logs_are_judged_as_the_model_does(void **state)
{
    size_t good = 0;
    size_t bad = 0;
    struct rs_random random = rs_random_of_run();

    (void)state;
    for (size_t i = 0; i < 20000; i++) {
        random_log(&random, i % 2 == 1);
        for (log_.first = 0; log_.first < log_.end;
             log_.first += 1 + (int64_t)(rs_random_next(&random) % 8)) {
            compare();
            good += log_.error.code == 0;
            bad += log_.error.code != 0;
        }
    }
    print_message("%zu logs whole, %zu not\n", good, bad);
    assert_true(good > 10000 && bad > 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_random_logs_are_judged_as_the_model_does, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
