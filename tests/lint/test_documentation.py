"""What the code has is what README.md and the manual pages say, in both directions: configuration keys, statistics, reasons, metrics,
headers of dead letters, pages, fields of /status and command lines. The code's side is read from its tables; a table that is not found
is a failure, too."""
import glob
import os
import re
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import suite  # noqa: E402

ROOMS = ("base", "schemas", "ingest", "transform", "sink")
STRING = r'"((?:[^"\\]|\\.)*)"'
PROGRAMS = {"rollstatd": "rollstatd.8", "rollstat-publish": "rollstat-publish.1", "rollstat-top": "rollstat-top.1",
            "rollstat-schema": "rollstat-schema.1", "rollstat-state": "rollstat-state.1",
            "rollstat-dlq": "rollstat-dlq.1", "rollstat-tap": "rollstat-tap.1"}


class Unreadable(Exception):
    """The code or a document is not as this file expects it: then nothing was compared, which must not look like success."""


# ---- the code ----

def without_comments(text):
    return re.sub(r'("(?:[^"\\\n]|\\.)*")|/\*.*?\*/|//[^\n]*', lambda m: m.group(1) or " ", text, flags=re.S)


def sources(root=suite.ROOT):
    """{path: text without comments}"""
    found = {}
    for room in ROOMS:
        for path in sorted(glob.glob(os.path.join(root, room, "**", "*.[ch]"), recursive=True)):
            with open(path, encoding="utf-8") as file:
                found[os.path.relpath(path, root)] = without_comments(file.read())
    if not found:
        raise Unreadable(f"no sources in {root}")
    return found


def one(pattern, text, what):
    match = re.search(pattern, text, re.S)
    if match is None:
        raise Unreadable(f"{what} is not found")
    return match.group(1)


def holding(code, text):
    """The file in which this stands: tables are known by their names, not by where they live."""
    found = [content for content in code.values() if text in content]
    if len(found) != 1:
        raise Unreadable(f"{len(found)} files hold {text}")
    return found[0]


def strings(text):
    return [re.sub(r"\\(.)", r"\1", string) for string in re.findall(STRING, text)]


def names_of(table, text):
    """Strings of the last `const char *const table[] = {...}` in the text."""
    tables = re.findall(rf"\*const {table}\[\] = \{{(.*?)\}};", text, re.S)
    if not tables:
        raise Unreadable(f"no table {table}")
    return set(strings(tables[-1]))


def sections(code):
    """{what a mapping is called in complaints: its keys}, wherever a mapping of the configuration is checked."""
    found = {}
    for text in code.values():
        for call in re.finditer(rf'\b(?:rs_config_expect_mapping|is_mapping)\(([^;{{}}"]*),\s*{STRING},\s*(\w+)\)', text):
            found[call.group(2).strip("`")] = names_of(call.group(3), text[:call.start()])
    return found


def code_keys(code):
    """{section: keys}; sections as in PLACES."""
    names = {"the configuration": "root", "a stream": "stream", "an aggregate": "aggregate", "a rule": "rule",
             "a condition": "condition", "a calendar": "calendar", "a statistic": "statistic"}
    found = {names.get(what, what): keys for what, keys in sections(code).items()}
    conditions = holding(code, "condition_keys[] = {")
    found["condition"] |= set(re.findall(r'strcmp\(name, "(and|or|not)"\)', conditions))
    found["window"] = names_of("window_keys", holding(code, "window_keys[] = {"))
    return found


def code_statistics(code):
    """{(name, number of arguments)}"""
    table = one(r"\bknown_stats\[\] = \{(.*?)\n\};", holding(code, "known_stats[] = {"), "the table of statistics")
    rows = re.findall(r'\{"(\w+)",\s*RS_STAT_\w+,\s*RS_UNIT_\w+,\s*\{(.*?)\},\s*"', table, re.S)
    arguments = {name: re.findall(r"\b((?:OPTIONAL_)?[A-Z_]+)\(", row) for name, row in rows}
    return {(name, count) for name, macros in arguments.items()
            for count in range(len([m for m in macros if not m.startswith("OPTIONAL_")]), len(macros) + 1)}


