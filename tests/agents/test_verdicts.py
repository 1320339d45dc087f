"""Three ways to a verdict: one wave, one repair, a typed failure, and the same meaning."""

from __future__ import annotations

import json
import math
import statistics

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from debate_env.core.settings import DebateSettings
from debate_env.core.transcript import Speech, render_transcript
from debate_env.errors import InputError
from debateqd.agents.base import Failure, Turn, request_seed
from debateqd.agents.judge import ModelJudge, read_question
from debateqd.agents.models.base import Capabilities, Reply, Sampling, Usage
from debateqd.agents.models.embedded import EmbeddedModel, World
from debateqd.agents.prompts import LETTERS, asks_credence, listed_answers, task_of
from debateqd.agents.replies import credence_schema
from debateqd.agents.rollout import run_thoughts
from debateqd.agents.verdicts import METHODS, VerdictSettings, method_for, trial
from tests.agents.fakes import FakeModel, question

TWO = ("a lamp", "a rope")
THREE = (*TWO, "a bell")
CREDENCE = VerdictSettings("credence")
SPEECHES = (
    Speech(1, "debater_0", "<v_quote>kept a lamp on the sill</v_quote> It was a lamp."),
    Speech(1, "debater_1", "It was a rope."),
)


def observed(answers=TWO, speeches=SPEECHES):
    return {
        "passage": "",
        "position": "",
        "question": "What was it?",
        "answers": answers,
        "transcript": render_transcript(speeches),
        "phase": 1,
        "round": 2,
    }


def decide(model, verdict, answers=TWO, seed=11, speeches=SPEECHES, **options):
    judge = ModelJudge(model, verdict=verdict, **options)
    turn = Turn("judge_0", 2, DebateSettings(), seed)
    (decision,) = run_thoughts(model, [judge.think(observed(answers, speeches), turn)])
    return decision


def votes(k, **options):
    return VerdictSettings("votes", k, **options)


def is_forward(request):
    return listed_answers(request.messages[1].content)[0] == "a lamp"


def is_repair(request):
    return len(request.messages) > 2


def stating(beliefs, scale=100):
    """State credences that belong to answers, wherever they are shown."""

    def script(request):
        shown = listed_answers(request.messages[1].content)
        return json.dumps({LETTERS[i]: scale * beliefs[a] for i, a in enumerate(shown)})

    return script


# --- which method ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("able", "method"),
    [
        (Capabilities(probabilities=True, schema=True), "probabilities"),
        (Capabilities(probabilities=True, schema=False), "probabilities"),
        (Capabilities(probabilities=False, schema=True), "credence"),
        (Capabilities(probabilities=False, schema=False), "votes"),
    ],
)
def test_auto_takes_the_first_method_that_the_model_can_do(able, method):
    model = FakeModel()
    model.capabilities = able
    for name in METHODS:
        forced = method_for(model, VerdictSettings(name), Sampling())
        assert type(forced) is METHODS[name]
    assert type(method_for(model, VerdictSettings(), Sampling())) is METHODS[method]
    assert list(METHODS) == ["probabilities", "credence", "votes"]


def test_the_method_that_auto_took_is_recorded():
    for able, script, method in (
        (Capabilities(), lambda r: Reply("A", probabilities=(0.6, 0.4)), "probabilities"),
        (Capabilities(), lambda r: "A", "letters"),
        (
            Capabilities(probabilities=False, schema=True),
            stating({TWO[0]: 1, TWO[1]: 0}),
            "credence",
        ),
        (Capabilities(probabilities=False), lambda r: "A", "votes"),
    ):
        model = FakeModel(script)
        model.capabilities = able
        assert decide(model, VerdictSettings()).details["method"] == method


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({"method": "vote"}, "did you mean 'votes'? allowed: auto, credence, probabilities, votes"),
        ({"method": ""}, "allowed: auto"),
        ({"votes": 0}, "votes=0: allowed is a whole number from 1"),
        ({"temperature": 0.0}, "above 0"),
        ({"temperature": math.nan}, "above 0"),
        ({"temperature": math.inf}, "above 0"),
        ({"max_tokens": 0}, "max_tokens=0: "),
    ],
)
def test_settings_that_make_no_sense_are_refused_in_one_line(options, hint):
    with pytest.raises(InputError, match=rf"^{next(iter(options))}=") as caught:
        VerdictSettings(**options)
    assert hint in str(caught.value)
    assert "\n" not in str(caught.value)


