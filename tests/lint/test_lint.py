"""The gates over the sources. Each has a self-test that plants a fault and sees the gate fail; a gate that matches no file fails."""
import concurrent.futures
import glob
import json
import os
import re
import shutil
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import suite  # noqa: E402
import procs  # noqa: E402
import circles  # noqa: E402
import include_rule  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
PRODUCT = ("base", "schemas", "ingest", "transform", "sink", "deploy")
# Where clang-tidy finds how a file is compiled; its clang reads the flags of clang's own build best.
COMMANDS = os.environ.get("RS_TIDY_BUILD", os.path.join(suite.ROOT, "build", "release-clang"))


def sources(*patterns, folders=PRODUCT + ("tests",)):
    found = []
    for folder in folders:
        for pattern in patterns:
            found += glob.glob(os.path.join(suite.ROOT, folder, "**", pattern), recursive=True)
    return sorted(found)


def shell_scripts():
    found = []
    for path in [os.path.join(suite.ROOT, ".ci", "run")] + sources("*", folders=("deploy", "tests")):
        if os.path.isfile(path) and os.path.splitext(path)[1] in ("", ".sh"):
            with open(path, "rb") as file:
                if re.match(rb"#!.*\b(ba)?sh\b", file.readline()):
                    found.append(path)
    return found


