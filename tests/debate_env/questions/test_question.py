from __future__ import annotations

import copy
import pickle
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from debate_env.core.episode import Episode
from debate_env.core.settings import DebateSettings
from debate_env.errors import InputError
from debate_env.questions.question import Question, QuestionSet, require_passages


def make(passage: int, number: int, /, **changes: object) -> Question:
    question = Question(
        question_id=f"p{passage}-q{number}",
        passage_id=f"p{passage}",
        passage=f"Passage {passage} says that the kettle was blue.",
        question=f"What colour was the kettle in case {number}?",
        answers=("Blue", "Green"),
        label=(passage + number) % 2,
    )
    return replace(question, **changes)  # type: ignore[arg-type]


def make_set(passages: int, questions: int = 2) -> QuestionSet:
    return QuestionSet(make(p, q) for p in range(passages) for q in range(questions))


def test_set_is_an_immutable_sequence_in_order() -> None:
    questions = make_set(2)
    assert [q.question_id for q in questions] == ["p0-q0", "p0-q1", "p1-q0", "p1-q1"]
    assert questions.ids == ("p0-q0", "p0-q1", "p1-q0", "p1-q1")
    assert questions[1].question_id == "p0-q1"
    assert questions[1:3].ids == ("p0-q1", "p1-q0")
    assert questions[0] in questions
    assert list(questions.passages) == ["p0", "p1"]
    with pytest.raises(TypeError):
        questions[0] = questions[1]  # type: ignore[index]
    with pytest.raises(TypeError):
        questions.passages["p0"] = "other"  # type: ignore[index]
    with pytest.raises(AttributeError):
        questions.content_hash = "x"  # type: ignore[misc]


def test_pickle_and_copy_keep_content() -> None:
    questions = make_set(3)
    assert pickle.loads(pickle.dumps(questions)) == questions  # noqa: S301
    assert copy.deepcopy(questions).content_hash == questions.content_hash
    assert questions != make_set(2)
    assert questions != "questions"
    assert len({questions, make_set(3)}) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"question_id": "other"},
        {"passage_id": "other"},
        {"passage": "Another text."},
        {"question": "Another question?"},
        {"answers": ("Blue", "Red")},
        {"answers": ("Green", "Blue")},
        {"answers": ("Blue", "Green", "Red")},
        {"label": 1},
    ],
)
def test_hash_covers_everything_that_determines_a_debate(changes: dict[str, object]) -> None:
    question = make(0, 0)
    assert QuestionSet([replace(question, **changes)]) != QuestionSet([question])  # type: ignore[arg-type]


def test_hash_covers_order_but_not_what_no_agent_sees() -> None:
    one, two = make(0, 0), make(1, 0)
    assert QuestionSet([one, two]) != QuestionSet([two, one])
    annotated = replace(one, source="elsewhere", metadata={"evidence": ("x",)})
    assert QuestionSet([annotated, two]) == QuestionSet([one, two])


def test_hash_separates_fields() -> None:
    left = make(0, 0, answers=("a", 'b","c'))
    right = make(0, 0, answers=("a", "b", "c"))
    assert QuestionSet([left]) != QuestionSet([right])


def test_hash_is_the_same_on_every_machine() -> None:
    assert make_set(2).content_hash == (
        "2ac7981f40f37904c277190c54acc425cb560d18e7a7087ea62db4634ecfe0f8"
    )


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({"question_id": ""}, "question_id", "printable"),
        ({"question_id": "a\nb"}, "question_id", "printable"),
        ({"question_id": 5}, "question_id", "got 5"),
        ({"passage_id": " p0"}, "passage_id", "outer spaces"),
        ({"passage": " \n\t"}, "passage", "is empty"),
        ({"passage": "a\0b"}, "passage", "NUL character at position 1"),
        ({"passage": "a\ud800"}, "passage", "U+D800"),
        ({"passage": None}, "passage", "must be a text, got None"),
        ({"question": " "}, "question", "is empty"),
        ({"answers": ("one",)}, "answers", "2 to 26 answers, got 1"),
        ({"answers": tuple(f"answer {k}" for k in range(27))}, "answers", "got 27"),
        ({"answers": ["a", "b"]}, "answers", "two or more texts"),
        ({"answers": ("a", "")}, "answers", "answer 2 is empty"),
        ({"answers": ("a", 3)}, "answers", "answer 2 must be a text"),
        ({"answers": ("The  Cat", "a dog", "the cat ")}, "answers", "answers 1 and 3 are equal"),
        ({"answers": ("caf\u00e9", "cafe\u0301")}, "answers", "answers 1 and 2 are equal"),
        ({"answers": ("Straße", "STRASSE")}, "answers", "answers 1 and 2 are equal"),
        ({"label": 2}, "label", "must be 0 to 1 (0 is the first of 2 answers), got 2"),
        ({"label": -1}, "label", "got -1"),
        ({"label": True}, "label", "must be an integer"),
        ({"label": "0"}, "label", "must be an integer"),
    ],
)
def test_a_question_is_checked_when_it_is_made(
    changes: dict[str, object], field: str, says: str
) -> None:
    with pytest.raises(InputError) as caught:
        make(0, 0, **changes)
    message = str(caught.value)
    assert f"field '{field}'" in message
    assert says in message
    assert message.startswith("question ")
    assert "\n" not in message