def code_reasons(code):
    table = one(r"#define RS_REASONS\(X\)(.*?)\n\n", holding(code, "#define RS_REASONS(X)"), "the list of reasons")
    return {stable for stable, _ in re.findall(rf"X\(\w+,\s*{STRING},\s*{STRING}\)", table)}


def code_metrics(code):
    return {name for path, text in code.items() if path.startswith("transform/daemon/")
            for name in strings(text) if re.fullmatch(r"(rollstat|process)_[a-z0-9_]+", name)}


def code_headers(code):
    return {name for path, text in code.items() if path.startswith(("base/dead_letter.h", "sink/deadletter/", "transform/dlqtool/"))
            for name in strings(text) if re.fullmatch(r"rollstat\.[a-z_]+", name)}


def code_pages(code):
    return {name for path, text in code.items() if path.startswith("transform/daemon/")
            for name in re.findall(r'\{"(/[a-z]+)",', text)}


# The objects of /status, by the function that makes them; in rollstatd(8) a subsection is for each.
STATUS_OBJECTS = {"rs_page_status": "the instance", "kafka": "kafka", "redis": "redis", "streams": "streams", "rules": "rules", "schema_registry": "schema_registry", "reloads": "reloads",
                  "dead_letters": "dead_letters", "state_log": "state", "worker": "workers", "add_aggregate": "aggregates",
                  "partition": "partitions", "partition_log": "state_log", "accounting": "events"}
STATUS_VALUES = ("rs_partition_phase_name", "rs_health_name", "rs_waiting_name")


def functions(text):
    return dict(re.findall(r"^[a-z][^;{}=]*?\b(\w+)\([^;{}]*\)\n\{\n(.*?)^\}", text, re.M | re.S))


def status_numbers(code):
    """{table of numbers: its keys on /status}"""
    text = holding(code, "NUMBERS(rs_partition_numbers,")
    found = {}
    for name, rows in re.findall(r"\bNUMBERS\((rs_\w+), (\w+)\)", text):
        table = one(rf"\b{rows}\[\] = \{{(.*?)\n\}};", text, f"the table {rows}")
        keys = re.findall(rf"\b(?:GAUGE|COUNTER|VALUE)\(\s*{STRING},\s*(?:{STRING}|NULL),", table)
        keys += [("", key) for key in re.findall(rf"\bSTATUS\({STRING},", table)]
        if len(keys) != len(re.findall(r"\),$", table, re.M)):
            raise Unreadable(f"not all rows of {rows} are read")
        found[name] = {key for _, key in keys if key}
    return found


def code_status(code):
    """{object of /status: its fields}"""
    numbers, found = status_numbers(code), {}
    for name, body in functions(holding(code, "struct status_page {")).items():
        # Whatever takes an object and a name, but for texts of other pages.
        fields = re.findall(r'\b(?!rs_buf_)\w+\(\s*([\w>-]+),\s*"([a-z_]+)"', body)
        tables = re.findall(r"\bset_numbers\(\w+, &(\w+),", body)
        if not fields and not tables:
            continue
        if name not in STATUS_OBJECTS:
            raise Unreadable(f"STATUS_OBJECTS lacks the object that {name} makes")
        of_events = {field for variable, field in fields if variable == "events"}
        found.setdefault("events", set()).update(of_events)
        found.setdefault(STATUS_OBJECTS[name], set()).update({field for _, field in fields} - of_events,
                                                             *(numbers[table] for table in tables))
    if set(found) != set(STATUS_OBJECTS.values()):
        raise Unreadable(f"the objects of /status are {sorted(found)}")
    return found


