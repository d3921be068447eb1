# SPDX-License-Identifier: Apache-2.0
"""check_operations.py PROJECT_ROOT ILNP_HOST ILNP_SBR ILNP_GATEWAY: docs/operations and */deploy say what the programs do."""
import json
import pathlib
import re
import subprocess
import sys
import unittest

ROOT = pathlib.Path(sys.argv[1])
ILNP_HOST, ILNP_SBR, ILNP_GATEWAY = sys.argv[2:5]
PAGES = ROOT / "docs/operations"


def printed_by(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def sources(*folders):
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.cpp"))


def names_in_array(enum):
    """The strings of `name_of(ENUM)` in core/ilnp/reasons.h."""
    text = (ROOT / "core/ilnp/reasons.h").read_text()
    body = re.search(r"name_of\(%s \w+\) \{.*?names\{(.*?)\};" % enum, text, re.DOTALL).group(1)
    return set(re.findall(r'"(\w+)"', body)) - {"none"}


def rows(page):
    """What stands in backquotes in the first cell of each table row."""
    found = set()
    for line in (PAGES / page).read_text().splitlines():
        if line.startswith("| `"):
            found.update(re.findall(r"`([^`]+)`", line.split("|")[1]))
    return found


def wire_counters():
    text = (ROOT / "io/wire/wire_counters.cpp").read_text()
    names = set(re.findall(r'^\s*wire\("(\w+)",', text, re.MULTILINE))
    assert names
    return {f"wire.{name}" for name in names}


class Generated(unittest.TestCase):
    maxDiff = None
    hint = "run scripts/update-docs.sh"

    def test_the_option_reference_is_that_of_the_program(self):
        for name, program in (("ilnp-host", ILNP_HOST), ("ilnp-sbr", ILNP_SBR), ("ilnp-gateway", ILNP_GATEWAY)):
            page = (PAGES / f"{name}-options.md").read_text()
            self.assertEqual(page, printed_by(program, "--print-reference"), self.hint)

    def test_the_example_is_that_of_the_program(self):
        for path, program in (("ilnp-host/deploy/host.toml", ILNP_HOST), ("sbr/deploy/sbr.toml", ILNP_SBR),
                              ("gateway/deploy/gateway.toml", ILNP_GATEWAY)):
            self.assertEqual((ROOT / path).read_text(), printed_by(program, "--print-example"), self.hint)

    def test_the_example_of_a_host_is_valid(self):
        example = str(ROOT / "ilnp-host/deploy/host.toml")
        self.assertIn("good", printed_by(ILNP_HOST, "--check", "--config", example))


class Named(unittest.TestCase):
    def test_every_counter_has_a_row_and_every_row_a_counter(self):
        counters = {"drop." + name for name in names_in_array("DropReason")}
        status = (ROOT / "ilnp-host/src/status.cpp").read_text()
        for component, name in re.findall(r'counters\.add(?:_gauge)?\("(\w+)", \{"(\w+)"', status):
            counters.add(f"{component}.{name}")
        counters |= wire_counters()
        for component in ("tun", "stub"):
            names = re.findall(r'^\s*%s\("(\w+)",' % component, status, re.MULTILINE)
            self.assertTrue(names, component)
            counters.update(f"{component}.{name}" for name in names)
        self.assertEqual(rows("counters.md"), counters)

    def test_every_event_has_a_row_and_every_row_an_event(self):
        events = names_in_array("EventKind") | {"events_suppressed", "events_lost", "monitor_started"}
        for source in sources("ilnp-host/src", "io/process"):
            text = source.read_text()
            events.update(re.findall(r'log_event\([^"{]*?"(\w+)"', text))
            events.update(re.findall(r'"(dns_\w+)"', text))
        self.assertEqual(rows("events.md"), events)

    def test_every_counter_and_event_of_the_border_router_has_a_row(self):
        named = rows("ilnp-sbr.md")
        status = (ROOT / "sbr/src/status.cpp").read_text()
        counters = {f"{component}.{name}" for component, name in
                    re.findall(r'counters\.add(?:_gauge)?\("(\w+)", \{"(\w+)"', status)}
        counters |= wire_counters()
        for component in ("uplink", "inside", "proxy"):
            counters.update(f"{component}.{name}" for name in
                            re.findall(r'^\s*%s\("(\w+)",' % component, status, re.MULTILINE))
        self.assertGreater(len(counters), 20)
        self.assertEqual(counters - named, set())
        events = set()
        for source in sources("sbr/src", "io/process"):
            text = source.read_text()
            events.update(re.findall(r'log_event\([^"{]*?"(\w+)"', text))
            events.update(re.findall(r'"(dns_\w+)"', text))
        of_end_nodes = {name for name in events if name.startswith("sessions_")}
        self.assertEqual(events - named - of_end_nodes, set())
        reasons = (ROOT / "core/site/site_reasons.h").read_text()
        page = (ROOT / "docs/protocol/border-router.md").read_text()
        for reason in re.findall(r'"(\w+)"', reasons):
            if reason != "none":
                self.assertIn(f"`{reason}`", page)


    def test_every_counter_and_event_of_the_gateway_has_a_row(self):
        named = rows("ilnp-gateway.md")
        status = (ROOT / "gateway/src/status.cpp").read_text()
        counters = {f"{component}.{name}" for component, name in
                    re.findall(r'(?:gauge\(|counters\.add\()"(\w+)", \{?"(\w+)"', status)}
        for component in ("control", "data", "tun"):
            counters.update(f"{component}.{name}" for name in
                            re.findall(r'^\s*%s\("(\w+)",' % component, status, re.MULTILINE))
        group = re.search(r"group_counter_names\(\) \{(.*?)\n\}", (ROOT / "io/group/group_link.cpp").read_text(), re.DOTALL)
        counters.update(f"group.{name}" for name in re.findall(r'\{"(\w+)"', group.group(1)))
        server = re.search(r"server_counters\{(.*?)\};", status, re.DOTALL).group(1)
        counters.update(f"server.{name}" for name in re.findall(r'"(\w+)"', server))
        for component, header in (("drop", "core/forwarding/lisp_reasons.h"), ("xtr", "core/lisp/xtr_reasons.h")):
            names = re.search(r"names\{(.*?)\};", (ROOT / header).read_text(), re.DOTALL).group(1)
            counters.update(f"{component}.{name}" for name in re.findall(r'"(\w+)"', names) if name != "none")
        self.assertGreater(len(counters), 60)
        self.assertEqual(counters - named, set())
        events = set()
        for source in sources("gateway/src", "io/process"):  # one name, or one of two: b ? "this" : "that"
            for names in re.findall(r'log_event\([^"{]*?"(\w+)"(?:\s*:\s*"(\w+)")?', source.read_text()):
                events.update(filter(None, names))
        not_of_a_gateway = {name for name in events if name.startswith(("dns_", "filter_"))}
        table = (PAGES / "ilnp-gateway.md").read_text().split("## Events")[1]
        documented = set(re.findall(r"`(\w+)`(?=[^|]*\|)", table))
        self.assertEqual(events - not_of_a_gateway - documented, set())
        self.assertEqual(documented - events - rows("events.md"), set())  # those of sessions are ilnp-host's


class Lisp(unittest.TestCase):
    page = (ROOT / "docs/protocol/lisp.md").read_text()

    def test_every_reason_has_a_row(self):
        for file in ("lisp/reasons.h", "lisp/itr_reasons.h", "lisp/siit_reasons.h", "forwarding/eid_exchange.cpp"):
            names = re.search(r"names\{(.*?)\};", (ROOT / "core" / file).read_text(), re.DOTALL).group(1)
            reasons = set(re.findall(r'"(\w+)"', names)) - {"none"}
            self.assertGreater(len(reasons), 9)
            for reason in reasons:
                self.assertIn(f"`{reason}`", self.page)

    def test_every_file_and_every_suite_that_a_row_names_exists(self):
        folders = ("lisp", "forwarding")
        tests = "".join(file.read_text() for folder in (*folders, "group")
                        for file in sorted((ROOT / "tests/unit" / folder).glob("*.cpp")))
        files = re.findall(r"`(\w+\.(?:h|cpp))`", self.page)
        suites = re.findall(r"`([A-Z]\w+)\.(\w*)\*?`", self.page)
        self.assertTrue(files and suites)
        for file in files:
            self.assertTrue(any((ROOT / "core" / folder / file).exists() for folder in folders), file)
        for suite, test in suites:
            if suite != "Oracle":
                self.assertRegex(tests, r"\(%s\w*,\s*%s" % (suite, test))


class Examples(unittest.TestCase):
    def test_json_in_the_pages_is_json_of_the_schema_above_it(self):
        page = (PAGES / "control-socket.md").read_text()
        examples = re.findall(r"### (ilnp\.\w+/\d+)\n\n```json\n(.*?)```", page, re.DOTALL)
        self.assertEqual(len(examples), 7)
        for schema, text in examples:
            self.assertEqual(json.loads(text)["schema"], schema)

    def test_links_between_pages_lead_somewhere(self):
        for page in PAGES.glob("*.md"):
            for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
                self.assertTrue((PAGES / target).exists(), f"{page.name}: {target}")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