class Lint(suite.Case):
    def tool(self, name):
        if shutil.which(name) is None:
            suite.skip_component(f"{name} is not installed")
        return name

    def assert_gate(self, files, status, out):
        self.assertGreater(len(files), 0, "the gate matches no file")
        self.assertEqual(status, 0, out.decode("utf-8", "replace")[-6000:])

    # ---- clang-format ----

    def format_gate(self, files):
        status, out, err = procs.run([self.tool("clang-format"), "--dry-run", "-Werror", "--style=file", *files])
        return status, out + err

    def test_format(self):
        files = sources("*.c", "*.h")
        self.assert_gate(files, *self.format_gate(files))

    def test_format_can_fail(self):
        shutil.copy(os.path.join(suite.ROOT, ".clang-format"), self.directory)
        self.assertEqual(self.format_gate([self.write("good.c", "int x;\n")])[0], 0)
        self.assertNotEqual(self.format_gate([self.write("bad.c", "int  x ;\n")])[0], 0)

    # ---- clang-tidy ----

    # How far the analyzer follows each function, in states. Its own 225,000 take three times as long, most of a run's
    # lint, and find nothing more here.
    DEPTH = "75000"

    def tidy(self, commands, path):
        depth = [f"--extra-arg={word}" for word in ("-Xclang", "-analyzer-config", "-Xclang", f"max-nodes={self.DEPTH}")]
        status, out, err = procs.run([self.tool("clang-tidy"), "--quiet", "-p", commands, *depth, path], timeout=600)
        return path, status, out + (err if status else b"")

    @unittest.skipIf(os.environ.get("RS_FAST"), "clang-tidy takes minutes (--fast)")
    def test_tidy(self):
        with open(os.path.join(COMMANDS, "compile_commands.json"), encoding="utf-8") as file:
            compiled = {os.path.abspath(entry["file"]) for entry in json.load(file)}
        files = [path for path in sources("*.c", folders=PRODUCT + ("tests/lib",)) if path in compiled]
        self.assertGreater(len(files), 0, "the gate matches no file")
        left_out = set(sources("*.c", folders=PRODUCT)) - compiled
        self.assertFalse(left_out, "these are compiled into nothing")
        with concurrent.futures.ThreadPoolExecutor(max(2, os.cpu_count() or 2)) as pool:
            results = list(pool.map(lambda path: self.tidy(COMMANDS, path), files))
        bad = [out.decode("utf-8", "replace") for _, status, out in results if status]
        self.assertFalse(bad, "\n".join(bad)[:8000])

    def test_tidy_can_fail(self):
        shutil.copy(os.path.join(suite.ROOT, ".clang-tidy"), self.directory)
        for name, text, fails in (("good.c", "int main(void)\n{\n    return 0;\n}\n", False),
                                  ("bad.c", "int main(void)\n{\n    int *p = 0;\n    return *p;\n}\n", True)):
            path = self.write(name, text)
            command = [{"directory": self.directory, "file": path, "arguments": ["cc", "-c", path]}]
            self.write("compile_commands.json", json.dumps(command))
            self.assertEqual(self.tidy(self.directory, path)[1] != 0, fails, name)

    # ---- rooms: who may include whom ----

    def include_gate(self, root, *options):
        return procs.run([sys.executable, os.path.join(HERE, "include_rule.py"), *options, root])

    def test_include_rule(self):
        status, out, err = self.include_gate(suite.ROOT)
        self.assertEqual(status, 0, (out + err).decode())

    def test_rooms_have_an_order(self):
        before = set()
        for room, others in include_rule.ROOMS.items():
            self.assertLessEqual(set(others), before, f"{room} may include what comes after it")
            before.add(room)
        for path in ("ARCHITECTURE.md", "CONTRIBUTING.md"):
            with open(os.path.join(suite.ROOT, path), encoding="utf-8") as file:
                self.assertIn("tests/lint/include_rule.py --picture", file.read(), path)

    def test_architecture_shows_the_rooms(self):
        status, out, err = self.include_gate(suite.ROOT, "--picture-in", os.path.join(suite.ROOT, "ARCHITECTURE.md"))
        self.assertEqual(status, 0, (out + err).decode())

    def plant(self, path, *lines):
        os.makedirs(os.path.dirname(self.path(path)), exist_ok=True)
        self.write(path, "\n".join(lines) + "\n")

    def test_include_rule_can_fail(self):
        self.assertEqual(self.include_gate(self.directory)[0], 2, "nothing to check")
        self.plant("sink/redis/good.c", '#include "sink/redis/good.h"', '#include "base/buf.h"', '#include "redis/made.h"',
                   '#include "sink/redis/good_internal.h"', "#include <stdio.h>")
        self.plant("transform/daemon/main.c", '#include "sink/redis/good.h"', '#include "ingest/kafka/source.h"')
        self.assertEqual(self.include_gate(self.directory)[0], 0)
        for room, line, what in (("sink/redis", '#include "transform/pane/pane.h"', b"must not include transform/pane/"),
                                 ("sink/redis", '#  include "ingest/read/rows.h"', b"must not include ingest/read/"),
                                 ("sink/redis", "#include <transform/pane/pane.h>", b"must not include transform/pane/"),
                                 ("sink/redis", '#include "sink/memory/store.h"', b"move what both need below both"),
                                 ("sink/deadletter", '#include "sink/redis/script.h"', b"must not include sink/redis/"),
                                 ("base/time", '#include "base/config/config.h"', b"must not include base/config/"),
                                 ("transform/pane", '#include "transform/plan/plan.h"', b"must not include transform/plan/"),
                                 ("transform/group", '#include "transform/partition/seal.h"', b"must not include transform/partition/"),
                                 ("transform/worker", '#include "transform/daemon/rollstatd.h"', b"must not include transform/daemon/"),
                                 ("transform/worker", '#include "transform/partition/internal.h"', b"is private to transform/partition/"),
                                 ("transform/daemon", '#include "ingest/kafka/internal.h"', b"is private to ingest/kafka/"),
                                 ("transform/daemon", '#include "transform/partition/seal_internal.h"', b"is private to"),
                                 ("sink/redis", '#include "sink/redis.h"', b"sink/ is no room"),
                                 ("sink/redis", '#include "../redis/good.h"', b"name the folder"),
                                 ("sink/redis", '#include "good.h"', b"name the folder")):
            self.plant(f"{room}/bad.c", "int x;", line)
            status, out, _ = self.include_gate(self.directory)
            self.assertEqual((status, f"{room}/bad.c:2: ".encode() in out, what in out), (1, True, True), line)
            os.unlink(self.path(f"{room}/bad.c"))
        for path in ("sink/bad.c", "sink/shelf/bad.h", "transform/pane/more/bad.c"):
            self.plant(path, "int x;")
            status, out, _ = self.include_gate(self.directory)
            self.assertEqual((status, f"{path}:1: {os.path.dirname(path)}/ is no room".encode() in out), (1, True), path)
            os.unlink(self.path(path))
        self.assertEqual(self.include_gate(self.directory)[0], 0)

    def test_picture_can_fail(self):
        self.plant("base/buf.h")
        self.plant("base/time/text.c", '#include "base/buf.h"')
        self.plant("schemas/wire.c", '#include "base/time/text.h"', '#include "base/buf.h"')
        self.plant("base/time/text.h")
        status, out, _ = self.include_gate(self.directory, "--picture")
        self.assertEqual(status, 0)
        self.assertEqual(re.findall(rb"^// +(.*)$", out, re.M), [b"2  schemas", b"1  base/time", b"0  base"])
        self.assertEqual(re.findall(rb'^ +"(.*)" -> "(.*)";$', out, re.M), [(b"base/time", b"base"), (b"schemas", b"base/time")])
        for layers, status in (("     2  schemas\n     1  base/time\n     0  base", 0),
                               ("     2  schemas\n     1  base/time  base/config\n     0  base", 1),
                               ("     1  base/time\n     0  base", 1)):
            text = self.write("text.md", f"Layers\n\n{layers}\n\nEnd.\n")
            self.assertEqual(self.include_gate(self.directory, "--picture-in", text)[0], status, layers)

    # ---- circles ----

    def test_circles(self):
        status, out, err = procs.run([sys.executable, os.path.join(HERE, "circles.py"), suite.ROOT])
        self.assertEqual(status, 0, (out + err).decode()[-6000:])

    def circles(self, known=()):
        return circles.faults(circles.needs(self.directory), known)

    def test_circles_can_fail(self):
        self.assertEqual(procs.run([sys.executable, os.path.join(HERE, "circles.py"), self.directory])[0], 2, "nothing to check")
        self.plant("base/low.h", "int rs_low(void);", "extern const int rs_low_table[2];")
        self.plant("base/low.c", '#include "base/low.h"', "/* as rs_high( does */", "const int rs_low_table[2] = {1, 2};", "int rs_low(void)",
                   "{", '    return sizeof "rs_high(";', "}")
        self.plant("base/high.h", '#include "base/low.h"', "int rs_high(void);", "struct rs_low_user;")
        self.plant("base/high.c", '#include "base/high.h"', "static int rs_static(int a,", "                     int b)", "{", "    return a;", "}",
                   "int rs_high(void)", "{", "    return rs_low() + rs_low_table[0];", "}")
        self.plant("base/internal.h", '#include "base/high.h"')
        self.plant("base/high_part.c", '#include "base/internal.h"', "void rs_high_part(void)", "{", "}")
        self.assertEqual(self.circles(), [])
        for path, lines, at in (("base/low.h", ['#include "base/high.h"'], "base/low.h:1: includes base/high.h"),
                                ("base/low.c", ["int rs_low(void)", "{", "    return rs_high();", "}"],
                                 "base/low.c:3: needs rs_high of base/high.c"),
                                ("base/low.c", ["const int rs_low_table[2] = {1, 2};", "int (*rs_low)(void) = rs_high;"],
                                 "base/low.c:2: needs rs_high of base/high.c")):
            with open(self.path(path), encoding="utf-8") as file:
                whole = file.read()
            self.plant(path, *lines)
            found = self.circles()
            self.assertTrue(found and "a circle of base/high, base/low: " in found[0], lines)
            self.assertTrue([line for line in found if at in line], found)
            self.assertEqual(self.circles((("why", ("base/low", "base/high")),)), [])
            self.write(path, whole)
        # What is known may only shrink, and a circle that grows is a new one.
        self.assertIn("not a circle any more", self.circles((("why", ("base/high", "base/low")),))[0])
        self.plant("base/low.c", '#include "base/high.h"', "int rs_low(void)", "{", "    return rs_high();", "}")
        self.assertEqual(len([line for line in self.circles((("why", ("base/high", "base/high_part", "base/low")),))
                              if "a circle of" in line or "a smaller one" in line]), 2)

    # ---- contracts of headers ----

    def contract_gate(self, root):
        return procs.run([sys.executable, os.path.join(HERE, "contracts.py"), root])

    def test_contracts(self):
        status, out, err = self.contract_gate(suite.ROOT)
        self.assertEqual(status, 0, (out + err).decode()[-6000:])

    def test_contracts_can_fail(self):
        self.assertEqual(self.contract_gate(self.directory)[0], 2, "nothing to check")
        self.plant("base/good.h", "/* good: what it is for.", " * Thread: any. Nothing is kept.", " * Limits: none that matters. */",
                   "/* One of them.", " * Errors: RS_EINVAL. */", 'static const char text[] = "Owns: a Thread: too";')
        self.plant("base/internal.h", "int x;")
        self.assertEqual(self.contract_gate(self.directory)[0], 0)
        for name, lines, at, what in (("bad.h", ["/* bad: for nothing. Thread: any. */"], 1, '"Thread:" stands in mid-line'),
                                      ("bad.h", ["/* bad: for nothing.", " * Thread: any. Owns: all. */"], 2, '"Owns:" stands in mid-line'),
                                      ("bad.h", ["/* bad: it.", " * Thread: any. */", "int x; /* sum. Errors:", " * RS_EIO */"], 3, '"Errors:"'),
                                      ("bad.c", ["int x;", "/* Much. Invariant: more. */"], 2, '"Invariant:" stands in mid-line'),
                                      ("internal.h", ["/* What is shared. Limits: 3. */"], 1, '"Limits:" stands in mid-line'),
                                      ("bad.h", ["#ifndef BAD_H", "/* bad: it.", " * Thread: any. */"], 1, "opens with a comment"),
                                      ("bad.h", ["/* Something. */"], 1, "opens with a comment"),
                                      ("bad.h", ["/* bad: it is for something. */", "/* f.", " * Thread: any. */"], 1, "whose thread")):
            self.plant(f"base/{name}", *lines)
            status, out, _ = self.contract_gate(self.directory)
            self.assertEqual((status, f"base/{name}:{at}: " in out.decode(), what in out.decode()), (1, True, True), (lines, out))
            os.unlink(self.path(f"base/{name}"))
        self.plant("base/internal.h", "int x;")
        self.assertEqual(self.contract_gate(self.directory)[0], 0)

    def test_formatter_leaves_comments(self):
        """It once glued labels and tables of 29 headers into paragraphs."""
        shutil.copy(os.path.join(suite.ROOT, ".clang-format"), self.directory)
        table = self.write("table.h", "/* table: bytes.\n *   0  u8   kind, of which there are more than would ever go into one line of this "
                           "comment\n *   1  u64  number\n * Thread: any. */\nint x;\n")
        self.assertEqual(self.format_gate([table])[0], 0)

    # ---- shell ----

    def test_shellcheck(self):
        files = shell_scripts()
        status, out, err = procs.run([self.tool("shellcheck"), *files])
        self.assert_gate(files, status, out + err)

    def test_shellcheck_can_fail(self):
        status, _, _ = procs.run([self.tool("shellcheck"), self.write("bad.sh", "#!/bin/bash\nrm $1\n")])
        self.assertNotEqual(status, 0)

    # ---- house rules ----

    def matches(self, pattern, files):
        found = []
        for path in files:
            with open(path, encoding="utf-8", errors="replace") as file:
                found += [f"{os.path.relpath(path, suite.ROOT)}:{n}: {line.strip()}" for n, line in enumerate(file, 1)
                          if re.search(pattern, line)]
        return found

    def test_nothing_left_to_do(self):
        # Spelled in pieces, so that this line is not found itself.
        pattern = r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|NO" + r"LINT)\b"
        files = [path for path in sources("*.[ch]", "*.py", "*.cmake", "CMakeLists.txt", "*.lua", "*.avsc")
                 if os.path.isfile(path)] + shell_scripts()
        self.assertGreater(len(files), 0)
        self.assertEqual(self.matches(pattern, files), [])
        self.assertTrue(self.matches(pattern, [self.write("bad.c", "/* TO" "DO */\n")]))

    # ---- deadlines ----

    # Without a bound in some version of librdkafka, whatever time-out they take. A commit whose answer comes into a queue is not waited for.
    UNBOUNDED = r"rd_kafka_(query_watermark_offsets|committed|position|seek|consumer_close|mem_close)\(|rd_kafka_commit_queue\((?![^,]+, [^,]+, queue,)"
    # They wait for a broker, or for systemd: for threads on which nobody waits.
    WAITING = r"rd_kafka_(metadata|list_groups|offsets_for_times|controllerid)\(|rd_kafka_clusterid\((?!.*, 0\))|rs_kafka_ask_ends\(|sd_notifyf?\("
    SERVING = ("ingest/kafka/brokers.c", "ingest/kafka/control.c", "ingest/kafka/group.c",
               "ingest/kafka/source.c", "ingest/kafka/worker.c", "sink/deadletter/dead_letters.c", "transform/statelog/kafka.c",
               "transform/statelog/kafka_notes.c", "transform/statelog/kafka_write.c", "transform/daemon/close.c",
               "transform/daemon/metrics_page.c", "transform/daemon/run.c", "transform/daemon/status_page.c")

    @staticmethod
    def calls(paths, pattern):
        found = []
        for path in paths:
            with open(path, encoding="utf-8") as file:
                found += [f"{path}:{number}: {line.strip()}" for number, line in enumerate(file, 1) if re.search(pattern, line)]
        return found

    def test_calls_of_librdkafka_have_deadlines(self):
        """Whoever serves pages, watchdog, signals or workers waits for no broker, and nobody waits without a bound."""
        serving = [os.path.join(suite.ROOT, path) for path in self.SERVING]
        self.assertFalse(self.calls(sources("*.c", folders=PRODUCT), self.UNBOUNDED))
        self.assertFalse(self.calls(serving, self.WAITING))

    def test_calls_of_librdkafka_can_fail(self):
        bad = self.write("bad.c", "    (void)rd_kafka_query_watermark_offsets(rk, topic, 0, &low, &high, 500);\n")
        self.assertEqual(len(self.calls([bad], self.UNBOUNDED)), 1)
        waiting = "rd_kafka_commit_queue(rk, list, NULL, NULL, NULL);\n    rd_kafka_commit_queue(rk, list, queue, NULL, NULL);\n"
        self.assertEqual(len(self.calls([self.write("c.c", waiting)], self.UNBOUNDED)), 1)
        self.assertEqual(len(self.calls([self.write("b.c", "rs_kafka_ask_ends(rk, t, 0, 1, &l, &h);\n")], self.WAITING)), 1)

    def test_no_shell_in_between(self):
        """A shell takes paths apart that hold blanks: programs are run with lists of arguments."""
        pattern = r"\b(po" + r"pen|sys" + r"tem) ?\(\S|\bshell=Tr" + r"ue\b|\bos\.sys" + r"tem\b"
        files = sources("*.c", "*.py")
        self.assertGreater(len(files), 0)
        self.assertEqual(self.matches(pattern, files), [])
        self.assertTrue(self.matches(pattern, [self.write("bad.c", "FILE *p = po" + "pen(command, mode);\n")]))

    def test_dialect(self):
        """One way to write what C has several for: `!p`, `sizeof x` of what is no type, 0 for success."""
        self.assertEqual([fault for path in sources("*.c", "*.h") for fault in other_dialects(path)], [])
        for bad in ("if (p == NULL) {", "n = sizeof(*p);", "n = sizeof(a->b[0]);", "return RS_" + "OK;", "while ((p = f()) != NULL) {", "if (a && p != NULL) {"):
            self.assertEqual(len(other_dialects(self.write("bad.c", f"    {bad}\n"))), 1, bad)
        for good in ("return p != NULL;", "if (n - (p != NULL) > 1) {", "n = sizeof(struct x);", "n = sizeof(int64_t);", 'text = "p == NULL";', "/* p == NULL */",
                     "\n#define N(a) (sizeof(a) \\\n / sizeof *(a))"):
            self.assertEqual(other_dialects(self.write("good.c", f"    {good}\n")), [], good)

    def test_names_of_unit_tests(self):
        """What cmocka runs is called test_..., so that a name says what it is wherever it stands."""
        files = sources("*.c", folders=("tests",))
        self.assertGreater(sum(len(cmocka_tests(path)) for path in files), 0)
        self.assertEqual([fault for path in files for fault in misnamed_tests(path)], [])
        table = "const struct CMUnitTest tests[] = {\n    /* TEST(x) */\n    cmocka_unit_test(test_a),\n    %s,\n};\n"
        self.assertEqual(misnamed_tests(self.write("good.c", table % "TEST(test_b)")), [])
        for row in ("cmocka_unit_test(b)", "TEST(b)", "cmocka_unit_test_setup_teardown(b, test_up, test_down)"):
            self.assertEqual(misnamed_tests(self.write("bad.c", table % row)), ["b is not called test_b"], row)

    def test_sizes(self):
        """A file of at most 800 lines, a function of at most 70."""
        for folder in PRODUCT + ("tests",):
            files = sources("*.c", "*.h", "*.py", folders=(folder,))
            self.assertGreater(len(files), 0, folder)
            self.assertEqual([fault for path in files for fault in too_long(path)], [])
        body = "    x++;\n"
        self.assertEqual(too_long(self.write("good.c", "void f(void)\n{\n" + body * 60 + "}\n")), [])
        self.assertTrue(too_long(self.write("bad.c", "void f(void)\n{\n" + body * 80 + "}\n")))
        self.assertTrue(too_long(self.write("long.h", "int x;\n" * 801)))

    def test_headers_compile_alone(self):
        headers = sources("*.h", folders=PRODUCT)
        self.assertGreater(len(headers), 0)
        flags = ["-std=gnu17", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-x", "c",
                 "-I", suite.ROOT]

        def compiles(path):
            return procs.run(["cc", *flags, "-include", path, "/dev/null"])
        for path in headers:
            status, _, err = compiles(path)
            self.assertEqual(status, 0, err.decode("utf-8", "replace")[-2000:])
        self.assertNotEqual(compiles(self.write("bad.h", "struct rs_buf f(void); size_t n;\n"))[0], 0)

    def test_unregistered_unit_test_is_refused(self):
        """CMake's own gate: a test file that nobody registered stops the configuration."""
        text = open(os.path.join(suite.TESTS, "CMakeLists.txt"), encoding="utf-8").read()
        start = text.index("get_property(registered")
        gate = text[start:text.index("endforeach()", start) + len("endforeach()")]
        os.makedirs(self.path("unit/base"))
        self.write("unit/base/seen_test.c", "")
        self.write("CMakeLists.txt", "cmake_minimum_required(VERSION 3.25)\nproject(gate NONE)\n"
                   "set_property(GLOBAL APPEND PROPERTY RS_UNIT_FILES base/seen_test.c)\n" + gate + "\n")
        configure = ["cmake", "-S", self.directory, "-B", self.path("out")]
        self.assertEqual(procs.run(configure)[0], 0)
        self.write("unit/base/forgotten_test.c", "")
        status, _, err = procs.run(configure)
        self.assertEqual((status != 0, b"forgotten_test.c is not registered" in err), (True, True))


