"""JSONL and CSV: the same columns, the same checks."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from debate_env.errors import InputError
from debate_env.questions import load_file, load_questions
from debate_env.questions.question import QuestionSet

PASSAGE = 'The kettle, said Ann, was "blue";\nthe jug was red.'


def record(number: int = 1, **changes: Any) -> dict[str, Any]:
    base = {
        "question_id": f"q{number}",
        "passage_id": "kettle",
        "passage": PASSAGE,
        "question": f"What was blue in case {number}?",
        "answers": ["The kettle", "The jug"],
        "label": 0,
    }
    return {name: value for name, value in (base | changes).items() if value is not ...}


def write_jsonl(path: Path, *records: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(r) + "\n" for r in records), encoding="utf-8")
    return path


def write_csv(path: Path, *records: dict[str, Any]) -> Path:
    names = list(dict.fromkeys(name for r in records for name in r))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        for r in records:
            cells = {k: json.dumps(v) if isinstance(v, list) else v for k, v in r.items()}
            writer.writerow(cells)
    return path


def refused(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        load_questions(str(path))
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(str(path))
    return message


@pytest.mark.parametrize("write", [write_jsonl, write_csv])
def test_both_formats_give_the_same_questions(tmp_path: Path, write: Any) -> None:
    suffix = ".jsonl" if write is write_jsonl else ".csv"
    path = write(tmp_path / f"mine{suffix}", record(1, topic="tea"), record(2, label=1, topic="x"))
    questions = load_questions(str(path))
    assert questions.ids == ("q1", "q2")
    assert questions[0].passage == PASSAGE
    assert questions[0].answers == ("The kettle", "The jug")
    assert [q.label for q in questions] == [0, 1]
    assert questions[0].source == path.name
    assert dict(questions[0].metadata) == {"topic": "tea"}
    assert questions[0].passage is questions[1].passage
    other = tmp_path / f"packed{suffix}.gz"
    other.write_bytes(gzip.compress(path.read_bytes()))
    assert load_questions(str(other)) == questions


def test_jsonl_and_csv_agree(tmp_path: Path) -> None:
    rows = [record(1), record(2, answers=["a", "b", "c"], label=2)]
    assert load_file(write_jsonl(tmp_path / "a.jsonl", *rows)) == load_file(
        write_csv(tmp_path / "b.csv", *rows)
    )


def test_numbered_answer_columns(tmp_path: Path) -> None:
    two = record(1, answers=..., answer_1="yes", answer_2="no")
    three = record(2, answers=..., answer_1="yes", answer_2="no", answer_3="maybe", label=2)
    from_json = load_file(write_jsonl(tmp_path / "a.jsonl", two, three))
    assert [q.answers for q in from_json] == [("yes", "no"), ("yes", "no", "maybe")]
    # In a table the row with fewer answers leaves the last cell empty.
    assert load_file(write_csv(tmp_path / "a.csv", two, three)) == from_json


def test_optional_columns(tmp_path: Path) -> None:
    rows = [record(1, passage_id=...), record(2, passage_id=...), record(3, passage_id="other")]
    rows[2]["passage"] = "Another text."
    rows[2] |= {"source": "my book", "metadata": {"page": 3}, "year": 1900}
    questions = load_file(write_jsonl(tmp_path / "a.jsonl", *rows))
    assert questions[0].passage_id == questions[1].passage_id != questions[2].passage_id
    assert questions[2].source == "my book"
    assert dict(questions[2].metadata) == {"page": 3, "year": 1900}
    # A cell left empty is a column left out.
    table = write_csv(tmp_path / "a.csv", record(1, passage_id="", source=""))
    assert load_file(table)[0].passage_id == questions[0].passage_id
    assert load_file(table)[0].source == "a.csv"


def test_text_survives_unchanged(tmp_path: Path) -> None:
    text = ' É\u2028\u00a0"quoted", {braces}\r\n<v_quote>x</v_quote> 漢字 🫖\n\n'
    for path in (
        write_jsonl(tmp_path / "a.jsonl", record(1, passage=text)),
        write_csv(tmp_path / "a.csv", record(1, passage=text)),
    ):
        assert load_questions(str(path))[0].passage == text


def test_long_passages_fit_in_a_cell(tmp_path: Path) -> None:
    limit = csv.field_size_limit()
    text = "word " * 50_000
    assert load_file(write_csv(tmp_path / "a.csv", record(1, passage=text)))[0].passage == text
    assert csv.field_size_limit() == limit


def test_blank_lines_and_windows_line_ends(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(f"\r\n{json.dumps(record(1))}\r\n \r\n", newline="")
    assert load_file(tmp_path / "a.jsonl").ids == ("q1",)


BAD_VALUES = [
    ({"question_id": ...}, "field 'question_id': is missing"),
    ({"passage": ...}, "field 'passage': is missing"),
    ({"question": ...}, "field 'question': is missing"),
    ({"answers": ...}, "field 'answers': is missing"),
    ({"label": ...}, "field 'label': is missing"),
    ({"label": ..., "lable": 0}, "'label': is missing; add it, or rename one (the record has: an"),
    ({"passage": ""}, "field 'passage': is empty"),
    ({"passage": " \t"}, "field 'passage': is empty"),
    ({"question": " "}, "field 'question': is empty"),
    ({"question_id": ""}, "field 'question_id': must be a text of printable"),
    (
        {"label": 2},
        "field 'label': must be 0 to 1 (0 is the first of 2 answers), or a",
    ),
    ({"label": -1}, "field 'label': must be 0 to 1"),
    ({"label": "first"}, "or all labels letters or texts, got 'first'"),
    ({"label": 0.5}, "field 'label': must be 0 to 1"),
    ({"answers": ["one"]}, "field 'answers': must be 2 to 26 answers, got 1"),
    ({"answers": []}, "field 'answers': must be 2 to 26 answers, got 0"),
    ({"answers": ["The Jug", "the  jug"]}, "field 'answers': answers 1 and 2 are equal"),
    ({"answers": ["a", " "]}, "field 'answers': answer 2 is empty"),
    ({"answers": ["a", 5]}, "field 'answers': entry 2 must be a text, got 5 (an integer)"),
    ({"question_id": "q1"}, "field 'question_id': 'q1' occurs twice"),
    ({"passage": "Other."}, "differs from an earlier passage of the same passage_id 'kettle'"),
]


@pytest.mark.parametrize(("changes", "says"), BAD_VALUES)
def test_bad_records_name_file_line_and_field(
    tmp_path: Path, changes: dict[str, Any], says: str
) -> None:
    message = refused(write_jsonl(tmp_path / "a.jsonl", record(1), record(2, **changes)))
    assert ", line 2, " in message
    assert says in message
    if "printable" in says or ... in changes.values():
        return  # in a table these leave the whole column out or empty
    message = refused(write_csv(tmp_path / "a.csv", record(1), record(2, **changes)))
    assert ", line 4, " in message or ", line 2, " in message  # the first passage takes two lines


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"passage": 5}, "field 'passage': must be a text, got 5 (an integer)"),
        ({"passage": None}, "field 'passage': must be a text, got None (null)"),
        ({"passage": "a\0b"}, "field 'passage': holds a NUL character"),
        ({"label": True}, "or all labels letters or texts, got True"),
        ({"label": 0.0}, "got 0.0"),
        ({"label": [0]}, "got [0]"),
        ({"answers": "yes or no"}, "field 'answers': must be a JSON list such as"),
        ({"answers": 7}, "field 'answers': must be a list, got 7 (an integer)"),
        ({"metadata": 3}, "field 'metadata': must be an object, got 3"),
        ({"source": 3}, "field 'source': must be a text"),
    ],
)
def test_wrong_json_types(tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    assert says in refused(write_jsonl(tmp_path / "a.jsonl", record(2, **changes)))


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('{"a": 1', "malformed JSON at column 8"),
        ("not json", "malformed JSON at column 1"),
        ("[1, 2]", "must be a JSON object in braces, got [1, 2] (a list)"),
        ('{"label": 0, "label": 1}', "field 'label': occurs twice"),
        ('{"label": NaN}', "NaN is not allowed"),
        ('{"x": -Infinity}', "-Infinity is not allowed"),
        ("[" * 100_000, "nested too deeply"),
        ('{"label": ' + "9" * 5000 + "}", "malformed JSON (Exceeds the limit"),
        (json.dumps(record(2, passage="\ud800")), "half of a surrogate pair"),
        (json.dumps(record(2, passage="\ud800", passage_id=...)), "half of a surrogate pair"),
    ],
)
def test_malformed_json(tmp_path: Path, line: str, says: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(record(1)) + "\n\n" + line + "\n")
    message = refused(path)
    assert "line 3" in message
    assert says in message


HEADER = "question_id,passage,question,answer_1,answer_2,label\n"


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        (HEADER + "q1,text,why?,a,b\n", 2, "the row has 5 cells, the header 6"),
        (HEADER + "q1,one, two,why?,a,b,0\n", 2, "the row has 7 cells"),
        (HEADER + '"q1\n1",t,why?,a,b,0\nq2,"text,why?,a,b,0\n', 4, "malformed CSV"),
        (HEADER + '"q1\n1",t,why?,a,b,0\n', 2, "printable characters"),
        (HEADER + 'q1,"a\nb",why?,a,b,0\nq2,"text,why?,a,b,0\n', 4, "malformed CSV"),
        (HEADER + 'q1,"a\nb","why\n?,a,b,0\nq2,text,why?,a,b,0\n', 3, "malformed CSV"),
        (HEADER + 'q1,"text"x,why?,a,b,0\n', 2, "malformed CSV"),
        (HEADER + ",,,,,\n\nq1,text,why?,a,,0\n", 4, "field 'answers': answer 2 is empty"),
        (HEADER + "q1,text,why?,a,b,first\n", 2, "got 'first'"),
        (HEADER + "q1,text,why?,a,b,1.0\n", 2, "got '1.0'"),
        (HEADER + "q1,text,why?,a,b,\n", 2, "field 'label'"),
        (HEADER + "q1,text,why?,a,,0\n", 2, "field 'answers': answer 2 is empty"),
        (HEADER.replace("label", "question"), 1, "field 'question': occurs twice"),
        (HEADER.replace("question_id", "") + "q1,text,why?,a,b,1\n", 2, "column 1 holds 'q1' but"),
        ("question_id,passage,question,answers,label\nq1,t,w,a|b,0\n", 2, "must be a JSON list"),
    ],
)
def test_malformed_tables(tmp_path: Path, text: str, line: int, says: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text)
    message = refused(path)
    assert f"line {line}" in message
    assert says in message


def test_nothing_but_a_header(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(HEADER)
    assert "holds no question" in refused(tmp_path / "a.csv")


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.csv", "a.parquet"])
def test_file_problems_are_reported_by_every_loader(tmp_path: Path, name: str) -> None:
    for data, says in (
        (b"", "empty"),
        (gzip.compress(b"abc" * 100)[:-9], "cut short"),
    ):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(InputError, match=says):
            load_file(tmp_path / name)
    with pytest.raises(InputError, match="no such file"):
        load_file(tmp_path / f"missing-{name}")
    (tmp_path / f"folder-{name}").mkdir()
    with pytest.raises(InputError, match="is a directory"):
        load_file(tmp_path / f"folder-{name}")


def test_result_is_a_question_set(tmp_path: Path) -> None:
    assert isinstance(load_file(write_jsonl(tmp_path / "a.jsonl", record())), QuestionSet)
