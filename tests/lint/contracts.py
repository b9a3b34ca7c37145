#!/usr/bin/env python3
"""Headers open with their contract, and its labels can be found: each begins a line of its comment.

Usage: contracts.py [ROOT]. Prints each fault as FILE:LINE and exits 1 if there is any, 2 if there is nothing to check.
"""
import os
import re
import sys

import include_rule

LABEL = r"(?:Threads?|Owns|Limits|Invariant|Errors|Lock|Cost|Source):(?= |$)"
COMMENT = re.compile(r'"(?:\\.|[^"\\\n])*"|/\*.*?\*/', re.S)
TITLE = re.compile(r"/\* [a-z][\w -]*: \S")


def comment_lines(text):
    """[(line number, text of the line without what marks the comment)]"""
    return [(text.count("\n", 0, match.start()) + 1 + at, re.sub(r"^ *(/\*|\*(?!/))?|\*/$", "", line).strip())
            for match in COMMENT.finditer(text) if match.group().startswith("/*")
            for at, line in enumerate(match.group().split("\n"))]


def faults_of(path, text):
    found = [f"{path}:{number}: \"{match.group(1)}\" stands in mid-line: begin a line of the comment with it"
             for number, line in comment_lines(text) for match in re.finditer(rf"\S\s+({LABEL})", line)]
    if not path.endswith(".h") or include_rule.PRIVATE.search(os.path.basename(path)):
        return found
    if not TITLE.match(text):
        return found + [f"{path}:1: a header opens with a comment that says what it is: /* NAME: what it is for"]
    head = comment_lines(text[:text.index("*/") + 2])
    if not any(re.match(r"Threads?: ", line) for _, line in head):
        found.append(f"{path}:1: the header's comment does not say whose thread may call it: Thread: …")
    return found


def main(arguments):
    root = arguments[0] if arguments else os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    paths, found = include_rule.sources(root), []
    for path in paths:
        with open(os.path.join(root, path), encoding="utf-8") as file:
            found += faults_of(path, file.read())
    print("\n".join(found) or f"contracts: {len(paths)} files, each header with its own")
    return 2 if not paths else 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