def code_status_values(code):
    """Texts that a field of /status can have: phases, health, what is waited for."""
    bodies = [body for text in code.values() for name, body in functions(text).items() if name in STATUS_VALUES]
    if len(bodies) != len(STATUS_VALUES):
        raise Unreadable(f"the functions {STATUS_VALUES} are not all found")
    return {value for body in bodies for value in re.findall(rf"case \w+: return {STRING};", body)}


def code_options(code):
    """{program: {(long name, letter, whether there is a value)}}"""
    macros = {}
    for text in code.values():
        for name, body in re.findall(r"#define (RS_\w*OPTIONS)\b((?:[^\n]*\\\n)*[^\n]*)", text):
            macros[name] = body
    found = {}
    for text in code.values():
        tables = re.findall(r"\bstruct rs_option \w+\[\w*\] = \{(.*?)\};", text, re.S)
        program = re.search(r"\bstruct rs_program_info \w+ = \{[^;]*?\.name = " + STRING, text)
        if not tables or program is None:
            continue
        table = re.sub(r"\bRS_\w*OPTIONS\b", lambda m: macros[m.group(0)], tables[0])
        rows = re.findall(rf"\{{[\s\\]*{STRING},\s*('(?:\\?.)'|0),\s*({STRING}|NULL),", table)
        found[program.group(1)] = {(row[0], "" if row[1] in ("0", r"'\0'") else row[1][1:-1], row[2] != "NULL") for row in rows}
        found[program.group(1)] |= {("help", "h", False), ("version", "V", False)}
    if set(found) != set(PROGRAMS):
        raise Unreadable(f"programs with options are {sorted(found)}")
    return found


# ---- README.md ----

def part(text, begin, end, what):
    return one(rf"{begin}(.*?){end}", text, what)


def table_rows(text):
    """[[cell, ...]] of the lines of tables, without heads."""
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in text.splitlines()
            if line.startswith("| ") and not line.startswith(("| key |", "| statistic |"))]


def first_cells(text):
    """Names of the first column; `state.a`, `b` are both of `state`, `a.b.c` is of `a.b`. [(section or None, key, row)]"""
    found = []
    for row in table_rows(text):
        section = None
        for name in re.findall(r"`([^`]+)`", row[0]):
            head, dot, tail = name.rpartition(".")
            section = head if dot else section
            found.append((section, tail if dot else name, row))
    return found


def braced(text):
    """Keys of flow mappings: {tumbling: 1m} has one."""
    return set(re.findall(r"(?<![\w.])([a-z][a-z_]*): ", " ".join(re.findall(r"\{(.*?)\}", text))))


def ticked(text):
    return set(re.findall(r"`([a-z][a-z0-9_]*)`", text))


def readme_keys(readme):
    configuration = part(readme, r"\n## Configuration\n", r"\n### Streams\n", "README's Configuration")
    streams = part(readme, r"\n### Streams\n", r"\n### Aggregates\n", "README's Streams")
    aggregates = part(readme, r"\n### Aggregates\n", r"\n\| statistic", "README's Aggregates")
    found = {"root": set(), "stream": set(), "aggregate": set()}
    for section, key, _ in first_cells(configuration):
        found["root"].add((section or key).split(".")[0])
        if section and key != "NAME":
            found.setdefault(section.split(".")[-1], set()).add(key)
    for name, text in (("stream", streams), ("aggregate", aggregates)):
        for _, key, row in first_cells(text):
            found[name].add(key)
            if key in ("time", "upsert", "dead_letters", "window", "json"):
                found[key] = braced(row[-1])
            elif key == "stats":
                found["statistic"] = braced(row[-1])
            elif key == "where":
                found["condition"] = ticked(one(r"[Cc]onditions are (.*)", row[-1], "README's conditions of where"))
    calendar = one(r"\*\*Trading calendars\.\*\*[^\n]*\n\n((?:    [^\n]*\n)+)", readme, "README's trading calendars")
    found["calendar"] = set(re.findall(r"(?m)^    (\w+):", calendar))
    found["rule"] = ticked(one(r"every event has to meet: (.*?)A comparison is", streams, "README's rules"))
    return found


