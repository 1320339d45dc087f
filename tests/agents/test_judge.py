from __future__ import annotations

import pytest

from debate_env.core import protocols
from debate_env.core.protocols import SPEECH, VERDICT, Debate, Wave
from debate_env.core.settings import DebateSettings
from debate_env.core.transcript import Speech, render_transcript
from debateqd.agents.base import Failure, Turn
from debateqd.agents.judge import ModelJudge, read_question
from debateqd.agents.models.base import Reply
from debateqd.agents.prompts import listed_answers, speeches, task_of
from debateqd.agents.replies import read_letter
from debateqd.agents.rollout import DebateJob, play_all, run_thoughts
from debateqd.agents.scripted import KeywordJudge, QuotingDebater
from tests.agents.fakes import FakeModel, question

THREE = ("a lamp", "a rope", "a bell")
SPEECHES = (
    Speech(1, "debater_0", "It was a lamp."),
    Speech(1, "debater_1", "It was a rope."),
    Speech(2, "debater_0", "The lamp again."),
    Speech(2, "debater_1", "The rope again."),
)


def decide(model, answers=("a lamp", "a rope")):
    observation = {
        "passage": "",
        "position": "",
        "question": "What was it?",
        "answers": answers,
        "transcript": render_transcript(SPEECHES),
        "phase": 1,
        "round": 3,
    }
    turn = Turn("judge_0", 3, DebateSettings(), 11)
    (decision,) = run_thoughts(model, [ModelJudge(model).think(observation, turn)])
    return decision


def by_answer(beliefs):
    """A judge without position bias: probabilities that belong to answers, wherever shown."""

    def script(request):
        shown = listed_answers(request.messages[1].content)
        return Reply("A", probabilities=tuple(beliefs[a] for a in shown))

    return script


def test_both_orders_are_asked_at_once_and_shown_right():
    model = FakeModel(by_answer({"a lamp": 0.8, "a rope": 0.2}))
    decide(model)
    assert model.batches == [2]
    first, second = model.requests
    assert first.choices == second.choices == ("A", "B")
    assert first.sampling.temperature == 0
    assert first.seed != second.seed
    assert listed_answers(first.messages[1].content) == ["a lamp", "a rope"]
    assert listed_answers(second.messages[1].content) == ["a rope", "a lamp"]
    assert [(s.round, s.speaker, s.text) for s in speeches(second.messages[1].content)] == [
        (1, "A", "It was a rope."),
        (1, "B", "It was a lamp."),
        (2, "A", "The rope again."),
        (2, "B", "The lamp again."),
    ]


def test_an_unbiased_model_gives_the_same_in_both_orders():
    decision = decide(FakeModel(by_answer({"a lamp": 0.8, "a rope": 0.2})))
    assert decision.action == pytest.approx((0.8, 0.2))
    assert decision.details["orders"] == [[0.8, 0.2], [0.8, 0.2]]
    assert decision.details["bias"] == pytest.approx(0.0)
    assert decision.details["method"] == "probabilities"


def test_pure_position_bias_cancels_and_is_recorded():
    decision = decide(FakeModel(lambda r: Reply("A", probabilities=(0.9, 0.1))))
    assert decision.action == pytest.approx((0.5, 0.5))
    assert decision.details["orders"] == [[0.9, 0.1], [0.1, 0.9]]
    assert decision.details["bias"] == pytest.approx(0.4)


def test_three_answers():
    decision = decide(FakeModel(by_answer(dict(zip(THREE, (0.5, 0.3, 0.2), strict=True)))), THREE)
    assert decision.action == pytest.approx((0.5, 0.3, 0.2))
    biased = decide(FakeModel(lambda r: Reply("A", probabilities=(0.6, 0.3, 0.1))), THREE)
    assert biased.details["orders"][0] == pytest.approx([0.6, 0.3, 0.1])
    assert biased.details["orders"][1] == pytest.approx([0.1, 0.3, 0.6])
    assert biased.action == pytest.approx((0.35, 0.3, 0.35))
    assert biased.details["bias"] == pytest.approx(0.6 - 1 / 3)


def test_probabilities_are_normalised():
    decision = decide(FakeModel(lambda r: Reply("A", probabilities=(0.6, 0.2))))
    assert decision.details["orders"][0] == pytest.approx([0.75, 0.25])


@pytest.mark.parametrize(
    "given",
    [(0.5,), (0.5, 0.3, 0.2), (float("nan"), 0.5), (float("inf"), 0.5), (-0.1, 1.1), (0.0, 0.0)],
)
def test_what_is_no_distribution_is_an_engine_error(given):
    decision = decide(FakeModel(lambda r: Reply("A", probabilities=given)))
    assert decision.action is None
    assert decision.failure.kind == "engine_error"


