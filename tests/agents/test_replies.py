"""What is read out of a reply: strictly, whatever the reply holds."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from debateqd.agents import replies
from debateqd.agents.base import Failure
from debateqd.agents.models.base import Reply, Usage
from debateqd.agents.replies import (
    ERROR_KINDS,
    credence_schema,
    read_credence,
    read_letter,
    read_probabilities,
    reply_failure,
)

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

# --- failures -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", sorted(ERROR_KINDS))
def test_a_failed_request_keeps_its_kind(kind):
    assert reply_failure(Reply("", "error", error="so it was", error_kind=kind)) == Failure(
        kind, "so it was"
    )


@pytest.mark.parametrize("kind", ["", "refused", "unparsable_verdict", "no such kind"])
def test_a_kind_that_no_engine_has_is_an_engine_error(kind):
    assert reply_failure(Reply("", "error", error="x", error_kind=kind)).kind == "engine_error"


def test_an_error_without_a_reason_says_so():
    assert reply_failure(Reply("", "error")).message == "the engine gave no reason"
    assert "\n" not in reply_failure(Reply("", "error", error="a\nb" * 500)).message


def test_a_reply_that_was_all_thinking_is_told_from_one_that_was_cut():
    cut = reply_failure(Reply("", "length", Usage(10, 8)))
    thought = reply_failure(Reply(" \n", "length", Usage(10, 512, 512)))
    assert cut.kind == thought.kind == "truncated"
    assert "thinking" not in cut.message
    assert "thinking took 512 tokens" in thought.message
    assert reply_failure(Reply("I say", "length", Usage(10, 512, 500))) is None


# --- probabilities --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((0.25, 0.75), (0.25, 0.75)),
        ((0.2, 0.6), (0.25, 0.75)),  # of what else the model might have said, nothing is left
        ([3, 1], (0.75, 0.25)),
        ((0.0, 1.0), (0.0, 1.0)),
        ((0.0, 5e-324), (0.0, 1.0)),
        ((0.1, 0.1, 0.2), (0.25, 0.25, 0.5)),
    ],
)
def test_probabilities_become_shares_of_what_was_given(given, expected):
    found = read_probabilities(given, len(given))
    assert found == pytest.approx(expected, rel=1e-15)
    assert type(found) is tuple


@pytest.mark.parametrize(
    "given",
    [(), (1.0,), (0.2, 0.3, 0.5), (0.0, 0.0), (-0.1, 1.1), (math.nan, 1.0), (math.inf, 1.0)],
)
def test_what_is_no_distribution_is_a_failure_of_the_engine(given):
    found = read_probabilities(given, 2)
    assert isinstance(found, Failure)
    assert found.kind == "engine_error"
    assert found.message.startswith("no distribution over 2 choices: ")


# --- letters --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "index"),
    [
        ("a", 0),
        ("The quotes are verified.\n\nB", 1),
        ("The quotes are verified.\r\nB\r\n", 1),
        ("<think>\nBoth?\n</think>\nB", 1),
        ("Therefore:\n**B**", 1),
        ("I weighed both\nAnswer: B", 1),
        ("Answer: A\nThe answer is A.", 0),
        ("", None),
        ("\n\n", None),
        ("A B", None),
        ("A, B", None),
        ("A/B", None),
        ("A or B", None),
        ("Answer: A or B", None),
        ("either A\nor B", None),
        ("A\nB", None),
        ("Answer: A\nAnswer: B", None),
        ("<think>\nA\n</think>\nB", None),
        ("It is certainly not\nA", None),
        ("The correct answer is not\nA", None),
        ("A?", None),
        ("A!", None),
        ("¬A", None),
        ("not A", None),
        ("~A", None),
        ("-A", None),
        ("AA", None),
        ("A1", None),
        ("A is", None),
        ("\u0391", None),  # capital alpha
        ("\u0410", None),  # capital a, Cyrillic
        ("\U0001d400", None),  # mathematical bold A
        ("A\u0300", None),  # with an accent
        ("A\u200b", None),  # with a zero-width space
        ("\u202eA", None),  # right to left
        ("\ufeffA", None),
        ("\x00A", None),
        ("\ud800A", None),
        ('{"A": 100, "B": 0}', None),
        ("The answer is" + " " * 200 + "A", None),
        ("*" * 100_000 + "A", None),
        ("A" + "*" * 100_000 + "x", None),
        ("The answer is" + " " * 100_000 + "x", None),
        ("A\n" * 50_000 + "?", None),
    ],
)
def test_a_letter_counts_only_when_it_stands_alone(text, index):
    assert read_letter(text, 2) == index


SAID = [
    "B",
    "b",
    "(B)",
    "B)",
    "'B'",
    "B.",
    "**B**",
    "**B.**",
    "**B**.",
    "`B`",
    "__B__",
    "“B”",
    "«B»",
    "「B」",
    "【B】",
    "［Ｂ］",
    "（B）",
    "Ｂ。",
    "Ｂ．",
    "\\boxed{B}",
    "$\\boxed{B}$",
    "$$\\boxed{\\text{B}}$$",
    "\\(\\mathbf{B}\\)",
    "\\[\\boxed{\\textbf{(B)}}\\]",
]
LABELS = [
    "Answer:",
    "**Answer:**",
    "**Answer**:",
    "### Answer:",
    "The correct answer is",
    "My final answer is:",
    "Verdict:",
    "Antwort:",
    "Die richtige Antwort ist",
    "Réponse\u202f:",
    "La bonne réponse est",
    "RÉPONSE :",
    "Respuesta correcta:",
    "Risposta:",
    "Resposta certa:",
    "Ответ:",
    "Правильный ответ:",
    "Απάντηση:",
    "תשובה:",
    "الجواب:",
    "الإجابة الصحيحة:",
    "उत्तर:",
    "คำตอบ:",
    "Đáp án:",
    "Câu trả lời:",
    "答案：",
    "正确答案是：",
    "最终答案:",
    "回答：",
    "答え：",
    "答えは",
    "정답:",
]


@pytest.mark.parametrize("said", SAID)
def test_marks_and_words_for_answer_stand_in_nobodys_way(said):
    for text in (said, *(f"{label} {said}" for label in LABELS)):
        assert read_letter(text, 2) == 1, text
        assert read_letter(f"A was refuted by its own quote.\n\n{text}", 2) == 1, text
        assert read_letter(f"A 的引用没有得到验证。\n{text}", 2) == 1, text


@pytest.mark.parametrize(
    "text",
    [
        # What is said of a letter may be that it is wrong, in words that nobody can all know.
        "Wrong: A",
        "Not: A",
        "Falsch: A",
        "Wrong answer: A",
        "Falsche Antwort: A",
        "错误答案：A",
        "неправильный ответ: A",
        "Answer: not A",
        "Antwort: nicht A",
        "La réponse n'est pas A",
        "答案不是A",
        "答えはAではない",
        "~~A~~",
        "> A",
        "- A",
        "Answer: A?",
        "答案：A或B",
        "Réponse : A ou B",
        "【A】【B】",
        "**A** / **B**",
        "（A）（B）",
        "\\boxed{A}\\boxed{B}",
        "\\boxed{A} or \\boxed{B}",
        "\\boxed{A, B}",
        "\\frac{A}",
        "Ａ\nＢ",
        "答案：A\nAnswer: B",
        "\\boxed{A}\n**B**",
        "答案不是\nA",
        "La réponse n'est pas\nA",
    ],
)
def test_what_may_mean_something_else_is_no_verdict(text):
    assert read_letter(text, 2) is None


@settings(deadline=None)
@given(
    st.sampled_from([*LABELS, ""]),
    st.sampled_from([said for said in SAID if "b" not in said]),
    st.sampled_from([" ", "", "\n", "\n\n", " or ", ", ", "/", " 或 ", ". ", " and not "]),
    st.sampled_from(["", *LABELS]),
    st.sampled_from(SAID),
)
def test_no_reply_that_gives_two_letters_reads_as_one(label, said, between, again, other):
    first = said.translate({ord("B"): "A", ord("Ｂ"): "Ａ"})
    assert read_letter(f"{label} {first}{between}{again} {other}", 2) is None


@pytest.mark.parametrize(
    "line",
    ["*" * 80, "the " * 20, "答" * 80, "\\" * 80, "\\text{" * 13, "answer" + " " * 74, " :" * 40],
)
def test_hostile_lines_take_time_in_proportion(line, monkeypatch):
    looked_at = 0

    class Counting:
        def fullmatch(self, text):
            nonlocal looked_at
            looked_at += 1
            assert len(text) <= 80
            return pattern.fullmatch(text)

    pattern = replies._LETTER
    monkeypatch.setattr(replies, "_LETTER", Counting())
    for lines in (500, 1000):
        looked_at = 0
        read_letter(f"{line}\n" * lines + "Answer: B", 2)
        assert looked_at <= lines + 2


@pytest.mark.parametrize("sign", ["\u017f", "\u212a", "\u0131", "\u0130"])
def test_signs_that_fold_to_a_letter_are_none(sign):
    assert read_letter(sign, 26) is None


@settings(deadline=None)
@given(st.sampled_from(LETTERS), st.integers(2, 26))
def test_letters_of_no_answer_are_no_verdict(letter, n):
    expected = LETTERS.index(letter) if LETTERS.index(letter) < n else None
    assert read_letter(letter, n) == read_letter(letter.lower(), n) == expected
    assert read_letter(f"The correct answer is ({letter}).", n) == expected


@settings(deadline=None)
@given(st.text(), st.integers(2, 26))
@example("AB", 2)
def test_whatever_is_read_was_written_as_a_word_of_its_own(text, n):
    found = read_letter(text, n)
    if found is not None:
        words = "".join(c if c.isalnum() else " " for c in text).split()
        assert words[-1] in (LETTERS[found], LETTERS[found].lower(), chr(0xFF21 + found))
        assert found < n


@settings(deadline=None)
@given(st.text(alphabet="ABab :.\n*()answer is", max_size=40))
def test_a_letter_read_is_the_only_one_given(text):
    found = read_letter(text, 2)
    if found is not None:
        alone = {line.strip().upper() for line in text.strip().split("\n")}
        assert LETTERS[1 - found] not in alone


# --- stated credences -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"A": 70, "B": 30}', (0.7, 0.3)),
        ('{"B": 30, "A": 70}', (0.7, 0.3)),
        (' \n{"A":70,"B":30}\n', (0.7, 0.3)),
        ('```json\n{"A": 70, "B": 30}\n```', (0.7, 0.3)),
        ('```\n{"A": 70, "B": 30}\n```', (0.7, 0.3)),
        ('{"A": 100, "B": 0}', (1.0, 0.0)),
        ('{"A": 100, "B": -0.0}', (1.0, 0.0)),
        ('{"A": 1e2, "B": 0}', (1.0, 0.0)),
        ('{"A": 0.7, "B": 0.3}', (0.7, 0.3)),
        ('{"A": 1, "B": 0}', (1.0, 0.0)),
        ('{"A": 66, "B": 33}', (2 / 3, 1 / 3)),
        ('{"A": 67, "B": 34}', (67 / 101, 34 / 101)),
        ('{"A": 0.67, "B": 0.34}', (67 / 101, 34 / 101)),
        ('{"\\u0041": 70, "B": 30}', (0.7, 0.3)),
        ('{"A": 70}', (0.7, 0.3)),
        ('```json\n{"A": 70}\n```', (0.7, 0.3)),
        ('{"A": 1}', (0.01, 0.99)),
        ('{"A": 1.5}', (0.015, 0.985)),
        ("0", (0.0, 1.0)),
        ("100", (1.0, 0.0)),
        ("70", (0.7, 0.3)),
        ("70 %", (0.7, 0.3)),
    ],
)
def test_credences_are_read_and_normalised(text, expected):
    found = read_credence(text, 2)
    assert found == pytest.approx(expected)
    assert all(math.copysign(1.0, value) == 1.0 for value in found)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A",
        "-1",
        "101",
        "70%%",
        "0.7",
        "1.0",
        '"70"',
        "true",
        "null",
        "[70, 30]",
        '[{"A": 70, "B": 30}]',
        '{"B": 70}',
        '{"A": 101}',
        '{"A": -1}',
        '{"A": 0.7}',
        '{"A": 1.0}',
        '{"A": true}',
        '{"A": "70"}',
        '{"A": 70}%',
        '{"A": 70, "A": 70}',
        '{"A": 100, "B": 100}',
        '{"A": 70, "B": 30, "C": 0}',
        '{"A": 70, "B": 30, "because": "so"}',
        '{"a": 70, "b": 30}',
        '{"A": 70, "\u0412": 30}',  # Cyrillic
        '{"A ": 70, "B": 30}',
        '{"A": {"A": 70, "B": 30}, "B": 30}',
        '{"A": 70, "B": 30, "A": 70}',
        '{"A": 70, "A": 30}',
        '{"A": 70, "B": 30, "\\u0041": 70}',
        '{"A": true, "B": false}',
        '{"A": 100, "B": false}',
        '{"A": "70", "B": "30"}',
        '{"A": "70%", "B": "30%"}',
        '{"A": 70%, "B": 30%}',
        '{"A": null, "B": 100}',
        '{"A": NaN, "B": 100}',
        '{"A": Infinity, "B": 0}',
        '{"A": -Infinity, "B": Infinity}',
        '{"A": 1e999, "B": 0}',
        '{"A": -10, "B": 110}',
        '{"A": 0, "B": 0}',
        '{"A": 70, "B": 31.5}',
        '{"A": 70, "B": 28.5}',
        '{"A": 7, "B": 3}',
        '{"A": 0.7, "B": 0.28}',
        '{"A": 0.7, "B": 30}',
        '{"A": 50, "B": 50',
        "{'A': 70, 'B': 30}",
        '{"A": 70, "B": 30,}',
        '{"A": 70, "B": 30} // sure',
        'My verdict: {"A": 70, "B": 30}',
        '{"A": 70, "B": 30}\nI am sure.',
        '{"A": 70, "B": 30}{"A": 70, "B": 30}',
        '{"A": 70, "B": 30}\n{"A": 70, "B": 30}',
        '<think>Hm.</think>{"A": 70, "B": 30}',
        'Here:\n```json\n{"A": 70, "B": 30}\n```',
        '```\n```json\n{"A": 70, "B": 30}\n```\n```',
        '```python\n{"A": 70, "B": 30}\n```',
        '```json\n{"A": 70, "B": 30}',
        "``````",
        "`````",
        '\ufeff{"A": 70, "B": 30}',
        '{"A": ' + "9" * 3000 + ', "B": 0.5}',
        '{"A": ' + "9" * 3000 + ', "B": -' + "9" * 3000 + "}",
        '{"A": ' + "9" * 50_000 + ', "B": 0}',
        '{"A": ' + "[" * 3500 + "}",
        "[" * 100_000,
        '{"A":' * 100_000,
        '{"A": 70, "B": 30}' + " " * 5000 + "x",
        "\ud800",
    ],
)
def test_anything_else_is_no_verdict(text):
    assert read_credence(text, 2) is None


@settings(deadline=None)
@given(st.lists(st.floats(0.001, 1.0), min_size=2, max_size=26), st.booleans(), st.randoms())
def test_what_a_model_states_in_any_order_comes_back(weights, per_cent, random):
    shares = [w / math.fsum(weights) for w in weights]
    stated = [(LETTERS[i], 100 * s if per_cent else s) for i, s in enumerate(shares)]
    random.shuffle(stated)
    found = read_credence(json.dumps(dict(stated)), len(shares))
    assert found == pytest.approx(tuple(shares))
    assert math.fsum(found) == pytest.approx(1.0)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["A", "B", "C", "a"]) | st.text(max_size=2), inner)
    ),
    max_leaves=6,
)


@settings(deadline=None)
@given(json_values | st.dictionaries(st.sampled_from("AB"), st.integers(0, 101) | st.booleans()))
def test_only_a_distribution_over_exactly_the_letters_is_read(value):
    found = read_credence(json.dumps(value), 2)
    if found is None:
        return
    if not isinstance(value, dict) or len(value) == 1:
        alone = value["A"] if isinstance(value, dict) else value
        assert not isinstance(alone, bool)
        assert found == pytest.approx((alone / 100, 1 - alone / 100))
        return
    assert set(value) == {"A", "B"}
    assert not any(isinstance(v, bool) for v in value.values())
    total = value["A"] + value["B"]
    assert abs(total - 100) <= 1 + 1e-6 or abs(total - 1) <= 0.01 + 1e-9
    assert found == pytest.approx((value["A"] / total, value["B"] / total))


@settings(deadline=None)
@given(st.text())
def test_text_is_never_mistaken_for_credences(text):
    found = read_credence(text, 2)
    assert found is None or sum(found) == pytest.approx(1.0)
    assert found is None or text.count("{") == 1 or text.strip()[0] in "0123456789"


@pytest.mark.parametrize("n", [2, 3, 26])
def test_the_schema_is_canonical_and_names_every_letter(n):
    text = credence_schema(n)
    schema = json.loads(text)
    assert json.dumps(schema, sort_keys=True, separators=(",", ":")) == text
    letters = ["A"] if n == 2 else list(LETTERS[:n])
    assert schema["required"] == list(schema["properties"]) == letters
    assert schema["additionalProperties"] is False
    assert all(
        p == {"type": "integer", "minimum": 0, "maximum": 100}
        for p in schema["properties"].values()
    )
