from __future__ import annotations

import pytest

from debate_env.core.episode import Episode
from debate_env.core.protocols import DEBATERS
from debate_env.core.settings import DebateSettings
from debate_env.core.transcript import Speech, render_transcript
from debateqd.agents.rollout import DebateJob, play_all
from debateqd.agents.scripted import SCRIPTED_DEBATERS, SCRIPTED_JUDGES, KeywordJudge, RandomAgent
from tests.agents.fakes import question

RULES = DebateSettings(rounds=2)


@pytest.mark.parametrize("debater", sorted(SCRIPTED_DEBATERS))
@pytest.mark.parametrize("judge", sorted(SCRIPTED_JUDGES))
@pytest.mark.parametrize("answers", [("a lamp", "a rope"), ("a lamp", "a rope", "a bell")])
def test_every_scripted_agent_plays_to_a_verdict_the_same_in_any_batch(debater, judge, answers):
    def batch():
        agents = {
            "debater_0": SCRIPTED_DEBATERS[debater](1),
            "debater_1": SCRIPTED_DEBATERS[debater](2),
            "judge_0": SCRIPTED_JUDGES[judge](3),
        }
        return [DebateJob(str(i), question(i, answers), agents, i, RULES) for i in range(4)]

    together = [(r.outcome, r.speeches) for r in play_all(batch())]
    alone = [(r.outcome, r.speeches) for r in play_all(batch(), max_open=1)]
    assert together == alone
    assert all(outcome.kind == "verdict" for outcome, _ in together)
    assert len({speeches for _, speeches in together}) == 4


def test_the_quoting_debater_quotes_what_is_there_and_another_sentence_every_round():
    (record,) = play_all(
        [
            DebateJob(
                "j",
                question(),
                {
                    **dict.fromkeys(DEBATERS, SCRIPTED_DEBATERS["quoting"](0)),
                    "judge_0": KeywordJudge(),
                },
                0,
                RULES,
            )
        ]
    )
    assert record.outcome.quotes == {"debater_0": (2, 2), "debater_1": (2, 2)}
    assert "kept a lamp on the sill" in record.speeches[0].text
    assert "Nobody had seen a rope" in record.speeches[1].text
    assert len({s.text for s in record.speeches}) == 4


def test_an_empty_passage_is_survived():
    observation = {**Episode(question(), RULES).observe("debater_0"), "passage": ""}
    for name in SCRIPTED_DEBATERS:
        (speech,) = SCRIPTED_DEBATERS[name](0).act([observation])
        assert isinstance(speech, str)


def judged(first, second, answers=("a lamp", "a rope")):
    speeches = (Speech(1, "debater_0", first), Speech(1, "debater_1", second))
    observation = {"answers": answers, "transcript": render_transcript(speeches)}
    return KeywordJudge().act([observation])[0]


def test_the_keyword_judge_counts_verified_quotes_of_the_right_side_only():
    assert judged("a lamp", "a rope") == [0.5, 0.5]
    assert judged("<v_quote>kept a lamp</v_quote>", "no") == [2 / 3, 1 / 3]
    assert judged("<u_quote>kept a lamp</u_quote>", "no") == [0.5, 0.5]
    assert judged("<v_quote>kept a rope</v_quote>", "no") == [0.5, 0.5]
    assert judged("no", "<v_quote>a rope</v_quote>", ("a lamp", "a rope", "a bell")) == [
        0.25,
        0.5,
        0.25,
    ]


def test_the_keyword_judge_ignores_who_defends_no_answer():
    said = "<v_quote>kept a lamp</v_quote>"
    for seat in ("judge_0", "debater_7", "debater", "narrator_x"):
        speeches = (Speech(1, "debater_1", "<v_quote>a rope</v_quote>"), Speech(1, seat, said))
        seen = {"answers": ("a lamp", "a rope"), "transcript": render_transcript(speeches)}
        assert KeywordJudge().act([seen]) == [[1 / 3, 2 / 3]]


def test_the_random_agent_depends_on_its_seed_and_can_be_reset():
    observation = Episode(question(), RULES).observe("debater_0")
    one, two = RandomAgent(1), RandomAgent(2)
    assert one.act([observation]) == one.act([observation])
    assert one.act([observation]) != two.act([observation])
    two.reset(1)
    assert one.act([observation]) == two.act([observation])
