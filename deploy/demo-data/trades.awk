# Trades of data products as CSV: synthetic, the same for the same seed. Exchanges, parties and prices are invented, which the
# names DEMO-… and demo-… say in every row. The mix has what real feeds have: one row in 50 is a repeat of the one before it, one
# in 100 is a cancelled trade, one in 500 has no price.
# Variables: seed, first (number of the first row), count (rows), start_ms (time of the first row), step_ms (time between rows).

# Park and Miller's minimal standard generator: exact in awk's doubles, so alike in every awk.
function random(below) {
    state = (state * 16807) % 2147483647
    return state % below
}

# Small numbers more often than large ones.
function skewed(below,    a, b) {
    a = random(below)
    b = random(below)
    return a < b ? a : b
}

function add_product(name, kind, yuan) {
    product[products] = name
    category[products] = kind
    base[products++] = 100 * yuan
}

# A walk that is drawn back to the product's own price, which is higher on some exchanges than on others.
function next_cents(e, p,    at) {
    at = base[p] + int(base[p] * e / 100)
    if (!((e, p) in cents)) {
        cents[e, p] = at
    }
    cents[e, p] += int((random(2001) - 1000) * at / 200000) + int((at - cents[e, p]) / 20)
    return cents[e, p]
}

function trade(n,    e, p, price, seller) {
    do {
        e = skewed(exchanges)
        p = skewed(products)
    } while ((e + p) % exchanges == exchanges - 1) # not every product is listed everywhere
    seller = random(parties)
    price = n % 500 == 260 ? 0 : next_cents(e, p)
    return sprintf("demo-%d-%d,%s,%s,%s,%s,%s,%d.%02d,%d,CNY,%s,demo-%s", seed, n, exchange[e + 1], product[p], category[p],
        random(2) ? "BUY" : "SELL", n % 100 == 75 ? "CANCELLED" : "EXECUTED", int(price / 100), price % 100,
        1 + skewed(40), random(4) ? "demo-" party[1 + (seller + 1 + random(parties - 1)) % parties] : "", party[1 + seller])
}

BEGIN {
    state = seed
    products = 0
    exchanges = split("DEMO-SH DEMO-BJ DEMO-SZ DEMO-GY", exchange, " ")
    add_product("企业征信", "report", 260)
    add_product("气象数据", "dataset", 95)
    add_product("物流轨迹", "api", 38)
    add_product("卫星影像", "imagery", 820)
    add_product("电力消费", "dataset", 140)
    add_product("专利检索", "api", 55)
    add_product("port-calls", "dataset", 310)
    add_product("freight-rates", "model", 475)
    parties = split("bank insurer retailer carrier utility hospital university startup", party, " ")
    print "trade_id,exchange,product,category,side,status,price,quantity,currency,buyer,seller,executed_at"
    for (n = first; n < first + count; n++) {
        if (n % 50 != 0 || n == first) {
            row = sprintf("%s,%.0f", trade(n), start_ms + (n - first) * step_ms)
        }
        print row
    }
}
