from __future__ import annotations

import json
import os
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from debate_env.errors import InputError
from debate_env.questions import QualityOptions, load_quality, load_questions
from debate_env.questions.quality import KHAN_EXCLUDED, KHAN_RULES, digest, select
from debate_env.questions.quality_records import read_items

OPTIONS = ["The kettle", "The jug", "The cup", "The lid"]


def validator(answer: int = 1, vote: int | None = 2, **changes: Any) -> dict[str, Any]:
    return {
        "untimed_annotator_id": "1",
        "untimed_answer": answer,
        "untimed_eval1_answerability": 1,
        "untimed_eval2_context": 2,
        "untimed_best_distractor": vote,
    } | changes


def question(number: int, **changes: Any) -> dict[str, Any]:
    base = {
        "question": f"What was blue on day {number}?",
        "question_unique_id": f"u{number}",
        "options": OPTIONS,
        "writer_label": 1,
        "gold_label": 1,
        "validation": [validator(), validator(), validator(vote=3)],
        "speed_validation": [{"speed_answer": 1}, {"speed_answer": 2}],
        "difficult": 1,
    }
    return {name: value for name, value in (base | changes).items() if value is not ...}


def article(number: int, questions: list[Any], /, **changes: Any) -> dict[str, Any]:
    base = {
        "article_id": f"a{number}",
        "set_unique_id": f"a{number}_x",
        "source": "Gutenberg",
        "title": f"Tale {number}",
        "author": "A. Nobody",
        "article": f"Tale {number}: the kettle was blue." + " And so on." * number,
        "questions": questions,
    }
    return {name: value for name, value in (base | changes).items() if value is not ...}


def write(path: Path, *articles: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(a) + "\n" for a in articles))
    return path


def one(tmp_path: Path, choice: QualityOptions | None = None, **changes: Any) -> tuple[str, ...]:
    path = write(tmp_path / "q", article(1, [question(1, **changes)]))
    (loaded,) = load_quality(path, choice)
    return loaded.answers


def test_default_is_gold_and_most_voted_distractor(tmp_path: Path) -> None:
    path = write(tmp_path / "q", article(1, [question(1, gold_label=3, writer_label=3)]))
    (loaded,) = load_quality(path)
    # Votes for gold (option 3) are removed; option 2 has two votes; options keep their order.
    assert loaded.answers == ("The jug", "The cup")
    assert loaded.label == 1
    assert loaded.question_id == "u1"
    assert loaded.passage_id == "a1"
    assert loaded.source == "quality"
    assert loaded.metadata["option_numbers"] == (2, 3)
    assert loaded.metadata["title"] == "Tale 1"
    assert loaded.metadata["difficult"] == 1


@pytest.mark.parametrize(
    ("votes", "gold", "wrong"),
    [
        ([4, 3, 4], 1, "The lid"),
        ([4, 3], 1, "The cup"),  # a tie goes to the lowest number
        ([1, 1, 4], 1, "The lid"),  # votes for gold do not count
        ([1, 1], 1, "The jug"),  # no vote left: all tied
        ([None, 4], 1, "The lid"),
    ],
)
def test_distractor_votes(tmp_path: Path, votes: list[int | None], gold: int, wrong: str) -> None:
    validation = [validator(gold, vote) for vote in votes]
    assert one(tmp_path, gold_label=gold, validation=validation) == ("The kettle", wrong)


def test_documented_name_of_the_votes(tmp_path: Path) -> None:
    vote = validator()
    del vote["untimed_best_distractor"]
    assert one(tmp_path, validation=[vote | {"untimed_eval3_distractor": 4}])[1] == "The lid"


def test_all_options(tmp_path: Path) -> None:
    assert one(tmp_path, QualityOptions(distractor="all"), gold_label=4) == tuple(OPTIONS)


