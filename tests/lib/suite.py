"""What every Python suite shares: where things are, configurations, --replay, and how a suite reports its counts.

tests/run hands over: RS_BUILD (a build directory), RS_TMP (an empty directory), RS_SHARED_DATA, RS_KAFKA (jars),
RS_COUNTS (a file that gets "passed failed skipped"). All have defaults, so that a suite also runs by hand.
"""
import os
import re
import shutil
import sys
import tempfile
import unittest

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ROOT = os.path.dirname(TESTS)
sys.path[:0] = [os.path.join(TESTS, "lib"), os.path.join(TESTS, "oracle")]

import procs  # noqa: E402
import kafka  # noqa: E402
import redis  # noqa: E402
import engine  # noqa: E402

BUILD = os.environ.get("RS_BUILD", os.path.join(ROOT, "build", "release"))
DATA = os.environ.get("RS_SHARED_DATA", os.path.join(ROOT, "..", "shared", "data"))
JARS = os.environ.get("RS_KAFKA", os.path.join(ROOT, "build", "kafka-3.9.1"))
SCHEMAS = os.path.join(ROOT, "schemas")
PLACES = {"rollstatd": "transform", "rollstat-publish": "ingest/publish", "rollstat-top": "sink", "rollstat-schema": "schemas",
          "rollstat-state": "transform", "rollstat-dlq": "transform", "rollstat-tap": "transform", "state_records": "tests",
          "rollstat-demo-broker": "deploy", "kafka_tool": "tests", "log_tool": "tests",
          "resolve_tool": "tests", "registry_tool": "tests", "hostile_tool": "tests", "restart_tool": "tests"}


def program(name):
    path = os.path.join(BUILD, PLACES[name], name)
    if not os.access(path, os.X_OK):
        raise procs.Failure(f"{path} is not built")
    return path


def in_ci():
    return os.environ.get("CI") == "true"


def need_data(*parts):
    path = os.path.join(DATA, *parts)
    if not os.path.exists(path):
        raise unittest.SkipTest(f"no {'/'.join(parts)} in {DATA} (RS_SHARED_DATA)")
    return path


def skip_component(why):
    """A real component is missing: a skip by hand, a failure in CI."""
    if in_ci():
        raise procs.Failure(why)
    raise unittest.SkipTest(why)


def real_kafka(directory, **options):
    if not os.path.isdir(JARS) or shutil.which("java") is None:
        skip_component(f"no Kafka in {JARS} or no java: run tests/run --only kafka with network")
    return kafka.Broker(program("kafka_tool"), JARS, directory, **options)


def mock_kafka(directory, *topics):
    return kafka.Mock(program("kafka_tool"), program("rollstat-demo-broker"), directory, *topics)


