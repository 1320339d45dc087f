from __future__ import annotations

import math

import numpy as np
import pytest

from debateqd.qd.archive.axes import Bins, Labels
from debateqd.qd.archive.base import Entry
from debateqd.qd.archive.grid import Archive
from debateqd.qd.archive.slots import SlotArchive
from debateqd.qd.descriptors.base import BehaviourSummary
from debateqd.qd.measures.corrected_archive import (
    FreshLook,
    QDMetrics,
    corrected_qd,
    refill,
)
from debateqd.qd.seeds import FAMILIES
from debateqd.qd.statistics import as_json
from debateqd.qd.strategy import Strategy

AXES = (Labels("family", FAMILIES), Bins("verified_quote_share", (0.0, 0.25, 0.5, 1.0)))
CELLS = 35


def summary(quoted: int, words: int = 100) -> BehaviourSummary:
    return BehaviourSummary({"verified_quote_share": (quoted, words)}, 1, 1)


def elite(name: str, family: str, share: float, fitness: float) -> tuple[Strategy, Entry]:
    behaviour = {"family": family, "verified_quote_share": share}
    return Strategy(name, family, f"text {name}"), Entry(name, fitness, behaviour)


def look(
    strategy: Strategy,
    reported: float | None,
    scores: list[float],
    quoted: list[int],
    passages: list[str] | None = None,
) -> FreshLook:
    where = passages or [f"p{i}" for i in range(len(scores))]
    behaviours = {p: summary(q) for p, q in zip(where, quoted, strict=True)}
    return FreshLook(strategy, reported, scores, where, behaviours)


def archive_of(*entries: Entry) -> Archive:
    archive = Archive(AXES)
    archive.place_all(entries)
    return archive


def simulate(seed: int, noise: float) -> tuple[float, float, float, float]:
    """One evaluation of 100 candidates in each of 35 cells: reported, corrected, true, best."""
    rng = np.random.default_rng(seed)
    cell_axis = (Bins("cell", tuple(float(i) for i in range(CELLS + 1))),)
    truth = rng.normal(size=(CELLS, 100))
    seen = truth + rng.normal(0, noise, size=truth.shape)
    archive = Archive(cell_axis)
    worth: dict[str, float] = {}
    for cell in range(CELLS):
        for k in range(100):
            name = f"{cell}-{k}"
            worth[name] = truth[cell, k]
            archive.place(Entry(name, seen[cell, k], {"cell": cell + 0.5}))
    looks = []
    for entry in archive.elites():
        scores = (worth[entry.strategy_id] + rng.normal(0, noise, size=40)).tolist()
        strategy = Strategy(entry.strategy_id, "x", "t")
        looks.append(
            FreshLook(strategy, entry.fitness, scores, [f"p{i // 2}" for i in range(40)], {})
        )
    found = corrected_qd(archive, looks, offset=0.0, resamples=30)
    true = sum(worth[e.strategy_id] for e in archive.elites()) / CELLS
    assert found.reported_qd_score is not None
    assert found.carried_over == ("cell",)
    return (
        found.reported_qd_score / CELLS,
        found.qd_score.value / CELLS,
        true,
        float(truth.max(axis=1).mean()),
    )


@pytest.mark.parametrize(
    # Figures of a world drawn elsewhere; one world has a standard error of 0.1 or less.
    ("noise", "figures"),
    [(1.0, (3.48, 1.84, 2.57)), (2.0, (5.44, 1.06, 2.57))],
)
def test_an_archive_of_noise_reports_fiction_and_the_corrected_one_does_not(
    noise: float, figures: tuple[float, float, float]
) -> None:
    reported, corrected, true, best = np.mean([simulate(s, noise) for s in range(6)], axis=0)
    assert reported == pytest.approx(figures[0], abs=0.25)
    assert corrected == pytest.approx(true, abs=0.1)
    assert true == pytest.approx(figures[1], abs=0.15)
    assert best == pytest.approx(figures[2], abs=0.15)
    assert reported > best > true


