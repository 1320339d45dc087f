from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest

from debate_env.errors import InputError
from debateqd.qd.ratings.elo import expected
from debateqd.qd.ratings.games import make_games
from debateqd.qd.ratings.identified import tellable
from debateqd.qd.ratings.least_squares import FARTHEST, fit_win_rates
from debateqd.qd.ratings.resampling import draw_weights, relative
from debateqd.qd.statistics import ELO, Floats, Ints
from debateqd.qd.tables.layouts import Columns
from debateqd.qd.tables.matches import MatchTable, read_matches
from debateqd.qd.tables.ratings import Settings, TableRatings, default_model, rate_table
from tests.qd.tables.test_matches import written


def simulated(
    tmp_path: Path,
    *,
    rows: int,
    players: int = 8,
    position: float = 0.0,
    side: float = 0.0,
    seed: int = 0,
) -> tuple[Path, dict[str, float]]:
    """A table of games between players of known strengths in Elo points, with mean 0."""
    rng = np.random.default_rng(seed)
    strength = rng.normal(0, 120, players)
    strength -= strength.mean()
    first = rng.integers(0, players, rows)
    second = (first + rng.integers(1, players, rows)) % players
    correct = rng.integers(0, 2, rows)
    z = strength[first] - strength[second] + position + side * (1 - 2 * correct)
    won = rng.random(rows) < 1 / (1 + 10 ** (-z / 400))
    path = tmp_path / "simulated.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["model_a", "model_b", "winner", "question", "correct_side"])
        for k in range(rows):
            winner = "model_a" if won[k] else "model_b"
            writer.writerow(
                [f"m{first[k]}", f"m{second[k]}", winner, f"q{k % 40}", "ab"[correct[k]]]
            )
    return path, {f"m{k}": float(s) for k, s in enumerate(strength)}


def by_name(found: TableRatings) -> dict[str, float]:
    return {row.player: row.rating for row in found.players}


def read(tmp_path: Path, **options: object) -> tuple[MatchTable, dict[str, float]]:
    path, strength = simulated(tmp_path, **options)  # type: ignore[arg-type]
    return read_matches(path), strength


@pytest.mark.parametrize("model", ["bradley_terry", "elo", "least_squares"])
def test_known_strengths_lie_in_the_intervals(model: str, tmp_path: Path) -> None:
    table, strength = read(tmp_path, rows=4000)
    found = rate_table(table, Settings(model=model, k=8.0))  # type: ignore[arg-type]
    assert [row.rating for row in found.players] == sorted(
        (row.rating for row in found.players), reverse=True
    )
    inside = 0
    for row in found.players:
        assert row.low is not None
        assert row.high is not None
        assert row.low <= row.rating <= row.high
        inside += row.low - 1 <= strength[row.player] <= row.high + 1
    assert inside >= 6
    true = [strength[row.player] for row in found.players]
    assert np.corrcoef(true, [row.rating for row in found.players])[0, 1] > 0.97


def test_bradley_terry_finds_position_and_side(tmp_path: Path) -> None:
    table, _ = read(tmp_path, rows=4000, position=60.0, side=100.0)
    found = rate_table(table)
    effects = {effect.name: effect for effect in found.effects}
    for name, true in (("being presented first", 60), ("defending the correct answer", 100)):
        effect = effects[name]
        assert effect.low is not None
        assert effect.high is not None
        assert effect.low < true < effect.high
        assert effect.high - effect.low < 80
    assert "spread (SD) of question difficulty" in effects
    assert "dispersion of the outcomes" not in effects


def test_what_the_table_does_not_tell_has_no_effect(tmp_path: Path) -> None:
    rows = [{"winner": won, "loser": lost} for won, lost in ("xy", "yz", "zx", "xz")]
    found = rate_table(read_matches(written(tmp_path / "t.csv", rows)))
    assert found.effects == ()


