#include "transform/plan/identity.h"

#include <string.h>
#include <xxhash.h>

static rs_i128 hash(const void *data, size_t size)
{
    XXH128_hash_t bits = XXH3_128bits(data, size);

    return (rs_i128)((rs_u128)bits.high64 << 64 | bits.low64);
}

rs_i128 rs_value_identity(const struct rs_schema *schema, const struct rs_value *value)
{
    switch ((enum rs_value_kind)value->kind) {
    case RS_VALUE_BYTES: return hash(value->s.data, value->s.size);
    case RS_VALUE_TIME: return (rs_i128)value->i * 1000 + value->nanos;
    case RS_VALUE_INT:
        if (schema->kind == RS_AVRO_ENUM) {
            const char *symbol = schema->symbols[value->i];
            return hash(symbol, strlen(symbol));
        }
        return value->i;
    case RS_VALUE_BOOLEAN: return value->i;
    case RS_VALUE_DECIMAL:
    case RS_VALUE_DOUBLE: /* numbers, which are inputs as they are */
    case RS_VALUE_NULL: break;
    }
    return 0;
}
