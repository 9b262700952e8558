"""Slack's own charts and tables, within their limits. They stand in messages and in the app's home, not in modals, and
a workspace may refuse them; so whatever is shown by them has a form in plain blocks, too (`Message.native`).

What must not live here: what a chart is about (`report`, `home`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fluentsd.fronts.slack.blocks.layout import Block, cut
from fluentsd.fronts.slack.blocks.wording import plain

#: Slack's limits (docs.slack.dev/reference/block-kit/blocks/data-visualization-block): characters, and how many.
TITLE, AXIS, LABEL, CATEGORIES = 50, 50, 20, 20
#: Columns and rows of a table; a message has one.
COLUMNS, ROWS = 20, 100


def bars(
    title: str, categories: Sequence[str], series: Mapping[str, Sequence[float]], x: str = "", y: str = ""
) -> Block:
    """A bar chart: a group of bars for each category, in it a bar for each of the series. `x`, `y` name the axes.
    Categories that look alike after they are cut are told apart by a number."""
    labels = _labels(categories[:CATEGORIES])
    named = {"x_label": x, "y_label": y}
    axis = {"categories": labels} | {name: cut(words, AXIS) for name, words in named.items() if words}
    data = [
        {"name": cut(name, LABEL),
         "data": [{"label": label, "value": value} for label, value in zip(labels, values, strict=False)]}
        for name, values in series.items()
    ]  # fmt: skip
    chart = {"type": "bar", "series": data, "axis_config": axis}
    return {"type": "data_visualization", "title": cut(title, TITLE), "chart": chart}


def _labels(names: Sequence[str]) -> list[str]:
    made: list[str] = []
    for name in names:
        label = plain(name, LABEL) or "–"
        while label in made:
            number = str(len(made) + 1)
            label = f"{plain(name, LABEL - len(number) - 1)} {number}"
        made.append(label)
    return made


def table(rows: Sequence[Sequence[str]]) -> Block:
    """A table of texts; the first row is its head, and all columns but the first are aligned to the right."""
    cells = [[{"type": "raw_text", "text": one or " "} for one in row[:COLUMNS]] for row in rows[:ROWS]]
    width = max((len(row) for row in cells), default=0)
    return {"type": "table", "rows": cells, "column_settings": [{}] + [{"align": "right"}] * (width - 1)}
