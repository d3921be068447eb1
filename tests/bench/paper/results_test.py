#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the figures of docs/papers are made with: rows that survive a broken run, statistics, tables, pings, charts."""
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

# pylint: disable=wrong-import-position
import bulk  # noqa: E402
import charts  # noqa: E402
import pings  # noqa: E402
import results  # noqa: E402

WHERE = {"commit": "c", "machine": "m", "accelerator": "tcg", "way": "stop"}


class RowsTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = os.path.join(folder.name, "rows.csv")

    def test_goes_on_where_it_was(self):
        results.Rows(self.path, ("mode", "ms")).append([{"mode": "cp", "ms": 1.5, **WHERE}])
        rows = results.Rows(self.path, ("mode", "ms"))
        rows.append([{"mode": "smr", "ms": None, **WHERE}])
        self.assertEqual([(row["mode"], row["ms"]) for row in rows.read()], [("cp", 1.5), ("smr", None)])

    def test_other_columns_are_refused(self):
        results.Rows(self.path, ("mode",)).append([{"mode": "cp", **WHERE}])
        with self.assertRaises(ValueError):
            results.Rows(self.path, ("mode", "ms")).read()

    def test_words_that_look_like_no_number_stay(self):
        self.assertEqual([results.number(text) for text in ("0", "", "236bc19", "-1.5")], [0.0, None, "236bc19", -1.5])

    def test_a_commit_that_looks_like_a_number_is_none(self):
        results.Rows(self.path, ("ms",)).append([{**WHERE, "ms": 1, "commit": "1e234567"}])
        self.assertEqual(results.Rows(self.path, ("ms",)).read()[0]["commit"], "1e234567")


class PageTest(unittest.TestCase):
    def test_all_that_it_was_measured_with(self):
        words = results.measured_with([WHERE, {**WHERE, "commit": "d"}])
        self.assertEqual(words, "Measured at commit c and d, on m; the guest's processor: TCG.\n")
        self.assertIn(results.WAYS["stop"], results.memory_of([WHERE]))


class StatisticsTest(unittest.TestCase):
    def test_five_numbers(self):
        self.assertEqual(results.five([5, 1, 4, 2, 3]), (1, 2, 3, 4, 5))
        self.assertEqual(results.five([7]), (7, 7, 7, 7, 7))

    def test_spread(self):
        self.assertEqual(results.spread([1.04, 1.26, 1.5], 1), "1.3 [1.1, 1.4]")
        self.assertEqual(results.spread([]), "-")

    def test_table(self):
        self.assertEqual(results.table(["a", "b"], [[1, None]]), "| a | b |\n| --- | --- |\n| 1 | - |\n")


class PingsTest(unittest.TestCase):
    LINES = ["> 0 10.0\n", "< 0 10.1\n", "> 1 10.2\n", "> 2 10.4\n", "< 2 10.5\n", "< 2 10.6\n", "> 4 10.8\n", "< 1", ]

    def test_parsed(self):
        self.assertEqual(pings.parsed(self.LINES), [(0, 10.0, 10.1), (1, 10.2, None), (2, 10.4, 10.5), (4, 10.8, None)])

    def test_lost(self):
        found = pings.parsed(self.LINES)
        self.assertEqual(pings.lost(found), (2, 1))
        self.assertEqual(pings.lost(pings.sent_between(found, 10.0, 10.5)), (1, 0))

    def test_downtime_touches_the_window(self):
        found = pings.parsed(f"{kind} {n} {n + late:.1f}\n" for n in (1, 2, 5, 6, 10) for kind, late in ((">", 0), ("<", 0.5)))
        self.assertAlmostEqual(pings.downtime(found, 3, 4), 3)
        self.assertAlmostEqual(pings.downtime(found, 1, 8), 4)
        self.assertIsNone(pings.downtime(found, 11, 12))


class BulkTest(unittest.TestCase):
    # Slow to start; 1 Mbit each 0.1 s from 0 to 4 s, then nothing for 1 s, then the half until 10 s.
    BEFORE = [(-5.0, 1)] + [(n / 10, 125000) for n in range(1, 41)]
    AFTER = [(n / 10, 62500) for n in range(50, 100)]

    def test_what_a_move_did(self):
        found = bulk.felt(self.BEFORE + self.AFTER, 4.05, 9.95)
        self.assertEqual(found, {"gap_ms": 1000.0, "before_mbit": 10.0, "after_mbit": 5.0})

    def test_a_stream_that_broke_has_no_gap(self):
        for rest in ([], self.AFTER[:5]):
            self.assertIsNone(bulk.felt(self.BEFORE + rest, 4.05, 9.95)["gap_ms"])

    def test_a_line_that_is_cut_off(self):
        self.assertEqual(bulk.parsed(["1.5 100\n", "2.5 20"]), [(1.5, 100)])


class ChartsTest(unittest.TestCase):
    @staticmethod
    def drawn(theirs):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "chart.svg")
            charts.boxes(path, {"VNU": [("cp", [1, 2, 3], theirs), ("ilnp", [2], None)]}, "ms")
            with open(path, encoding="utf-8") as file:
                return file.read()

    def test_same_figures_same_file(self):
        self.assertEqual(self.drawn(4), self.drawn(4))

    def test_the_papers_figure_where_there_is_one(self):
        self.assertEqual(["the paper" in self.drawn(theirs) for theirs in (None, 4)], [False, True])

    def test_all_panels_have_room(self):
        with tempfile.TemporaryDirectory() as folder:
            texts = []
            for name, most in (("a.svg", 40), ("b.svg", 4000)):
                path = os.path.join(folder, name)
                charts.boxes(path, {"NEAR": [("cp", [1, 2], None)], "FAR": [("cp", [3, most], None)]}, "ms")
                with open(path, encoding="utf-8") as file:
                    texts.append(file.read())
        self.assertEqual(["4000" in text for text in texts], [False, True])

    def test_names(self):
        for word in ("VNU", "ilnp"):
            self.assertIn(word, self.drawn(4))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
