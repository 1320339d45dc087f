"""The contract checks: models that keep it pass, and each way to break it is found."""

from __future__ import annotations

from collections import Counter

import pytest

from debateqd.agents.models.base import Capabilities, Reply
from debateqd.agents.models.budget import Budget, BudgetedModel
from debateqd.agents.models.embedded import EmbeddedModel
from debateqd.agents.models.journal import Journal, JournalledModel
from debateqd.agents.testing import CHECKS, check_chat_model, run_check
from tests.agents.fakes import FakeModel, ShuffledModel, speak


@pytest.mark.parametrize("name", CHECKS)
@pytest.mark.parametrize("make", [EmbeddedModel, FakeModel, lambda: ShuffledModel(1)])
def test_models_that_keep_the_contract_pass(name, make):
    run_check(name, make)


@pytest.mark.parametrize("make", [EmbeddedModel, lambda: ShuffledModel(2)])
def test_a_budget_and_a_journal_keep_the_contract(make, tmp_path):
    journal = Journal(tmp_path / "journal.sqlite")
    assert check_chat_model(
        lambda: JournalledModel(BudgetedModel(make(), Budget()), journal)
    ) == list(CHECKS)
    journal.close()


class Twice(FakeModel):
    def poll(self):
        done = super().poll()
        return done + done[:1]


class Stubborn(FakeModel):
    def poll(self):
        return []


class Batchy(FakeModel):
    def poll(self):
        size = len(self.open)
        return [(t, Reply(f"{size}", usage=r.usage)) for t, r in super().poll()]


class Mixed(FakeModel):
    """Exchanges the first two replies of a large batch."""

    def poll(self):
        done = super().poll()
        if len(done) > 2:
            (one, reply), (two, other) = done[:2]
            done[:2] = [(one, other), (two, reply)]
        return done


class Rounding(FakeModel):
    """Says one greedy reply in another way when it is asked again, as rounding can make it."""

    def __init__(self):
        super().__init__()
        self.parted = Counter()

    def answer(self, request):
        reply = super().answer(request)
        if request.choices or request.sampling.temperature or "house 0 " not in str(request):
            return reply
        self.parted[request] += 1
        return Reply(f"{reply.text} {self.parted[request]}", usage=reply.usage)


class Unsure(FakeModel):
    def answer(self, request):
        reply = super().answer(request)
        return Reply("A", probabilities=(0.9, 0.9)) if request.choices else reply


class Boastful(FakeModel):
    """Promises a schema and probabilities and gives neither."""

    capabilities = Capabilities(schema=True)

    def answer(self, request):
        if request.schema:
            return Reply('{"A": 50, "B": 50}')
        return Reply("A") if request.choices else super().answer(request)


class Endless(FakeModel):
    """Answers prompts that are longer than its context."""

    capabilities = Capabilities(context_length=100)


class Failing(FakeModel):
    def answer(self, request):
        return Reply("", "error", error="no")


class Shrinking(FakeModel):
    @property
    def delivery(self):
        return Counter(requests=-len(self.requests))


class Greeting(FakeModel):
    """Says something else every time."""

    def answer(self, request):
        reply = speak(request)
        return reply if request.choices else Reply(f"{reply.text} {len(self.requests)} {id(reply)}")


@pytest.mark.parametrize(
    ("make", "name", "message"),
    [
        (Twice, "every_ticket_once", "twice|nobody"),
        (Stubborn, "every_ticket_once", "returned nothing"),
        (Failing, "every_ticket_once", "failed"),
        (Batchy, "order", "depend on the batch"),
        (Mixed, "order", "depend on the batch"),
        (Unsure, "choices", "sum to 1"),
        (Boastful, "choices", "has none"),
        (Boastful, "schema", "not of the schema"),
        (Endless, "overflow", "was answered"),
        (Shrinking, "counting", "shrunk|nothing was counted"),
        (Greeting, "debate", "not the same twice"),
        (object, "interface", "lacks a part"),
    ],
)
def test_each_way_to_break_the_contract_is_found(make, name, message):
    class Closing(make):
        def close(self):
            pass

    with pytest.raises(AssertionError, match=message):
        run_check(name, Closing)


def test_rounding_breaks_no_contract():
    assert check_chat_model(Rounding) == list(CHECKS)


def test_the_failed_check_is_named():
    with pytest.raises(AssertionError, match=r"^every_ticket_once: "):
        check_chat_model(Failing)