def test_what_is_measured_anew_decides_cell_and_score() -> None:
    a, a_entry = elite("a", "authority", 0.1, 0.3)
    b, b_entry = elite("b", "authority", 0.3, 0.4)
    c, c_entry = elite("c", "storytelling", 0.9, 0.2)
    archive = archive_of(a_entry, b_entry, c_entry)
    found = corrected_qd(
        archive,
        [
            look(a, 0.30, [0.1, 0.1], [30, 40]),  # quotes more than reported: b's cell
            look(b, 0.40, [0.2, 0.0], [30, 30]),  # stays, and is as good as a there
            look(c, 0.20, [-0.1, 0.1], [90, 90]),
        ],
        offset=-0.5,
    )
    assert found.reported_qd_score == pytest.approx(0.3 + 0.4 + 0.2 + 3 * 0.5)
    # a and b share a cell now, only one of them counts.
    assert found.qd_score.value == pytest.approx(0.1 + 0.0 + 2 * 0.5)
    assert found.qd_score_in_place.value == pytest.approx(0.1 + 0.1 + 0.0 + 3 * 0.5)
    assert found.illusion is not None
    assert found.illusion.value == pytest.approx(2.4 - 1.1)
    assert found.stability.value == pytest.approx(2 / 3)
    assert found.reported_coverage == pytest.approx(3 / 21)
    assert found.coverage.value == pytest.approx(2 / 21)
    assert found.coverage_illusion.value == pytest.approx(1 / 21)
    assert found.mean.value == pytest.approx(0.2 / 3)
    assert found.reported_mean == pytest.approx(0.3)
    assert found.measured == found.elites == 3


def test_intervals_hold_their_values_and_mirror_each_other() -> None:
    rng = np.random.default_rng(4)
    pairs = [elite(f"s{k}", FAMILIES[k], 0.1, 0.2) for k in range(5)]
    looks = [
        look(s, 0.2, rng.normal(0, 0.2, 12).tolist(), rng.integers(5, 45, 12).tolist())
        for s, _ in pairs
    ]
    found = corrected_qd(archive_of(*(e for _, e in pairs)), looks, offset=-0.5)
    estimates = [found.qd_score, found.qd_score_in_place, found.mean, found.coverage]
    estimates += [found.coverage_illusion, found.stability]
    for estimate in estimates:
        assert estimate.low <= estimate.value <= estimate.high
        assert estimate.clusters == 12
    assert found.illusion is not None
    assert found.reported_qd_score is not None
    assert found.illusion.high == pytest.approx(found.reported_qd_score - found.qd_score.low)
    shown = as_json(found)
    assert shown["qd_score"]["n"] == 60
    assert shown["carried_over"] == []


@pytest.mark.long
def test_the_interval_of_the_corrected_score_covers() -> None:
    hits, worlds = 0, 150
    for world in range(worlds):
        rng = np.random.default_rng(world)
        passages = [f"p{i // 2}" for i in range(24)]
        common = np.repeat(rng.normal(0, 0.1, 12), 2)
        pairs = [elite(f"s{k}", FAMILIES[k], 0.1, 0.2) for k in range(4)]
        worth = [0.05 * k for k in range(4)]
        looks = [
            FreshLook(s, 0.2, (w + common + rng.normal(0, 0.1, 24)).tolist(), passages, {})
            for (s, _), w in zip(pairs, worth, strict=True)
        ]
        # Nothing was said, so every behaviour is unmeasured: place by family alone.
        archive = Archive((AXES[0],))
        archive.place_all(e for _, e in pairs)
        found = corrected_qd(archive, looks, offset=-0.5, resamples=100, seed=world)
        hits += not found.qd_score.excludes(sum(worth) + 4 * 0.5)
    # 150 worlds at 95 %: three standard errors are 0.053.
    assert 0.897 <= hits / worlds <= 0.996


def test_ratings_that_say_nothing_leave_no_illusion() -> None:
    s, entry = elite("a", "authority", 0.1, 1000.0)
    found = corrected_qd(archive_of(entry), [look(s, None, [0.1, 0.2], [1, 2])], offset=-0.5)
    assert found.reported_qd_score is None
    assert found.illusion is None
    assert found.reported_mean is None
    assert found.qd_score.value == pytest.approx(0.65)


