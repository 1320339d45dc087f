"""Match tables of every kind: known layouts, rules of reading, and what is refused."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from debate_env.errors import InputError
from debateqd.qd.store.storage import json_text
from debateqd.qd.tables.layouts import Columns
from debateqd.qd.tables.matches import MatchTable, read_matches
from tests.qd.making import match


def written(path: Path, rows: Sequence[Mapping[str, Any]], delimiter: str = ",") -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    return path


def games(table: MatchTable) -> list[tuple[str, str, float]]:
    names = table.players
    return [
        (names[a], names[b], float(y))
        for a, b, y in zip(table.games.first, table.games.second, table.games.outcome, strict=True)
    ]


ARENA = [
    {"question_id": 1, "model_a": "x", "model_b": "y", "winner": "model_a", "judge": "u1"},
    {"question_id": 2, "model_a": "y", "model_b": "z", "winner": "model_b", "judge": "u2"},
    {"question_id": 3, "model_a": "z", "model_b": "x", "winner": "tie", "judge": "u1"},
    {"question_id": 4, "model_a": "x", "model_b": "z", "winner": "tie (bothbad)", "judge": "u1"},
]
ARENA_GAMES = [("x", "y", 1.0), ("y", "z", 0.0), ("z", "x", 0.5), ("x", "z", 0.5)]


def test_an_arena_table_as_csv_json_lines_and_array_gzipped_or_not(tmp_path: Path) -> None:
    plain = written(tmp_path / "a.csv", ARENA)
    lines = tmp_path / "a.jsonl"
    lines.write_text("\n\n".join(json.dumps(row) for row in ARENA))
    array = tmp_path / "a.json"
    array.write_text(json.dumps(ARENA, indent=1))
    packed = tmp_path / "no_such_suffix"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    marked = tmp_path / "excel.csv"
    marked.write_bytes(b"\xef\xbb\xbf" + plain.read_bytes())
    tabs = written(tmp_path / "a.tsv", ARENA, "\t")
    semicolons = written(tmp_path / "b.csv", ARENA, ";")
    for path in (plain, lines, array, packed, marked, tabs, semicolons):
        table = read_matches(path)
        assert games(table) == ARENA_GAMES, path.name
        assert table.columns.explain() == (
            "first = model_a, second = model_b, winner = winner, question = question_id, "
            "presented first: always the first column"
        )
        assert table.layout.name == "model pairs"
        assert table.rule == "winner says whether it is model_a or model_b"
        assert table.ties == {"tie": 1, "tie (bothbad)": 1}
        assert table.questions == ("1", "2", "3", "4")
        assert (table.games.position == 1).all()
        assert (table.games.side == 0).all()


@pytest.mark.parametrize(
    ("row", "outcome"),
    [
        ({"white": "x", "black": "y", "winner": "0-1"}, 0.0),
        ({"White": "x", "Black": "y", "Result": "1/2-1/2"}, 0.5),
        ({"white": "x", "black": "y", "winner": "black"}, 0.0),
        ({"winner": "x", "loser": "y"}, 1.0),
        ({"debater_a": "x", "debater_b": "y", "winner": "A"}, 1.0),
        ({"debater_a": "x", "debater_b": "y", "winner": "y"}, 0.0),
        ({"Model A": "x", "Model B": "y", "Winner": "Model B"}, 0.0),
        ({"modelA": "x", "modelB": "y", "preference": "left"}, 1.0),
        ({"model_a": "x", "model_b": "y", "winner": "both_bad"}, 0.5),
        ({"model_1": "x", "model_2": "y", "winner": "model_2"}, 0.0),
        ({"player_1": "x", "player_2": "y", "winner": 2}, 0.0),
        ({"model_a": "x", "model_b": "y", "verdict": "[[B>>A]]"}, 0.0),
        ({"model_a": "x", "model_b": "y", "verdict": "A > B"}, 1.0),
        ({"model_a": "x", "model_b": "y", "winner_model_a": 0, "winner_model_b": 0}, 0.5),
        ({"model_a": "x", "model_b": "y", "winner_model_a": 0, "winner_model_b": 1}, 0.0),
        ({"generator_1": "x", "generator_2": "y", "preference": 1}, 1.0),
        ({"generator_1": "x", "generator_2": "y", "preference": 2.0}, 0.0),
        ({"generator_1": "x", "generator_2": "y", "preference": 1.5}, 0.5),
        ({"generator_1": "x", "generator_2": "y", "preference": 0}, 0.5),
        ({"generator_1": "x", "generator_2": "y", "preference": 1.9}, 0.1),
        ({"home_team": "x", "away_team": "y", "home_score": 3, "away_score": 11}, 0.0),
        ({"home": "x", "away": "y", "result": "3 - 11"}, 0.0),
        ({"home": "x", "away": "y", "result": "2:2"}, 0.5),
        ({"model_a": "x", "model_b": "y", "p_a": 0.3, "p_b": 0.1}, 0.75),
        ({"debater_1": "x", "debater_2": "y", "winrate": 0.25}, 0.25),
        ({"strategy": "x", "opponent": "y", "won": "true"}, 1.0),
    ],
)
def test_known_layouts(row: dict[str, Any], outcome: float, tmp_path: Path) -> None:
    for path in (written(tmp_path / "t.csv", [row] * 3), tmp_path / "t.jsonl"):
        if path.suffix == ".jsonl":
            path.write_text("\n".join([json.dumps(row)] * 3))
        assert games(read_matches(path)) == [("x", "y", pytest.approx(outcome))] * 3


@pytest.mark.parametrize(
    ("winners", "shares"),
    [
        (["model_a", "model_b", "tie"], [1.0, 0.0, 0.5]),
        (["one", "TWO", "draw"], [1.0, 0.0, 0.5]),
        (["A>>B", "B>A", "A=B"], [1.0, 0.0, 0.5]),
        (["10-9", "9-10", "3-3"], [1.0, 0.0, 0.5]),
    ],
)
def test_every_rule_is_even_handed(
    winners: Sequence[str], shares: Sequence[float], tmp_path: Path
) -> None:
    """Whoever is listed second wins what the first one wins when the players change columns."""
    for turned in (False, True):
        a, b = ("TWO", "one") if turned else ("one", "TWO")
        rows = [{"model_a": a, "model_b": b, "winner": winner} for winner in winners]
        table = read_matches(written(tmp_path / "t.csv", rows))
        by_name = turned and winners[0] == "one"
        assert list(table.games.outcome) == [1 - share if by_name else share for share in shares]


def test_winners_are_named_without_regard_to_case(tmp_path: Path) -> None:
    rows = [
        {"model_a": a, "model_b": b, "winner": winner}
        for a, b, winner in (
            ("Alpha-2", "beta-4", "alpha-2"),
            ("beta-4", "Alpha-2", "ALPHA-2 "),
            ("Alpha-2", "beta-4", "Beta-4"),
        )
    ]
    path = written(tmp_path / "t.csv", rows)
    table = read_matches(path)
    assert list(table.games.outcome) == [1.0, 0.0, 0.0]
    assert table.rule == "winner holds a player's name, in upper or lower case"
    rows += [{"model_a": "Alpha-2", "model_b": "beta-4", "winner": "gamma-b"}]
    strange = read_matches(written(tmp_path / "t.csv", rows), most_bad=0.5)
    assert strange.problems == ("line 5, winner: 'gamma-b' is neither player nor a tie",)


def test_one_rule_reads_the_whole_column(tmp_path: Path) -> None:
    rows = [{"model_a": "x", "model_b": "y", "winner": w} for w in ("x", "y", "x", "model_b")]
    table = read_matches(written(tmp_path / "t.csv", rows), most_bad=0.25)
    assert list(table.games.outcome) == [1.0, 0.0, 1.0]
    assert table.problems == ("line 5, winner: 'model_b' is neither player nor a tie",)
    seats = [{"model_a": "B", "model_b": "A", "winner": w} for w in "AB"]
    with pytest.raises(InputError, match="'A' in column 'winner' may be the name of a player or"):
        read_matches(written(tmp_path / "t.csv", seats))


def test_scores_are_compared_and_shares_divided_whatever_their_size(tmp_path: Path) -> None:
    scores = [
        {"team_a": "x", "team_b": "y", "score_a": a, "score_b": b}
        for a, b in ((1, 0.5), (30, 10), (0.2, 0.4))
    ]
    path = written(tmp_path / "t.csv", scores)
    assert list(read_matches(path).games.outcome) == [1.0, 1.0, 0.0]
    given = Columns(outcome="score_a", against="score_b")
    shared = read_matches(path, given, most_bad=0.5)
    assert list(shared.games.outcome) == pytest.approx([2 / 3, 1 / 3])
    assert shared.problems == ("line 3, score_a: ('30', '10') is no number from 0 to 1",)
    assert list(read_matches(path, given, wins=True).games.outcome) == [1.0, 1.0, 0.0]


@pytest.mark.parametrize("cell", ["Jan-00", "01-Jan", "2-Mrz", "03.02.2001", "2001-02-03 00:00:00"])
def test_scores_that_a_spreadsheet_made_dates_are_refused(cell: str, tmp_path: Path) -> None:
    rows = [{"white": "x", "black": "y", "result": r} for r in ["1-0"] * 30 + [cell]]
    path = written(tmp_path / "t.csv", rows)
    with pytest.raises(InputError, match=r"line 32, result: .*spreadsheet has turned scores into"):
        read_matches(path, most_bad=1)


@pytest.mark.parametrize("cell", ["N/A", "n/a", "", "NaN", "null", "NA", "*", None])
def test_missing_results_are_left_out(cell: str | None, tmp_path: Path) -> None:
    rows = [{"model_a": "x", "model_b": "y", "winner": w} for w in ("model_a", cell, cell)]
    lines = tmp_path / "t.jsonl"
    lines.write_text("\n".join(map(json.dumps, rows)))
    for path in (written(tmp_path / "t.csv", rows), lines):
        table = read_matches(path)
        assert games(table) == [("x", "y", 1.0)]
        assert table.left_out == {"without an outcome": 2}


def test_an_unclosed_quotation_mark_is_an_error_where_its_cell_begins(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    head = 'model_a,model_b,winner,note\nx,y,model_a,"two\nlines"\n'
    for rest in ('y,x,model_b,"6"" tall\nx,y,tie,plain\n', 'y,x,tie,"6" tall\nx,y,tie,plain\n'):
        path.write_text(head + rest)
        with pytest.raises(InputError, match=r"t\.csv, line 4: malformed CSV"):
            read_matches(path, most_bad=1)
    path.write_text(head + 'y,"x\nx",tie,"open\ny,x,tie,plain\n')
    with pytest.raises(InputError, match=r"t\.csv, line 5: malformed CSV"):
        read_matches(path)


def test_empty_rows_and_columns_say_nothing(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("model_a,model_b,winner,,\nx,y,model_a,,,,\n,,,,\n\ny,x,tie,,\n")
    table = read_matches(path)
    assert games(table) == [("x", "y", 1.0), ("y", "x", 0.5)]
    assert (table.rows, table.bad) == (2, 0)


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        ("correct_side", "A", "B"),
        ("correct_side", "x", "y"),
        ("correct_side", "model_a", "model_b"),
        ("defends_correct", "True", "False"),
    ],
)
def test_ways_to_say_who_defends_the_correct_answer(
    name: str, first: str, second: str, tmp_path: Path
) -> None:
    rows = [
        {"model_a": "x", "model_b": "y", "winner": "a", name: value}
        for value in (first, second, "")
    ]
    table = read_matches(written(tmp_path / "t.csv", rows))
    assert table.columns.side == name
    assert list(table.games.side) == [1, -1, 0]


def test_position_can_be_given_and_denied(tmp_path: Path) -> None:
    rows = [
        {"model_a": "x", "model_b": "y", "winner": "a", "shown_first": who} for who in ("x", "y")
    ]
    path = written(tmp_path / "t.csv", rows)
    assert list(read_matches(path).games.position) == [1, -1]
    assert list(read_matches(path, Columns(position="second")).games.position) == [-1, -1]
    assert list(read_matches(path, Columns(position="none")).games.position) == [0, 0]


def test_our_own_match_log(tmp_path: Path) -> None:
    log = [
        match("a", "b", 0.8, label=0, question="q1"),
        match("b", "a", 0.4, label=1, question="q2"),
        match("a", "b", None, kind="unusable"),
        match("a", "a", 0.9, label=0, question="q1"),
    ]
    path = tmp_path / "matches.jsonl"
    path.write_text("".join(json_text(m.to_json(), indent=None) for m in log))
    for where in (path, tmp_path):
        table = read_matches(where)
        assert games(table) == [("a", "b", pytest.approx(0.8)), ("b", "a", pytest.approx(0.4))]
        assert list(table.games.side) == [1, -1]
        assert table.passages == ("p-q1", "p-q2")
        assert table.left_out == {"of a player with itself": 1, "without an outcome": 1}
        assert table.pools == 1
    truth = read_matches(tmp_path, objective="truth")
    assert games(truth) == [("a", "b", 1.0), ("b", "a", 1.0), ("a", "a", 1.0)]
    assert list(truth.games.side) == [-1, -1, -1]
    assert list(truth.games.position) == [1, -1, 1]  # the correct answer came first, second, first


def test_two_debaters_of_other_names(tmp_path: Path) -> None:
    log = [match("a", "b", 0.8), match("b", "a", 0.4), match("a", "b", 0.7)]
    text = "".join(json_text(m.to_json(), indent=None) for m in log)
    path = tmp_path / "matches.jsonl"
    path.write_text(text.replace("debater_0", "for_0").replace("debater_1", "other_0"))
    table = read_matches(path)
    assert (table.columns.first, table.columns.second) == ("seats.for_0", "seats.other_0")
    assert [share for *_, share in games(table)] == pytest.approx([0.8, 0.4, 0.7])


def test_rows_with_values_and_wins_only(tmp_path: Path) -> None:
    rows = [
        {"model_a": "x", "model_b": "y", "p_a": p, "p_b": 1 - p, "set": s, "n": 4}
        for p, s in ((0.6, "one"), (0.2, "two"), (0.5, "one"))
    ]
    path = written(tmp_path / "t.csv", rows)
    kept = read_matches(path, Columns(games="n"), where=[("set", "one")], wins=True)
    assert [y for *_, y in games(kept)] == [1.0, 0.5]
    assert list(kept.games.weight) == [4, 4]
    assert list(read_matches(path, Columns(games="25")).games.weight) == [25, 25, 25]
    with pytest.raises(InputError, match="--where sett: there is no such column; did you mean"):
        read_matches(path, where=[("sett", "one")])


def test_bad_rows_are_counted_and_the_first_are_kept(tmp_path: Path) -> None:
    path = written(tmp_path / "t.csv", ARENA * 25)
    good = len(ARENA) * 25
    with path.open("a") as file:
        file.write("5,x,y\n")
        file.write("6,x,y,nobody knows,u\n")
        file.write("7,,,model_a,u\n")
        file.write("8,x,,model_a,u\n")
        file.write("9,x,y,,u\n")
    table = read_matches(path)
    assert len(table) == good
    assert table.rows == good + 5
    assert table.bad == 3
    assert table.problems == (
        f"line {good + 2} has 3 fields, but there are 5 columns",
        f"line {good + 3}, winner: 'nobody knows' is neither player nor a tie",
        f"line {good + 4}, model_a: names no player",
    )
    assert table.left_out == {"without an opponent": 1, "without an outcome": 1}
    with pytest.raises(InputError, match=rf"3 of {good + 5} rows cannot be read: line {good + 2} "):
        read_matches(path, most_bad=0.01)


def test_damaged_json_lines_are_bad_rows(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    lines = [json.dumps(row) for row in ARENA * 10]
    lines[3:3] = ['{"model_a": "x", ', "[1, 2]"]
    path.write_text("\n".join(lines))
    table = read_matches(path)
    assert len(table) == 40
    assert table.problems == ("line 4 is no JSON object", "line 5 is no JSON object")


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("model_a,model_b\nx,y\n", "no column of a known name says who won; name it with --winner"),
        (
            "one,two,winner\nx,y,x\n",
            "says who played; name it with --first COLUMN --second COLUMN, and who won with "
            "--winner COLUMN; there are: one, two, winner",
        ),
        ("model_a,model_b,winner\n", "holds no game that can be rated; 0 rows"),
        ("model_a,model_b,model_a,winner\nx,y,z,a\n", "line 1, field 'model_a': occurs twice"),
        (
            "model_a,model_b,winner\nx,y,1\ny,x,0\n",
            "'1' is neither player nor a tie (if it is what the first one won, name it with "
            "--outcome winner)",
        ),
        ("home,away,team_1,team_2,winner\nx,y,x,z,1\n", "several pairs of columns"),
        ("model_a,model_b,winner\nx,y,what\nx,y,who\n", "2 of 2 rows cannot be read: line 2, win"),
        ("model_a,model_b,won\nx,y,3\nx,y,4\n", "line 2, won: '3' is no number from 0 to 1"),
        ("generator_1,generator_2,preference\nx,y,3\n", "line 2, preference: '3' is neither"),
        ("white,black,result\nx,y,3-2\n", "line 2, result: '3-2' is neither player nor a tie"),
        (
            "model_a,model_b,winner\nx,x,a\nx,x,b\n",
            "holds no game that can be rated; left out: 2 of",
        ),
        ("[1, 2", "is no JSON array"),
        ("[]", "holds no JSON object"),
    ],
)
def test_what_cannot_be_read_says_why(content: str, part: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(content)
    with pytest.raises(InputError) as caught:
        read_matches(path)
    assert str(caught.value).startswith(str(path))
    assert part in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_are_no_text(tmp_path: Path) -> None:
    latin = tmp_path / "latin.csv"
    latin.write_bytes("sep=;\nmodel_a;model_b;winner\nä;b;Ä\n".encode("cp1252"))
    table = read_matches(latin)
    assert (games(table), table.notes) == (
        [("ä", "b", 1.0)],
        ("read as cp1252, since it is no UTF-8", "cells are separated by semicolons"),
    )
    cut = tmp_path / "cut.gz"
    cut.write_bytes(gzip.compress(b"model_a,model_b,winner\nx,y,a\n" * 50)[:-20])
    for path, part in ((cut, "is cut short"), (tmp_path / "no", "no such file")):
        with pytest.raises(InputError, match=part):
            read_matches(path)


def test_given_columns_are_checked_and_used(tmp_path: Path) -> None:
    rows = [{"one": "x", "two": "y", "who": "x", "model_a": "m", "model_b": "n", "winner": "m"}] * 3
    path = written(tmp_path / "t.csv", rows)
    table = read_matches(path, Columns(first="one", second="two", winner="who"))
    assert games(table) == [("x", "y", 1.0)] * 3
    with pytest.raises(InputError, match="--first on: there is no such column; did you mean 'one'"):
        read_matches(path, Columns(first="on", second="two"))
    with pytest.raises(InputError, match="--first and --second go together"):
        read_matches(path, Columns(first="one"))


def test_named_columns_are_told_apart_by_their_own_words(tmp_path: Path) -> None:
    rows = [{"bot 7": "x", "bot 9": "y", "who": w} for w in (9, 7, "bot 9")]
    given = Columns(first="bot 7", second="bot 9", winner="who")
    assert list(read_matches(written(tmp_path / "t.csv", rows), given).games.outcome) == [
        0.0,
        1.0,
        0.0,
    ]
    graded = [{"generator_1": "x", "generator_2": "y", "preference": p} for p in (1, 1.75)]
    named = Columns(first="generator_1", second="generator_2", winner="preference")
    table = read_matches(written(tmp_path / "t.csv", graded), named)
    assert list(table.games.outcome) == [1.0, 0.25]
    assert not np.any(table.games.position)  # the order of columns is not that of presenting


def test_long_cells_and_line_breaks_within_cells(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["model_a", "model_b", "winner", "conversation"])
        writer.writerow(["x", "y", "model_a", "line\n" * 60_000])
        writer.writerow(["x", "y", "oops", "short"])
    table = read_matches(path, most_bad=0.5)
    assert games(table) == [("x", "y", 1.0)]
    assert table.problems[0].startswith("line 60003, winner: ")


def test_the_nyu_table(data_dir: Path) -> None:
    table = read_matches(data_dir / "nyu_matches.csv")
    assert len(table) + sum(table.left_out.values()) == table.rows == 507
    assert table.bad == 0
    assert table.columns.side == "correct_side"
    assert len(table.passages) > 50
    truth = read_matches(
        data_dir / "nyu_matches.csv",
        objective="truth",
        where=[("setting", "human_consultancy"), ("included_in_paper", "True")],
    )
    # Ties count as wrong in the published 74.0 % of 96.
    assert truth.games.outcome.sum() / 96 == pytest.approx(0.740, abs=0.0005)
