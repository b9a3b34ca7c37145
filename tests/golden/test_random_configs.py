"""Random configurations through --check, --explain, --replay and restarts: what is shown equals the oracle to the last digit, also after
crashes; what cannot go together is refused at its place by all three; and nothing that is accepted by one is refused by another.

The first ones are always the same, the others are of a seed that is printed. By hand: --count N --seed N, or RS_CONFIGS and RS_SEED:
a configuration is a function of its number alone, and a failure names it.
"""
import os
import random
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402
import procs  # noqa: E402
import engine  # noqa: E402
import ordered  # noqa: E402
import random_config  # noqa: E402
import wrong_config  # noqa: E402
import test_trading as trading  # noqa: E402

FIXED, DRAWN = 50, 100
PLACE = re.compile(r"^\S.*:\d+:\d+: ", re.M)


def option(name, variable):
    if name in sys.argv:
        at = sys.argv.index(name)
        os.environ[variable] = sys.argv[at + 1]
        del sys.argv[at:at + 2]


def numbers(drawn=DRAWN):
    """Of the configurations to try."""
    if "RS_SEED" in os.environ:
        seed = int(os.environ["RS_SEED"])
        return range(seed, seed + int(os.environ.get("RS_CONFIGS", 1)))
    seed = random.SystemRandom().randrange(10 ** 9, 2 * 10 ** 9)
    print(f"configurations 0 to {FIXED - 1}, and {drawn} from {seed} on", file=sys.stderr)
    return [*range(FIXED), *range(seed, seed + int(os.environ.get("RS_CONFIGS", drawn)))]


def differences(got, wanted, path=""):
    """Where two objects of texts differ; values that are known within an error are compared with that."""
    if isinstance(wanted, ordered.Approximate):
        if not wanted.holds(got):
            yield f"{path}: {got}, not about {wanted.value}"
    elif isinstance(wanted, dict) and isinstance(got, dict):
        for key in sorted(set(got) | set(wanted)):
            yield from differences(got.get(key), wanted.get(key), f"{path}/{key}")
    elif isinstance(wanted, (list, tuple)) and isinstance(got, list):
        if len(got) != len(wanted):
            yield f"{path}: {len(got)} members, not {len(wanted)}"
        for number, (a, b) in enumerate(zip(got, wanted)):
            yield from differences(a, b, f"{path}/{number}")
    elif got != wanted:
        yield f"{path}: {got}, not {wanted}"