# --- probabilities --------------------------------------------------------------------------------


def test_missing_mass_is_the_mean_over_the_orders_that_know_it():
    def script(missing):
        return lambda r: Reply(
            "A", probabilities=(0.6, 0.4), missing_mass=missing[0 if is_forward(r) else 1]
        )

    def found(*missing):
        return decide(FakeModel(script(missing)), VerdictSettings()).details.get("missing_mass")

    assert found(0.1, 0.3) == pytest.approx(0.2)
    assert found(0.1, None) == pytest.approx(0.1)
    assert found(0.0, 0.0) == 0.0
    assert found(None, None) is None
    assert found(math.nan, 0.1) is None


def test_missing_mass_of_a_letter_is_not_reported():
    model = FakeModel(lambda r: Reply("A", missing_mass=0.5))
    assert "missing_mass" not in decide(model, VerdictSettings()).details


def test_a_letter_that_was_cut_off_is_asked_for_once_more():
    model = FakeModel(lambda r: "B" if is_repair(r) else Reply("A", "length"))
    decision = decide(model, VerdictSettings())
    assert decision.details["orders"] == [[0.0, 1.0], [1.0, 0.0]]
    assert model.batches == [2, 2]


def test_a_limit_of_tokens_holds_for_every_method():
    for name in METHODS:
        model = FakeModel(lambda r: Reply("", "length", Usage(9, 77, 77)))
        decision = decide(model, VerdictSettings(name, max_tokens=77))
        assert {r.sampling.max_tokens for r in model.requests} == {77}
        assert decision.failure.kind == "truncated"
        assert "thinking took 77 tokens" in decision.failure.message


# --- stated credences -----------------------------------------------------------------------------


@pytest.mark.parametrize("answers", [TWO, THREE])
def test_credences_are_asked_for_in_both_orders_with_a_schema(answers):
    beliefs = dict(zip(THREE, (0.5, 0.3, 0.2) if len(answers) == 3 else (0.7, 0.3, 0), strict=True))
    model = FakeModel(stating(beliefs))
    decision = decide(model, CREDENCE, answers)
    assert decision.action == pytest.approx(tuple(beliefs[a] for a in answers))
    assert decision.details["bias"] == pytest.approx(
        (beliefs[answers[0]] + beliefs[answers[-1]]) / 2 - 1 / len(answers)
    )
    assert set(decision.details) == {"orders", "bias", "method"}
    assert model.batches == [2]
    first, second = model.requests
    assert listed_answers(second.messages[1].content) == list(answers)[::-1]
    assert first.seed != second.seed
    for request in model.requests:
        assert request.choices is None
        assert request.schema == credence_schema(len(answers))
        assert request.sampling.temperature == 0
        assert request.sampling.max_tokens == (48 if answers == TWO else 64)
        assert asks_credence(request.messages[1].content)


def test_stated_position_bias_cancels_and_is_recorded():
    decision = decide(FakeModel(lambda r: '{"A": 90, "B": 10}'), CREDENCE)
    assert decision.action == pytest.approx((0.5, 0.5))
    assert decision.details["bias"] == pytest.approx(0.4)


def test_credences_that_cannot_be_read_are_asked_for_once_more():
    def script(request):
        if is_repair(request):
            return '{"A": 80, "B": 20}'
        return '{"A": 80, "B": 20}' if is_forward(request) else 'I say {"A": 80, "B": 20}.'

    model = FakeModel(script)
    decision = decide(model, CREDENCE)
    assert decision.details["orders"] == [[0.8, 0.2], [0.2, 0.8]]
    assert model.batches == [2, 1]
    repair = model.requests[2]
    assert repair.schema == model.requests[0].schema
    assert repair.messages[2].content == 'I say {"A": 80, "B": 20}.'
    assert asks_credence(repair.messages[3].content)
    assert len({r.seed for r in model.requests}) == 3


