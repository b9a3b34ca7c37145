"""A backlog gives exactly what the same events gave live: hours of events in every partition before the daemon starts, partitions
of very different sizes, one group a day behind its neighbours. Not one event is late."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import engine  # noqa: E402
import load  # noqa: E402
import procs  # noqa: E402
from flow import Flow  # noqa: E402

S = engine.SECOND
START = 1700000000 * S
COUNT = 60000
LATENESS = 20 * S


class Backlog(Flow):
    def await_final(self, wanted, prefix):
        """Windows go on ending in silence; what is compared is what has to be there whenever one looks."""
        keys = [k for k in wanted if k.endswith(":history")]
        total = sum(len(wanted[k]["value"]) for k in keys)
        names = [k.replace("rs:", prefix + ":", 1) for k in keys]
        procs.until(lambda: sum(self.client.pipeline([("ZCARD", k) for k in names])) >= total, 60,
                    f"{total} ended windows of {prefix}", self.daemon.process, every=0.3)
        return {k.replace(prefix + ":", "rs:", 1): v for k, v in self.everything(prefix).items()}

    def check(self, events, prefix):
        """Against the oracle, which knows no partitions: only what does not depend on the time shown."""
        self.daemon.until_consumed(len(events), 90)
        counts = self.daemon.accounting("trades")
        self.assertEqual((counts["applied"], counts["late"]), (len(events), 0))
        oracle = load.fold(events, self.oracle, LATENESS)
        everything = engine.as_texts(oracle.shown(oracle.stream_time + 600 * S))
        got = self.await_final(engine.as_texts(self.ended(oracle)), prefix)
        self.same_history(got, engine.as_texts(self.ended(oracle)), everything)
        for key, item in everything.items():
            if key.startswith("rs:m:") and item["type"] == "hash":
                self.assertEqual(got[key]["value"], item["value"], key)
        return got

    @staticmethod
    def ended(oracle):
        """Windows that have ended by each group's own clock, which its partition's stream time has passed."""
        found = {}
        for aggregate in oracle.stream.aggregates:
            for key, group in oracle.groups[aggregate.name].items():
                engine.show_group(found, aggregate, key, group, group.clock)
        return {k: v for k, v in found.items() if k.endswith(":history")}

    def test_backlog_equals_live(self):
        self.start_servers()
        behind = {"P007": 86400 * S, "P011": 3 * 3600 * S}
        events = load.make(3, COUNT, 24, START, 200000, 15 * S, behind)
        # One huge group and many small ones make partitions of very different sizes.
        events = [(t, "P000" if n % 2 else g, p, q) if g not in behind else (t, g, p, q)
                  for n, (t, g, p, q) in enumerate(events)]
        seen = set()
        events = [e for e in events if (e[1], e[0]) not in seen and not seen.add((e[1], e[0]))]
        trees, self.oracle = load.aggregates("trades", 100000)
        self.kafka.create("t", 8)
        self.kafka.create("t.dlq", 1)
        streams = {"trades": load.stream("t", "20s")}
        live = self.configure(streams, trees, "live.yaml", group="live", redis={"prefix": "live"})
        backlog = self.configure(streams, trees, "backlog.yaml", group="backlog", redis={"prefix": "backlog"})
        load.write_csv(self.path("events.csv"), events)
        self.start_daemon(live, "live.log")
        self.publish("trades", self.path("events.csv"), "--time-format", "us", "--rate", "12000", config=live)
        first = self.check(events, "live")
        self.daemon.stop()
        self.start_daemon(backlog, "backlog.log")
        second = self.check(events, "backlog")
        compared = 0
        for key in set(first) | set(second):
            if key.startswith("rs:m:") and not key.endswith(":index"):
                a, b = first[key]["value"], second[key]["value"]
                size = min(len(a), len(b)) if key.endswith(":history") else None
                if size is None:
                    self.assertEqual(a, b, key)
                else:
                    self.assertEqual(a[:size], b[:size], key)
                    compared += size
        self.assertGreater(compared, 3000)
        ends = self.kafka.ends("t").values()
        self.assertGreater(max(high for _, high in ends), 5 * (1 + min(high for _, high in ends)))


if __name__ == "__main__":
    suite.main()