def test_duplicates_are_refused() -> None:
    with pytest.raises(InputError, match="'p0-q0' occurs twice"):
        QuestionSet([make(0, 0), make(0, 0)])
    with pytest.raises(InputError, match="one passage_id must always come with one"):
        QuestionSet([make(0, 0), make(0, 1, passage="Another.")])


def test_subset_follows_the_given_order() -> None:
    questions = make_set(3)
    assert questions.subset(["p2-q0", "p0-q1"]).ids == ("p2-q0", "p0-q1")
    assert questions.subset([]).ids == ()
    with pytest.raises(InputError, match="did you mean 'p0-q1'"):
        questions.subset(["p0-q11"])
    with pytest.raises(InputError, match="occurs twice"):
        questions.subset(["p0-q1", "p0-q1"])


def sides(parts: tuple[QuestionSet, ...]) -> list[set[str]]:
    return [set(part.passages.values()) for part in parts]


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 4), min_size=3, max_size=25),
    shares=st.tuples(*[st.integers(0, 10)] * 3).filter(any),
    seed=st.integers(0, 5),
)
def test_shares_keep_passages_apart(
    sizes: list[int], shares: tuple[int, int, int], seed: int
) -> None:
    questions = QuestionSet(make(p, q) for p, n in enumerate(sizes) for q in range(n))
    total = max(10, sum(shares))
    wanted = [share / total for share in shares]
    parts = questions.split(*wanted, seed=seed)
    one, two, three = sides(parts)
    assert len(one | two | three) == len(one) + len(two) + len(three)
    for share, part in zip(wanted, parts, strict=True):
        assert bool(part) == (share > 0)
        assert abs(len(part.passages) - share * len(sizes)) <= 2
        for passage_id in part.passages:  # a share takes passages whole
            whole = [q.question_id for q in questions if q.passage_id == passage_id]
            assert [q.question_id for q in part if q.passage_id == passage_id] == whole
        order = [questions.ids.index(key) for key in part.ids]
        assert order == sorted(order)
    if sum(shares) >= 10:
        assert sum(map(len, parts)) == len(questions)


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 4), min_size=12, max_size=25),
    counts=st.tuples(*[st.integers(0, 4)] * 3),
    seed=st.integers(0, 5),
)
def test_numbers_are_exact_and_keep_passages_apart(
    sizes: list[int], counts: tuple[int, int, int], seed: int
) -> None:
    questions = QuestionSet(make(p, q) for p, n in enumerate(sizes) for q in range(n))
    parts = questions.split(*counts, seed=seed)
    assert tuple(map(len, parts)) == counts
    one, two, three = sides(parts)
    assert len(one | two | three) == len(one) + len(two) + len(three)


def test_split_is_reproducible_and_depends_on_the_seed() -> None:
    questions = make_set(40)
    first = questions.split(0.5, 0.25, 0.25, seed=1)
    assert first == questions.split(0.5, 0.25, 0.25, seed=1)
    assert [len(part.passages) for part in first] == [20, 10, 10]
    assert first.test != questions.split(0.5, 0.25, 0.25, seed=2).test
    # Every passage can end up on every side.
    found = {
        p for seed in range(12) for p in questions.split(0.5, 0.25, 0.25, seed=seed).test.passages
    }
    assert len(found) > 35