@pytest.mark.parametrize(("gold", "wrong"), [(1, 2), (2, 1), (3, 4), (4, 3)])
def test_legacy_distractor_counts_from_the_end(tmp_path: Path, gold: int, wrong: int) -> None:
    reference = OPTIONS[1 - (gold - 1)]  # the rule as it was written
    assert OPTIONS[wrong - 1] == reference
    assert one(tmp_path, QualityOptions(distractor="legacy"), gold_label=gold) == (
        OPTIONS[gold - 1],
        reference,
    )


def test_legacy_distractor_may_not_be_gold(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="distractor=legacy picks the right answer"):
        one(tmp_path, QualityOptions(distractor="legacy"), gold_label=3, options=OPTIONS[:3])


def test_legacy_loader(tmp_path: Path) -> None:
    path = write(
        tmp_path / "q",
        article(3, [question(1), question(2)]),
        article(1, [question(3, difficult=0), question(4, gold_label=2)]),
        article(2, [question(5, difficult=0), question(6, difficult=None)]),
    )
    loaded = load_quality(path, QualityOptions(filter="legacy"))
    assert loaded.ids == ("u4", "u1")  # shortest article first, one each, hard only
    assert [q.label for q in loaded] == [0, 0]
    assert loaded[0].answers == ("The jug", "The kettle")


def test_hard_filter(tmp_path: Path) -> None:
    path = write(
        tmp_path / "q",
        article(1, [question(1), question(2, difficult=0), question(3, difficult=None)]),
    )
    assert load_quality(path, QualityOptions(filter="hard")).ids == ("u1",)
    assert load_quality(path).ids == ("u1", "u2", "u3")


FAILING = {
    "source Gutenberg": {"source": "Slate"},
    "difficult": {"difficult": 0},
    "answerability <= 1": {
        "validation": [validator(), validator(untimed_eval1_answerability=2)],
    },
    "all untimed answers right": {"validation": [validator(), validator(answer=2)]},
    "speed accuracy <= 0.5": {
        # 3 of 5, the least above one half that five answers can give
        "speed_validation": [{"speed_answer": 1}] * 3 + [{"speed_answer": 2}] * 2
    },
    "context >= 1.5": {"validation": [validator(untimed_eval2_context=1)] * 2 + [validator()]},
    "writer agrees": {"writer_label": 2},
    "exclusion list": {"title": "MONICA!"},
}


@pytest.mark.parametrize("rule", FAILING)
def test_each_khan_rule_drops_what_it_names(tmp_path: Path, rule: str) -> None:
    changes = FAILING[rule]
    of_article = {k: v for k, v in changes.items() if k in ("source", "title")}
    of_question = {k: v for k, v in changes.items() if k not in of_article}
    path = write(
        tmp_path / "q",
        article(1, [question(1)]),
        article(2, [question(2, **of_question)], **of_article),
    )
    kept, dropped = select(read_items(path), QualityOptions(filter="khan"))
    assert [item.question_id for item in kept] == ["u1"]
    assert dropped == {rule: 1}
    assert load_quality(path, QualityOptions(filter="khan")).ids == ("u1",)


def test_every_rule_is_tested() -> None:
    assert {name for name, _ in KHAN_RULES} == set(FAILING) - {"exclusion list"}


def test_boundaries_of_the_rules_are_kept(tmp_path: Path) -> None:
    judged = [validator(untimed_eval2_context=1), validator(untimed_eval2_context=2)]
    path = write(tmp_path / "q", article(1, [question(1, validation=judged)]))
    (item,) = read_items(path)
    assert item.context_required == 1.5
    assert item.speed_accuracy == 0.5
    assert load_quality(path, QualityOptions(filter="khan")).ids == ("u1",)


