from __future__ import annotations

from debate_env.core.settings import DebateSettings
from debateqd.agents.base import Turn, derive_seed, request_seed


def test_derived_seeds_are_exact_in_json_and_differ_by_every_part() -> None:
    parts = [(run, seat, number) for run in range(20) for seat in "ab" for number in range(20)]
    seeds = {derive_seed(*p) for p in parts}
    assert len(seeds) == len(parts)
    assert all(0 <= seed < 2**53 for seed in seeds)
    assert derive_seed(1, 23) != derive_seed(12, 3)


def test_requests_of_a_turn_have_seeds_of_their_own() -> None:
    turns = [derive_seed(0, "debater_0", number) for number in range(50)]
    seeds = {
        request_seed(turn, sample, attempt)
        for turn in turns
        for sample in range(32)
        for attempt in range(3)
    }
    assert len(seeds) == 50 * 32 * 3
    assert all(0 <= seed < 2**53 for seed in seeds)
    low = sum(seed & 1 for seed in seeds) / len(seeds)
    assert 0.46 < low < 0.54


def test_neighbouring_turn_seeds_do_not_share_requests() -> None:
    near = {request_seed(turn, sample) for turn in range(1000) for sample in range(4)}
    assert len(near) == 4000


def test_a_turn_asks_the_same_function() -> None:
    turn = Turn("debater_0", 1, DebateSettings(), 77)
    assert turn.request_seed(2, 1) == request_seed(77, 2, 1)