def readme_statistics(readme):
    table = part(readme, r"\n\| statistic", r"\n\n", "README's statistics")
    cells = [cell for row in table_rows(table) for cell in row]
    return {(name, len([a for a in fields.split(",") if a.strip()]))
            for cell in cells for name, fields in re.findall(r"`(\w+)\((.*?)\)`", cell)}


def readme_reasons(readme):
    return ticked(one(r"Reasons are stable:(.*?)\.\n", readme, "README's reasons"))


# ---- manual pages ----

class Item:
    def __init__(self, section, line, parent):
        (self.section, self.subsection), self.line, self.parent, self.body = section, line, parent, []

    def names(self):
        """Names that an item of keys is for; none where it is for something else."""
        words = [word for word in self.line.split()[1:] if word != ","]
        return words[1:] if words and words[0] in ("Ic", "Li", "Pa") else []

    def text(self):
        return "\n".join(self.body)


def man_items(text):
    """All items of lists, in order; the body of one holds what is nested in it."""
    found, open_lists, section = [], [], ("", "")
    for line in text.splitlines():
        if line.startswith(".Sh "):
            section = (line[4:], "")
        elif line.startswith(".Ss "):
            section = (section[0], line[4:])
        elif line.startswith(".Bl "):
            open_lists.append(None)
        elif line.startswith(".El"):
            open_lists.pop()
        elif line.startswith(".It "):
            parents = [item for item in open_lists[:-1] if item]
            open_lists[-1] = Item(section, line, parents[-1] if parents else None)
            found.append(open_lists[-1])
        else:
            for item in open_lists:
                if item:
                    item.body.append(line)
    return found


def interactive(text):
    """Names after the macro Ic, also within other macros."""
    return {word for line in re.findall(r"^\.(?:\w\w )*Ic (.*)$", text, re.M)
            for word in line.split(" No ")[0].split() if re.fullmatch(r"[a-z_]+", word)}


def man_keys(page):
    items = man_items(page)
    found = {"root": set(), "stream": set(), "aggregate": set()}
    for item in items:
        name = {"ROOT KEYS": "root", "STREAMS": "stream", "AGGREGATES": "aggregate"}.get(item.section)
        if name and item.parent is None:
            found[name].update(item.names())
            for section in item.names():
                if section in ("time", "upsert", "dead_letters", "window", "json", "http", "log"):
                    found[section] = braced(item.text()) | (interactive(item.text()) if section == "window" else set())
                elif section == "calendar" and name == "aggregate":
                    found["calendar"] = interactive(one(r"^(.*)\nWith it", item.text(), "keys of calendar"))
                elif section == "stats":
                    found["statistic"] = braced(item.text())
                elif section == "rules":
                    conditions = one(r"\nConditions are(.*)A null meets", item.text(), "conditions of rules")
                    found["rule"] = interactive(conditions)
                elif section == "where":
                    conditions = one(r"\nConditions are(.*)A comparison", item.text(), "conditions of where")
                    found["condition"] = interactive(conditions)
        elif name == "root" and item.parent:
            found.setdefault(item.parent.names()[0], set()).update(item.names())
    return found


def man_statistics(page):
    found = set()
    for item in man_items(page):
        for call in re.split(r"\bFn ", item.line)[1:] if item.section == "AGGREGATES" else ():
            name, *fields = call.replace(",", " ").split()
            found.add((name, len(fields)))
    return found


def man_list(page, section, macro="Li"):
    return {name for item in man_items(page) if item.section == section and f".It {macro} " in item.line for name in item.names()}


def man_status(page):
    """{object of /status: its fields}; the subsections are called "Of kafka" and the like"""
    found = {}
    for item in man_items(page):
        if item.section == "STATUS":
            found.setdefault(item.subsection.removeprefix("Of "), set()).update(item.names())
    return found