TYPES = r"const |struct |enum |union |void|char|u?int|unsigned|long|short|float|double|bool|size_t|\w+_t\b|rs_[iu]128|rollstat_\w+\)"
DIALECT = ((r"== NULL\b", "write !p"), (r"(?:\b(?:if|while) \(|&& |\|\| )[*\w.>()= -]*[\w)] != NULL(?: [&|?]|\) \{)", "write p"), (r"\bRS_OK\b", "write 0"),
           (rf"\bsizeof\((?!{TYPES})\*?&?[A-Za-z_][\w.>\[\]-]*\)", "write sizeof x"))


def other_dialects(path):
    """Comments and strings are left out; so are macros, whose arguments need brackets, and a comparison that makes a bool of a
    pointer, as in `return p != NULL`."""
    with open(path, encoding="utf-8") as file:
        code = re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', lambda m: re.sub(r"[^\n]", " ", m.group()), file.read(), flags=re.S)
    code = re.sub(r"^#define(?:\\\n|.)*", lambda m: re.sub(r"[^\n]", " ", m.group()), code, flags=re.M)
    return [f"{os.path.relpath(path, suite.ROOT)}:{code.count(chr(10), 0, m.start()) + 1}: {advice}"
            for pattern, advice in DIALECT for m in re.finditer(pattern, code)]


def cmocka_tests(path):
    """Names of the tests in the tables of a file; a row is a macro of cmocka's, or one of the file's own, of a name."""
    with open(path, encoding="utf-8") as file:
        tables = re.findall(r"struct CMUnitTest \w+\[\] = \{(.*?)\};", file.read(), re.S)
    return [name for table in tables for name in re.findall(r"\b\w+\(\s*(\w+)", re.sub(r"/\*.*?\*/", "", table, flags=re.S))]


def misnamed_tests(path):
    return [f"{name} is not called test_{name}" for name in cmocka_tests(path) if not name.startswith("test_")]


def too_long(path, file_lines=800, function_lines=70):
    with open(path, encoding="utf-8") as file:
        lines = file.read().splitlines()
    name = os.path.relpath(path, suite.ROOT)
    found = [f"{name}: {len(lines)} lines"] if len(lines) > file_lines else []
    start = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
        elif line == "}" and start is not None:
            if number - start + 1 > function_lines:
                found.append(f"{name}:{start}: a function of {number - start + 1} lines")
            start = None
    return found


if __name__ == "__main__":
    suite.main()
