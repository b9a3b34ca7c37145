#!/usr/bin/env python3
"""No circles among modules: whoever reads or tests a module need not know first what is built upon it.

Usage: circles.py [ROOT]          each circle that is not in KNOWN, and each entry of KNOWN that is none any more; exits 1 if there is any,
                                  2 if there is nothing to check
       circles.py --list [ROOT]   all circles, with what ties them

A module is X.c with X.h; either may be missing. It needs the modules whose headers it includes, and those that define a function or
an object that its code names, whichever header declares it. A private header passes on the types of its room's public header; that ties
nobody to the code behind it, so what private headers include does not count. Modules that need each other, directly or through others, are a circle.
"""
import os
import re
import sys

import include_rule

# What is left: (why, the modules of the circle). It may only shrink: a circle that grew is a new one, one that shrank is written anew.
KNOWN = (
    ("one data structure: groups, their panes, registers or events, caches, schedule and the bytes that a change of them becomes",
     ("transform/group/bytes", "transform/group/changes", "transform/group/fold", "transform/group/group", "transform/group/groups",
      "transform/group/last", "transform/group/schedule", "transform/group/upsert")),
)

COMMENT_OR_TEXT = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
# The formatter puts a function's name at the left and its brace on a line of its own.
FUNCTION = re.compile(r"^(?!static\b|typedef\b)[A-Za-z_][\w \t\n*]*?\b((?:rs|rollstat)_\w+)\([^;{}]*\)\s*\n\{", re.M)
OBJECT = re.compile(r"^(?!static\b|typedef\b|extern\b)[A-Za-z][\w \t*]*?\b(rs_\w+)(?:\[[^\]\n]*\])*\s*=", re.M)
NAME = re.compile(r"(?<!struct )(?<!enum )(?<!union )\b(?:rs|rollstat)_\w+")


def module_of(path):
    return os.path.splitext(path)[0]


def code_of(text):
    """The text without comments and strings, line by line as it was."""
    return COMMENT_OR_TEXT.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)


def defined(codes):
    """{function or object: the module that defines it}"""
    return {name: module_of(path) for path, code in codes.items() if path.endswith(".c")
            for pattern in (FUNCTION, OBJECT) for name in pattern.findall(code)}


def needs(root):
    """{module: {module that it needs: "FILE:LINE: what shows it"}}"""
    paths = include_rule.sources(root)
    codes = {}
    for path in paths:
        with open(os.path.join(root, path), encoding="utf-8") as file:
            codes[path] = code_of(file.read())
    homes = defined(codes)
    found = {module_of(path): {} for path in paths}
    for path, code in codes.items():
        here = found[module_of(path)]
        for number, _, target in () if include_rule.PRIVATE.search(os.path.basename(path)) else include_rule.includes(root, path):
            if module_of(target) in found and module_of(target) != module_of(path):
                here.setdefault(module_of(target), f"{path}:{number}: includes {target}")
        for match in NAME.finditer(code) if path.endswith(".c") else ():
            home = homes.get(match.group())
            if home is not None and home != module_of(path):
                line = code.count("\n", 0, match.start()) + 1
                here.setdefault(home, f"{path}:{line}: needs {match.group()} of {home}.c")
    return found


def circles(arrows):
    """Sorted circles, each a sorted list of modules that reach each other (Tarjan's components)."""
    number, low, stack, found = {}, {}, [], []

    def visit(module):
        number[module] = low[module] = len(number)
        stack.append(module)
        for other in arrows[module]:
            if other not in number:
                visit(other)
                low[module] = min(low[module], low[other])
            elif other in stack:
                low[module] = min(low[module], number[other])
        if low[module] == number[module]:
            at = stack.index(module)
            if len(stack) - at > 1:
                found.append(sorted(stack[at:]))
            del stack[at:]

    for module in arrows:
        if module not in number:
            visit(module)
    return sorted(found)


def ties(arrows, circle):
    return [f"  {arrows[module][other]}" for module in circle for other in sorted(arrows[module]) if other in circle]


def faults(arrows, known):
    found, real = [], circles(arrows)
    for circle in real:
        if circle not in [sorted(modules) for _, modules in known]:
            found += [f"{ties(arrows, circle)[0].strip()}: a circle of {', '.join(circle)}: move what the lower one needs into a "
                      "module below both, or let the caller pass it in", *ties(arrows, circle)]
    for why, modules in known:
        if sorted(modules) not in real:
            found.append(f"tests/lint/circles.py:1: these are not a circle any more, or a smaller one; shorten KNOWN: "
                         f"{', '.join(modules)} ({why})")
    return found


def main(arguments, known=KNOWN):
    shown = arguments[:1] == ["--list"]
    root = (arguments[shown:] or [os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")])[0]
    sys.setrecursionlimit(10000)
    arrows = needs(root)
    if not arrows:
        print(f"circles: no file in {root}")
        return 2
    if shown:
        for circle in circles(arrows):
            print("\n".join([" ".join(circle), *ties(arrows, circle)]))
        return 0
    found = faults(arrows, known)
    print("\n".join(found) or f"circles: {len(arrows)} modules, {len(known)} known circles, no new one")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
