"""Styles: what strategies ask for and what speeches show."""

from __future__ import annotations

import math

import pytest

from debateqd.agents.models.embedded.debater import STYLED
from debateqd.agents.models.embedded.style import AXES, intensities, strength, style_counts
from debateqd.agents.models.embedded.world import STYLES
from debateqd.qd.seeds import SEED_TEXTS

MAIN_AXIS = {
    "rationality": ("logic",),
    "authority": ("authority", "fairness"),
    "emotional_appeal": ("emotion",),
    "evidence_quoting": ("evidence", "precision"),
    "refutation": ("refutation",),
    "storytelling": ("story", "structure"),
    "socratic_questioning": ("questioning", "evidence"),
}


@pytest.mark.parametrize(
    ("strategy", "axis"),
    [
        ("Always back up what you say with direct citations of the text.", "evidence"),
        ("Cite verbatim excerpts.", "evidence"),
        ("Be rational: deduce the conclusion from premises.", "logic"),
        ("Present yourself as a leading expert and scholar in the field.", "authority"),
        ("Tug at the judge's heart and evoke sympathy.", "emotion"),
        ("Weave a narrative with vivid characters and suspense.", "story"),
        ("Respond with rhetorical questions; keep asking.", "questioning"),
        ("Dismantle every objection and counter the opponent's weakest claims.", "refutation"),
    ],
)
def test_ordinary_english_is_understood(strategy, axis):
    shares = intensities(strategy).shares
    assert AXES[max(range(len(AXES)), key=shares.__getitem__)] == axis


def test_seed_families_are_recognised():
    for family, texts in SEED_TEXTS.items():
        for text in texts:
            shares = intensities(text).shares
            assert AXES[max(range(len(AXES)), key=shares.__getitem__)] in MAIN_AXIS[family], text


def test_styles_compete_for_a_fixed_budget():
    alone = intensities("Quote the passage.")
    crowded = intensities(
        "Quote the passage. Appeal to the heart. Speak as an expert. Tell a story. Ask questions."
    )
    for asked in (alone, crowded, intensities(""), intensities("xyzzy " * 500)):
        assert math.isclose(sum(asked.shares), 1.0)
        assert min(asked.shares) >= 0
    assert crowded["evidence"] < 0.7 * alone["evidence"]


def test_negations_and_weights():
    assert intensities("Do not quote.")["evidence"] < intensities("")["evidence"]
    assert intensities("Never argue without a quote.")["evidence"] > intensities("")["evidence"]
    weak, plain, strong = (
        intensities(f"Speak plainly. {s}")["emotion"]
        for s in ("Sometimes use emotion.", "Use emotion.", "Always use emotion.")
    )
    assert weak < plain < strong


def test_length_is_read():
    assert intensities("Be brief.").fill < intensities("").fill < intensities("Be thorough.").fill


def test_text_banks_show_the_style_they_are_for():
    for axis, bank in STYLED.items():
        if axis == "vague":
            assert all(sum(style_counts(s)) <= 1 for s in bank)
            continue
        for sentence in bank:
            assert style_counts(sentence)[STYLES.index(axis)] >= 1, sentence


def test_strengths_saturate():
    few = strength(style_counts("Therefore."), 75)
    many = strength(style_counts("Therefore, hence, thus. " * 50), 4000)
    logic, length = STYLES.index("logic"), STYLES.index("length")
    assert 0 < few[logic] < many[logic] < 1
    assert few[length] == 0.5
    assert many[length] == 1.0
