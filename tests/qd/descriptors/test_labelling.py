import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from debateqd.agents.models.base import Reply, Usage
from debateqd.agents.models.embedded import EmbeddedModel
from debateqd.agents.prompts import LETTERS, listed_ways, shown_speeches, task_of
from debateqd.qd.config.schema import ArchiveConfig, LabelsConfig
from debateqd.qd.descriptors.base import BehaviourSummary, make_descriptors
from debateqd.qd.descriptors.labelling import (
    OUTCOMES,
    WAYS,
    Label,
    agreement,
    label_strategies,
    majority,
    sum_up,
)
from debateqd.qd.descriptors.utterances import Utterance
from debateqd.qd.seeds import FAMILIES
from debateqd.qd.strategy import Strategy
from tests.agents.fakes import FakeModel

FIVE = LabelsConfig()
TALES = [f"Imagine the scene number {n}: the door opens, and the tale unfolds." for n in range(9)]
REASONS = [
    f"Hence, by reason {n}, it follows: the premise implies my conclusion." for n in range(9)
]


def votes(**counts):
    return tuple(counts.get(outcome, 0) for outcome in OUTCOMES)


def naming(*families):
    """A model that names these families one after the other, whatever their letters are."""
    turn = iter(families * 99)

    def script(request):
        ways = listed_ways(request.messages[1].content)
        return Reply(LETTERS[ways.index(next(turn))], usage=Usage(10, 1))

    return FakeModel(script)


def test_every_family_is_described():
    assert tuple(WAYS) == FAMILIES
    assert (*FAMILIES, "unclassified", "unreadable") == OUTCOMES


@pytest.mark.parametrize(
    ("counts", "label", "share"),
    [
        ({"authority": 5}, "authority", 1.0),
        ({"authority": 3, "refutation": 2}, "authority", 0.6),
        ({"authority": 3, "unreadable": 2}, "authority", 0.6),
        ({"authority": 2, "refutation": 2, "storytelling": 1}, "unclassified", 0.4),
        ({"authority": 2, "refutation": 2}, "unclassified", 0.5),
        ({"authority": 2, "unreadable": 3}, "unclassified", 0.4),
        ({"unclassified": 4, "authority": 1}, "unclassified", 0.8),
        ({"unreadable": 5}, None, None),
        ({}, None, None),
    ],
)
def test_more_than_half_of_all_votes_make_a_label(counts, label, share):
    assert majority(votes(**counts)) == label
    assert agreement(votes(**counts)) == share


@given(st.lists(st.integers(0, 6), min_size=len(OUTCOMES), max_size=len(OUTCOMES)))
def test_a_label_never_rests_on_a_minority(counts):
    label, share = majority(counts), agreement(counts)
    assert (label is None) == (share is None) == (sum(counts[:-1]) == 0)
    if label is not None and label != "unclassified":
        assert 2 * counts[OUTCOMES.index(label)] > sum(counts)
        assert share is not None
        assert share > 0.5


def test_the_model_sees_speeches_and_families_and_nothing_else():
    model = naming("storytelling")
    label_strategies(model, {"s0007": TALES}, FIVE, 1)
    assert len(model.requests) == 5
    for request in model.requests:
        assert task_of(request.messages) == "label"
        text = "".join(m.content for m in request.messages)
        assert "s0007" not in text
        assert len(shown_speeches(request.messages[1].content)) == 3
        assert request.sampling.temperature == 1.0


def test_votes_differ_in_seed_speeches_and_the_order_of_families():
    model = naming("storytelling")
    label_strategies(model, {"s1": TALES}, FIVE, 1)
    users = [r.messages[1].content for r in model.requests]
    label_strategies(model, {"s2": TALES}, FIVE, 1)
    label_strategies(model, {"s1": TALES}, FIVE, 2)
    assert len({r.seed for r in model.requests}) == 15
    orders = [tuple(listed_ways(user)) for user in users]
    assert len(set(orders)) == 5
    assert all(sorted(order[:-1]) == sorted(FAMILIES) for order in orders)
    assert {order[-1] for order in orders} == {"unclassified"}
    # 15 places for 9 speeches: each is read once before any is read twice.
    read = [speech for user in users for speech in shown_speeches(user)]
    assert set(read) == set(TALES)
    assert max(read.count(speech) for speech in TALES) == 2


