"""Garbage is asked for again: a broken line changes nothing, a broken model fails in the end."""

from __future__ import annotations

from random import Random

import pytest

from debate_env.core.settings import DebateSettings
from debateqd.agents.base import request_seed
from debateqd.agents.debater import StrategyDebater
from debateqd.agents.judge import ModelJudge
from debateqd.agents.models.base import Message, PatientModel, Reply, Request, Sampling, Usage
from debateqd.agents.models.budget import Budget, BudgetedModel, BudgetReachedError, Limits
from debateqd.agents.models.journal import Journal, JournalledModel
from debateqd.agents.models.redraw import REDRAWS, RedrawnModel
from debateqd.agents.rollout import DebateJob, play_all
from debateqd.agents.testing import CHECKS, check_chat_model
from tests.agents.fakes import FakeModel, ShuffledModel, question, speak

NOISE = "&*~ @##^ %$ zx {}! <>"
DRAWN = Sampling(max_tokens=40, temperature=0.7)


def ask(text="Speak.", seed=5, sampling=DRAWN, **more):
    return Request((Message("user", text),), sampling, seed, **more)


def answers(model, *requests):
    model.submit(list(enumerate(requests)))
    found = {}
    while len(found) < len(requests):
        replies = model.poll()
        assert replies
        assert not found.keys() & dict(replies).keys(), "a ticket came twice"
        found.update(replies)
    return [found[ticket] for ticket in range(len(requests))]


def debates(model):
    agents = {
        "debater_0": StrategyDebater(model, "Be brief."),
        "debater_1": StrategyDebater(model, "Quote."),
        "judge_0": ModelJudge(model),
    }
    rules = DebateSettings(rounds=2)
    jobs = [DebateJob(str(n), question(n % 4), agents, n, rules) for n in range(12)]
    return [record._replace(job=None) for record in play_all(jobs)]


class BrokenLine(ShuffledModel):
    """Spoils replies to requests for text on their way, differently each time."""

    def answer(self, request):
        reply = super().answer(request)
        if request.choices is not None or self.random.random() > 0.25:
            return reply
        return Reply("".join(self.random.choices(NOISE, k=60)), usage=reply.usage)


def seeded(request):
    """Three seeds in four bring garbage, always the same for a request."""
    reply = speak(request)
    if request.choices is not None or request.seed % 4 == 0:
        return reply
    return Reply("".join(Random(request.seed).choices(NOISE, k=60)), usage=reply.usage)


def test_a_broken_line_changes_nothing():
    expected = debates(RedrawnModel(FakeModel()))
    for seed in range(3):
        model = RedrawnModel(BrokenLine(seed))
        assert debates(model) == expected
        assert model.delivery["rejected"] > 5


def test_what_a_model_itself_says_is_drawn_with_seeds_that_follow_from_the_first():
    inner = FakeModel(seeded)
    (reply,) = answers(RedrawnModel(inner), ask(seed=1))
    seeds = [1]
    while seeds[-1] % 4:
        seeds.append(request_seed(seeds[-1]))
    assert [r.seed for r in inner.requests] == [s for s in seeds[:-1] for _ in "12"] + seeds[-1:]
    assert reply.redraws == len(seeds) - 1 <= REDRAWS
    assert reply.text == speak(ask(seed=seeds[-1])).text


def test_redraws_are_the_same_in_any_order_and_on_a_broken_line():
    class Both(BrokenLine):
        def __init__(self, seed):
            super().__init__(seed, seeded)

    requests = [ask(str(n), n) for n in range(40)]
    expected = answers(RedrawnModel(FakeModel(seeded)), *requests)
    assert {reply.redraws for reply in expected} == set(range(REDRAWS + 1))
    assert {reply.error_kind for reply in expected if reply.error} == {"bad_reply"}
    for seed in range(3):
        assert answers(RedrawnModel(Both(seed)), *requests) == expected


def test_a_model_that_says_nothing_else_fails_and_what_it_said_is_shown():
    inner = FakeModel(lambda request: Reply(f"\x1b[0m\n{NOISE * 50}", usage=Usage(9, 4)))
    model = RedrawnModel(inner)
    (reply,) = answers(model, ask())
    assert (reply.text, reply.finish_reason, reply.error_kind) == ("", "error", "bad_reply")
    assert reply.redraws == REDRAWS
    assert reply.usage == Usage(9, 4)
    assert r"'\x1b[0m\n&*~" in reply.error
    assert len(reply.error) < 120
    assert "\n" not in reply.error
    assert len(inner.requests) == model.delivery["rejected"] == 2 * (1 + REDRAWS)


