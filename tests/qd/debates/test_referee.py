from __future__ import annotations

from debate_env.core.settings import DebateSettings
from debateqd.agents.models.base import Sampling
from debateqd.agents.models.registry import make_model
from debateqd.qd.debates.plans import EvaluationPlanner
from debateqd.qd.debates.referee import Players, play_plans
from tests.qd.debates.test_plans import SEEDS, questions


def test_real_debates_are_consistent_and_repeatable() -> None:
    model = make_model("embedded")
    settings = DebateSettings(rounds=1)
    players = Players(model, model, settings, Sampling(max_tokens=300, temperature=0.7))
    planner = EvaluationPlanner(players.rules, 3)
    plans = [
        *planner.self_play("elites", SEEDS[:2], questions(4), 2),
        *planner.against("panel", SEEDS[:2], SEEDS[5:8], questions(4)),
    ]
    heard = []
    first = play_plans(plans, players, lambda match, speeches: heard.append(match))
    assert heard == first
    again = play_plans(plans[::-1], players, lambda match, speeches: None)
    assert first == again[::-1]
    other = EvaluationPlanner(players.rules, 4).self_play("elites", SEEDS[:2], questions(4), 2)
    assert first[:8] != play_plans(list(other), players, lambda match, speeches: None)
    for played in first:
        assert played.usable
        assert played.credence is not None
        assert played.speeches == {"debater_0": 1, "debater_1": 1}
        place = played.side(played.subject)
        assert place is not None
        sided = played.credence[place] > played.credence[1 - place]
        if not played.alone:
            assert played.share(played.subject, "win") == float(sided)
        assert played.right == float(sided == (played.label == place))
    # Exchanging seats exchanges sides.
    for one, other_seat in zip(first[8::2], first[9::2], strict=True):
        assert one.side(one.subject) != other_seat.side(other_seat.subject)
    told: list[str] = []
    twice = play_plans([plans[0]] * 2, players, lambda match, _: told.append(match.match_id))
    assert twice == [first[0]] * 2
    assert told == [first[0].match_id]
