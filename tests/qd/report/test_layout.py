from __future__ import annotations

import io
import re

import pytest
from rich.console import Console
from rich.table import Table

from debateqd.qd.commands.launch import guarded
from debateqd.qd.report.layout import FittedTable, say, wrapped
from debateqd.qd.report.measures import DIVERSITY, diversity_table, table


def shown(renderable, width: int) -> str:
    console = Console(width=width, file=io.StringIO())
    console.print(renderable)
    return console.file.getvalue()


def tokens(text: str) -> list[str]:
    return sorted(re.sub("[^\\w.,%+()\\[\\]-]", " ", text).split())


def wide_table() -> FittedTable:
    heads = ("measure", "train\n120 questions", "selection", "generalisation")
    cell = "-1,234.5 [-12,345.6, +12,345.6]"
    rows = [[f"accuracy of row {name}", *[cell] * 3] for name in "ab"]
    return table("A long title of a table", heads, rows)


@pytest.mark.parametrize("width", range(20, 201, 3))
def test_no_width_breaks_a_word_or_a_number(width):
    rows = [{"generation": 3, **{key: 12.345 for _, key, _ in DIVERSITY}}]
    text = shown(wide_table(), width)
    assert set(tokens(text)) <= set(tokens(shown(wide_table(), 400)))
    assert set(tokens(shown(diversity_table(rows)[0], width))) <= {
        *("3", "12", "12.3", "12.35", "generation", "Diversity", "of", "the", "elites"),
        *" ".join(head for head, _, _ in DIVERSITY).split(),
    }
    assert max(map(len, text.splitlines())) <= max(width, 24)
    assert text.count("-1,234.5") == 6


def test_columns_get_what_they_need_before_any_gets_more():
    made = Table("a", "b", box=None, pad_edge=False)
    made.add_row("x", "some longer text of many words here")
    lines = shown(FittedTable(made), 24).splitlines()
    assert lines[1].split() == ["x", "some", "longer", "text", "of"]


def test_without_room_for_columns_rows_are_listed():
    text = shown(wide_table(), 30)
    assert "accuracy of row a\n  train 120 questions:\n" in text
    assert "  selection: -1,234.5\n      [-12,345.6, +12,345.6]\n" in text


def test_long_lines_go_on_indented_and_long_words_stay_whole():
    assert wrapped("  one two three\nx", 10) == "  one two\n   three\nx"
    path = "/a/very/long/path-with-hyphens"
    assert wrapped(f"see {path}", 12) == f"see\n    {path}"
    assert wrapped("", 10) == ""


@pytest.mark.parametrize(("terminal", "lines"), [(True, 3), (False, 1)])
def test_only_a_terminal_has_a_width(monkeypatch, terminal, lines):
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: terminal)
    monkeypatch.setattr("sys.stdout", stream)
    monkeypatch.setenv("COLUMNS", "40")
    say("word " * 20)
    assert stream.getvalue().count("\n") == lines


@pytest.mark.parametrize(
    ("encoding", "seen"), [("ascii", "\\xb1 \\u2026 \\u4e2d"), ("latin-1", "± \\u2026 \\u4e2d")]
)
def test_what_an_encoding_lacks_is_written_out(monkeypatch, encoding, seen):
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding)
    monkeypatch.setattr("sys.stdout", stream)

    def program() -> int:
        Console(width=60).print(wide_table())
        say("± … 中")
        return 0

    assert guarded(program) == 0
    text = raw.getvalue().decode(encoding)
    assert text.count("-1,234.5") == 6
    assert text.endswith(f"{seen}\n")
