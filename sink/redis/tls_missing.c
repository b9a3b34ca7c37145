#include "sink/redis/tls_missing.h"

#include <stddef.h>

const char *rs_redis_tls_missing(void)
{
#ifdef RS_WITH_REDIS_TLS
    return NULL;
#else
    return "rediss:// needs a hiredis with TLS, 1.0 or newer (Debian 13 has it, Debian 12 has not), and "
           "rollstat "
           "built with it; without, use unix://, or redis:// to a tunnel such as stunnel4 on this machine";
#endif
}