def test_credences_twice_unreadable_are_a_typed_failure():
    decision = decide(FakeModel(lambda r: '{"A": 7, "B": 3}'), CREDENCE)
    assert decision.action is None
    assert decision.failure.kind == "unparsable_verdict"
    assert '{"A": 7, "B": 3}' in decision.failure.message


@pytest.mark.parametrize("name", ["probabilities", "credence", "votes"])
@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply("", "error", error="late", error_kind="timeout"), "timeout"),
        (Reply("", "error", error="long", error_kind="context_too_long"), "context_too_long"),
        (Reply("I will not.", "refused"), "refused"),
        (Reply("", "length"), "truncated"),
        (Reply("It depends."), "unparsable_verdict"),
        (Reply("<think>\nA or B\n"), "unparsable_verdict"),
    ],
)
def test_what_fails_always_fails_with_its_own_kind(name, reply, kind):
    model = FakeModel(lambda r: reply)
    decision = decide(model, VerdictSettings(name, 3))
    assert decision.action is None
    assert decision.failure.kind == kind
    assert "\n" not in decision.failure.message
    (answer,) = run_thoughts(
        model, [read_question(model, question(), None, 0, VerdictSettings(name, 3))]
    )
    assert isinstance(answer, Failure)
    assert answer.kind == kind


def test_of_two_answers_one_number_is_asked_for():
    shares = {True: 80, False: 30}  # of the answer shown as A
    model = FakeModel(lambda r: json.dumps({"A": shares[is_forward(r)]}))
    decision = decide(model, CREDENCE)
    assert decision.details["orders"] == [[0.8, 0.2], [0.7, 0.3]]
    assert decision.action == pytest.approx((0.75, 0.25))
    assert decision.details["bias"] == pytest.approx(0.05)
    bare = decide(FakeModel(lambda r: f"{shares[is_forward(r)]} %"), CREDENCE)
    assert bare == decision
    assert decide(FakeModel(lambda r: '{"A": 80}'), CREDENCE, THREE).failure is not None


def test_a_trial_asks_for_as_many_answers_as_there_will_be():
    def script(request):
        shown = listed_answers(request.messages[1].content)
        return json.dumps(
            {LETTERS[i]: 70 if a == "on the sill" else 15 for i, a in enumerate(shown)}
        )

    for n in (3, 9):
        (fault,) = run_thoughts(FakeModel(lambda r: '{"A": 70}'), [trial(VerdictSettings(), n)])
        assert fault.startswith("states no credences (unparsable_verdict")
    assert run_thoughts(FakeModel(script), [trial(VerdictSettings(), 3)]) == [""]


@pytest.mark.parametrize(
    ("belief", "fault"),
    [
        (55, ""),
        (54, "finds an answer that is obviously right 54 % likely shown first, 54 % last"),
    ],
)
def test_a_judge_that_hardly_believes_the_obvious_is_told_from_one_that_does(belief, fault):
    def script(request):
        shown = listed_answers(request.messages[1].content)
        assert request.messages[1].content.count("<speech round=1 speaker=") == 2
        return json.dumps({"A": belief if shown[0] == "on the sill" else 100 - belief})

    model = FakeModel(script)
    assert run_thoughts(model, [trial(VerdictSettings(), 2)]) == [fault]
    assert [r.seed for r in model.requests] == [request_seed(0, k) for k in (0, 1)]


# --- votes ----------------------------------------------------------------------------------------


