#!/usr/bin/env python3
"""The rooms of the product and who may include whom: base ◀ schemas ◀ {ingest, transform, sink}, and the order within each.

Usage: include_rule.py [ROOT]                  each violation as FILE:LINE; exits 1 if there is any, 2 if there is nothing to check
       include_rule.py --picture [ROOT]        the rooms as the code has them: a Graphviz graph, headed by its layers as text
       include_rule.py --picture-in FILE [ROOT]   exits 1 if FILE does not show these layers

A room is a folder. Nothing includes a room that it is not said to include here, so no two rooms can need each other.
"""
import os
import re
import sys

TOP = ("base", "schemas", "ingest", "transform", "sink")
BASE = ("base", "base/time", "base/config", "base/kafka")
SCHEMAS = ("schemas/registry", "schemas")
ENGINE = ("transform/number", "transform/pane", "transform/plan", "transform/group")

# ROOM → the rooms that it may include besides itself. Every room comes after those that it includes.
ROOMS = {
    "base": (),
    "base/time": ("base",),
    "base/config": ("base", "base/time"),
    "base/kafka": ("base", "base/time", "base/config"),

    "schemas/registry": BASE,
    "schemas": (*BASE, "schemas/registry"),

    "ingest/encode": (*BASE, *SCHEMAS),
    "ingest/read": (*BASE, *SCHEMAS, "ingest/encode"),
    "ingest/publish": (*BASE, *SCHEMAS, "ingest/encode", "ingest/read"),
    "ingest/kafka": (*BASE, *SCHEMAS),

    "sink/redis": BASE,
    "sink/memory": (*BASE, "sink/redis"),
    "sink/top": (*BASE, "sink/redis"),
    "sink/deadletter": BASE,

    "transform/number": BASE,
    "transform/pane": (*BASE, "transform/number"),
    "transform/plan": (*BASE, *SCHEMAS, "transform/number", "transform/pane"),
    "transform/group": (*BASE, *SCHEMAS, *ENGINE[:3]),
    # It keeps bytes and knows no panes: of the plan it takes the counts of records, which a seal carries.
    "transform/statelog": (*BASE, *SCHEMAS, "transform/plan"),
    "transform/partition": (*BASE, *SCHEMAS, *ENGINE, "transform/statelog"),
    "transform/worker": (*BASE, *SCHEMAS, *ENGINE, "transform/statelog", "transform/partition"),
    "transform/dlqtool": (*BASE, *SCHEMAS, *ENGINE, "transform/statelog", "transform/partition"),
    "transform/statetool": (*BASE, *SCHEMAS, *ENGINE, "transform/statelog", "transform/partition"),
    "transform/tap": (*BASE, *SCHEMAS, *ENGINE, "transform/partition"),
}
# The daemon's own program wires the stages together: it alone sees all of them. It is not their tools.
ROOMS["transform/daemon"] = tuple(room for room in ROOMS if room not in ("transform/dlqtool", "transform/statetool", "transform/tap", "sink/top", "ingest/publish"))

INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]')
PRIVATE = re.compile(r"(^|_)internal\.h$")


def sources(root):
    """Paths of the product's C files and headers, from ROOT, sorted."""
    return sorted(os.path.relpath(os.path.join(directory, name), root)
                  for top in TOP for directory, _, names in os.walk(os.path.join(root, top))
                  for name in names if name.endswith((".c", ".h")))


def includes(root, path):
    """[(line, with quotes, what is included)]"""
    with open(os.path.join(root, path), encoding="utf-8") as file:
        matches = [(number, INCLUDE.match(line)) for number, line in enumerate(file, 1)]
    return [(number, match.group(1) == '"', match.group(2)) for number, match in matches if match]


