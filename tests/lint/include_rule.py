#!/usr/bin/env python3
"""base ◀ schemas ◀ {ingest, transform, sink}: who may include whom.

Usage: include_rule.py [ROOT]. Prints each violation as FILE:LINE and exits 1 if there is any, 2 if there is nothing to check.
Only the files of the daemon's own program, which wires the stages together, see all of them.
"""
import fnmatch
import os
import re
import sys

ALLOWED = {
    "base": {"base"},
    "schemas": {"base", "schemas"},
    "ingest": {"base", "schemas", "ingest"},
    "transform": {"base", "schemas", "transform"},
    "sink": {"base", "schemas", "sink"},
}
WIRING = ("transform/daemon/*.[ch]",)
INCLUDE = re.compile(r'^\s*#\s*include\s+["<]([a-z]+)/[^">]+[">]')
RELATIVE = re.compile(r'^\s*#\s*include\s+"([^"]*)"')


def violations(root):
    """(number of files read, ["FILE:LINE: what"])"""
    files, found = 0, []
    for folder, allowed in ALLOWED.items():
        for directory, _, names in os.walk(os.path.join(root, folder)):
            for name in sorted(names):
                path = os.path.relpath(os.path.join(directory, name), root)
                if not name.endswith((".c", ".h")):
                    continue
                files += 1
                wiring = any(fnmatch.fnmatch(path, pattern) for pattern in WIRING)
                found += check_file(root, path, set(ALLOWED) if wiring else allowed)
    return files, found


def check_file(root, path, allowed):
    found = []
    with open(os.path.join(root, path), encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            match = INCLUDE.match(line)
            if match and match.group(1) in ALLOWED and match.group(1) not in allowed:
                found.append(f"{path}:{number}: {path.split('/')[0]}/ must not include {match.group(1)}/")
            match = RELATIVE.match(line)
            if match and match.group(1).startswith("."):
                found.append(f"{path}:{number}: includes name the folder, not {match.group(1)}")
    return found


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    files, found = violations(root)
    print("\n".join(found) or f"include rule: {files} files, nothing against it")
    return 2 if files == 0 else 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