def test_an_elite_without_a_usable_debate_is_counted_as_unmeasured() -> None:
    a, a_entry = elite("a", "authority", 0.1, 0.2)
    b, b_entry = elite("b", "storytelling", 0.1, 0.2)
    archive = archive_of(a_entry, b_entry)
    found = corrected_qd(
        archive, [look(a, 0.2, [0.1, 0.1], [1, 1]), look(b, 0.2, [], [])], offset=-0.5
    )
    assert (found.elites, found.measured) == (2, 1)
    assert found.coverage.value == pytest.approx(1 / 21)
    assert found.stability.value == 1.0
    assert found.stability.low == pytest.approx(0.158, abs=1e-3)  # two of two passages


def test_behaviour_that_cannot_be_placed_leaves_its_cell_empty() -> None:
    a, a_entry = elite("a", "authority", 0.1, 0.2)
    b, b_entry = elite("b", "storytelling", 0.1, 0.2)
    silent = FreshLook(a, 0.2, [0.1, 0.1], ["p0", "p1"], {})
    found = corrected_qd(
        archive_of(a_entry, b_entry), [silent, look(b, 0.2, [0.1, 0.1], [1, 1])], offset=-0.5
    )
    assert found.out_of_place == 1
    assert found.coverage.value == pytest.approx(1 / 21)
    assert found.stability.value == 0.5
    assert found.qd_score.value == pytest.approx(0.6)
    assert found.carried_over == ()


def test_what_no_speech_measures_is_taken_as_reported() -> None:
    s, entry = elite("a", "authority", 0.1, 0.2)
    found = corrected_qd(
        archive_of(entry), [FreshLook(s, 0.2, [0.1, 0.1], ["p0", "p1"], {})], offset=-0.5
    )
    assert found.carried_over == ("verified_quote_share",)
    assert found.stability.value == 1.0


def test_one_passage_or_none_claims_nothing() -> None:
    s, entry = elite("a", "authority", 0.1, 0.2)
    one = corrected_qd(archive_of(entry), [look(s, 0.2, [0.1, 0.3], [1, 1], ["p", "p"])], offset=0)
    assert one.qd_score.value == pytest.approx(0.2)
    assert (one.qd_score.low, one.qd_score.high) == (-0.5, 0.5)  # all that it can be
    nothing: QDMetrics = corrected_qd(archive_of(entry), [], offset=0.0)
    assert nothing.measured == 0
    assert math.isnan(nothing.mean.value)
    assert as_json(nothing)["mean"]["value"] is None


def test_slots_are_refilled_by_fresh_scores() -> None:
    archive = SlotArchive(2)
    pairs = [elite(f"s{k}", "authority", 0.1, float(k)) for k in range(2)]
    archive.place_all(e for _, e in pairs)
    looks = [look(s, 0.1, [0.1, 0.3], [1, 1]) for s, _ in pairs]
    found = corrected_qd(archive, looks, offset=0.0)
    assert found.qd_score.value == pytest.approx(0.4)
    assert found.coverage.value == pytest.approx(2 / 14)
    assert found.stability.value == 1.0


def test_the_order_of_elites_does_not_matter() -> None:
    rng = np.random.default_rng(1)
    pairs = [elite(f"s{k}", FAMILIES[k % 3], 0.1 + 0.3 * (k // 3), 0.2) for k in range(6)]
    looks = [
        look(s, 0.2, rng.normal(0, 0.2, 8).tolist(), rng.integers(5, 60, 8).tolist())
        for s, _ in pairs
    ]
    archive = archive_of(*(e for _, e in pairs))
    one = corrected_qd(archive, looks, offset=0.0)
    other = corrected_qd(archive, looks[::-1], offset=0.0)
    assert other.qd_score.value == pytest.approx(one.qd_score.value)
    assert other.qd_score.low == pytest.approx(one.qd_score.low)


def test_ties_go_to_the_lower_name() -> None:
    entries = [Entry(n, 1.0, {"family": "authority", "verified_quote_share": 0.1}) for n in "ba"]
    assert [e.strategy_id for e in refill(Archive(AXES), entries).elites()] == ["a"]


def test_a_stranger_is_refused() -> None:
    _, entry = elite("a", "authority", 0.1, 0.2)
    other = Strategy("z", "authority", "t")
    with pytest.raises(ValueError, match="z is not in the archive"):
        corrected_qd(archive_of(entry), [look(other, 0.1, [0.1], [1])], offset=0.0)
