#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "ingest/read/magic.h"

#define FILE_OF(text) text, sizeof(text) - 1

static const struct {
    const char *bytes;
    size_t size;
    size_t decided; /* after how many of them */
    enum rs_unpack_format packed;
    const char *foreign; /* part of what is said; NULL: nothing */
} files[] = {
    {FILE_OF("\x1f\x8b\x08"), 2, RS_UNPACK_GZIP, NULL},
    {FILE_OF("\x28\xb5\x2f\xfd"), 4, RS_UNPACK_ZSTD, NULL},
    {FILE_OF("\xfd"
             "7zXZ\0"),
     6, RS_UNPACK_XZ, NULL},
    {FILE_OF("BZh9\x31\x41\x59\x26\x53\x59"), 10, RS_UNPACK_BZIP2, NULL},
    {FILE_OF("BZh1\x17\x72\x45\x38\x50\x90"), 10, RS_UNPACK_BZIP2, NULL},
    {FILE_OF("PK\x03\x04"), 4, RS_UNPACK_NONE, "is a ZIP archive"},
    {FILE_OF("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), 8, RS_UNPACK_NONE, "(xls)"},
    {FILE_OF("PAR1\x15"), 5, RS_UNPACK_NONE, "Parquet"},
    {FILE_OF("\x04\x22\x4d\x18"), 4, RS_UNPACK_NONE, "lz4"},
    {FILE_OF("7z\xbc\xaf\x27\x1c"), 6, RS_UNPACK_NONE, "7z"},
    {FILE_OF("\x1f\x9d"), 2, RS_UNPACK_NONE, "compress"},
    {FILE_OF("BZh9,a\n"), 5, RS_UNPACK_NONE, NULL},
    {FILE_OF("PAR1,a\n"), 5, RS_UNPACK_NONE, NULL},
    {FILE_OF("P,a\n"), 2, RS_UNPACK_NONE, NULL},
    {FILE_OF("id,a\n"), 1, RS_UNPACK_NONE, NULL},
    {FILE_OF("Obj\x01"), 1, RS_UNPACK_NONE, NULL},
};

/* No byte more is waited for than decides, and what is decided stays so. */
static void test_first_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        for (size_t n = 0; n <= files[i].size; n++) {
            struct rs_magic magic;
            assert_int_equal(rs_magic_find((const uint8_t *)files[i].bytes, n, &magic),
                             n >= files[i].decided);
            if (n >= files[i].decided) {
                assert_int_equal(magic.packed, files[i].packed);
                assert_int_equal(magic.foreign != NULL, files[i].foreign != NULL);
                assert_true(!magic.foreign || strstr(magic.foreign, files[i].foreign));
            }
        }
    }
}

static void test_archives(void **state)
{
    static const struct {
        const char *entry;
        const char *wanted;
    } archives[] = {
        {"[Content_Types].xml", "Excel"},
        {"xl/workbook.xml", "Excel"},
        {"mimetypeapplication/vnd.oasis.opendocument.spreadsheet", "OpenDocument"},
        {"mimetypeapplication/vnd.oasis.opendocument.text", "ZIP"},
        {"data.csv", "ZIP"},
        {"x", "ZIP"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof archives / sizeof archives[0]; i++) {
        uint8_t bytes[128] = "PK\x03\x04";
        struct rs_magic magic;
        size_t size = strlen(archives[i].entry);
        memcpy(bytes + 30, archives[i].entry, size);
        assert_true(rs_magic_find(bytes, 30 + size, &magic));
        assert_non_null(strstr(magic.foreign, archives[i].wanted));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_first_bytes), cmocka_unit_test(test_archives)};
    return cmocka_run_group_tests_name("magic", tests, NULL, NULL);
}