def test_letters_are_read_where_there_are_no_probabilities():
    decision = decide(FakeModel(lambda r: Reply("The answer is: A.")))
    assert decision.action == (0.5, 0.5)
    assert decision.details["orders"] == [[1.0, 0.0], [0.0, 1.0]]
    assert decision.details["method"] == "letters"


def test_an_unreadable_verdict_is_asked_for_once_more():
    def script(request):
        return "B" if len(request.messages) > 2 else Reply("Hard to say. A and B are both fine.")

    model = FakeModel(script)
    decision = decide(model)
    assert decision.failure is None
    assert model.batches == [2, 2]
    repair = model.requests[2]
    assert [m.role for m in repair.messages] == ["system", "user", "assistant", "user"]
    assert len({r.seed for r in model.requests}) == 4


def test_only_the_unreadable_order_is_repaired():
    def script(request):
        if len(request.messages) > 2:
            return "A"
        return "A" if listed_answers(request.messages[1].content)[0] == "a lamp" else "who knows"

    model = FakeModel(script)
    decision = decide(model)
    assert model.batches == [2, 1]
    assert decision.details["orders"] == [[1.0, 0.0], [0.0, 1.0]]


def test_twice_unreadable_is_a_typed_failure_never_a_guess():
    model = FakeModel(lambda r: "It depends.")
    decision = decide(model)
    assert decision.action is None
    assert decision.failure.kind == "unparsable_verdict"
    assert "It depends." in decision.failure.message
    assert len(model.requests) == 4


@pytest.mark.parametrize("at", [1, 3])
def test_an_engine_error_at_any_point_is_one(at):
    count = 0

    def script(request):
        nonlocal count
        count += 1
        return Reply("", "error", error="gone") if count == at else "maybe"

    decision = decide(FakeModel(script))
    assert decision.failure == Failure("engine_error", "gone")


@pytest.mark.parametrize(
    ("text", "index"),
    [
        ("A", 0),
        (" b ", 1),
        ("B.", 1),
        ("(A)", 0),
        ("**B**", 1),
        ("Answer: B", 1),
        ("The correct answer is A.", 0),
        ("Because the quote is verified.\nAnswer: B", 1),
        ("C", None),
        ("", None),
        ("A is wrong", None),
        ("not A", None),
        ("A or B", None),
        ("The answer is not A", None),
        ("AB", None),
        ("I think that A", None),
    ],
)
def test_letters_are_read_strictly(text, index):
    assert read_letter(text, 2) == index


# --- the baselines --------------------------------------------------------------------------------


@pytest.mark.parametrize("reads", [True, False])
def test_read_question_asks_both_orders_with_or_without_the_passage(reads):
    model = FakeModel(by_answer(dict(zip(THREE, (0.2, 0.5, 0.3), strict=True))))
    item = question(0, THREE)
    thought = read_question(model, item, item.passage if reads else None, 3)
    (credence,) = run_thoughts(model, [thought])
    assert credence == pytest.approx((0.2, 0.5, 0.3))
    assert [task_of(r.messages) for r in model.requests] == ["read", "read"]
    assert all((item.passage in r.messages[0].content) == reads for r in model.requests)
    assert not any(item.passage in r.messages[1].content for r in model.requests)


def test_read_question_returns_failures():
    model = FakeModel(lambda r: Reply("", "refused"))
    (failure,) = run_thoughts(model, [read_question(model, question(), None, 0)])
    assert isinstance(failure, Failure)
    assert failure.kind == "refused"
    assert failure.message.startswith("fake: ")


class Interrogated(Debate):
    """The judge asks before each round of speeches."""

    name = "interrogated"
    symmetric = True

    def wave(self, index, speeches, rounds):
        if index < 2 * rounds:
            return Wave(SPEECH, index // 2 + 1, self.players if index % 2 else self.judges)
        return Wave(VERDICT, rounds + 1, self.judges)


@pytest.mark.parametrize("kind", ["model", "keyword"])
def test_a_judge_of_verdicts_that_is_asked_to_speak_fails_in_one_line_unasked(kind, monkeypatch):
    monkeypatch.setattr(protocols, "_PROTOCOLS", dict(protocols._PROTOCOLS))
    protocols.register_protocol(Interrogated())
    model = FakeModel(by_answer({"a lamp": 0.8, "a rope": 0.2}))
    agents = dict.fromkeys(protocols.DEBATERS, QuotingDebater())
    agents["judge_0"] = ModelJudge(model) if kind == "model" else KeywordJudge()
    rules = DebateSettings(protocol="interrogated")
    (record,) = play_all([DebateJob("one", question(), agents, 1, rules)])
    raised = "" if kind == "model" else "InputError: "
    assert record.failure.kind == "agent_error"
    assert record.failure.message == (
        f"judge_0: {raised}this judge only gives verdicts; where the protocol lets it speak, seat "
        "an agent that does"
    )
    assert model.requests == []