def test_khan_order_limit_and_seed(tmp_path: Path) -> None:
    path = write(
        tmp_path / "q",
        *[article(a, [question(10 * a + k) for k in range(7)]) for a in range(4)],
    )
    wanted = [f"u{10 * a + k}" for a in range(4) for k in range(5)]  # five per title, file order
    random.Random(42).shuffle(wanted)
    assert load_quality(path, QualityOptions(filter="khan")).ids == tuple(wanted)
    assert load_quality(path, QualityOptions(filter="khan", limit=3)).ids == tuple(wanted[:3])
    other = load_quality(path, QualityOptions(filter="khan", seed=1, per_title=1))
    assert sorted(other.ids) == ["u0", "u10", "u20", "u30"]
    assert load_quality(path, QualityOptions(limit=2)).ids == ("u0", "u1")
    assert load_quality(path, QualityOptions(limit=2)) != load_quality(
        path, QualityOptions(limit=2, seed=3)
    )


def test_khan_drops_unusable_pairs_after_the_limit(tmp_path: Path) -> None:
    odd = ["The kettle", "None of the Above", "the  KETTLE", "The lid"]
    path = write(
        tmp_path / "q",
        article(1, [question(1), question(2, options=odd)]),
        article(2, [question(3, options=odd, validation=[validator(vote=3)])]),
    )
    assert load_quality(path, QualityOptions(filter="khan")).ids == ("u1",)
    # The shuffle puts u2 first, and the limit comes before the pairs are looked at.
    with pytest.raises(InputError, match="answers that differ and speak for themselves: 1"):
        load_quality(path, QualityOptions(filter="khan", limit=1))


def test_khan_cleans_the_text(tmp_path: Path) -> None:
    path = write(
        tmp_path / "q",
        article(1, [question(1, question="Is\u00a0it?")], article="A\u2028B\u2029C\u00a0D"),
    )
    cleaned = load_quality(path, QualityOptions(filter="khan"))[0]
    assert (cleaned.passage, cleaned.question) == ("ABC D", "Is it?")
    assert load_quality(path)[0].passage == "A\u2028B\u2029C\u00a0D"


def test_exclusion_list(tmp_path: Path) -> None:
    path = write(tmp_path / "q", article(1, [question(1), question(2)]), article(2, [question(3)]))
    items = read_items(path)
    for entry, left in (("u1", 2), ("Tale 1", 1), (digest(items[2]), 2), ("tale 1", 3)):
        assert len(load_quality(path, QualityOptions(exclude=[entry]))) == left
    listing = tmp_path / "exclude.txt"
    listing.write_text("Tale 1\n\nu9\n")
    assert load_questions(f"quality:{path}?exclude={listing}").ids == ("u3",)
    monica = write(tmp_path / "m", article(1, [question(1)], title="MONICA!"))
    assert len(load_questions(f"quality:{monica}")) == 1
    assert len(load_questions(f"quality:{monica}?filter=khan&exclude=none")) == 1
    with pytest.raises(InputError, match="exclusion list: 1"):
        load_questions(f"quality:{monica}?filter=khan")
    assert len(KHAN_EXCLUDED) == 12


def test_answers_lose_outer_white_space(tmp_path: Path) -> None:
    assert one(tmp_path, options=["a \n", " b", "c", "d"]) == ("a", "b")


