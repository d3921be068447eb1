# SPDX-License-Identifier: Apache-2.0
"""Charts as SVG. The same figures give the same file."""
import matplotlib

matplotlib.use("svg")
matplotlib.rcParams.update({"svg.hashsalt": "ilnp", "svg.fonttype": "none", "font.size": 9, "axes.grid": True,
                            "axes.grid.axis": "y", "grid.alpha": 0.3, "axes.axisbelow": True})

# pylint: disable=wrong-import-position
from matplotlib import pyplot  # noqa: E402

WIDTH, HEIGHT = 7.5, 3.4  # inches
PAPER = {"marker": "x", "color": "crimson", "linestyle": "none", "label": "the paper"}


def _save(figure, path):
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None, "Creator": None})
    pyplot.close(figure)


def boxes(path, panels, label):
    """`panels`: {title: [(name, values, the paper's figure or None)]}, side by side: median, quartiles, least and most."""
    figure, axes = pyplot.subplots(1, len(panels), figsize=(WIDTH, HEIGHT), sharey=True, squeeze=False)
    for axis, (title, found) in zip(axes[0], panels.items()):
        axis.boxplot([values for _, values, _ in found], labels=[name for name, _, _ in found], whis=(0, 100), widths=0.5)
        told = [(place, theirs) for place, (_, _, theirs) in enumerate(found, 1) if theirs is not None]
        if told:
            axis.plot(*zip(*told), **PAPER)
            axis.legend()
        axis.set_title(title)
    axes[0][0].set_ylim(bottom=0)  # of all of them; after the last one, since it ends their growing
    axes[0][0].set_ylabel(label)
    _save(figure, path)


def curves(path, lines, labels, theirs=()):
    """`lines`: {name: [(x, y)]}; `theirs`: [(x, y)] of the paper."""
    figure, axis = pyplot.subplots(figsize=(WIDTH, HEIGHT))
    for name, points in lines.items():
        axis.plot(*zip(*points), marker="o", markersize=4, label=name)
    if theirs:
        axis.plot(*zip(*theirs), **PAPER)
    axis.set_xlabel(labels[0])
    axis.set_ylabel(labels[1])
    axis.set_ylim(bottom=0)
    axis.legend()
    _save(figure, path)


def dots(path, points, labels, marks=()):
    """Single measurements over time. `marks`: [(when, words)]."""
    figure, axis = pyplot.subplots(figsize=(WIDTH, HEIGHT))
    axis.plot(*zip(*points), linestyle="none", marker=".", markersize=2)
    for when, words in marks:
        axis.axvline(when, color="crimson", linewidth=0.8)
        axis.annotate(words, (when, axis.get_ylim()[1]), rotation=90, va="top", ha="right", fontsize=8)
    axis.set_xlabel(labels[0])
    axis.set_ylabel(labels[1])
    axis.set_ylim(bottom=0)
    _save(figure, path)
