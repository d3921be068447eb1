#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fails when an #include points outwards: programs -> io -> core, and inside core base <- ipv6 <- ilnp <- the rest.

Usage: check_includes.py ROOT. Prints one line per broken rule; the linker cannot see these, because headers link to
nothing. check_includes_test.py breaks every rule once and expects to be told.
"""
import pathlib
import re
import sys

SOURCES = {".h", ".hpp", ".cpp", ".cc", ".c"}
PROGRAMS = ("ilnp-host", "sbr", "gateway", "dns", "ctl", "examples")

# What each folder of core may use besides itself.
CORE = {
    "base": (),
    "ipv6": ("base",),
    "ilnp": ("base", "ipv6"),
    "site": ("base", "ipv6", "ilnp"),
    "records": ("base", "ipv6"),
    "lisp": ("base", "ipv6"),
    "forwarding": ("base", "ipv6", "ilnp", "lisp", "site", "records"),
}
# core/records knows ILNP values, not the protocol machines.
RECORDS_FROM_ILNP = {"core/ilnp/text.h"}

# The part of the standard library that does no I/O, asks no clock and starts no thread.
PURE_STANDARD_HEADERS = set(
    "algorithm array bit bitset cassert charconv chrono climits cmath compare concepts cstddef cstdint cstdlib cstring "
    "deque functional initializer_list iosfwd iterator limits list map memory new numbers numeric optional ostream queue "
    "ranges set span sstream stack string string_view tuple type_traits unordered_map unordered_set utility variant "
    "vector version".split()
)
EXCEPTIONS = {
    ("core/base/result.h", "boost/outcome/result.hpp"),
    ("core/base/result.h", "boost/outcome/success_failure.hpp"),
    ("core/ipv6/address.cpp", "arpa/inet.h"),
}
IMPURE = re.compile(
    r"_clock\s*::\s*now|\bspdlog\b|\basio\b|\bopenssl\b|\bEVP_\w+|\bstd\s*::\s*(j?thread|async|mutex|cout|cerr|random_device)\b"
    r"|(?<![\w.>])(std\s*::\s*|::)?(rand|getenv|printf|fprintf|fopen|clock_gettime|gettimeofday|getrandom)\s*\(",
    re.IGNORECASE,
)
# Somebody may set the wall clock by hours: sessions, locators and timers must not know it.
WALL_CLOCK = re.compile(r"\bsystem_clock\b|\bCLOCK_REALTIME\b|\bgettimeofday\b|\btime\s*\(\s*(nullptr|NULL|0)\s*\)")
MAY_USE_THE_WALL_CLOCK = ("io/telemetry/", "io/resolver/update_client.cpp", "io/loop/clock_set_watch.cpp",
                          "gateway/src/wall_clock.h", "examples/")
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)
COMMENT = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"', re.DOTALL)


def without_comments(text):
    """Comments go, strings become empty, line numbers stay."""
    return COMMENT.sub(lambda m: '""' if m[0].startswith('"') else "\n" * m[0].count("\n"), text)


def layer(path):
    """('core', folder), ('io', folder), ('program', name) or None for what has no rule."""
    parts = path.split("/")
    if parts[0] in ("core", "io"):
        return parts[0], parts[1] if len(parts) > 2 else ""
    return ("program", parts[0]) if parts[0] in PROGRAMS else None


def complaint(path, bracket, target, root):
    """Why `path` must not include `target`, or None."""
    own_layer, own_folder = layer(path)
    if (path, target) in EXCEPTIONS:
        return None
    if bracket == "<":
        if own_layer == "core" and target not in PURE_STANDARD_HEADERS:
            return "core uses only itself and the pure part of the standard library"
        if target.startswith("boost/outcome"):
            return "core/base/result.h alone names Boost.Outcome"
        return None
    if not (root / target).is_file():
        return "no such file: includes are written from the project's root"
    theirs = layer(target)
    if theirs is None:
        return "tests and tools are used by nothing"
    their_layer, their_folder = theirs
    if own_layer == "core":
        if their_layer != "core":
            return "core never uses io or a program"
        if own_folder not in CORE:
            return "a folder of core that this check does not know: give it a line in CORE"
        if target in RECORDS_FROM_ILNP and own_folder == "records":
            return None
        if their_folder != own_folder and their_folder not in CORE[own_folder]:
            return f"core/{own_folder} must not use core/{their_folder}"
    elif own_layer == "io":
        if their_layer == "program":
            return "io never uses a program"
    elif their_layer == "program" and their_folder != own_folder:
        return "programs never use each other"
    return None


def check(root):
    problems = []
    for top in ("core", "io", *PROGRAMS):
        for file in sorted((root / top).rglob("*")):
            if file.suffix not in SOURCES or not file.is_file():
                continue
            path = file.relative_to(root).as_posix()
            text = file.read_text()
            for match in INCLUDE.finditer(text):
                why = complaint(path, match[1], match[2], root)
                if why:
                    problems.append(f"{path}:{text.count(chr(10), 0, match.start()) + 1}: includes {match[2]}: {why}")
            for number, line in enumerate(without_comments(text).splitlines(), 1):
                match = (IMPURE if top == "core" else WALL_CLOCK).search(line)
                if not match or line.lstrip().startswith("#"):
                    continue
                if top == "core":
                    problems.append(f"{path}:{number}: {match[0].strip()}: core has no clock, I/O, threads or logging")
                elif not path.startswith(MAY_USE_THE_WALL_CLOCK):
                    problems.append(f"{path}:{number}: {match[0].strip()}: the wall clock may be set at any time")
    return problems


def main():
    root = pathlib.Path(sys.argv[1]).resolve()
    files = [f for top in ("core", "io") for f in (root / top).rglob("*") if f.suffix in SOURCES]
    if not files:
        sys.exit(f"{root}: no sources found, wrong directory?")
    problems = check(root)
    print("\n".join(problems) or f"{len(files)} files of core and io: every include points inwards")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