def test_votes_are_counted_and_paid_for():
    model = naming("authority", "authority", "refutation", "authority", "unclassified")
    (label,) = label_strategies(model, {"s1": TALES}, FIVE, 1).values()
    assert label.votes == votes(authority=3, refutation=1, unclassified=1)
    assert (majority(label.votes), agreement(label.votes), label.unreadable) == (
        "authority",
        0.6,
        0,
    )
    assert (label.calls, label.usage) == (5, Usage(50, 5))


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        (Reply("storytelling"), "not a letter: 'storytelling'"),
        (Reply("It is A or B."), "not a letter"),
        (Reply("J"), "not a letter"),
        (Reply(""), "not a letter: ''"),
        (Reply("A", "length"), "not a letter: 'A'"),
        (Reply("", "length"), "truncated"),
        (Reply("I cannot", "refused"), "refused"),
        (Reply("", "error", error="it is down", error_kind="timeout"), "timeout: it is down"),
    ],
)
def test_what_cannot_be_read_is_counted_and_never_guessed(reply, problem):
    (label,) = label_strategies(FakeModel(lambda _: reply), {"s1": TALES}, FIVE, 1).values()
    assert label.votes == votes(unreadable=5)
    assert (majority(label.votes), agreement(label.votes), label.unreadable, label.calls) == (
        None,
        None,
        5,
        5,
    )
    assert all(p.startswith(problem) for p in label.problems)


def test_who_said_nothing_is_not_asked_about():
    model = naming("authority")
    labels = label_strategies(model, {"s1": [], "s2": ["One speech."]}, FIVE, 1)
    assert list(labels) == ["s1", "s2"]
    assert labels["s1"] == Label()
    assert majority(labels["s1"].votes) is None
    assert majority(labels["s2"].votes) == "authority"
    assert len(model.requests) == 5


def test_order_of_speeches_and_company_change_nothing():
    def labels(spoken):
        model = EmbeddedModel()
        return label_strategies(model, spoken, FIVE, 3)

    mixed = TALES[:5] + REASONS[:4]
    alone = labels({"s1": mixed})["s1"]
    shuffled = random.Random(1).sample(mixed, len(mixed))
    assert labels({"s0": TALES, "s1": shuffled + shuffled, "s2": REASONS})["s1"] == alone


def test_a_child_that_has_drifted_is_labelled_by_what_it_says():
    spoken = {"s1": TALES, "s2": REASONS}
    labels = label_strategies(EmbeddedModel(), spoken, FIVE, 1)
    assert [majority(label.votes) for label in labels.values()] == ["storytelling", "rationality"]
    declared = {"s1": "rationality", "s2": "rationality"}
    found = sum_up(labels, declared)
    assert (found.strategies, found.votes, found.calls, found.unreadable) == (2, 10, 10, 0)
    assert found.families == {"rationality": 1, "storytelling": 1}
    assert found.drifted == 1
    assert found.agreement is not None
    assert (found.agreement.value, found.agreement.n) == (1.0, 2)
    assert found.agreement.low < found.agreement.high == 1.0
    assert found.to_json() == {
        "strategies": 2,
        "votes": 10,
        "unreadable": 0,
        "agreement": found.agreement.to_json(),
        "families": {"rationality": 1, "storytelling": 1},
        "drifted": 1,
    }


def test_summing_up_nothing():
    assert sum_up({"s1": Label()}, {}).to_json() == sum_up({}, {}).to_json() == {}
    unread = Label(votes(unreadable=5), ("x",) * 5, Usage(5, 5), 5)
    found = sum_up({"s1": unread}, {"s1": "authority"})
    assert (found.strategies, found.unreadable, found.agreement, found.drifted) == (1, 5, None, 0)
    assert found.families == {}


def test_votes_are_behaviour_like_any_other():
    descriptors = make_descriptors(
        ArchiveConfig.model_validate({"axes": [{"name": "labelled_family"}]})
    )
    (label,) = label_strategies(EmbeddedModel(), {"s1": TALES}, FIVE, 1).values()
    spoken = BehaviourSummary.of_match([Utterance(TALES[0])], descriptors)
    child = Strategy("s1", "rationality", "Argue.", ("s0",), 1, "rewrite")
    before = spoken.behaviour(child, descriptors)
    assert before["labelled_family"] is None
    summary = spoken + BehaviourSummary(label.counts)
    assert (summary.matches, summary.speeches) == (1, 1)
    after = BehaviourSummary.from_dict(summary.to_dict()).behaviour(child, descriptors)
    assert after["labelled_family"] == "storytelling"
    assert after["family"] == "rationality"


@pytest.mark.parametrize(
    "wrong", [{"votes": 0}, {"speeches": 0}, {"max_tokens": 0}, {"temperature": -1.0}]
)
def test_settings_out_of_range(wrong):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        LabelsConfig(**wrong)
