/* The model's configuration as the engine reads it. */
#include "tests/sim/engine_model.h"

static void window_yaml(const struct model_aggregate *a, struct rs_buf *out)
{
    switch (a->window) {
    case MODEL_TUMBLING: rs_buf_printf(out, "{tumbling: %lldms}", (long long)a->size_us / 1000); break;
    case MODEL_SLIDING:
        rs_buf_printf(out, "{sliding: %lldms, every: %lldms}", (long long)a->size_us / 1000,
                      (long long)a->every_us / 1000);
        break;
    case MODEL_SESSION: rs_buf_printf(out, "{session: %lldms}", (long long)a->size_us / 1000); break;
    case MODEL_ALL: rs_buf_text(out, "{all: true}"); break;
    case MODEL_DAY:
        rs_buf_printf(out, "{%s, zone: America/New_York}", a->since ? "since: day" : "tumbling: 1d");
        break;
    case MODEL_EXCHANGE: rs_buf_printf(out, "{%s: session}", a->since ? "since" : "tumbling"); break;
    case MODEL_LAST: rs_buf_printf(out, "{last: %lld}", (long long)a->last); break;
    }
}

static void aggregate_yaml(const struct model_aggregate *a, int number, struct rs_buf *out)
{
    static const char *const bys[] = {"[]", "[product]", "[market, product]"};
    rs_buf_printf(out, "  a%d:\n    stream: ticks\n    by: %s\n    window: ", number, bys[a->by]);
    window_yaml(a, out);
    if (a->only_open) {
        rs_buf_printf(out, "\n    where: {$in_session: true%s}", a->only_buys ? ", side: BUY" : "");
    } else if (a->only_buys || a->only_a) {
        rs_buf_printf(out, "\n    where: {%s%s%s}", a->only_buys ? "side: BUY" : "",
                      a->only_buys && a->only_a ? ", " : "", a->only_a ? "product: a" : "");
    }
    if (a->history) {
        rs_buf_printf(out, "\n    history: %lld", (long long)(a->keep ? a->keep : 100000));
    }
    rs_buf_text(out, "\n    stats:\n");
    rs_buf_text(out,
                "      n: count()\n      np: count(price)\n      v: sum(quantity)\n      mq: mean(quantity)\n"
                "      lo: min(price)\n      hi: max(price)\n      f: first(price)\n      l: last(price)\n"
                "      w: vwap(price, quantity)\n      var: variance(quantity)\n");
    if (a->rate) {
        rs_buf_text(out, "      r: rate(quantity)\n");
    }
    if (a->parts) {
        rs_buf_text(out,
                    "      md: median(price)\n      q9: quantile(quantity, 0.9)\n      ds: distinct(price)\n"
                    "      co: correlation(price, quantity)\n      pf: profile(price, 1, quantity)\n"
                    "      lg: lag(price, 2)\n      ew: 'ewma(price, 3s)'\n");
    }
    if (a->change) {
        rs_buf_text(out, "      c: change(price)\n      pc: pct_change(price)\n");
    }
}

void model_yaml(const struct model_config *c, struct rs_buf *out)
{
    rs_buf_text(out, "streams:\n  ticks:\n    topic: t\n    schema: tick.avsc\n    time: at\n");
    if (c->exchange) {
        rs_buf_text(out, "    calendar: " RS_SIM_EXCHANGE "\n");
    }
    if (c->upsert) {
        rs_buf_printf(out, "    upsert: {version: revision, value: price, max_periods: %lld}\n",
                      (long long)c->max_periods);
    } else {
        rs_buf_printf(out, "    lateness: %lldms\n", (long long)c->lateness_us / 1000);
        if (c->max_future_us) {
            rs_buf_printf(out, "    max_future: %lldms\n", (long long)c->max_future_us / 1000);
        } else {
            rs_buf_text(out, "    max_future: 36500d\n");
        }
    }
    if (c->expires) {
        rs_buf_printf(out, "    expire: %lldms\n", (long long)c->expire_us / 1000);
    } else if (!c->upsert) {
        rs_buf_text(out, "    expire: 30000d\n");
    }
    if (c->dedup) {
        rs_buf_printf(out, "    id: id\n    dedup: %lldms\n    dedup_max: %lld\n",
                      (long long)c->dedup_us / 1000, (long long)c->dedup_max);
    }
    rs_buf_text(out, "aggregates:\n");
    for (int i = 0; i < c->aggregate_count; i++) {
        aggregate_yaml(&c->aggregates[i], i, out);
    }
}
