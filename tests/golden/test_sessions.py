"""Sessions through --replay against lists of events in plain Python: what is one session, what joins, what is late, what history
keeps; and that the order of arrival, the partitions and other windows beside it change nothing."""
import json
import os
import random
import re
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import procs  # noqa: E402
import engine  # noqa: E402

S = engine.SECOND
START = 1760000000 * S
ORDERS = 50
SCHEMA = ('{"type": "record", "name": "Click", "fields": [{"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},'
          ' {"name": "user", "type": "string"}, {"name": "n", "type": "long"}, {"name": "x", "type": "double"}]}')
STATS = {"n": "count()", "s": "sum(n)", "least": "min(n)", "most": "max(x)", "first": "first(n)", "last": "last(n)", "mean": "mean(x)",
         "sd": "stddev(x)", "rate": "rate()", "change": "change(n)", "pct": "pct_change(n)"}


def seeds(count):
    return [int(os.environ["RS_SEED"])] if "RS_SEED" in os.environ else range(int(os.environ.get("RS_SEEDS", count)))


def make_events(rng, count, gap, users):
    """Times apart by anything from nothing to a few gaps, often a gap to the microsecond."""
    events, time = [], START
    for n in range(count):
        time += rng.choice([0, 1, rng.randrange(gap // 3 + 1), rng.randrange(gap // 3 + 1), gap - 1, gap, gap + 1, rng.randrange(2 * gap),
                            rng.randrange(4 * gap)]) // rng.choice([1, 1, len(users)])
        events.append({"at": time, "user": rng.choice(users), "n": rng.randrange(-50, 50), "x": rng.choice([0.1, -2.5, 1e15, 7.0])})
    return events


class Sessions(suite.Case):
    def run_events(self, events, gap, lateness, history, expected=True, partitions=1):
        self.write("click.avsc", SCHEMA)
        windows = {"s": ({"session": f"{gap}us"}, engine.GapWindow(gap)), "t": ({"tumbling": f"{gap}us"}, engine.Window(gap))}
        trees = {name: {"stream": "clicks", "by": ["user"], "window": tree, "history": history, "stats": STATS}
                 for name, (tree, _) in windows.items()}
        stream = {"topic": "t", "schema": "click.avsc", "time": "at", "lateness": f"{lateness}us", "expire": "365d"}
        config = self.write("config.yaml", suite.configuration({"clicks": stream}, trees, directory=self.directory))
        data = self.write("clicks.ndjson", "".join(json.dumps(event) + "\n" for event in events))
        raw, counts, _ = self.replay(config, "clicks", [data], "--time-format", "us", "--partitions", partitions)
        if expected:
            oracle = engine.AppendPartition(engine.Append(
                "at", [engine.Aggregate(name, STATS, window, ["user"], None, history, ["x"]) for name, (_, window) in windows.items()],
                lateness, 365 * 86400 * S))
            for offset, event in enumerate(events):
                oracle.apply(offset, None, event)
            self.assertEqual(counts, dict(oracle.counts))
            self.same_keys(raw, oracle.shown(oracle.now_shown))
        return raw, counts

    def test_random(self):
        """In any order, so that some are late, whichever session they would be of."""
        late = 0
        for seed in seeds(60):
            rng = random.Random(seed)
            gap = rng.choice([1000, 7 * S, 30 * S, 3600 * S])
            lateness = rng.choice([0, gap // 2, 5 * gap, 40 * gap])
            events = make_events(rng, rng.randrange(1, 250), gap, "abc"[:rng.randrange(1, 4)])
            disorder = rng.choice([1, gap, 10 * gap, 100 * gap])
            events.sort(key=lambda e: e["at"] + rng.randrange(disorder))
            with self.subTest(seed=seed, gap=gap, lateness=lateness):
                late += self.run_events(events, gap, lateness, rng.choice([1, 2, 5, 1000]))[1]["late"]
        self.assertGreater(late, 100 if "RS_SEED" not in os.environ else -1)

    def test_order_does_not_matter(self):
        """Out of order by less than lateness, over several partitions: the same bytes but for `revision`, which counts it."""
        for seed in seeds(2):
            rng = random.Random(1000 + seed)
            gap = 20 * S
            lateness = 30 * gap
            # No two times are equal: first and last of those go by offset.
            events = {event["at"]: event for event in make_events(rng, 300, gap, "abc")}
            events = [events[time] for time in sorted(events)]
            outputs = set()
            for number in range(ORDERS):
                order = sorted(events, key=lambda e: e["at"] + rng.randrange(lateness)) if number else events
                raw, counts = self.run_events(order, gap, lateness, rng.choice([3]), number in (0, 1, 2), number % 3 + 1 if number > 2 else 1)
                self.assertEqual((counts["applied"], counts["late"]), (len(events), 0))
                outputs.add(re.sub(r'"revision":\d+', '"revision":_', raw))
            self.assertEqual(len(outputs), 1, f"seed {seed}")

    def test_by_hand(self):
        """Three sessions of ten seconds, the first two joined by the fourth event; the last goes on."""
        rows = [(0, 1), (15, 2), (60, 4), (8, 8), (69, 16)]
        events = [{"at": START + s * S, "user": "a", "n": n, "x": 0.0} for s, n in rows]
        raw, _ = self.run_events(events, 10 * S, 60 * S, 10)
        found = {item["key"]: item["value"] for item in map(engine.parse_line, raw.splitlines())}
        at = START // 1000
        self.assertEqual([(int(score) - at, m["s"], int(m["window_end"]) - at, m["revision"]) for score, m in found["rs:s:a:history"]],
                         [(0, "11", 25000, "1")])
        self.assertEqual((found["rs:s:a"]["s"], found["rs:s:a"]["change"]), ("20", "14"))

    def test_work_is_in_proportion_to_history(self):
        """A whole history goes out, with what each window is compared with: instructions of that alone, for one of a length and one three
        times as long. With steps for each pair of windows it would be nine times as many."""
        if not shutil.which("valgrind"):
            self.skipTest("no valgrind")
        for window in ({"session": "1s"}, {"tumbling": "2s"}):
            short, long = (self.instructions(window, count) for count in (800, 2400))
            with self.subTest(window=window):
                self.assertLess(long, 3.6 * short)
            print(f"    instructions for a history of 2,400 windows {window} to one of 800: {long / short:.2f}")

    def instructions(self, window, count):
        """All at once at the end of the replay: before that nothing is asked for."""
        self.write("click.avsc", SCHEMA)
        tree = {"stream": "clicks", "by": ["user"], "window": window, "history": 3000,
                "stats": {"n": "count()", "d": "change(n)", "p": "pct_change(x)", "m": "median(n)"}}
        stream = {"topic": "t", "schema": "click.avsc", "time": "at", "lateness": "1d", "expire": "365d"}
        config = self.write("config.yaml", suite.configuration({"clicks": stream}, {"s": tree}, directory=self.directory))
        data = self.write("clicks.ndjson", "".join(json.dumps({"at": START + 2 * S * n, "user": "a", "n": n % 7, "x": 1.5 + n % 5}) + "\n"
                                                   for n in range(count)))
        calls = self.path("calls")
        out, _ = procs.check(["valgrind", "--tool=callgrind", f"--callgrind-out-file={calls}", "--toggle-collect=rs_partition_emit",
                              suite.program("rollstatd"), "-c", config, "--replay", "--stream", "clicks",
                              "--time-format", "us", data],
                             timeout=600, env={**os.environ, "LD_BIND_NOW": "1"})
        history = [item for item in map(engine.parse_line, out.decode().splitlines()) if item["key"] == "rs:s:a:history"]
        self.assertEqual(len(history[0]["value"]), count - 1)
        with open(calls, encoding="utf-8", errors="replace") as file:
            return int(re.search(r"(?m)^(?:totals|summary): (\d+)", file.read()).group(1))

    def test_what_is_said_of_it(self):
        self.write("click.avsc", SCHEMA)
        tree = {"stream": "clicks", "by": ["user"], "window": {"session": "30s"}, "history": 5, "stats": {"n": "count()"}}
        stream = {"topic": "t", "schema": "click.avsc", "time": "at", "lateness": "10m"}
        config = self.write("config.yaml", suite.configuration({"clicks": stream}, {"s": tree}, directory=self.directory))
        out, _ = procs.check([suite.program("rollstatd"), "-c", config, "--explain"], timeout=60)
        text = out.decode()
        self.assertIn("window: session, gap 30s, one pane a session", text)
        # 600 s and a gap hold 21 sessions of a gap; five in history, and the one that goes on, begun or ending.
        self.assertIn("of the most they keep (28 panes)", text)


if __name__ == "__main__":
    suite.main()