def yaml(value, depth=0):
    """YAML text of dicts, lists and scalars; below the third level in flow style."""
    if isinstance(value, dict) and depth < 3 and value:
        pad = "  " * depth
        lines = []
        for key, item in value.items():
            nested = isinstance(item, dict) and item and depth < 2
            lines.append(f"{pad}{key}:" + ("\n" + yaml(item, depth + 1) if nested else f" {yaml(item, 3)}\n"))
        return "".join(lines)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}: {yaml(v, 3)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(yaml(v, 3) for v in value) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    return text if re.fullmatch(r"[A-Za-z0-9_./+-]+", text) else "'" + text.replace("'", "''") + "'"


def configuration(streams, aggregates, bootstrap="127.0.0.1:9", redis_url="redis://127.0.0.1:9/0", directory=SCHEMAS,
                  **more):
    """Text of a configuration. `more`: further top-level sections; dicts are merged into those made here."""
    tree = {"group": "tests", "kafka": {"bootstrap.servers": bootstrap}, "redis": {"url": redis_url},
            "schemas": {"directory": directory}, "streams": streams, "aggregates": aggregates}
    for name, value in more.items():
        if isinstance(value, dict) and isinstance(tree.get(name), dict):
            tree[name] = {**tree[name], **value}
        else:
            tree[name] = value
    return yaml(tree)


class Case(unittest.TestCase):
    maxDiff = 4000

    def setUp(self):
        # A path as users have them: long, with blanks, other scripts and what a shell would expand.
        self.directory = tempfile.mkdtemp(prefix=f"{self.id().rpartition('.')[2]} 数据 & $HOME ü-", dir=os.environ.get("RS_TMP"))
        self.addCleanup(self._sweep)

    def _sweep(self):
        # What a failed test leaves is evidence; the rest would fill the disk.
        # Python 3.11 and later have told the result of it already; earlier ones keep it until the end.
        result = self._outcome.result
        told = [getattr(test, "test_case", test) for test, _ in (*result.failures, *result.errors)]
        kept = [error for _, error in getattr(self._outcome, "errors", []) if error]
        if not kept and not any(test is self for test in told):
            shutil.rmtree(self.directory, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.directory, name)

    def write(self, name, content):
        with open(self.path(name), "wb" if isinstance(content, bytes) else "w",
                  **({} if isinstance(content, bytes) else {"encoding": "utf-8"})) as file:
            file.write(content)
        return self.path(name)

    def replay(self, config, stream, files, *options, expect=0, timeout=300):
        """(raw lines as text, {accounting name: count}, stderr text)"""
        argv = [program("rollstatd"), "-c", config, "--replay", "--stream", stream, *options, *files]
        out, err = procs.check(argv, expect=expect, timeout=timeout)
        text = err.decode("utf-8", "replace")
        return out.decode("utf-8"), accounting(text), text

    def same_keys(self, raw, expected, ignore=()):
        """The replay's output equals the oracle's objects."""
        got = {}
        for line in raw.splitlines():
            item = engine.parse_line(line)
            if item["key"] != "rs:meta" and not any(re.fullmatch(p, item["key"]) for p in ignore):
                got[item["key"]] = item
        wanted = {k: v for k, v in engine.as_texts(expected).items()
                  if not any(re.fullmatch(p, k) for p in ignore)}
        self.same_dicts(got, wanted)

    def same_dicts(self, got, wanted):
        for key in sorted(set(got) | set(wanted)):
            if got.get(key) != wanted.get(key):
                differ = sum(got.get(k) != wanted.get(k) for k in set(got) | set(wanted))
                self.fail(f"{key} differs ({differ} of {len(wanted)} keys differ)\n"
                          f"     got {first_difference(got.get(key), wanted.get(key))[0]}\n"
                          f"expected {first_difference(got.get(key), wanted.get(key))[1]}")


def first_difference(got, wanted):
    """Narrows two unequal objects down to their first unequal members."""
    if isinstance(got, dict) and isinstance(wanted, dict) and list(got) == list(wanted):
        for key in got:
            if got[key] != wanted[key] and isinstance(got[key], (dict, list)):
                return first_difference(got[key], wanted[key])
        return got, wanted
    if isinstance(got, list) and isinstance(wanted, list):
        for a, b in zip(got, wanted):
            if a != b:
                return first_difference(a, b)
        return (f"{len(got)} members", f"{len(wanted)} members")
    return got, wanted


NAMES = ("consumed", "applied", "late", "duplicate", "rejected", "filtered")


def accounting(text):
    """The accounting that --replay writes on stderr, summed over the partitions."""
    total = dict.fromkeys(NAMES, 0)
    lines = [line for line in text.splitlines() if re.match(r"partition \d+: consumed", line)]
    if not lines:
        raise procs.Failure(f"no accounting in:\n{text[-2000:]}")
    for line in lines:
        counts = {name: int(re.search(rf"\b{name} (\d+)", line).group(1)) for name in NAMES}
        if counts["consumed"] != sum(counts[name] for name in NAMES[1:]):
            raise procs.Failure(f"does not balance: {line}")
        for name in NAMES:
            total[name] += counts[name]
    return total


class _Result(unittest.TextTestResult):
    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.passed = 0

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed += 1


def main():
    runner = unittest.TextTestRunner(resultclass=_Result, verbosity=2, stream=sys.stderr)
    names = [a for a in sys.argv[1:] if not a.startswith("-")]
    loader = unittest.defaultTestLoader
    module = sys.modules["__main__"]
    tests = loader.loadTestsFromNames(names, module) if names else loader.loadTestsFromModule(module)
    result = runner.run(tests)
    failed = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
    if result.passed + failed + len(result.skipped) == 0:
        print("no test was found", file=sys.stderr)
        failed = 1
    if "RS_COUNTS" in os.environ:
        with open(os.environ["RS_COUNTS"], "w", encoding="ascii") as file:
            file.write(f"{result.passed} {failed} {len(result.skipped)}\n")
    for test, reason in result.skipped:
        print(f"skipped {test}: {reason}")
    sys.exit(1 if failed else 0)