def test_a_model_that_draws_without_seeds_is_not_asked_for_ever():
    random = Random(3)
    inner = FakeModel(lambda request: "".join(random.choices(NOISE, k=60)))
    (reply,) = answers(RedrawnModel(inner), ask())
    assert reply.error_kind == "bad_reply"
    assert len(inner.requests) < 10


def test_without_chance_the_same_garbage_twice_is_enough():
    inner = FakeModel(lambda request: NOISE)
    (reply,) = answers(RedrawnModel(inner), ask(sampling=Sampling(40)))
    assert (reply.error_kind, reply.redraws) == ("bad_reply", 0)
    assert inner.requests == [ask(sampling=Sampling(40))] * 2


@pytest.mark.parametrize(
    ("request_", "reply", "usable"),
    [
        (ask(), Reply(" \n"), False),
        (ask(), Reply("", "unknown"), False),
        (ask(), Reply("", "length", Usage(9, 40, 40)), True),  # it thought all the time
        (ask(), Reply(NOISE, "refused"), True),
        (ask(), Reply("so it is " * 90, "length"), False),
        (ask(choices=("A", "B")), Reply("{[(A)]}!!! ..."), True),
        (ask(choices=("A", "B")), Reply("A\x00"), False),
        (ask(choices=("A", "B")), Reply("", probabilities=(0.5, 0.5)), True),
        (ask(choices=("A", "B")), Reply(""), False),
        (ask(schema="{}"), Reply('{"A":1,"B":0}'), True),
        (ask(schema="{}"), Reply('{"A":1,"\ufffd'), False),
    ],
)
def test_what_is_asked_for_again(request_, reply, usable):
    inner = FakeModel(lambda request: reply)
    (found,) = answers(RedrawnModel(inner), request_)
    assert (found == reply) is usable
    assert (len(inner.requests) == 1) is usable


def test_other_replies_do_not_wait_for_one_that_is_asked_again():
    inner = FakeModel(lambda request: NOISE if request.seed == 1 else "A speech it is.")
    model = RedrawnModel(inner)
    model.submit([(0, ask(seed=1)), (1, ask(seed=2))])
    assert [ticket for ticket, _ in model.poll()] == [1]
    assert isinstance(model, PatientModel)
    found = []
    while not found:
        found = model.poll_for(0.0)
    assert [ticket for ticket, _ in found] == [0]
    assert model.poll() == []


def test_all_that_is_asked_counts_for_the_budget():
    inner = FakeModel(lambda request: NOISE if request.seed == 1 else "A speech it is.")
    model = RedrawnModel(BudgetedModel(inner, Budget(Limits(calls=3))))
    model.submit([(0, ask(seed=1)), (1, ask(seed=2))])
    assert model.poll() == [(1, Reply("A speech it is."))]
    with pytest.raises(BudgetReachedError, match="is used up"):
        model.poll()
    assert len(inner.requests) == 3


def test_a_journal_keeps_what_came_in_the_end(tmp_path):
    requests = [ask(str(n), n) for n in range(12)]
    found, asked = [], []
    for _ in "12":
        inner, journal = FakeModel(seeded), Journal(tmp_path / "journal.sqlite")
        model = JournalledModel(RedrawnModel(BudgetedModel(inner, Budget())), journal)
        found.append([(r.text, r.error, r.redraws) for r in answers(model, *requests)])
        asked.append([int(request.messages[0].content) for request in inner.requests])
        spent = journal.spent()["fake"]
        journal.close()
    assert found[0] == found[1]
    failed = {n for n, (_, error, _) in enumerate(found[0]) if error}
    assert any(redraws for *_, redraws in found[0]), "asked for anew, and replayed so"
    assert 0 < len(failed) < 6
    # A failure is no reply: it may come better another time.
    assert set(asked[1]) == failed
    assert spent["requests"] == len(asked[0] + asked[1])
    assert spent["rejected"] == spent["requests"] - (len(requests) - len(failed))


def test_the_contract_is_kept():
    model = RedrawnModel(BudgetedModel(ShuffledModel(1), Budget()))
    assert check_chat_model(lambda: model) == list(CHECKS)