def test_split_does_not_depend_on_the_order_of_the_file() -> None:
    questions = make_set(20)
    turned = QuestionSet(reversed(questions))
    for one, two in zip(questions.split(10, 6, 8), turned.split(10, 6, 8), strict=True):
        assert set(one.ids) == set(two.ids)


def test_test_questions_stay_when_training_grows() -> None:
    questions = make_set(30)
    small, large = questions.split(4, 10, 20, seed=3), questions.split(30, 10, 20, seed=3)
    assert small.test == large.test
    assert small.selection == large.selection
    assert set(small.train.ids) < set(large.train.ids)


@pytest.mark.parametrize("passages", [9, 14, 37])
@pytest.mark.parametrize("shares", [(0.1, 0.2), (0.25, 0.3), (0.15, 0.15)])
def test_shares_for_test_and_selection_do_not_depend_on_that_for_training(passages, shares) -> None:
    questions = make_set(passages)
    selection, test = shares
    first = questions.split(0.1, selection, test, seed=3)
    for train in (0.2, 0.3, 0.4, 0.45):
        parts = questions.split(train, selection, test, seed=3)
        assert (parts.test, parts.selection) == (first.test, first.selection)
        assert set(first.train.ids) <= set(parts.train.ids)
        for part, share in zip(parts, (train, selection, test), strict=True):
            assert abs(len(part.passages) - share * passages) <= 1


def test_same_text_under_two_ids_stays_on_one_side() -> None:
    twins = [make(p, 0) for p in range(20)] + [
        make(p, 1, passage_id=f"twin{p}", passage=make(p, 0).passage.upper()) for p in range(20)
    ]
    for part in QuestionSet(twins).split(0.5, 0.2, 0.3):
        numbers = [q.question_id.split("-")[0] for q in part]
        assert all(numbers.count(number) == 2 for number in numbers)


def test_rest_of_a_passage_goes_nowhere() -> None:
    parts = make_set(3, questions=3).split(2, 2, 2)
    assert [len(part) for part in parts] == [2, 2, 2]
    assert [len(part.passages) for part in parts] == [1, 1, 1]


@pytest.mark.parametrize(
    ("sizes", "says"),
    [
        ((8, 4, 4), "wanted 8 train, 4 selection, 4 test"),
        ((100, 0, 0), "the set holds 12 on 6 passages"),
        ((0.6, 0.3, 0.2), "add up to 1.1"),
        ((1.5, 0.0, 0.0), "0.0 to 1.0"),
        ((-0.1, 0.5, 0.5), "0.0 to 1.0"),
        ((float("nan"), 0.5, 0.5), "0.0 to 1.0"),
        ((-1, 2, 2), "0 or more"),
        ((True, 2, 2), "share of the passages"),
        (("4", 2, 2), "share of the passages"),
        ((0.5, 4, 0.2), "mix a share (test=0.2) with a number of questions (selection=4)"),
    ],
)
def test_impossible_splits_are_refused(sizes: tuple[float, float, float], says: str) -> None:
    with pytest.raises(InputError) as caught:
        make_set(6).split(*sizes)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_too_few_passages_for_the_parts() -> None:
    with pytest.raises(InputError, match=r"3 parts .* the set holds 2"):
        make_set(2, questions=5).split(0.6, 0.2, 0.2)


def test_a_part_may_be_empty() -> None:
    parts = make_set(4).split(0.5, 0, 0.5)
    assert [len(part) for part in parts] == [4, 0, 4]
    assert [len(part) for part in make_set(4).split(0, 0, 0)] == [0, 0, 0]


def test_questions_without_a_passage_are_apart_and_refused_where_one_is_needed() -> None:
    questions = QuestionSet(
        replace(make(p, 0), passage="", passage_id=f"question-{p}") for p in range(4)
    )
    parts = questions.split(train=2, selection=1, test=1)
    assert [len(part) for part in parts] == [2, 1, 1]
    with pytest.raises(InputError, match="question 'p0-q0' has no passage, and debaters argue"):
        require_passages(questions)
    require_passages([make(0, 0)])
    with pytest.raises(InputError, match="'p0-q0' has no passage"):
        Episode(questions[0], DebateSettings())