def check_include(room, quoted, target):
    """What is wrong with an include of `target` in `room`, and what to do; or None."""
    folder, name = os.path.split(target)
    if quoted and (not folder or target.startswith(".")):
        return f"includes name the folder from the top, not {target}"
    if target.split("/")[0] not in TOP:
        return None
    if folder not in ROOMS:
        return f"{folder}/ is no room: include from one of those in tests/lint/include_rule.py"
    if PRIVATE.search(name) and folder != room:
        return f"{target} is private to {folder}/: use a public header, or move what both need into one"
    if folder != room and folder not in ROOMS[room]:
        way = "move what both need below both" if room in ROOMS[folder] else "let the caller pass it in, or move it below both"
        return f"{room}/ must not include {folder}/: {way}"
    return None


def violations(root):
    """(number of files read, ["FILE:LINE: what"])"""
    files, found = sources(root), []
    for path in files:
        room = os.path.dirname(path)
        if room not in ROOMS:
            found.append(f"{path}:1: {room}/ is no room: move the file, or give the room a line in tests/lint/include_rule.py")
            continue
        for number, quoted, target in includes(root, path):
            fault = check_include(room, quoted, target)
            found += [f"{path}:{number}: {fault}"] if fault else []
    return len(files), found


def graph(root):
    """{room: the other rooms that it does include}"""
    found = {}
    for path in sources(root):
        room = os.path.dirname(path)
        here = found.setdefault(room, set())
        for _, _, target in includes(root, path):
            folder = os.path.dirname(target)
            if folder != room and os.path.isfile(os.path.join(root, target)):
                here.add(folder)
                found.setdefault(folder, set())
    return found


def layers(arrows):
    """[[rooms that include only rooms of the layers before]]; rooms in a circle get no layer."""
    left, below, found = set(arrows), set(), []
    while True:
        layer = sorted(room for room in left if arrows[room] <= below)
        if not layer:
            return found
        found.append(layer)
        below.update(layer)
        left.difference_update(layer)


def layers_text(arrows):
    """The layers, the highest first: what is in a line includes only what is in the lines below it."""
    lines = [f"{number:2d}  {'  '.join(layer)}" for number, layer in enumerate(layers(arrows))]
    return "\n".join(reversed(lines))


def direct(arrows):
    """The arrows without those that follow from others."""
    def reached(room, seen):
        for other in arrows[room] - seen:
            seen.add(other)
            reached(other, seen)
        return seen
    return {room: {other for other in others if not any(other in reached(between, set()) for between in others if between != other)}
            for room, others in arrows.items()}


def picture(arrows):
    out = ["// " + line for line in layers_text(arrows).splitlines()]
    out += ["digraph rooms {", "    rankdir=BT; node [shape=box, fontname=sans];"]
    out += [f"    {{ rank=same; {' '.join(map(quoted_name, layer))} }}" for layer in layers(arrows)]
    shown = direct(arrows)
    out += [f"    {quoted_name(room)} -> {quoted_name(other)};" for room in sorted(shown) for other in sorted(shown[room])]
    return "\n".join(out + ["}"])


def quoted_name(room):
    return f'"{room}"'


def shows(path, arrows):
    """Whether the text of FILE has the layers, indented as a block."""
    block = "\n".join("    " + line for line in layers_text(arrows).splitlines())
    with open(path, encoding="utf-8") as file:
        return f"\n\n{block}\n\n" in file.read()


def main(arguments):
    what = arguments.pop(0) if arguments[:1] in (["--picture"], ["--picture-in"]) else None
    shown = arguments.pop(0) if what == "--picture-in" else None
    root = arguments[0] if arguments else os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    files, found = violations(root)
    if files == 0:
        print(f"include rule: no file in {root}")
        return 2
    if what == "--picture":
        print(picture(graph(root)))
        return 0
    if what == "--picture-in":
        arrows = graph(root)
        if shows(shown, arrows):
            return 0
        print(f"{shown} does not show the layers of the code, which are, as an indented block:\n\n{layers_text(arrows)}")
        return 1
    print("\n".join(found) or f"include rule: {files} files, nothing against it")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
