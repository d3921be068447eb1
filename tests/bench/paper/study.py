# SPDX-License-Identifier: Apache-2.0
"""The command of a paper: measures what is missing of its rows, each move added to a CSV file when it is over, so that a run that
was broken off goes on; then makes charts and page of all rows that are there."""
import argparse
import os
import sys
import tempfile

from results import ROOT, WAYS, Rows

# pylint: disable=wrong-import-order
import moving  # noqa: E402,F401  pylint: disable=unused-import  says where the others are
from lab import Failure, check  # noqa: E402
from machine import DeadGuest  # noqa: E402

DEATHS = 3  # of guests that are borne for each kind


class Study:
    """`name`: of the CSV file, the page and the command; `kinds`: (word, what can be measured); `quick`: what --quick takes."""

    def __init__(self, name, document, fields, kinds, moves, quick):
        self.name, self.fields, self.quick = name, fields, quick
        self.word, self.kinds = kinds
        self.options = self._arguments(document, moves)

    def _arguments(self, document, moves):
        parser = argparse.ArgumentParser(prog=f"tests/bench/paper/{self.name}.sh", description=document)
        parser.add_argument("--moves", type=int, default=moves, help="that count, of each of the kinds (default: %(default)s)")
        parser.add_argument(f"--{self.word}", dest="kinds", help=f"(default: {','.join(self.kinds)})")
        parser.add_argument("--way", default="shared", choices=WAYS, help="of the guest's memory (default: %(default)s)")
        parser.add_argument("--quick", action="store_true", help=f"one move of {', '.join(self.quick)}, to a folder in out/")
        parser.add_argument("--draw", action="store_true", help="charts and page of the rows that are there; nothing is measured")
        parser.add_argument("--out", help="folder for rows, charts and page (default: docs/papers)")
        parser.add_argument("--build", default=os.path.join(ROOT, "build/dev"), help=argparse.SUPPRESS)
        options = parser.parse_args()
        options.kinds = options.kinds.split(",") if options.kinds else self.quick if options.quick else self.kinds
        options.moves = 1 if options.quick else options.moves
        options.out = options.out or os.path.join(ROOT, "out/paper-quick" if options.quick else "docs/papers")
        if not set(options.kinds) <= set(self.kinds):
            parser.error(f"--{self.word}: a list of {', '.join(self.kinds)}")
        return options

    def path(self, name):
        return os.path.join(self.options.out, name)

    def main(self, missing, measure, draw):
        """missing(kind, rows): whether there are too few of a kind. measure(kind, rows, options, directory) adds what is missing.
        draw(rows, study) returns the page."""
        os.makedirs(self.options.out, exist_ok=True)
        rows = Rows(self.path(f"{self.name}.csv"), self.fields)
        try:
            check(self.options.draw or all(row["way"] == self.options.way for row in rows.read()),
                  f"{rows.path} has moves of another way: take another --out")
            for kind in self.options.kinds if not self.options.draw else ():
                self._measure(kind, rows, missing, measure)
            there = rows.read()
            check(there, f"there are no rows in {rows.path}")
            text = draw(there, self)
        except Failure as failure:
            sys.exit(f"FAILED: {failure}")
        with open(self.path(f"{self.name}.md"), "w", encoding="utf-8") as page:
            page.write(text)
        print(page.name)

    def _measure(self, kind, rows, missing, measure):
        deaths = 0
        while missing(kind, rows.read()):
            with tempfile.TemporaryDirectory(prefix="ilnp-paper-") as directory:
                try:
                    measure(kind, rows, self.options, directory)
                except DeadGuest as dead:
                    deaths += 1
                    print(f"{kind}: not counted, and done again: {dead}", file=sys.stderr)
                    if deaths > DEATHS:
                        raise
