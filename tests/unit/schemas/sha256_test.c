/* Vectors: FIPS 180-4 examples and NIST CAVP SHA256ShortMsg. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "schemas/sha256.h"

static void expect(const char *text, size_t repeat, const char *hex)
{
    struct rs_sha256 sha;
    rs_sha256_init(&sha);
    for (size_t i = 0; i < repeat; i++) {
        rs_sha256_update(&sha, text, strlen(text));
    }
    uint8_t digest[32];
    rs_sha256_final(&sha, digest);
    char found[65];
    for (size_t i = 0; i < 32; i++) {
        snprintf(found + 2 * i, 3, "%02x", digest[i]);
    }
    assert_string_equal(found, hex);
}

static void test_published_vectors(void **state)
{
    (void)state;
    expect("", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    expect("abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    expect("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
           "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    expect("a", 1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_published_vectors)};
    return cmocka_run_group_tests_name("schemas.sha256", tests, NULL, NULL);
}