class RandomConfigs(suite.Case):
    def made(self, number):
        made = random_config.Made(random.Random(number), trading.EXCHANGES)
        self.write("event.avsc", made.schema)
        if made.exchange:
            self.write("exchange.yaml", made.exchange[0].text())
        self.events = self.write("events.ndjson", "".join(map(made.line, made.rows)))
        return made

    def configure(self, made):
        return self.write("config.yaml", suite.configuration({"events": made.stream}, made.aggregates, directory=self.directory))

    def asked(self, config, *options):
        """(exit code, stdout, stderr): never ended by a signal."""
        status, out, err = procs.run([suite.program("rollstatd"), "-c", config, *options], timeout=300)
        self.assertIn(status, (0, 1, 2, 3), f"{options}: {err.decode(errors='replace')[-2000:]}")
        return status, out.decode(), err.decode(errors="replace")

    def evidence(self, number, config):
        with open(config, encoding="utf-8", errors="replace") as file:
            return f"--seed {number} --count 1, {self.directory}\n{file.read()}"

    def check_valid(self, number):
        made = self.made(number)
        config = self.configure(made)
        evidence = self.evidence(number, config)
        status, _, err = self.asked(config, "--check")
        self.assertEqual(status, 0, f"{evidence}\n{err}")
        self.assertEqual(self.asked(config, "--explain")[0], 0, evidence)
        oracle = made.partition()
        refused = oracle.counts["rejected"] > 0
        try:
            raw, counts, _ = self.replay(config, "events", [self.events], expect=3 if refused else 0)
        except procs.Failure as error:
            self.fail(f"{evidence}\n{error}")
        self.assertEqual(counts, dict(oracle.counts), evidence)
        self.compare(raw, made, oracle, None if made.upsert else oracle.now_shown, evidence)
        status, out, err = procs.run([suite.program("restart_tool"), config, "events", str(number), self.events], timeout=300)
        self.assertEqual(status, 0, f"{evidence}\n{err.decode(errors='replace')}")
        crashes, shown = re.search(r"(\d+) crashes, \d+ batches, shown (-?\d+)$", err.decode().strip()).groups()
        if out.decode() != raw:  # as of a later time, if it is right
            self.assertTrue(not made.upsert and int(shown) > oracle.now_shown, f"after restarts, {evidence}")
            self.compare(out.decode(), made, oracle, int(shown), f"after restarts, {evidence}")
        return made, counts, int(crashes)

    def compare(self, raw, made, oracle, shown, evidence):
        got = {item["key"]: item for item in map(engine.parse_line, raw.splitlines()) if item["key"] != "rs:meta"}
        if made.upsert:  # whose scores are another matter
            got = {key: item for key, item in got.items() if not (key.endswith(":index") and item["type"] == "zset")}
        found = list(differences(got, engine.as_texts(oracle.shown(shown))))
        self.assertEqual(found[:5], [], f"{len(found)} differences; {evidence}")

    def test_valid(self):
        total = dict.fromkeys(suite.NAMES, 0)
        kinds, crashes, configs = {}, 0, numbers()
        for number in configs:
            with self.subTest(number=number):
                made, counts, crashed = self.check_valid(number)
                crashes += crashed
                for name, count in counts.items():
                    total[name] += count
                for model in made.models:
                    for stat in model.stats:
                        kinds[stat.kind] = kinds.get(stat.kind, 0) + 1
        print(f"{len(configs)} configurations, {crashes} crashes; events: {total}; statistics: {dict(sorted(kinds.items()))}", file=sys.stderr)
        if len(configs) >= 150:
            self.assertTrue(all(total.values()), total)
            self.assertGreater(crashes, len(configs))

    def agree(self, number, config):
        """What --check accepts or refuses, --explain and --replay do, too. Whether it was accepted."""
        status, _, said = self.asked(config, "--check")
        self.assertIn(status, (0, 1), f"{said}\n{self.evidence(number, config)}")
        explained, _, _ = self.asked(config, "--explain")
        replayed, _, why = self.asked(config, "--replay", "--stream", "events", self.events)
        if status == 1:
            self.assertRegex(said, PLACE, self.evidence(number, config))
            self.assertEqual((explained, replayed), (1, 1), f"{said}\n{self.evidence(number, config)}")
        else:
            self.assertEqual(explained, 0, self.evidence(number, config))
            self.assertIn(replayed, (0, 3), f"{why[-2000:]}\n{self.evidence(number, config)}")
        return status == 0

    def test_what_does_not_go(self):
        """A valid configuration with one thing put in that README forbids."""
        for number in numbers(DRAWN // 2):
            with self.subTest(number=number):
                rng, made = random.Random(-number - 1), self.made(number)
                name = wrong_config.spoil(rng, made)
                config = self.configure(made)
                self.assertFalse(self.agree(number, config), f"{name} was accepted; {self.evidence(number, config)}")

    def test_whatever_is_written(self):
        """Parts in the wrong place and characters that were mistyped: taken or refused, by all alike."""
        accepted, configs = 0, numbers(DRAWN // 2)
        for number in configs:
            with self.subTest(number=number):
                rng, made = random.Random(-number - 1), self.made(number)
                wrong_config.shake(rng, made)
                config = self.configure(made)
                if rng.random() < 0.25:
                    with open(config, encoding="utf-8") as file:
                        text = file.read()
                    self.write("config.yaml", wrong_config.mistype(rng, text))
                accepted += self.agree(number, config)
        print(f"{accepted} of {len(configs)} accepted", file=sys.stderr)


if __name__ == "__main__":
    option("--seed", "RS_SEED")
    option("--count", "RS_CONFIGS")
    suite.main()