def test_votes_of_both_orders_are_one_wave_and_each_has_its_own_seed():
    model = FakeModel(lambda r: "A")
    decision = decide(model, votes(5, temperature=0.7))
    assert model.batches == [10]
    assert len({r.seed for r in model.requests}) == 10
    assert [is_forward(r) for r in model.requests] == [True] * 5 + [False] * 5
    assert all(r.choices == ("A", "B") and r.schema is None for r in model.requests)
    assert {r.sampling for r in model.requests} == {Sampling(8, 0.7)}
    assert decision.action == pytest.approx((0.5, 0.5))
    assert decision.details["orders"] == [[1.0, 0.0], [0.0, 1.0]]
    assert decision.details["bias"] == pytest.approx(0.5)
    assert decision.details["votes"] == [10, 10]
    assert decision.details["method"] == "votes"


def test_more_votes_begin_with_the_same_votes():
    few, many = FakeModel(lambda r: "A"), FakeModel(lambda r: "A")
    decide(few, votes(3))
    decide(many, votes(8))
    assert set(few.requests) < set(many.requests)


def test_a_credence_is_the_share_of_votes():
    model = FakeModel(lambda r: "A" if (r.seed in first) == is_forward(r) else "B")
    first = {request_seed(11, 2 * vote) for vote in range(3)}
    decision = decide(model, votes(4))
    # In the first order 3 of 4 votes are for its A; in the second all are for its A.
    assert decision.details["orders"] == [[0.75, 0.25], [0.0, 1.0]]
    assert decision.action == pytest.approx((0.375, 0.625))


def test_votes_count_letters_and_not_probabilities():
    model = FakeModel(lambda r: Reply("A", probabilities=(0.1, 0.9)))
    assert decide(model, votes(3)).details["orders"] == [[1.0, 0.0], [0.0, 1.0]]


def test_unreadable_votes_are_repaired_together():
    def script(request):
        if is_repair(request):
            return "B"
        return "A" if request.seed in readable else "Hm."

    readable = {request_seed(11, sample) for sample in (0, 2, 3, 7)}
    model = FakeModel(script)
    decision = decide(model, votes(4))
    assert model.batches == [8, 4]
    assert len({r.seed for r in model.requests}) == 12
    assert {r.sampling.temperature for r in model.requests} == {1.0}
    assert decision.details["orders"] == [[0.5, 0.5], [0.5, 0.5]]
    assert decision.details["votes"] == [8, 8]


def failing(samples, reply):
    seeds = {request_seed(11, s, a) for s in samples for a in (0, 1)}
    return FakeModel(lambda r: reply if r.seed in seeds else "A")


LOST = Reply("", "error", error="gone", error_kind="connection")


def test_votes_that_cannot_be_used_are_left_out_of_the_shares():
    for reply in (LOST, Reply("No.", "refused"), Reply("Hm.")):
        decision = decide(failing([0, 3, 5], reply), votes(5))
        assert decision.details["votes"] == [7, 10]
        assert decision.details["orders"] == [[1.0, 0.0], [0.0, 1.0]]


def test_votes_that_failed_for_good_are_not_asked_again():
    model = failing([0], LOST)
    decide(model, votes(4))
    assert model.batches == [8]


@pytest.mark.parametrize("order", [0, 1])
def test_half_of_the_votes_of_an_order_are_not_enough(order):
    unread = decide(failing([order, 2 + order], Reply("Hm.")), votes(4))
    assert unread.failure.kind == "unparsable_verdict"
    assert unread.failure.message == "2 of 4 votes are letters, asked twice; another: 'Hm.'"
    lost = decide(failing([order, 2 + order], LOST), votes(4))
    assert lost.failure == Failure("connection", "2 of 4 votes failed: gone")


def test_the_most_frequent_failure_names_the_verdict():
    def script(request):
        return Reply("No.", "refused") if request.seed == request_seed(11) else LOST

    assert decide(FakeModel(script), votes(3)).failure.kind == "connection"