@pytest.mark.parametrize(
    ("of_question", "of_article", "field", "says"),
    [
        ({"gold_label": 5}, {}, "gold_label", "an integer from 1 to 4, got 5"),
        ({"gold_label": 0}, {}, "gold_label", "an integer from 1 to 4, got 0"),
        ({"gold_label": "1"}, {}, "gold_label", "got '1' (a text)"),
        ({"gold_label": ...}, {}, "gold_label", "the test part of QuALITY has no labels"),
        ({"gold_label": ..., "gold_lable": 1}, {}, "gold_label", "gold_lable, options"),
        ({"options": ["x"]}, {}, "options", "two or more options, got 1"),
        ({"options": "abcd"}, {}, "options", "must be a list"),
        ({"options": ["a", "A ", "c", "d"]}, {}, "answers", "(exclude=FILE)"),
        ({"question": ""}, {}, "question", "is empty"),
        ({"question_unique_id": ...}, {}, "question_unique_id", "is missing"),
        ({"difficult": 3}, {}, "difficult", "from 0 to 1, got 3"),
        ({"difficult": ...}, {}, "difficult", "is missing"),
        ({"writer_label": ...}, {}, "writer_label", "is missing"),
        ({"validation": ...}, {}, "validation", "distractor=all"),
        ({"validation": []}, {}, "validation", "distractor=all"),
        ({"validation": [3]}, {}, "validation", "must be an object"),
        ({"validation": [validator(vote=7)]}, {}, "untimed_best_distractor", "got 7"),
        ({"validation": [validator(answer=9)]}, {}, "untimed_answer", "from 1 to 4, got 9"),
        ({"speed_validation": ...}, {}, "speed_validation", "is missing"),
        ({}, {"article": ""}, "passage", "is empty"),
        ({}, {"article": ...}, "article", "is missing"),
        ({}, {"article_id": 5}, "article_id", "must be a text, got 5"),
        ({}, {"title": ...}, "title", "is missing"),
        ({}, {"questions": {}}, "questions", "must be a list"),
        ({}, {"questions": ["x"]}, "questions", "entry 1 must be an object"),
    ],
)
def test_wrong_fields(
    tmp_path: Path, of_question: dict[str, Any], of_article: dict[str, Any], field: str, says: str
) -> None:
    good = article(1, [question(1)])
    bad = article(2, [question(2, **of_question)], **of_article)
    path = write(tmp_path / "q", good, bad)
    with pytest.raises(InputError) as caught:
        load_quality(path)
    message = str(caught.value)
    assert message.startswith(f"{path}, line 2")
    assert f"field '{field}'" in message
    assert says in message
    assert "\n" not in message


def test_khan_needs_validation_data(tmp_path: Path) -> None:
    for name in ("validation", "speed_validation"):
        path = write(tmp_path / "q", article(1, [question(1, **{name: []})]))
        with pytest.raises(InputError, match=f"line 1, question 'u1', field '{name}': is empty"):
            load_quality(path, QualityOptions(filter="khan"))


def test_duplicates(tmp_path: Path) -> None:
    path = write(tmp_path / "q", article(1, [question(1)]), article(2, [question(1)]))
    with pytest.raises(InputError, match=r"line 2, .*'u1' occurs twice"):
        load_quality(path)
    path = write(tmp_path / "q", article(1, [question(1)]), article(1, [question(2)], article="X"))
    with pytest.raises(InputError, match=r"line 2, .*differs from an earlier passage"):
        load_quality(path)
    path = write(tmp_path / "q", article(1, []))
    with pytest.raises(InputError, match="holds no question"):
        load_quality(path)


def test_specification(tmp_path: Path) -> None:
    path = write(tmp_path / "odd?name.jsonl", article(1, [question(k) for k in range(9)]))
    assert len(load_questions(f"quality:{path}")) == 9
    spec = f"quality:{path}?filter=khan&distractor=all&per_title=4&limit=2&seed=7"
    assert [len(q.answers) for q in load_questions(spec)] == [4, 4]
    for options, says in (
        ("filter=kahn", "'filter' must be one of none, hard, khan, legacy (did you mean 'khan'?"),
        ("fliter=khan", "unknown option 'fliter'; did you mean 'filter'?"),
        ("limit=0", "'limit' must be an integer of 1 or more"),
        ("limit", "'limit' needs a value"),
        ("exclude=missing.txt", "missing.txt: no such file"),
    ):
        with pytest.raises(InputError) as caught:
            load_questions(f"quality:{path}?{options}")
        assert says in str(caught.value)
    with pytest.raises(InputError, match="needs a file"):
        load_questions("quality")
    for wrong in ({"filter": "kahn"}, {"distractor": "bets"}, {"limit": 0}, {"per_title": -1}):
        with pytest.raises(InputError, match="source 'quality'"):
            QualityOptions(**wrong)


