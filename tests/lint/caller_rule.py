#!/usr/bin/env python3
"""A function that a header offers has a caller outside its own file.

Usage: caller_rule.py [ROOT]. Prints each function of the product's headers that nothing in the product calls, or only its own
.c file, and exits 1 if there is any, 2 if there is nothing to check. Tests are no callers: what only they use is theirs, in
tests/lib, and what only its own file uses is static.
"""
import os
import re
import sys

FOLDERS = ("base", "schemas", "ingest", "transform", "sink", "deploy")
# Callers that this rule cannot see. An entry that has found its caller, or has no function any more, is a fault too.
HEADERS = {
    "ingest/publish/rollstat.h": "librollstat's callers are the programs of others",
}
FUNCTIONS = {
    "rs_config_load_text": "tests write their configurations as text",
    "rs_http_port": "tests ask for any free port",
    "rs_pattern_states": "tests see that the bound of a pattern holds",
    "rs_kafka_control_statistics": "tests tell what librdkafka says of brokers that they do not have",
    "rs_slabs_live": "tests see that places are given back",
    "rs_worker_step": "tests and simulation call the worker in virtual time",
    # The store that stands for Redis in tests fails as Redis does, and shows what it holds.
    "rs_memory_store_set_away": "tests", "rs_memory_store_set_refusal": "tests", "rs_memory_store_wipe": "tests",
    "rs_memory_store_set_fence": "tests", "rs_memory_store_fence": "tests", "rs_memory_store_field": "tests",
    "rs_memory_store_history": "tests",
}
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
TEXT = re.compile(r'"(?:\\.|[^"\\\n])*"')
# What begins in the first column and goes on to a name and its arguments: declarations and definitions.
DECLARED = re.compile(r"^(?!typedef\b)[A-Za-z_][^;{}=()]*\b([A-Za-z_]\w*)\(", re.MULTILINE)
STATIC = re.compile(r"static\b(?! inline)")
WORD = re.compile(r"\b[A-Za-z_]\w*")


def read(root):
    """{path: text without comments and texts}"""
    files = {}
    for folder in FOLDERS:
        for directory, _, names in os.walk(os.path.join(root, folder)):
            for name in names:
                if name.endswith((".c", ".h")):
                    path = os.path.join(directory, name)
                    with open(path, encoding="utf-8") as file:
                        files[os.path.relpath(path, root)] = TEXT.sub('""', COMMENT.sub(" ", file.read()))
    return files


def declarations(text):
    """(name, place) of what is declared or defined in a file for others as well"""
    return [(match.group(1), match.start(1)) for match in DECLARED.finditer(text) if not STATIC.match(match.group(0))]


def faults(files):
    """(number of functions that headers offer, ["HEADER: what"])"""
    offered, home, callers = {}, {}, {}
    for path, text in files.items():
        if path.endswith(".h"):
            offered.update((name, path) for name, _ in declarations(text))
    for path, text in files.items():
        declared = dict((place, name) for name, place in declarations(text))
        if path.endswith(".c"):
            home.update((name, path) for name in declared.values())
        for match in WORD.finditer(text):
            if match.group() in offered and match.start() not in declared:
                callers.setdefault(match.group(), set()).add(path)
    found = []
    for name, header in sorted(offered.items(), key=lambda item: (item[1], item[0])):
        inside = callers.get(name, set())
        called = bool(inside - {home.get(name)})
        if called and name in FUNCTIONS:
            found.append(f"{header}: {name} has a caller: caller_rule.py need not list it")
        elif not called and name not in FUNCTIONS and header not in HEADERS:
            found.append(f"{header}: {name} has no caller" + (" outside its own file: it is static" if inside else ""))
    if any(path.startswith("transform/worker/") for path in files):
        found += [f"caller_rule.py lists {name}, which is not there" for name in FUNCTIONS if name not in offered]
    return len(offered), found


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    count, found = faults(read(root))
    print("\n".join(found) or f"caller rule: {count} functions, each has a caller")
    return 2 if count == 0 else 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