@settings(deadline=None)
@given(st.integers(1, 6), st.data())
def test_shares_of_any_votes_sum_to_one(k, data):
    drawn = data.draw(st.lists(st.sampled_from("ABC?"), min_size=2 * k, max_size=2 * k))
    by_seed = {request_seed(11, s, a): drawn[s] for s in range(2 * k) for a in (0, 1)}
    decision = decide(FakeModel(lambda r: by_seed[r.seed]), votes(k), THREE)
    counted = [[x for x in drawn[order::2] if x != "?"] for order in (0, 1)]
    if min(map(len, counted)) * 2 <= k:
        assert decision.failure.kind == "unparsable_verdict"
        return
    assert math.fsum(decision.action) == pytest.approx(1.0)
    assert decision.details["votes"] == [sum(map(len, counted)), 2 * k]
    forward, backward = decision.details["orders"]
    assert forward == pytest.approx([counted[0].count(x) / len(counted[0]) for x in "ABC"])
    assert backward == pytest.approx([counted[1].count(x) / len(counted[1]) for x in "CBA"])


def test_details_are_plain_data():
    for name in METHODS:
        decision = decide(EmbeddedModel(), VerdictSettings(name))
        assert json.loads(json.dumps(decision.details)) == decision.details


# --- baselines ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(METHODS))
@pytest.mark.parametrize("reads", [True, False])
def test_baselines_use_the_method_of_the_judge(name, reads):
    def script(request):
        return '{"A": 80, "B": 20}' if request.schema else Reply("A", probabilities=(0.8, 0.2))

    model, item = FakeModel(script), question()
    thought = read_question(
        model, item, item.passage if reads else None, 3, VerdictSettings(name, 3)
    )
    (credence,) = run_thoughts(model, [thought])
    assert credence == pytest.approx((0.5, 0.5))
    assert model.batches == [6 if name == "votes" else 2]
    for request in model.requests:
        assert task_of(request.messages) == "read"
        assert (item.passage in request.messages[0].content) == reads
        assert item.passage not in request.messages[1].content
        assert asks_credence(request.messages[1].content) == (name == "credence")


# --- the methods agree ----------------------------------------------------------------------------


@pytest.mark.parametrize("world", [World(0), World(3, "rhetoric"), World(5, "null")])
@pytest.mark.parametrize("answers", [TWO, THREE])
def test_stated_credences_are_the_probabilities_but_for_rounding(world, answers):
    model = EmbeddedModel(world)
    for seed in range(10):
        exact = decide(model, VerdictSettings(), answers, seed)
        stated = decide(model, CREDENCE, answers, seed)
        assert stated.details["method"] == "credence"
        for p, q in zip(exact.details["orders"], stated.details["orders"], strict=True):
            assert q == pytest.approx(p, abs=0.01)
            assert [100 * x for x in q] == pytest.approx([round(100 * x) for x in q])
        assert stated.details["bias"] == pytest.approx(exact.details["bias"], abs=0.01)


@pytest.mark.parametrize("answers", [TWO, THREE])
def test_votes_approach_the_probabilities(answers):
    model, k = EmbeddedModel(World(1)), 400
    # A vote has a seed of its own, and so a little noise of its own; the shares approach the mean.
    exact = [decide(model, VerdictSettings(), answers, seed).action[0] for seed in range(200)]
    voted = decide(model, votes(k), answers)
    expected = statistics.fmean(exact)
    error = math.sqrt(expected * (1 - expected) / (2 * k))
    assert abs(voted.action[0] - expected) < 4 * error + 0.01
    assert voted.details["votes"] == [2 * k, 2 * k]
    few = [decide(model, votes(8), answers, seed).action[0] for seed in range(60)]
    assert statistics.fmean(few) == pytest.approx(expected, abs=4 * error)
    assert statistics.stdev(few) > 3 * error  # of 8 votes is coarser than of 400


def test_every_method_takes_the_same_side():
    model = EmbeddedModel(World(0))
    sides = set()
    for seed in range(12):
        seen = tuple(s._replace(text=f"{s.text} Case {seed}.") for s in SPEECHES[seed % 2 :])
        by_name = {
            name: decide(model, VerdictSettings(name, 100), seed=seed, speeches=seen).action[0]
            for name in METHODS
        }
        if abs(by_name["probabilities"] - 0.5) > 0.12:  # more than four standard errors of votes
            assert len({value > 0.5 for value in by_name.values()}) == 1
            sides.add(by_name["votes"] > 0.5)
    assert sides
