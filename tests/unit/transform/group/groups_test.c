/* Groups found by key where the hash says nothing: keys of every size around those that fit into the group. */
#include "tests/unit/transform/engine_run.h"

#include "transform/partition/internal.h"

#define SIZES (RS_GROUP_KEY_INLINE + 20)

static const uint8_t bytes[] = "the bytes of a key that is longer than all of the sizes";
_Static_assert(sizeof bytes > SIZES, "a key of each size is a prefix");

static struct rs_groups *open_groups(struct run *r)
{
    start(
        r, append_stream,
        "  s:\n    stream: ticks\n    by: [product]\n    window: {tumbling: 10s}\n    stats: {n: count()}\n");
    return &r->partition->groups[0];
}

static void test_every_size_of_key(void **state)
{
    (void)state;
    struct run r;
    uint32_t numbers[SIZES];
    struct rs_groups *gs = open_groups(&r);
    assert_true(rs_groups_reserve(gs, SIZES, sizeof bytes * SIZES));
    for (size_t size = 0; size < SIZES; size++) {
        numbers[size] = rs_groups_add(gs, 7, rs_slice_of(bytes, size));
    }
    for (size_t size = 0; size < SIZES; size++) {
        assert_int_equal(rs_groups_find(gs, 7, rs_slice_of(bytes, size)), numbers[size]);
    }
    stop(&r);
}

static void test_every_byte_counts(void **state)
{
    (void)state;
    struct run r;
    struct rs_groups *gs = open_groups(&r);
    assert_true(rs_groups_reserve(gs, SIZES, sizeof bytes * SIZES));
    for (size_t size = 0; size < SIZES; size++) {
        uint8_t other[SIZES];
        memcpy(other, bytes, size);
        uint32_t number = rs_groups_add(gs, (uint32_t)size, rs_slice_of(bytes, size));
        for (size_t at = 0; at < size; at++) {
            other[at] ^= 1;
            assert_false(rs_group_key_is(gs, rs_group_at(gs, number), rs_slice_of(other, size)));
            assert_int_equal(rs_groups_find(gs, (uint32_t)size, rs_slice_of(other, size)), RS_NONE);
            other[at] ^= 1;
        }
        assert_true(rs_group_key_is(gs, rs_group_at(gs, number), rs_slice_of(other, size)));
    }
    stop(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_size_of_key),
        cmocka_unit_test(test_every_byte_counts),
    };
    return cmocka_run_group_tests_name("groups", tests, NULL, NULL);
}
