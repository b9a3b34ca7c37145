#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/utf8.h"

#define BYTES(text) ((const uint8_t *)(text)), (sizeof text - 1)

static void test_good_texts(void **state)
{
    (void)state;
    assert_true(rs_utf8_valid(NULL, 0));
    assert_true(rs_utf8_valid(BYTES("plain ascii, longer than a word")));
    assert_true(
        rs_utf8_valid(BYTES("\xC2\x80\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF\xF0\x90\x80\x80\xF4\x8F\xBF\xBF")));
    assert_true(rs_utf8_valid(BYTES("\xED\x9F\xBF\xEE\x80\x80")));
    assert_true(rs_utf8_valid(BYTES("\0\x7F")));
}

static void test_bad_texts_with_the_place(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t size;
        size_t good;
    } cases[] = {
        {"\x80", 1, 0},              /* lone continuation */
        {"12345678\xC0\x80", 10, 8}, /* overlong NUL */
        {"\xC1\xBF", 2, 0},          /* overlong */
        {"\xE0\x9F\xBF", 3, 0},      /* overlong */
        {"\xF0\x8F\xBF\xBF", 4, 0},  /* overlong */
        {"a\xED\xA0\x80", 4, 1},     /* surrogate */
        {"\xED\xBF\xBF", 3, 0},      /* surrogate */
        {"\xF4\x90\x80\x80", 4, 0},  /* U+110000 */
        {"\xF5\x80\x80\x80", 4, 0},
        {"\xFF", 1, 0},
        {"ab\xE2\x82", 4, 2},               /* cut short */
        {"\xE2\x82\xAC\xE2\x28\xA1", 6, 3}, /* second byte is no continuation */
        {"\xF0\x9F\x98\x28", 4, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const uint8_t *data = (const uint8_t *)cases[i].text;
        assert_false(rs_utf8_valid(data, cases[i].size));
        assert_int_equal(rs_utf8_valid_until(data, cases[i].size), cases[i].good);
    }
}

/* Reference: decode the bits, then apply the definition. */
static size_t slow_sequence(const uint8_t *p, size_t size)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (p[0] < 0x80) {
        return 1;
    }
    size_t length = p[0] >= 0xF0 && p[0] < 0xF8   ? 4
                    : p[0] >= 0xE0 && p[0] < 0xF0 ? 3
                    : p[0] >= 0xC0 && p[0] < 0xE0 ? 2
                                                  : 0;
    if (length == 0 || length > size) {
        return 0;
    }
    uint32_t code = p[0] & (0x7Fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((p[i] & 0xC0) != 0x80) {
            return 0;
        }
        code = code << 6 | (p[i] & 0x3F);
    }
    return code < least[length] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF) ? 0 : length;
}

static void test_agrees_with_the_definition_on_all_first_three_bytes(void **state)
{
    (void)state;
    uint8_t bytes[4] = {0, 0, 0, 0xBF};
    for (unsigned i = 0; i < 1u << 24; i++) {
        bytes[0] = (uint8_t)(i >> 16);
        bytes[1] = (uint8_t)(i >> 8);
        bytes[2] = (uint8_t)i;
        if (rs_utf8_sequence(bytes, 4) != slow_sequence(bytes, 4)) {
            fail_msg("bytes %02x %02x %02x bf", bytes[0], bytes[1], bytes[2]);
        }
    }
    assert_int_equal(rs_utf8_sequence(bytes, 0), 0);
}

static void test_cutting(void **state)
{
    (void)state;
    const uint8_t *text = (const uint8_t *)"a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80z";
    static const size_t cuts[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11};
    for (size_t size = 0; size <= 11; size++) {
        assert_int_equal(rs_utf8_cut(text, size), cuts[size]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_texts),
        cmocka_unit_test(test_bad_texts_with_the_place),
        cmocka_unit_test(test_agrees_with_the_definition_on_all_first_three_bytes),
        cmocka_unit_test(test_cutting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