def test_an_anchor_is_zero_and_differences_stay(tmp_path: Path) -> None:
    table, _ = read(tmp_path, rows=1000)
    for model in ("bradley_terry", "elo", "least_squares"):
        free = by_name(rate_table(table, Settings(model=model)))  # type: ignore[arg-type]
        held = rate_table(table, Settings(model=model, anchor="m3"))  # type: ignore[arg-type]
        assert np.mean(list(free.values())) == pytest.approx(0, abs=1e-6)
        (anchor,) = (row for row in held.players if row.player == "m3")
        assert (anchor.rating, anchor.low, anchor.high) == pytest.approx((0, 0, 0), abs=1e-6)
        bound = by_name(held)
        assert bound["m1"] - bound["m5"] == pytest.approx(free["m1"] - free["m5"], abs=1e-3)
    with pytest.raises(InputError, match="--anchor m33: no such player; did you mean 'm3'"):
        rate_table(table, Settings(anchor="m33"))


def test_elo_is_the_one_of_the_trainer(tmp_path: Path) -> None:
    from debateqd.qd.config.schema import EloConfig

    table, _ = read(tmp_path, rows=300)
    config = EloConfig(k=24.0, initial=0.0)
    ratings = dict.fromkeys(table.players, 0.0)
    for a, b, y in zip(table.games.first, table.games.second, table.games.outcome, strict=True):
        one, other = table.players[a], table.players[b]
        gain = config.k * (y - expected(ratings[one], ratings[other], config))
        ratings[one] += gain
        ratings[other] -= gain
    found = by_name(rate_table(table, Settings(model="elo", k=24.0)))
    assert found == pytest.approx(ratings, abs=1e-6)


def test_least_squares_solves_exact_rates_exactly() -> None:
    strength = np.array([200.0, 50.0, -250.0])
    first, second = np.array([0, 1, 2, 0]), np.array([1, 2, 0, 2])
    rates = 1 / (1 + 10 ** ((strength[second] - strength[first]) / 400))
    found = fit_win_rates(first, second, rates, np.ones(4), np.zeros(3))
    assert found == pytest.approx(strength, abs=1e-5)


def test_unbroken_records_are_finite(tmp_path: Path) -> None:
    rows = [{"winner": "best", "loser": "middle"}, {"winner": "middle", "loser": "worst"}] * 6
    table = read_matches(written(tmp_path / "t.csv", rows))
    for model in ("bradley_terry", "elo", "least_squares"):
        found = rate_table(table, Settings(model=model))  # type: ignore[arg-type]
        assert [row.player for row in found.players] == ["best", "middle", "worst"]
        assert all(math.isfinite(row.rating) for row in found.players)
        assert all(abs(row.rating) <= 2 * FARTHEST for row in found.players)


def test_players_who_never_met_are_named_in_a_warning(tmp_path: Path) -> None:
    rows = [{"model_a": a, "model_b": b, "winner": "a"} for a, b in ("xy", "yx", "uv", "vu")]
    table = read_matches(written(tmp_path / "t.csv", rows))
    for model in ("bradley_terry", "elo", "least_squares"):
        found = rate_table(table, Settings(model=model))  # type: ignore[arg-type]
        assert any("2 groups that never met" in warning for warning in found.warnings), model


def test_counts_of_games_weigh(tmp_path: Path) -> None:
    rates = [
        {"model_a": "x", "model_b": "y", "winrate": 0.75, "games": 400},
        {"model_a": "x", "model_b": "z", "winrate": 0.75, "games": 400},
        {"model_a": "y", "model_b": "z", "winrate": 0.5, "games": 400},
    ]
    table = read_matches(written(tmp_path / "t.csv", rates))
    assert default_model(table) == "bradley_terry"
    singles = [
        {"model_a": r["model_a"], "model_b": r["model_b"], "winner": "a" if k < won else "b"}
        for r in rates
        for k in range(400)
        if (won := 400 * float(str(r["winrate"])))
    ]
    alone = read_matches(written(tmp_path / "s.csv", singles), Columns(position="none"))
    counted, single = rate_table(table), rate_table(alone)
    assert by_name(counted) == pytest.approx(by_name(single), abs=1e-6)
    assert [row.games for row in counted.players] == [row.games for row in single.players]
    with pytest.raises(InputError, match="Elo needs games one by one"):
        rate_table(table, Settings(model="elo"))


def test_win_rates_without_counts_take_least_squares(tmp_path: Path) -> None:
    rows = [{"debater_1": "x", "debater_2": "y", "winrate": 0.75}]
    table = read_matches(written(tmp_path / "t.csv", rows))
    assert default_model(table) == "least_squares"
    found = by_name(rate_table(table, Settings(model="least_squares")))
    assert found["x"] - found["y"] == pytest.approx(400 * math.log10(3), abs=1e-4)