DATA = os.environ.get("DEBATEQD_DATA")
needs_data = pytest.mark.skipif(not DATA, reason="DEBATEQD_DATA does not name the data folder")


@needs_data
@pytest.mark.parametrize(
    ("name", "articles", "questions", "in_paper", "gold"),
    [("dev40", 40, 147, 106, {0: 71, 1: 76}), ("spare16", 16, 58, 43, {0: 31, 1: 27})],
)
def test_real_two_option_files(
    name: str, articles: int, questions: int, in_paper: int, gold: dict[int, int]
) -> None:
    path = Path(str(DATA)) / f"quality2opt_{name}.jsonl.gz"
    loaded = load_questions(f"quality:{path}")
    assert len(loaded.passages) == articles
    assert len(loaded) == questions
    assert Counter(q.label for q in loaded) == gold
    assert sum(q.metadata["in_paper"] for q in loaded) == in_paper
    assert loaded == load_questions(f"quality:{path}?distractor=all")
    hard = load_questions(f"quality:{path}?filter=hard")
    assert {q.metadata["difficult"] for q in hard} == {1}
    legacy = load_questions(f"quality:{path}?filter=legacy")
    assert len(legacy) == len(hard.passages)
    assert {q.label for q in legacy} == {0}
    lengths = [len(q.passage) for q in legacy]
    assert lengths == sorted(lengths)
    parts = loaded.split(0.5, 0.25, 0.25)
    assert sum(map(len, parts)) == questions
    with pytest.raises(InputError, match=r"line 1, .*'validation': is missing \(filter=khan needs"):
        load_questions(f"quality:{path}?filter=khan")


@needs_data
def test_real_files_share_no_article() -> None:
    dev, spare = (
        load_quality(Path(str(DATA)) / f"quality2opt_{name}.jsonl.gz")
        for name in ("dev40", "spare16")
    )
    assert not set(dev.passages) & set(spare.passages)
    assert not set(dev.passages.values()) & set(spare.passages.values())


@needs_data
def test_real_official_record() -> None:
    folder = Path(str(DATA))
    path = folder / "quality_official_format_sample.jsonl"
    expected = json.loads((folder / "quality_official_format_sample.expected.json").read_text())
    items = read_items(path, validated=True)
    assert len(items) == len(expected) == 6
    for item, row in zip(items, expected, strict=True):
        assert item.question_id == row["id"]
        assert item.untimed_accuracy == pytest.approx(row["untimed_accuracy"])
        assert item.speed_accuracy == pytest.approx(row["speed_accuracy"])
        assert item.answerability == pytest.approx(row["answerability"])
        assert item.context_required == pytest.approx(row["context_required"])
        assert {str(k): v for k, v in item.distractor_votes.items()} == row["distractor_votes"]
        assert item.best_distractor == row["best_distractor"]
        assert (item.writer == item.gold) == row["writer_agrees"]
        assert all(passes(item) for _, passes in KHAN_RULES) == row["passes_khan_filter"]
        assert item.difficult == row["difficult"]
        # A question is difficult when under half of the hurried answers are right.
        assert (item.difficult == (item.speed_accuracy < 0.5)) == row["speed_rule_check"]
    loaded = load_quality(path)
    assert [q.metadata["option_numbers"] for q in loaded] == [
        tuple(sorted((item.gold, row["best_distractor"])))
        for item, row in zip(items, expected, strict=True)
    ]
    # The story itself is on the exclusion list, so the whole filter drops all six.
    with pytest.raises(InputError, match="keeps none of 6 questions"):
        load_questions(f"quality:{path}?filter=khan")
    passing = {row["id"] for row in expected if row["passes_khan_filter"]}
    assert set(load_questions(f"quality:{path}?filter=khan&exclude=none").ids) == passing