def man_status_values(page):
    section = one(r"\n\.Sh STATUS\n(.*?)\n\.Sh ", page, "the section on /status")
    return {value for item in re.findall(r"\n\.It Li (?:phase|health|waits_for|waiting_for)\n(.*?)(?=\n\.(?:It|El))", section, re.S)
            for value in re.findall(r"^\.Ql (\w+)", item, re.M)}


def man_options(page):
    """({(long name, letter, whether there is a value)} that are explained, {long names that are mentioned anywhere})"""
    explained, without_value = set(), set()
    for line in re.findall(r"^\.It (Fl .*)$", page, re.M):
        value = " Ar " in line
        flags = re.findall(r"\bFl (\S+)", line)
        letters = [flag for flag in flags if not flag.startswith("-")]
        for long in (flag[1:] for flag in flags if flag.startswith("-")):
            explained.add((long, letters.pop(0) if letters else "", value))
    # "How files are read (...) is described in rollstat-publish(1)"
    for block in re.findall(r"^\.Po (Fl .*?) Pc$", page, re.M | re.S):
        without_value |= set(re.findall(r"-([a-z-]+)", block))
    mentioned = {flag for line in re.findall(r"^\.(?:.* )?(?:Fl .*)$", page, re.M) for flag in re.findall(r"(?<=\s)-([a-z][a-z-]+)", line)}
    mentioned |= set(re.findall(r"(?<![\w-])--([a-z][a-z-]+)", page))
    return explained, without_value, mentioned


# ---- deploy/demo ----

def misplaced(demo):
    """Programs that the demo looks for, or tells of, where they are not built."""
    searched = one(r"\n *PATH=(\$build\S*)", demo, "the demo's PATH").split(":")
    places = {place for name, place in suite.PLACES.items() if name.startswith("rollst")} - {"schemas"}
    named = re.findall(r"build/demo/(\S+)/(rollst[a-z-]+)", demo)
    if not named:
        raise Unreadable("the demo names no program")
    return (sorted(f"PATH lacks {place}" for place in places if f"$build/{place}" not in searched) +
            [f"{name} is not in {place}" for place, name in named if suite.PLACES[name] != place])


# ---- comparing ----

def compare(what, code, document, where):
    """Complaints: what one has and the other has not."""
    if not code:
        raise Unreadable(f"the code has no {what}")
    return ([f"{what} {name} is not in {where}" for name in sorted(map(str, code - document))] +
            [f"{where} has the {what} {name}, which the code has not" for name in sorted(map(str, document - code))])


def compare_keys(code, document, where):
    found = compare("section", set(code), set(document), where)
    for section in sorted(set(code) & set(document)):
        found += compare(f"key of {section}", code[section], document[section], where)
    return found


def compare_options(program, options, page, shared):
    """`shared`: the options that another page explains."""
    explained, elsewhere, mentioned = man_options(page)
    where = PROGRAMS[program]
    short = {option for option in options if option[0] not in elsewhere}
    return (compare(f"option of {program}", short, explained, where) +
            [f"{where} sends to another page for --{name}, which has it not" for name in sorted(elsewhere - shared)] +
            [f"{where} names --{name}, which {program} has not" for name in sorted(mentioned - {o[0] for o in options})])


# Options of other programs, by what stands in the line.
OTHERS = r"^.*(cmake|kafka-topics|systemctl|deploy/demo|tests/run|--prefix /usr|redis-cli|kcat).*$"


def foreign_options(text, options):
    """Options that a text names and no program has."""
    named = set(re.findall(r"(?<![\w-])--([a-z][a-z-]+)", re.sub(OTHERS, "", text, flags=re.M)))
    return sorted(named - {option[0] for table in options.values() for option in table})


def read(*path):
    with open(os.path.join(suite.ROOT, *path), encoding="utf-8") as file:
        return file.read()


