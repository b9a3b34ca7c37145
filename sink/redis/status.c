#include "sink/redis/status.h"

const int64_t rs_redis_bucket_us[RS_REDIS_BUCKETS - 1] = {
    100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000};
