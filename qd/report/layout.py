"""Text and tables in the width there is: lines end between words, never inside one or a number."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from textwrap import TextWrapper

from rich.console import Console, ConsoleOptions, RenderableType
from rich.measure import Measurement
from rich.table import Column, Table
from rich.text import Text


def wrapped(text: str, width: int) -> str:
    """Break the lines of a text that are longer than ``width``; what goes on is indented.

    A word that is longer stays whole.
    """
    lines = []
    for line in text.split("\n"):
        indent = len(line) - len(line.lstrip()) + 4
        wrapper = TextWrapper(
            width,
            subsequent_indent=" " * min(indent, width // 3),
            break_long_words=False,
            break_on_hyphens=False,
            replace_whitespace=False,
        )
        lines += wrapper.wrap(line) if len(line) > width else [line]
    return "\n".join(lines)


def say(text: str, *, err: bool = False) -> None:
    """Print a text, on a terminal in its width; in a file lines are as long as they are."""
    stream = sys.stderr if err else sys.stdout
    if stream.isatty():
        text = wrapped(text, shutil.get_terminal_size().columns)
    stream.write(text + "\n")
    stream.flush()


class FittedTable:
    """A table whose columns are never narrower than their words.

    Where there is no room for that, the rows are listed one below the other.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> Iterator[RenderableType]:
        """Lay the table out."""
        free = options.update(width=100_000)

        def span(column: Column) -> Measurement:
            found = [
                Measurement.get(console, free, cell) for cell in (column.header, *column.cells)
            ]
            return Measurement(max(f.minimum for f in found), max(f.maximum for f in found))

        columns = self._table.columns
        spans = [span(column) for column in columns]
        frame = Measurement.get(console, free, self._table).maximum - sum(s.maximum for s in spans)
        left = options.max_width - frame - sum(s.minimum for s in spans)
        if left < 0:
            yield Text(self._listed(options.max_width), no_wrap=True, overflow="ignore")
            return
        order = sorted(range(len(spans)), key=lambda n: spans[n].maximum - spans[n].minimum)
        for place, number in enumerate(order):
            low, high = spans[number]
            more = min(high - low, left // (len(order) - place))
            columns[number].width, left = low + more, left - more
        yield self._table

    def _listed(self, width: int) -> str:
        heads = [_plain(column.header) for column in self._table.columns]
        lines = [_plain(self._table.title)] if self._table.title else []
        for row in zip(*(map(_plain, column.cells) for column in self._table.columns), strict=True):
            lines.append(f"{heads[0]} {row[0]}".strip())
            named = zip(heads[1:], row[1:], strict=True)
            lines += [f"  {head}: {cell}" for head, cell in named if cell]
        return wrapped("\n".join(lines), width)


def _plain(cell: object) -> str:
    return " ".join(str(cell).split())
