"""Rules through a broker: what rejects, what is only counted, what makes a field null; and where each is told."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import avro  # noqa: E402
from flow import Flow  # noqa: E402

NOW_MS = 1700000000000
AT = NOW_MS * 1000
DAY = 86400 * 1000000
RULES = {"price": [{"gt": 0, "reason": "free of charge"}, {"le": 1000, "on_fail": "count", "reason": "dear"}],
         "executed_at": {"le": {"field": "published_at"}, "reason": "published before it happened"},
         "buyer": {"max_length": 3, "on_fail": "null"},
         "seller": [{"max_length": 3, "on_fail": "count"}, {"required": True}]}
GOOD = {"published_at": AT, "buyer": "b", "seller": "s"}
WHOLE = 10 ** 8  # in units of the schema, whose prices have eight digits

# fields, what becomes of it, the letter's rule and rule_reason
EVENTS = [
    ({}, "applied", None, None),
    ({"price": 0}, "rule", "price: gt 0", "free of charge"),
    ({"price": 1001 * WHOLE}, "applied", None, None),
    ({"published_at": AT - 1}, "rule", "executed_at: le {field: published_at}", "published before it happened"),
    ({"buyer": "longer"}, "applied", None, None),
    ({"seller": "longer"}, "applied", None, None),
    ({"seller": None}, "rule", "seller: required true", None),
    ({"price": 1001 * WHOLE, "seller": None}, "rule", "seller: required true", None),
    ({"executed_at": AT - DAY}, "applied", None, None),
    ({"executed_at": AT - DAY - 1}, "past", None, None),
]


class Rules(Flow):
    def start(self):
        self.start_servers(suite.mock_kafka(self.path("mock"), "t:1", "t.dlq:1", "tests.state.trades:1"))
        stream = {"topic": "t", "schema": "trade.avsc", "time": "executed_at", "lateness": "2d", "max_past": "1d",
                  "rules": RULES}
        aggregate = {"stream": "trades", "window": {"all": True}, "stats": {"n": "count()", "buyers": "count(buyer)"}}
        self.configure({"trades": stream}, {"a": aggregate})
        self.start_daemon()

    def test_what_becomes_of_events(self):
        self.start()
        self.kafka.produce("t", [(0, NOW_MS, b"k", avro.trade(**{**GOOD, **fields})) for fields, *_ in EVENTS])
        applied = sum(outcome == "applied" for _, outcome, *_ in EVENTS)
        client = self.redis.client()
        view = suite.procs.until(lambda: (lambda h: h if h.get("n") == str(applied) else None)(client.hash("rs:a")), 30,
                                 "all good events are counted", self.daemon.process)
        self.assertEqual(view["buyers"], str(applied - 1))
        rejected = [event for event in EVENTS if event[1] != "applied"]
        letters = suite.procs.until(lambda: (lambda d: d if len(d) >= len(rejected) else None)(self.kafka.dump("t.dlq")), 20,
                                    "dead letters", self.daemon.process, every=0.3)
        self.assertEqual(len(letters), len(rejected))
        for letter, (_, reason, rule, own) in zip(letters, rejected):
            headers = {name: value.decode() for name, value in letter["headers"].items()}
            self.assertEqual([headers.get("rollstat." + name) for name in ("reason", "rule", "rule_reason")],
                             [reason, rule, own])
            if rule:
                self.assertEqual(headers["rollstat.text"], f"rule {rule} does not hold" + (f": {own}" if own else ""))
        self.check_pages()

    def check_pages(self):
        """Each rule has its own count, on either page, also where the event went on."""
        expected = {"price: gt 0": ("reject", "free of charge", 1), "price: le 1000": ("count", "dear", 2),
                    "executed_at: le {field: published_at}": ("reject", "published before it happened", 1),
                    "buyer: max_length 3": ("null", "", 1), "seller: max_length 3": ("count", "", 1),
                    "seller: required true": ("reject", "", 2)}
        shown = suite.procs.until(lambda: (lambda r: r if len(r) == len(expected) else None)(
            self.daemon.status()["streams"]["trades"]["rules"]), 20, "all rules are counted", self.daemon.process)
        self.assertEqual({name: (rule["on_fail"], rule.get("reason", ""), rule["events"]) for name, rule in shown.items()},
                         expected)
        metrics = self.daemon.get("/metrics")[1]
        for name, (on_fail, reason, count) in expected.items():
            self.assertIn(f'\nrollstat_rule_failures_total{{stream="trades",rule="{name}",on_fail="{on_fail}",'
                          f'reason="{reason}"}} {count}\n', metrics)
        self.assertEqual(self.daemon.status()["streams"]["trades"]["rejected"], {"rule": 4, "past": 1})

    def test_lenient(self):
        """Each deviation by its name, where nothing uses what is wrong; all else is rejected as before."""
        topics = {"strict": [], "trailing": ["trailing_bytes"], "utf8": ["utf8_unused"], "both": ["trailing_bytes", "utf8_unused"]}
        self.start_servers(suite.mock_kafka(self.path("mock"), *(f"{t}:1" for t in topics), *(f"{t}.dlq:1" for t in topics),
                                            *(f"tests.state.{t}:1" for t in topics)))
        self.configure(
            {t: {"topic": t, "schema": "trade.avsc", "time": "executed_at", **({"lenient": names} if names else {})}
             for t, names in topics.items()},
            {f"{t}_a": {"stream": t, "by": ["exchange"], "window": {"all": True}, "stats": {"n": "count()"}} for t in topics})
        self.start_daemon()
        messages = [avro.trade(), avro.trade() + b"\x00", avro.trade({"category": avro.data(b"\xff")}),
                    avro.trade({"exchange": avro.data(b"\xff")}), avro.trade()[:-1]]
        expected = {"strict": {"trailing_bytes": 1, "utf8": 2, "truncated": 1}, "trailing": {"utf8": 2, "truncated": 1},
                    "utf8": {"trailing_bytes": 1, "utf8": 1, "truncated": 1}, "both": {"utf8": 1, "truncated": 1}}
        for topic in topics:
            self.kafka.produce(topic, [(0, NOW_MS, b"k", message) for message in messages])
        for topic, rejected in expected.items():
            stream = suite.procs.until(lambda t=topic: (lambda s: s if s["events"]["consumed"] == len(messages) else None)(
                self.daemon.status()["streams"][t]), 30, "all are read", self.daemon.process)
            self.assertEqual((stream["rejected"], stream["events"]["applied"]),
                             (rejected, len(messages) - sum(rejected.values())), topic)


if __name__ == "__main__":
    suite.main()