def test_teams_are_rated_by_whether_the_judge_was_right(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = [
        {
            "debater_a": a,
            "debater_b": b,
            "judge_correct": rng.random() < (0.9 if "good" in (a, b) else 0.4),
            "question": f"q{rng.integers(30)}",
            "correct_side": rng.choice(["A", "B"]),
        }
        for k in range(240)
        for a, b in [[("good", "bad"), ("bad", "bad"), ("good", ""), ("other", "bad")][k % 4]]
    ]
    table = read_matches(written(tmp_path / "t.csv", rows), objective="truth")
    found = rate_table(table)
    assert found.players[0].player == "good"
    names = [effect.name for effect in found.effects]
    assert names[:2] == ["correct answer presented first", "difficulty of the average question"]
    assert rate_table(table, Settings(model="elo")).players[0].player == "good"
    with pytest.raises(InputError, match="least_squares rates opponents"):
        rate_table(table, Settings(model="least_squares"))


def drawn(
    path: Path,
    strength: Floats,
    rows: int,
    seed: int,
    *,
    sorted_share: float = 0.5,
    passages: int = 0,
    interaction: float = 0.0,
) -> MatchTable:
    """Games in which the stronger player comes first in a share of them, half by default.

    With passages, every player has an advantage or disadvantage of its own on each.
    """
    rng = np.random.default_rng(seed)
    n = len(strength)
    first = rng.integers(0, n, rows)
    second = (first + rng.integers(1, n, rows)) % n
    turned = (strength[first] < strength[second]) == (rng.random(rows) < sorted_share)
    first, second = np.where(turned, second, first), np.where(turned, first, second)
    z = strength[first] - strength[second]
    passage = rng.integers(0, max(passages, 1), rows)
    own = rng.normal(0, interaction, (n, max(passages, 1)))
    z += own[first, passage] - own[second, passage]
    won = rng.random(rows) < 1 / (1 + 10 ** (-z / 400))
    columns = zip(first, second, won, passage, strict=True)
    return read_matches(
        written(
            path,
            [
                {"player_1": f"m{a}", "player_2": f"m{b}", "winner": 2 - w, "p" * 9: p}
                for a, b, w, p in columns
            ],
        ),
        Columns(passage="p" * 9) if passages else Columns(),
    )


def covered(found: TableRatings, strength: Floats) -> list[bool]:
    ends = {row.player: (row.low, row.high) for row in found.players}
    inside = []
    for k, true in enumerate(strength):
        low, high = ends[f"m{k}"]
        assert low is not None
        assert high is not None
        inside.append(bool(low <= true <= high))
    return inside


@pytest.mark.parametrize(("players", "rows"), [(2, 60), (8, 120), (8, 400)])
def test_with_the_stronger_player_first_intervals_cover(
    players: int, rows: int, tmp_path: Path
) -> None:
    rng = np.random.default_rng(players * rows)
    inside, said = [], []
    for seed in range(40):
        strength = rng.normal(0, 120, players)
        strength -= strength.mean()
        found = rate_table(drawn(tmp_path / "t.csv", strength, rows, seed, sorted_share=1.0))
        inside += covered(found, strength)
        said.append("being presented first" not in [effect.name for effect in found.effects])
        assert any("often presented first" in warning for warning in found.warnings)
    assert all(said)
    assert np.mean(inside) > 0.92  # with the effect of position: 0.83 of eight players


def test_a_lead_is_not_taken_for_the_effect_of_position(tmp_path: Path) -> None:
    strength = np.array([104.0, -104.0])
    for share in (1.0, 0.97):
        found = by_name(
            rate_table(drawn(tmp_path / "t.csv", strength, 1000, 1, sorted_share=share))
        )
        assert found["m0"] - found["m1"] == pytest.approx(208, abs=30)


def test_an_effect_that_many_games_tell_stays(tmp_path: Path) -> None:
    table, _ = read(tmp_path, rows=400, position=60.0)
    assert any(e.name == "being presented first" for e in rate_table(table).effects)
    strength = np.array([150.0, 50.0, -50.0, -150.0])
    games = make_games(*_orders(strength, 20_000), np.zeros(20_000), position=np.ones(20_000))
    assert tellable(games) == (games, [])
    few = make_games(*_orders(strength, 500), np.zeros(500), position=np.ones(500))
    assert not np.any(tellable(few)[0].position)


def _orders(strength: Floats, rows: int) -> tuple[Ints, Ints]:
    """Random pairs, the stronger one first."""
    rng = np.random.default_rng(0)
    pairs = np.array([rng.choice(len(strength), 2, replace=False) for _ in range(rows)])
    pairs = np.take_along_axis(pairs, np.argsort(-strength[pairs], axis=1), axis=1)
    return pairs[:, 0], pairs[:, 1]


def test_who_always_defends_the_correct_answer_is_not_told_from_it(tmp_path: Path) -> None:
    rows = [
        {"model_a": a, "model_b": b, "winner": "x", "correct_side": "x", "question": k % 7}
        for k, (a, b) in enumerate([("x", "y"), ("y", "x")] * 10)
    ]
    rows += [row | {"winner": "y"} for row in rows[:6]]
    found = rate_table(read_matches(written(tmp_path / "t.csv", rows)))
    assert [effect.name for effect in found.effects] == ["being presented first"]
    assert any("often defending the correct answer" in warning for warning in found.warnings)


@pytest.mark.parametrize(
    "model", ["bradley_terry", "elo", pytest.param("least_squares", marks=pytest.mark.long)]
)
def test_passages_are_clusters_in_every_model(model: str, tmp_path: Path) -> None:
    """Every player is good or bad at a whole passage, so that 20 passages tell less than 400 games.

    Equal players: in truth all ratings are 0.
    """
    inside: dict[bool, list[bool]] = {True: [], False: []}
    strength = np.zeros(3)
    settings = Settings(model=model, k=8.0, resamples=100)  # type: ignore[arg-type]
    for seed in range(20):
        table = drawn(tmp_path / "t.csv", strength, 400, seed, passages=20, interaction=200.0)
        alone = read_matches(table.path)
        assert not alone.passages
        for clustered, games in ((True, table), (False, alone)):
            inside[clustered] += covered(rate_table(games, settings), strength)
    assert np.mean(inside[True]) > 0.87
    assert np.mean(inside[False]) < np.mean(inside[True]) - 0.1


def test_one_game_is_no_precise_measurement(tmp_path: Path) -> None:
    rows = [{"player_1": "x", "player_2": "y", "winner": "x"}]
    table = read_matches(written(tmp_path / "t.csv", rows))
    wide = rate_table(table).players[0]
    assert wide.low is not None
    assert wide.high is not None
    assert wide.low < -100 < 200 < wide.high
    for model in ("elo", "least_squares"):
        found = rate_table(table, Settings(model=model))  # type: ignore[arg-type]
        assert {(row.low, row.high) for row in found.players} == {(None, None)}
        assert any("interval" in warning for warning in found.warnings)


@pytest.mark.parametrize("rows", [5, 40])
def test_least_squares_intervals_cover(rows: int, tmp_path: Path) -> None:
    """Two players, for whom the least squares are known without a fit: the share that one won."""
    strength, inside = np.array([60.0, -60.0]), []
    for seed in range(300):
        table = drawn(tmp_path / "t.csv", strength, rows, seed)
        draws = draw_weights(table.games, 400, seed)
        best = np.where(
            table.games.first == table.players.index("m0"),
            table.games.outcome,
            1 - table.games.outcome,
        )
        if 0 < best.sum() < rows:
            share = (best @ draws) / draws.sum(axis=0)
            half = ELO / 2 * np.log(share / (1 - share))
            value, low, high = relative(np.stack([half, -half]), table.games, None, 0.95)
            inside.append(bool(low[0] <= 60 <= high[0]))
            if seed == 0:
                fitted = rate_table(table, Settings(model="least_squares"))
                assert by_name(fitted)["m0"] == pytest.approx(value[0], abs=1e-3)
    assert len(inside) > 200
    assert np.mean(inside) > 0.93


@pytest.mark.long
def test_intervals_of_win_rates_cover(tmp_path: Path) -> None:
    """Twenty players with four pairings each: half of what rates say goes into the ratings."""
    rng, inside = np.random.default_rng(0), []
    first, second = np.arange(40) % 20, (np.arange(40) + 1 + np.arange(40) // 20 * 6) % 20
    for _ in range(8):
        strength = rng.normal(0, 110, 20)
        strength -= strength.mean()
        expected_rate = 1 / (1 + 10 ** ((strength[second] - strength[first]) / 400))
        rates = rng.binomial(200, expected_rate) / 200
        rows = [
            {"player_1": f"m{a}", "player_2": f"m{b}", "winrate": rate}
            for a, b, rate in zip(first, second, rates, strict=True)
        ]
        table = read_matches(written(tmp_path / "t.csv", rows))
        found = rate_table(table, Settings(model=default_model(table), resamples=100))
        inside += covered(found, strength)
    assert np.mean(inside) > 0.93
    alone = read_matches(written(tmp_path / "t.csv", rows[:19]))
    exact = rate_table(alone, Settings(model="least_squares"))
    assert {row.low for row in exact.players} == {None}  # as many ratings as rates


def test_few_passages_and_names_that_differ_in_case_alone_are_said(tmp_path: Path) -> None:
    rows = [
        {"model_a": a, "model_b": b, "winner": a, "passage": f"p{k % 3}"}
        for k, (a, b) in enumerate([("x", "y"), ("y", "X"), ("X", "x")] * 4)
    ]
    found = rate_table(read_matches(written(tmp_path / "t.csv", rows)))
    assert "intervals over only 3 passages may be much too narrow" in found.warnings
    assert any(warning.endswith("are two: x and X") for warning in found.warnings)


def test_who_took_every_point_has_no_least_squares_interval(tmp_path: Path) -> None:
    rows = [{"winner": a, "loser": b} for a, b in ["xy", "yx", "yz", "zy", "zx", "xz"] * 4]
    rows += [{"winner": "best", "loser": "x"}] * 4
    table = read_matches(written(tmp_path / "t.csv", rows))
    mean = rate_table(table, Settings(model="least_squares"))
    assert [row.low for row in mean.players] == [None] * 4
    anchored = rate_table(table, Settings(model="least_squares", anchor="x"))
    assert {row.player for row in anchored.players if row.low is None} == {"best"}


def test_the_same_table_gives_the_same_numbers(tmp_path: Path) -> None:
    table, _ = read(tmp_path, rows=300)
    for model in ("bradley_terry", "elo", "least_squares"):
        settings = Settings(model=model)  # type: ignore[arg-type]
        assert rate_table(table, settings) == rate_table(table, settings)


KHAN = {
    "GPT-4-Turbo (bo32)": 143.3,
    "GPT-4-Turbo (bo16)": 142.6,
    "GPT-4-Turbo (bo8)": 135.4,
    "GPT-4-Turbo (bo4)": 116.1,
    "GPT-4-Turbo (bo1)": 62.1,
    "Claude 2.1 (bo16)": 121.3,
    "Claude 2.1 (bo4)": 79.0,
    "Claude 2.1 (bo1)": 0.0,
    "GPT-3.5-Turbo (bo16)": -58.3,
    "GPT-3.5-Turbo (bo1)": -258.0,
}


def test_the_ratings_of_khan_et_al(data_dir: Path) -> None:
    table = read_matches(
        data_dir / "khan_table9_winrates.csv", Columns(outcome="winrate_judge_gpt4t")
    )
    model = default_model(table)
    found = rate_table(table, Settings(model=model, anchor="Claude 2.1 (bo1)", resamples=50))
    ratings = by_name(found)
    assert {name: ratings[name] for name in KHAN} == pytest.approx(KHAN, abs=0.1)
    error = sum(
        (1 / (1 + 10 ** ((ratings[table.players[b]] - ratings[table.players[a]]) / 400)) - y) ** 2
        for a, b, y in zip(table.games.first, table.games.second, table.games.outcome, strict=True)
    )
    assert error == pytest.approx(0.0041, abs=5e-5)


def test_the_nyu_table_favours_the_correct_side(data_dir: Path) -> None:
    found = rate_table(read_matches(data_dir / "nyu_matches.csv"))
    (side,) = (e for e in found.effects if e.name == "defending the correct answer")
    assert side.low is not None
    assert side.low > 100
    assert len(found.players) == 19
