"""The embedded mutator under every operator: it reads its prompt, and no world."""

from __future__ import annotations

import statistics

import pytest

from debateqd.agents.models.base import Request, Sampling
from debateqd.agents.models.embedded import EmbeddedModel, World
from debateqd.agents.models.embedded.mutator import sentences_of
from debateqd.agents.models.embedded.style import intensities
from debateqd.agents.prompts import (
    Aim,
    DebateShown,
    SpokenBlock,
    crossover_messages,
    parse_mutation,
    reflection_messages,
    target_messages,
)
from debateqd.qd.seeds import FAMILIES, seed_strategies

SEEDS = seed_strategies()
MODEL = EmbeddedModel()


def ask(messages, seed: int, model: EmbeddedModel = MODEL) -> str:
    reply = model.reply(Request(messages, Sampling(max_tokens=600), seed))
    assert reply.finish_reason == "stop"
    text = parse_mutation(reply.text)
    assert text is not None
    return text


def debate(won: bool, own: str, other: str) -> DebateShown:
    spoken = (SpokenBlock(1, "own", own), SpokenBlock(1, "other", other))
    return DebateShown(won, 0.9 if won else 0.1, "Who?", "he", "she", spoken)


@pytest.mark.parametrize("operator", ["crossover", "reflection", "target"])
def test_children_are_the_same_in_every_world_and_fit_the_limit(operator):
    first, second = SEEDS[3], SEEDS[20]
    lost = [debate(False, "I am right.", "<v_quote>At dawn he left.</v_quote> So it is.")]
    messages = {
        "crossover": crossover_messages(
            first.text, first.family, second.text, second.family, "", 40
        ),
        "reflection": reflection_messages(first.text, first.family, lost, "", 40),
        "target": target_messages(first.text, first.family, [Aim("length", 60, 80, 120)], "", 40),
    }[operator]
    children = [ask(messages, seed) for seed in range(40)]
    assert len(set(children)) > 15
    assert all(1 <= len(child.split()) <= 40 for child in children)
    for seed in range(5):
        assert ask(messages, seed, EmbeddedModel(World(5, "rhetoric"))) == children[seed]


def test_a_crossover_holds_sentences_of_both():
    first, second = SEEDS[3], SEEDS[20]
    messages = crossover_messages(first.text, first.family, second.text, second.family)
    both = 0
    for seed in range(60):
        child = set(sentences_of(ask(messages, seed)))
        both += bool(child & set(sentences_of(first.text))) and bool(
            child & set(sentences_of(second.text))
        )
    assert both >= 55


def mean_shift(aim: Aim, read) -> float:
    """Mean change of what the debater reads out of a strategy, over parents and seeds."""
    shifts = []
    for parent in SEEDS[::2]:
        for seed in range(6):
            child = ask(target_messages(parent.text, parent.family, [aim]), seed)
            shifts.append(read(intensities(child)) - read(intensities(parent.text)))
    return statistics.fmean(shifts)


@pytest.mark.parametrize(
    ("axis", "read"),
    [
        ("verified_quote_share", lambda i: i["evidence"] + i["precision"]),
        ("rebuttal_share", lambda i: i["refutation"]),
        ("length", lambda i: i.fill),
        ("certainty", lambda i: i["certainty"] - i["fairness"]),
    ],
)
def test_a_wish_moves_the_behaviour_that_it_names(axis, read):
    more = mean_shift(Aim(axis, 0.1, 0.3, 0.5), read)
    less = mean_shift(Aim(axis, 0.4, 0.0, 0.1), read)
    assert more > 0.02
    assert less < -0.02


def test_a_change_of_family_brings_the_new_familys_instructions():
    parent = next(s for s in SEEDS if s.family == "rationality")
    aim = Aim("family", None, family="emotional_appeal")
    emotion = [
        intensities(ask(target_messages(parent.text, parent.family, [aim]), seed))["emotion"]
        for seed in range(30)
    ]
    assert statistics.fmean(emotion) > 0.15


def evidence_after(debates, seeds=range(60)) -> float:
    parent = "Tell the events as a story. Appeal to the hope of the people involved."
    messages = reflection_messages(parent, "storytelling", debates)
    found = [intensities(ask(messages, seed)) for seed in seeds]
    return statistics.fmean(i["evidence"] + i["precision"] for i in found)


def test_reflection_learns_to_quote_where_quotes_won():
    plain, quoted = "My answer is right.", "It says: <v_quote>At dawn he left the house.</v_quote>"
    lost = [debate(False, plain, quoted), debate(True, quoted, plain)]
    # The same quotes on the losing side teach nothing of the kind.
    won = [debate(True, plain, quoted), debate(False, quoted, plain)]
    assert evidence_after(lost) > evidence_after(won) + 0.05


def test_reflection_is_only_sometimes_right():
    lost = [debate(False, "No.", "<v_quote>At dawn he left the house.</v_quote> Indeed.")]
    parent = "Tell the events as a story. Appeal to the hope of the people involved."
    messages = reflection_messages(parent, "storytelling", lost)
    base = intensities(parent)["evidence"]
    learned = [intensities(ask(messages, seed))["evidence"] > base + 0.05 for seed in range(80)]
    assert 0.3 < statistics.fmean(learned) < 0.95


def test_odd_prompts_are_no_problem():
    for family in (*FAMILIES[:2], "somebody's own"):
        for parent in ("", "x", "word " * 300):
            empty = [debate(False, "", "")]
            assert ask(reflection_messages(parent, family, empty), 1)
            assert ask(crossover_messages(parent, family, "", family), 1)
            assert ask(target_messages(parent, family, [Aim("sarcasm", 0.1, 0.2, 0.3)]), 1)
            move = [Aim("family", None, family="not a family")]
            assert ask(target_messages(parent, family, move), 1)


def test_a_reflection_without_debates_is_an_error():
    messages = reflection_messages("Quote.", "authority", [])
    assert MODEL.reply(Request(messages, Sampling(), 1)).finish_reason == "error"