class Documentation(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.code = sources()
        cls.readme = read("README.md")
        cls.pages = {page: read("deploy", "man", page) for page in (*PROGRAMS.values(), "rollstat.yaml.5")}

    def test_configuration_keys(self):
        keys = code_keys(self.code)
        self.assertEqual(compare_keys(keys, readme_keys(self.readme), "README.md"), [])
        self.assertEqual(compare_keys(keys, man_keys(self.pages["rollstat.yaml.5"]), "rollstat.yaml.5"), [])

    def test_statistics(self):
        statistics = code_statistics(self.code)
        self.assertEqual(compare("statistic", statistics, readme_statistics(self.readme), "README.md"), [])
        self.assertEqual(compare("statistic", statistics, man_statistics(self.pages["rollstat.yaml.5"]), "rollstat.yaml.5"), [])

    def test_reasons(self):
        reasons = code_reasons(self.code)
        self.assertEqual(compare("reason", reasons, readme_reasons(self.readme), "README.md"), [])
        self.assertEqual(compare("reason", reasons, man_list(self.pages["rollstatd.8"], "DEAD LETTERS"), "rollstatd.8"), [])

    def test_metrics(self):
        metrics = code_metrics(self.code)
        self.assertEqual(compare("metric", metrics, man_list(self.pages["rollstatd.8"], "METRICS"), "rollstatd.8"), [])
        for where, text in {"README.md": self.readme, **self.pages}.items():
            named = set(re.findall(r"(?<![\w/-])rollstat_[a-z0-9_]+", text))
            self.assertEqual(sorted(named - metrics), [], where)

    def test_headers_of_dead_letters(self):
        named = set(re.findall(r"`(rollstat\.[a-z_]+)`", self.readme))
        self.assertEqual(compare("header", code_headers(self.code), named, "README.md"), [])
        named = set(re.findall(r"\brollstat\.(?!yaml)[a-z_]+", self.pages["rollstat.yaml.5"]))
        self.assertEqual(sorted(named - code_headers(self.code)), [])

    def test_pages(self):
        pages = code_pages(self.code)
        row = one(r"\n\| `http.listen` \|([^\n]*)", self.readme, "README's http.listen")
        self.assertEqual(compare("page", pages, set(re.findall(r"`(/[a-z]+)`", row)), "README.md"), [])
        self.assertEqual(compare("page", pages, man_list(self.pages["rollstatd.8"], "HTTP", "Pa"), "rollstatd.8"), [])

    def test_fields_of_status(self):
        page = self.pages["rollstatd.8"]
        code, document = code_status(self.code), man_status(page)
        self.assertEqual(compare("object of /status", set(code), set(document), "rollstatd.8"), [])
        self.assertEqual([fault for name in sorted(code)
                          for fault in compare(f"field of {name}", code[name], document[name], "rollstatd.8")], [])
        values = man_status_values(page) - {"nothing"}
        self.assertEqual(compare("value on /status", code_status_values(self.code), values, "rollstatd.8"), [])

    def test_command_lines(self):
        options = code_options(self.code)
        shared = {option[0] for option in man_options(self.pages["rollstat-publish.1"])[0]}
        found = [fault for program, table in sorted(options.items())
                 for fault in compare_options(program, table, self.pages[PROGRAMS[program]], shared)]
        self.assertEqual(found, [])
        self.assertEqual(foreign_options(self.readme, options), [])

    def test_the_demo_finds_its_programs(self):
        demo = read("deploy", "demo")
        self.assertEqual(misplaced(demo), [])
        moved = demo.replace("ingest/publish", "ingest")
        self.assertEqual(misplaced(moved), ["PATH lacks ingest/publish", "rollstat-publish is not in ingest"])

    # ---- each comparison can fail, in both directions ----

    def sees(self, word, change_code, change_document, test):
        """`test` passes as things are, and complains of `word` with either side changed."""
        for attribute, change in (("code", change_code), *(change_document.items())):
            whole = getattr(self, attribute)
            changed = change(whole)
            self.assertNotEqual(changed, whole, f"{attribute} has not changed")
            setattr(self, attribute, changed)
            try:
                with self.assertRaises(self.failureException) as failure:
                    test()
            finally:
                setattr(self, attribute, whole)
            self.assertIn(word, str(failure.exception))

    @staticmethod
    def in_code(old, new):
        return lambda code: {path: text.replace(old, new) for path, text in code.items()}

    @staticmethod
    def in_page(page, old, new):
        return lambda pages: {**pages, page: pages[page].replace(old, new)}

    def test_configuration_keys_can_fail(self):
        readme, page = self.readme, "rollstat.yaml.5"
        for word, old, more in (
                ("flavour", '"pending_history", NULL', '"pending_history", "flavour", NULL'),
                ("flavour", '"version", "value"', '"flavour", "version", "value"'),
                ("flavour", '"tumbling", ', '"tumbling", "flavour", '),
                ("flavour", '"is_null", NULL', '"is_null", "flavour", NULL'),
                ("max_groups", '"max_groups",', "")):
            self.sees(word, self.in_code(old, more), {}, self.test_configuration_keys)
        self.assertEqual(self.readme, readme)
        self.sees("flavour", self.in_code('"connect_timeout", "connections",', '"connect_timeout", "connections", "flavour",'), {
            "readme": lambda text: text.replace("| `group` |", "| `group`, `flavour` |"),
            "pages": self.in_page(page, ".It Ic group\n", ".It Ic group , flavour\n")}, self.test_configuration_keys)
        self.sees("pattern", self.in_code('"pattern",', ""), {
            "readme": lambda text: text.replace("`pattern`", ""),
            "pages": self.in_page(page, "not_in , pattern", "not_in")}, self.test_configuration_keys)
        self.sees("publish_every", self.in_code('"publish_every",', ""), {
            "readme": lambda text: text.replace("| `redis.publish_every` |", "| |"),
            "pages": self.in_page(page, ".It Ic publish_every\n", "")}, self.test_configuration_keys)

    def test_statistics_can_fail(self):
        self.sees("stddev_pop", self.in_code('{"stddev_pop",', '{"mode",'), {
            "readme": lambda text: text.replace("`stddev_pop(x)`", ""),
            "pages": self.in_page("rollstat.yaml.5", " Fn stddev_pop x ,", "")}, self.test_statistics)
        self.sees("('rate', 2)", self.in_code('{"rate", RS_STAT_RATE, RS_UNIT_RATE, {', '{"rate", RS_STAT_RATE, RS_UNIT_RATE, {OPTIONAL_WHOLE("n", 1, 9), '), {
            "readme": lambda text: text.replace("`rate(x)`", "`rate(x, y)`")}, self.test_statistics)

    def test_reasons_can_fail(self):
        self.sees("uuid", self.in_code('"uuid"', '"guid"'), {
            "readme": lambda text: text.replace("`uuid`, ", ""),
            "pages": self.in_page("rollstatd.8", ".It Li uuid\n", "")}, self.test_reasons)

    def test_metrics_can_fail(self):
        name = "rollstat_redis_losses_total"
        self.sees(name, self.in_code(f'"{name}"', '"rollstat_redis_lost_total"'), {
            "pages": self.in_page("rollstatd.8", f".It Li {name}\n", "")}, self.test_metrics)
        self.sees("rollstat_invented_total", lambda code: {**code, "transform/daemon/x.c": '"rollstat_invented_total"'}, {
            "readme": lambda text: text + "`rollstat_invented_total`\n",
            "pages": self.in_page("rollstat.yaml.5", ".Sh FILES", ".Li rollstat_invented_total\n.Sh FILES")}, self.test_metrics)

    def test_headers_and_pages_can_fail(self):
        self.sees("rollstat.key_cut", self.in_code('"rollstat.key_cut"', '"rollstat.key_cut_off"'), {
            "readme": lambda text: text.replace("`rollstat.key_cut`", "")}, self.test_headers_of_dead_letters)
        self.sees("/livez", self.in_code('{"/livez",', '{"/alive",'), {
            "readme": lambda text: text.replace("`/livez`", ""),
            "pages": self.in_page("rollstatd.8", ".It Pa /livez\n", "")}, self.test_pages)

    def test_fields_of_status_can_fail(self):
        for word, code, page in (
                ("field of the instance started", ('set_time(root, "started"', 'set_time(root, "born"'), (".It Li started\n", "")),
                ("field of kafka group", ('set_text(object, "group",', "("), (".It Li group\n", ".It Li groups\n")),
                ("field of redis conflicts", ('STATUS("conflicts", COUNT, conflicts),\n    COUNTER(', "COUNTER("),
                 (".It Li conflicts\nRefused", ".It Li refused\nRefused")),
                ("field of workers steps", ('_worker_steps_total", "steps",', '_worker_steps_total", NULL,'), (".It Li steps\n", "")),
                ("field of aggregates panes", ('add_to(object, "panes"', 'add_to(object, "tiles"'),
                 (".It Li groups , panes\n", ".It Li groups\n")),
                ("field of partitions lag", ('set_integer(object, "lag",', 'set_integer(object, "lags",'),
                 (".It Li lag\n", ".It Li lags\n")),
                ("field of partitions panes", ('"rollstat_panes", "panes",', '"rollstat_panes", "tiles",'),
                 (".It Li groups , panes , memory_bytes\n", ".It Li groups , memory_bytes\n")),
                ("field of state_log claim", ('"rollstat_state_log_claim_offset", "claim",', '"rollstat_state_log_claim_offset", "at",'),
                 (".It Li claim , sealed_at\n", ".It Li sealed_at\n")),
                ("field of events filtered", ('"filtered"', '"passed"'), (".It Li applied , late , duplicate , rejected , filtered\n",
                                                                         ".It Li applied , late , duplicate , rejected\n")),
                ("value on /status stopped", ('return "stopped";', 'return "weary";'), (".Ql stopped\n", "stopped\n"))):
            self.sees(word, self.in_code(*code), {"pages": self.in_page("rollstatd.8", *page)}, self.test_fields_of_status)

    def test_command_lines_can_fail(self):
        self.sees("dry-run", self.in_code('{"dry-run",', '{"dry",'), {
            "pages": self.in_page("rollstat-publish.1", ".It Fl n , Fl -dry-run\n", ""),
            "readme": lambda text: text + "    rollstat-publish --dry-run-again\n"}, self.test_command_lines)
        for word, old, new in (("'dry-run', 'd'", "{\"dry-run\", 'n'", "{\"dry-run\", 'd'"),
                                     ("'rate', '', False", '"N", "at most N rows', 'NULL, "at most N rows'),
                                     ("--replay", '{"replay",', '{"again",'),
                                     ("delimiter", '{"delimiter",', '{"separator",')):
            self.sees(word, self.in_code(old, new), {}, self.test_command_lines)
        self.sees("columns", self.in_code('{"columns",', '{"cells",'), {
            "pages": self.in_page("rollstatd.8", "-columns , ", "")}, self.test_command_lines)

    def test_nothing_read_is_a_failure(self):
        for function, old in ((code_statistics, "known_stats[] ="),
                                    (code_reasons, "define RS_REASONS(X)"),
                                    (code_keys, "const window_keys[]"),
                                    (code_status, "json_t *kafka("),
                                    (code_status, "partition_rows[] ="),
                                    (code_status, "STATUS("),
                                    (code_options, "struct rs_option options")):
            with self.assertRaises(Unreadable):
                function(self.in_code(old, "gone")(self.code))
        with self.assertRaises(Unreadable):
            compare("metric", set(), {"rollstat_ready"}, "rollstatd.8")
        with self.assertRaises(Unreadable):
            sources(os.path.join(suite.TESTS, "lint"))


if __name__ == "__main__":
    suite.main()
