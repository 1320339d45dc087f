"""Files as people have them: known layouts, spreadsheets, columns that the user names."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from debate_env.errors import InputError
from debate_env.questions import QuestionFile, load_file, load_questions, read_questions
from debate_env.questions.columns import parse_columns

PASSAGE = "The mill stood still all winter. In May the miller came back with two mules."
FOUR = ["in May", "in June", "never", "in winter"]


def saved(path: Path, *records: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(r) + "\n" for r in records), encoding="utf-8")
    return path


def race(k: int) -> dict[str, Any]:
    return {"article": PASSAGE, "question": f"When ({k})?", "options": FOUR, "answer": "ABCD"[k]}


def squad(**answer: Any) -> dict[str, Any]:
    asked = {"id": "s1", "question": "When did he come back?", **answer}
    return {"version": "1.1", "data": [{"paragraphs": [{"context": PASSAGE, "qas": [asked]}]}]}


CHOICES = [{"label": mark, "text": text} for mark, text in zip("ABCD", FOUR, strict=True)]
ITEMS = {f"ending{k}": text for k, text in enumerate(FOUR)}

LAYOUTS: dict[str, tuple[list[dict[str, Any]], list[str]]] = {
    # name: records, the right answers
    "race": ([race(1), race(3)], ["in June", "in winter"]),
    "race, several questions at once": (
        [
            {
                "id": "high1.txt",
                "article": PASSAGE,
                "questions": ["When?", "When not?"],
                "options": [FOUR, ["May", "March"]],
                "answers": ["A", "B"],
            }
        ],
        ["in May", "March"],
    ),
    "reclor": (
        [
            {"context": PASSAGE, "question": f"{k}?", "answers": FOUR, "label": k, "id_string": k}
            for k in (3, 0)
        ],
        ["in winter", "in May"],
    ),
    "quality of the hub": (
        [
            {"article": PASSAGE, "question": "a?", "options": FOUR, "answer": 0, "hard": True},
            {"article": PASSAGE, "question": "b?", "options": FOUR, "answer": 2, "hard": False},
        ],
        ["in May", "never"],
    ),
    "squad with options": ([squad(options=FOUR, answer="never")], ["never"]),
    "a server of rows": (
        [{"features": [], "rows": [{"row_idx": 0, "row": {**race(2)}, "truncated_cells": []}]}],
        ["never"],
    ),
    "numbered endings": (
        [{"context": PASSAGE, "question": "?", **ITEMS, "label": k, "id": f"c{k}"} for k in (1, 0)],
        ["in June", "in May"],
    ),
    "options by letter": (
        [
            {
                "passage": PASSAGE,
                "question": "?",
                "answer": "C",
                "options": dict(zip("ABCD", FOUR, strict=True)),
            }
        ],
        ["never"],
    ),
    "text of the answer, options by letter": (
        [
            {
                "passage": PASSAGE,
                "question": "?",
                "answer": "in june ",
                "answer_idx": "B",
                "options": dict(zip("ABCD", FOUR, strict=True)),
            }
        ],
        ["in June"],
    ),
    "arc": (
        [
            {
                "id": "M1",
                "question": "?",
                "answerKey": "2",
                "choices": {"text": FOUR, "label": ["1", "2", "3", "4"]},
            }
        ],
        ["in June"],
    ),
    "commonsense": (
        [{"id": "c", "answerKey": "D", "question": {"stem": "When?", "choices": CHOICES}}],
        ["in winter"],
    ),
    "mmlu": (
        [{"question": f"{k}?", "subject": "x", "choices": FOUR, "answer": k} for k in range(4)],
        FOUR,
    ),
    "mmlu-pro": (
        [
            {"question": f"{k}?", "options": FOUR, "answer": "ABCD"[k], "answer_index": k}
            for k in (1, 2)
        ],
        ["in June", "never"],
    ),
    "sciq": (
        [
            {
                "support": PASSAGE,
                "question": "?",
                "correct_answer": "in May",
                "distractor2": "b",
                "distractor1": "a",
                "distractor3": "c",
            }
        ],
        ["in May"],
    ),
    "truthful": (
        [{"question": "?", "best_answer": "in May", "incorrect_answers": ["a", "b"]}],
        ["in May"],
    ),
    "boolq": (
        [
            {"question": "is it shut", "passage": PASSAGE, "answer": True},
            {"question": "is it open", "passage": PASSAGE, "answer": False},
        ],
        ["yes", "no"],
    ),
    "from one, as the last shows": (
        [
            {"passage": PASSAGE, "question": f"{k}?", "choice1": "a", "choice2": "b", "gold": k}
            for k in (1, 2)
        ],
        ["a", "b"],
    ),
}


def right(reading: QuestionFile) -> list[str]:
    return [q.answers[q.label] for q in reading.questions]


@pytest.mark.parametrize("name", LAYOUTS)
def test_layouts_of_data_sets_are_known(tmp_path: Path, name: str) -> None:
    records, answers = LAYOUTS[name]
    reading = read_questions(saved(tmp_path / "a.jsonl", *records))
    assert reading.problems == ()
    assert right(reading) == answers
    has_passage = any(word in json.dumps(records) for word in ("mill stood",))
    assert {q.passage for q in reading.questions} == {PASSAGE if has_passage else ""}
    (tmp_path / "b.json").write_text(json.dumps(records, indent=2))
    assert right(read_questions(tmp_path / "b.json")) == answers


def test_what_was_taken_for_what_is_said(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.jsonl", *(race(k) | {"example_id": "high1.txt"} for k in range(4)))
    questions = load_questions(str(path))
    assert questions.ids == tuple(f"high1.txt-{k}" for k in (1, 2, 3, 4))
    assert list(questions.passages) == ["high1.txt"]
    assert questions.notes == (
        "columns: label=answer, answers=options, passage=article, question_id=example_id",
        "'example_id' names passages, since several questions on one passage share it",
    )
    own = {"question_id": "q", "passage": PASSAGE, "question": "?", "label": 0}
    assert load_file(saved(tmp_path / "b.jsonl", own | {"answers": ["a", "b"]})).notes == ()
    assert (
        load_file(saved(tmp_path / "c.jsonl", own | {"answer_1": "a", "answer_2": "b"})).notes == ()
    )


def test_quality_files_need_no_prefix(tmp_path: Path) -> None:
    entry = {
        "question_unique_id": "u1",
        "question": "?",
        "options": ["x", "y"],
        "gold_label": 2,
        "difficult": 1,
    }
    story = {"article_id": "1", "title": "T", "source": "S", "article": PASSAGE}
    path = saved(tmp_path / "a.jsonl", {**story, "questions": [entry]})
    questions = load_file(path)
    assert questions == load_questions(f"quality:{path}")
    assert "QuALITY" in questions.notes[0]


TABLE = "ID;Passage;Question;Option A;Option B;Correct answer\n1;Dürr, long;Why?;no; yes;B\n"


@pytest.mark.parametrize(
    ("data", "notes"),
    [
        (TABLE.encode(), 1),
        (b"\xef\xbb\xbf" + TABLE.encode(), 1),
        (("sep=;\r\n" + TABLE.replace("\n", "\r\n")).encode(), 1),
        (('"sep=;"\n' + TABLE).encode(), 1),
        (TABLE.encode("cp1252"), 2),
        (TABLE.replace(";", "\t").encode("utf-16"), 2),
        (TABLE.replace("Dürr, long", '"Dürr, long"').replace(";", ",").encode(), 0),
        (TABLE.replace("\n", ";;\n").encode() + b";;;;;;;\n\n", 1),
        (gzip.compress(TABLE.encode(), mtime=0), 1),
    ],
)
def test_tables_as_spreadsheets_save_them(tmp_path: Path, data: bytes, notes: int) -> None:
    (tmp_path / "a.csv").write_bytes(data)
    reading = read_questions(tmp_path / "a.csv")
    assert reading.problems == ()
    (question,) = reading.questions
    assert (question.question_id, question.passage) == ("1", "Dürr, long")
    assert (question.answers, question.label) == (("no", " yes"), 1)
    assert len(reading.notes) == notes + 1
    assert "answers=Option A+Option B" in reading.notes[-1]


def test_lines_of_a_table_are_counted_with_its_first(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("sep=;\n" + TABLE + "2;p;q?;a;a;A\n")
    (problem,) = read_questions(tmp_path / "a.csv").problems
    assert "a.csv, line 4, field 'answers': answers 1 and 2 are equal" in problem


def test_what_is_neither_utf8_nor_of_windows_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(TABLE.encode("cp1252") + b"\x81")
    with pytest.raises(InputError, match=r"line 3: neither UTF-8 nor cp1252 \(byte position 81\)"):
        load_file(tmp_path / "a.csv")


def test_lists_in_cells(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        f"article,question,options,answer\n{PASSAGE},a?,\"['x', 'y']\",A\n"
        f'{PASSAGE},b?,"[""x"", ""y""]",B\n'
    )
    assert right(read_questions(tmp_path / "a.csv")) == ["x", "y"]


def test_parquet(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(arrow.Table.from_pylist([race(0), race(2)]), tmp_path / "a.parquet")
    assert right(read_questions(tmp_path / "a.parquet")) == ["in May", "never"]
    (tmp_path / "b.parquet").write_bytes(b"PAR1 and nothing else")
    with pytest.raises(InputError, match=r"b.parquet: cannot be read as Parquet"):
        load_file(tmp_path / "b.parquet")


MINE = [
    {"text of it": PASSAGE, "q": f"{k}?", "first": "a", "second": "b", "k": k, "answer": "none"}
    for k in (1, 2)
]
SAID = "passage=text of it,question=q,answers=first+second,label=k"


def test_columns_that_the_user_names(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.jsonl", *MINE)
    questions = load_questions(str(path), parse_columns(SAID))
    assert [q.answers[q.label] for q in questions] == ["a", "b"]
    assert questions == load_file(
        path,
        {"passage": "text of it", "question": "q", "answers": ["first", "second"], "label": "k"},
    )
    assert dict(questions[0].metadata) == {"answer": "none"}


@pytest.mark.parametrize(
    ("said", "problems"),
    [
        ("passage=txt of it,question=q,answers=first,label=k", ["did you mean 'text of it'?"]),
        (
            "pasage=q,lable=k",
            [
                "columns pasage=...: did you mean 'passage'?",
                "columns lable=...: did you mean 'label'?",
                "no field by a known name of the question; say which with --columns question=NAME",
            ],
        ),
        (SAID + ",label_is=numbr", ["did you mean 'number'?"]),
    ],
)
def test_every_wrong_column_is_named(tmp_path: Path, said: str, problems: list[str]) -> None:
    found = read_questions(saved(tmp_path / "a.jsonl", *MINE), parse_columns(said)).problems
    assert len(found) == len(problems)
    for line, says in zip(found, problems, strict=True):
        assert says in line


@pytest.mark.parametrize("said", ["passage", "passage=", "a=b,a=c", ""])
def test_columns_that_are_no_pairs(said: str) -> None:
    with pytest.raises(InputError, match="as in passage=article,label=answer"):
        parse_columns(said)


ASKED = {"passage": PASSAGE, "question": "?"}


@pytest.mark.parametrize(
    ("record", "says"),
    [
        (
            {**ASKED, "options": ["a", "b", "c"], "answer": 1},
            "'answer' can be read in several ways (index counts from 0, number from 1), and no "
            "record decides; say --columns label_is=index or label_is=number",
        ),
        (
            {**ASKED, "options": ["2", "3", "1"], "answer": "1"},
            "say --columns label_is=index or label_is=text or label_is=number",
        ),
        (
            {**ASKED, "options": ["b", "a"], "answer": "A"},
            "say --columns label_is=letter or label_is=text",
        ),
        (
            {**ASKED, "options": FOUR, "answer": "B", "answer_index": 3},
            "'answer' and 'answer_index' name different answers; say which with --columns",
        ),
        (
            {"context": PASSAGE, "text": "x", "question": "?", "options": FOUR, "answer": "B"},
            "'context' and 'text' could be the passage; say which with --columns passage=context",
        ),
        (
            {**ASKED, "options": FOUR, "option_a": "x", "option_b": "y", "answer": "B"},
            "field 'options': stands beside 'option_a'; say which with --columns answers=options",
        ),
        (
            {**ASKED, "answers": FOUR, "distractors": ["z"], "label": 1},
            "both 'answers' and 'distractors' hold answers",
        ),
        (
            {**ASKED, "answer_1": "a", "answer_3": "c", "label": 0},
            "fields answer_1, answer_3: must follow each other without a gap",
        ),
        (
            {**ASKED, "answers": FOUR, "label": 0, "pasage_id": "x"},
            "field 'pasage_id': did you mean 'passage_id'? rename it",
        ),
        (
            {**ASKED, "answer_1": "a", "answer_2": "b", "anwser_3": "c", "label": 0},
            "field 'anwser_3': did you mean 'answer_3'? rename it",
        ),
        (
            {**ASKED, "answers": ["a", "b"], "label": 2},
            "got 2; if it counts from 1, say --columns label_is=number",
        ),
    ],
)
def test_nothing_is_guessed_at(tmp_path: Path, record: dict[str, Any], says: str) -> None:
    reading = read_questions(saved(tmp_path / "a.jsonl", record))
    assert reading.questions == ()
    (problem,) = reading.problems
    assert says in problem


PAIR = {**ASKED, "options": ["a", "b", "c"]}

SILENT: dict[str, tuple[list[dict[str, Any]], str]] = {
    # what a hasty reader would load in silence, and what is said instead
    "two labels that disagree": (
        [PAIR | {"answer": "C", "label": 0}, PAIR | {"answer": "A", "label": 1}],
        "'label' and 'answer' name different answers",
    ),
    "two labels that agree in one way of counting alone": (
        [PAIR | {"answer": "ABC"[k], "answer_index": (k + 1) % 3} for k in range(3)],
        "'answer' and 'answer_index' name different answers",
    ),
    "disagreement beside blanks": (
        [PAIR | {"answer": "A", "gold": ""}, PAIR | {"answer": "B", "gold": "C"}],
        "'answer' and 'gold' name different answers",
    ),
    "a label that may count from 1, under the name that counts from 0": (
        [ASKED | {"answerA": "a", "answerB": "b", "answerC": "c", "label": "1"}],
        "'label' can be read in several ways",
    ),
    "a row for each answer": (
        [
            ASKED | {"candidate": "red", "label": True},
            ASKED | {"candidate": "blue", "label": False},
        ],
        "a question is there more than once: a row for each of its answers?",
    ),
    "an answer judged true": (
        [ASKED | {"answer": "Bob", "label": "True"}],
        "'label' and 'answer' do not say the same",
    ),
    "a number beside wrong answers": (
        [ASKED | {"answer": "Paris", "label": 2, "distractor1": "Rome", "distractor2": "Oslo"}],
        "the right answer may stand in 'label' or 'answer'; say which with --columns label=NAME",
    ),
    "two groups of answers": (
        [
            ASKED
            | {"choice_1": "a", "choice_2": "b", "option_a": "c", "option_b": "d", "answer": "A"}
        ],
        "the answers may stand in choice_1+choice_2 or option_a+option_b",
    ),
    "an excerpt beside the passage": (
        [PAIR | {"article": f"{PASSAGE} And more.", "answer": "A"}],
        "'passage' and 'article' could be the passage",
    ),
    "answers under a name that nobody knows": (
        [ASKED | {"possibilities": ["a", "b"], "answer": "a"}],
        "no field by a known name of the answers; say which with --columns answers=NAME (fields "
        "that hold lists: possibilities)",
    ),
    "letters without answers": (
        [ASKED | {"answer": "B"}],
        "no field by a known name of the answers",
    ),
}


@pytest.mark.parametrize("name", SILENT)
def test_no_file_is_read_wrongly_in_silence(tmp_path: Path, name: str) -> None:
    records, says = SILENT[name]
    reading = read_questions(saved(tmp_path / "a.jsonl", *records))
    assert (reading.questions, reading.pairs) == ((), ())
    assert says in " ".join(reading.problems)


def test_a_kind_of_label_is_no_field(tmp_path: Path) -> None:
    record = {"text": PASSAGE, "question": "?", "options": ["b", "a"], "answer": "a", "letter": 1}
    path = saved(tmp_path / "a.jsonl", record)
    (question,) = read_questions(path, {"label_is": "text"}).questions
    assert (question.passage, question.label) == (PASSAGE, 1)
    (question,) = read_questions(path, {"label_is": "letter"}).questions
    assert (question.label, dict(question.metadata)) == (0, {"letter": 1})


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ("passage=passage+question", "passage=passage+question: must name one field, once"),
        ("answers=options+options", "answers=options+options: must name one field, once"),
        ("passage=question,question=question", "'question' is given two roles"),
    ],
)
def test_a_column_has_one_role(tmp_path: Path, said: str, says: str) -> None:
    path = saved(tmp_path / "a.jsonl", PAIR | {"answer": "A"})
    assert says in read_questions(path, parse_columns(said)).problems[0]


def test_a_second_label_is_checked_beside_a_kind_and_kept_where_it_says_nothing(
    tmp_path: Path,
) -> None:
    records = [PAIR | {"gold": "A", "answer": "B", "correct": "yes"}]
    path = saved(tmp_path / "a.jsonl", *records)
    (problem,) = read_questions(path, {"label_is": "letter"}).problems
    assert "name different answers" in problem
    (question,) = read_questions(path, {"label": "gold"}).questions
    assert (question.label, dict(question.metadata)) == (0, {"answer": "B", "correct": "yes"})


def test_ids_name_passages_only_where_every_passage_has_its_own(tmp_path: Path) -> None:
    rows = [race(k % 4) | {"id": f"i{k}", "article": f"{PASSAGE} {k // 2}"} for k in range(4)]
    path = saved(tmp_path / "a.jsonl", *rows, rows[-1])
    (problem,) = read_questions(path).problems
    assert "line 5, field 'question_id': 'i3' occurs twice" in problem
    (problem,) = read_questions(saved(tmp_path / "b.jsonl", race(1) | {"id": None})).problems
    assert "field 'id': is null" in problem


def test_lists_in_metadata_are_no_questions(tmp_path: Path) -> None:
    own = {"question_id": "q", **ASKED, "answers": ["a", "b"], "label": 0}
    record = own | {"examples": [{"question": "other?", "label": 1}], "context": "of the scan"}
    (question,) = read_questions(saved(tmp_path / "a.jsonl", record)).questions
    assert (question.question, question.label) == ("?", 0)
    assert set(question.metadata) == {"examples", "context"}


def test_cells_that_a_server_has_cut_are_refused(tmp_path: Path) -> None:
    rows = [{"row_idx": 0, "row": race(2), "truncated_cells": ["article"]}]
    path = saved(tmp_path / "a.jsonl", {"rows": rows})
    with pytest.raises(InputError, match="has cut article; download the data set"):
        read_questions(path)


def test_one_wrong_answer_is_enough(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("question,correct_answer,wrong_answer_1\nQ?,a,b\n")
    (tmp_path / "b.csv").write_text("question,answer,incorrect answer\nQ?,a,b\n")
    for name in ("a.csv", "b.csv"):
        (question,) = read_questions(tmp_path / name).questions
        assert (question.answers, question.label) == (("a", "b"), 0)


def test_line_ends_of_old_spreadsheets(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(TABLE.replace("\n", "\r").encode())
    assert right(read_questions(tmp_path / "a.csv")) == [" yes"]


def test_a_kind_of_label_that_the_user_names_decides(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.jsonl", {**ASKED, "options": ["2", "3", "1"], "answer": "1"})
    found = {
        kind: right(read_questions(path, {"label_is": kind}))
        for kind in ("index", "number", "text")
    }
    assert found == {"index": ["3"], "number": ["2"], "text": ["1"]}


def test_pairs_of_question_and_answer_say_what_lacks(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("question,answer\n1+1?,2\n1+2?,3\n")
    reading = read_questions(tmp_path / "a.csv")
    assert [(p.question_id, p.question, p.answer) for p in reading.pairs] == [
        ("q1", "1+1?", "2"),
        ("q2", "1+2?", "3"),
    ]
    (problem,) = reading.problems
    assert "no field holds wrong answers beside the right one in 'answer'" in problem
    assert "--distractors MODEL --to NEW.jsonl" in problem
    spans = squad(answers=[{"text": "in May", "answer_start": 33}])
    (tmp_path / "b.json").write_text(json.dumps(spans))
    (pair,) = read_questions(tmp_path / "b.json").pairs
    assert (pair.question_id, pair.passage, pair.answer) == ("s1", PASSAGE, "in May")


def test_all_problems_are_found_and_the_first_is_said(tmp_path: Path) -> None:
    good = {**ASKED, "question_id": "q1", "answers": ["a", "b"], "label": 0}
    path = saved(
        tmp_path / "a.jsonl",
        good | {"passage": " "},
        good | {"question_id": "q2", "label": 5},
        good,
        good,
    )
    reading = read_questions(path)
    assert [q.question_id for q in reading.questions] == ["q1"]
    assert [problem.partition(": ")[0].partition(", ")[2] for problem in reading.problems] == [
        "line 1, field 'passage'",
        "line 2, field 'label'",
        "line 4, field 'question_id'",
    ]
    with pytest.raises(InputError, match=r"line 1, .*\(2 more; 'debateqd questions .*' lists all"):
        load_file(path)
