"""A journalled model asks nothing twice, and changes nothing else."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from debate_env.core.settings import DebateSettings
from debateqd.agents.debater import StrategyDebater
from debateqd.agents.judge import ModelJudge
from debateqd.agents.models.base import (
    Capabilities,
    ChatModel,
    Message,
    MeteredModel,
    PatientModel,
    Reply,
    Request,
    Sampling,
    StoppedError,
    TokenCounter,
    Usage,
    capabilities_of,
    notes_of,
)
from debateqd.agents.models.budget import Budget, BudgetedModel, Limits
from debateqd.agents.models.embedded import EmbeddedModel
from debateqd.agents.models.journal import Journal, JournalError, JournalledModel
from debateqd.agents.rollout import DebateJob, play_all
from tests.agents.fakes import FakeModel, ShuffledModel, question
from tests.agents.models.journal.writer import recorded

SEEDED = Capabilities(seeded_when_greedy=True)
GREEDY, DRAWN = Sampling(20), Sampling(20, 0.7)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal.sqlite"


@pytest.fixture
def journal(path):
    journal = Journal(path, "run")
    yield journal
    journal.close()


def ask(text, seed=0, sampling=GREEDY):
    return Request((Message("user", text),), sampling, seed)


class Metered(FakeModel):
    """Counts as an engine does; says its seed and how often it was asked the same."""

    def __init__(self):
        super().__init__()
        self.delivery = Counter()

    def submit(self, tickets):
        super().submit(tickets)
        self.delivery["requests"] += len(tickets)

    def answer(self, request):
        self.delivery["completion_tokens"] += 3
        times = self.requests.count(request)
        return Reply(f"{request.messages[-1].content} {request.seed} {times}", usage=Usage(5, 3))


def seeded(model):
    model.capabilities = SEEDED
    return model


def debates(model, number=6):
    agents = {
        "debater_0": StrategyDebater(model, "Be brief."),
        "debater_1": StrategyDebater(model, "Quote."),
        "judge_0": ModelJudge(model),
    }
    rules = DebateSettings(rounds=2)
    jobs = [DebateJob(str(n), question(n % 4), agents, n, rules) for n in range(number)]
    return [record._replace(job=None) for record in play_all(jobs)]


def polled(model, wanted):
    """Poll until so many replies have come; return them by ticket."""
    found = []
    while len(found) < wanted:
        replies = model.poll()
        assert replies, "nothing while replies are outstanding"
        found += replies
    assert len(dict(found)) == len(found), "a ticket came twice"
    return dict(found)


# --- it changes nothing --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make",
    [FakeModel, *(lambda n=n: ShuffledModel(n) for n in range(3)), EmbeddedModel],
    ids=["fake", "shuffled 0", "shuffled 1", "shuffled 2", "embedded"],
)
def test_debates_are_those_of_the_bare_model_and_cost_nothing_again(path, make):
    expected = debates(make())
    journal = Journal(path)
    inner = seeded(make())
    assert debates(JournalledModel(inner, journal)) == expected
    for _ in range(2):  # from the journal as the run left it, and from the finished file
        again = seeded(make())
        again.submit = lambda tickets: pytest.fail("asked again")
        model = JournalledModel(again, journal)
        assert debates(model) == expected
        assert model.delivery["replayed"] > 0
        assert journal.compact()
        journal = Journal(path)
    journal.close()


def test_a_budget_within_counts_only_what_is_sent(path):
    expected = debates(FakeModel())
    journal = Journal(path, "run")
    spent = []
    for _ in range(2):
        budget = Budget(Limits(calls=1000), spent=journal.spent())
        model = JournalledModel(BudgetedModel(seeded(FakeModel()), budget), journal)
        assert debates(model) == expected
        spent.append(budget.spent())
        assert journal.spent() == budget.spent()
    assert spent[0] == spent[1]
    assert 0 < spent[0]["fake"]["requests"] == recorded(journal.path)
    journal.close()


def test_it_says_of_itself_what_its_model_says(journal):
    inner = FakeModel()
    inner.fingerprint, inner.notes = "print", ("a line",)
    inner.capabilities = Capabilities(context_length=7)
    model = JournalledModel(inner, journal)
    assert isinstance(model, JournalledModel)
    assert isinstance(model, ChatModel)
    assert isinstance(model, PatientModel)
    assert isinstance(model, MeteredModel)
    assert (model.name, model.fingerprint, notes_of(model)) == ("fake", "print", ("a line",))
    assert capabilities_of(model) == inner.capabilities
    assert capabilities_of(JournalledModel(EmbeddedModel(), journal)) == capabilities_of(
        EmbeddedModel()
    )


def test_it_counts_tokens_exactly_if_its_model_can(journal):
    class Counting(FakeModel):
        def count_tokens(self, messages):
            return sum(len(message.content) for message in messages)

    assert not isinstance(JournalledModel(FakeModel(), journal), TokenCounter)
    model = JournalledModel(Counting(), journal)
    assert isinstance(model, TokenCounter)
    assert model.count_tokens(ask("four").messages) == 4


def test_closing_it_closes_its_model_and_not_the_journal(journal):
    inner = FakeModel()
    closed = []
    inner.close = lambda: closed.append(True)
    model = JournalledModel(inner, journal)
    model.submit([(1, ask("a"))])
    model.close()
    assert closed == [True]
    assert not journal.closed
    journal.close()
    model.close()
    assert len(closed) == 2


# --- what is asked -------------------------------------------------------------------------------


def test_identical_requests_in_flight_are_asked_once(journal):
    inner = Metered()
    model = JournalledModel(inner, journal)
    model.submit([(1, ask("a", 1)), (2, ask("b")), (3, ask("a", 2))])
    model.submit([(4, ask("a", 3)), (5, ask("c"))])
    assert [request.messages[0].content for request in inner.requests] == ["a", "b", "c"]
    replies = polled(model, 5)
    assert replies[1] == replies[3] == replies[4] == Reply("a 1 1", usage=Usage(5, 3))
    assert model.delivery == Counter(requests=3, completion_tokens=9, shared=2)
    assert model.poll() == []


def test_drawn_replies_are_shared_only_with_the_same_seed(journal):
    inner = Metered()
    model = JournalledModel(inner, journal)
    model.submit([(n, ask("a", n // 2, DRAWN)) for n in range(6)])
    assert [request.seed for request in inner.requests] == [0, 1, 2]
    assert {n: reply.text for n, reply in polled(model, 6).items()} == {
        n: f"a {n // 2} 1" for n in range(6)
    }


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), max_size=40), st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_every_ticket_comes_back_once_with_its_own_reply(tmp_path_factory, plan, seed):
    """Whatever is repeated, in flight or known, and however replies are shuffled."""
    journal = Journal(tmp_path_factory.mktemp("journal") / "j")
    inner = ShuffledModel(seed, lambda request: request.messages[0].content)
    model, rng = JournalledModel(inner, journal), random.Random(seed)
    outstanding, found = {}, {}
    for ticket, (text, poll) in enumerate(plan):
        model.submit([(ticket, ask(str(text)))])
        outstanding[ticket] = str(text)
        if poll:
            replies = model.poll() if rng.random() < 0.5 else model.poll_for(0)
            assert replies
            for done, reply in replies:
                assert reply.text == outstanding.pop(done)
                found[done] = reply.text
    found.update({n: r.text for n, r in polled(model, len(outstanding)).items()})
    assert found == {ticket: str(text) for ticket, (text, _) in enumerate(plan)}
    assert len(inner.requests) == recorded(journal.path) == len({text for text, _ in plan})
    assert model.poll() == []
    journal.close()


def test_what_is_known_does_not_wait_for_what_is_not(journal):
    class Slow(FakeModel):
        def poll(self):
            pytest.fail("waited")

    known = FakeModel()
    model = JournalledModel(known, journal)
    model.submit([(1, ask("a"))])
    polled(model, 1)
    model = JournalledModel(Slow(), journal)
    model.submit([(2, ask("b")), (3, ask("a"))])
    assert [ticket for ticket, _ in model.poll()] == [3]


def test_a_patient_model_is_asked_patiently(journal):
    class Patient(FakeModel):
        def poll_for(self, seconds):
            asked.append(seconds)
            return [] if seconds < 1 else self.poll()

    asked = []
    model = JournalledModel(Patient(), journal)
    model.submit([(1, ask("a"))])
    assert model.poll_for(0.0) == []
    assert len(model.poll_for(1.0)) == 1
    assert model.poll_for(1.0) == []
    assert asked == [0.0, 1.0]


def test_models_with_other_fingerprints_share_a_journal_and_no_replies(journal):
    for name in ("one", "two"):
        inner = FakeModel(lambda request, name=name: name, name)
        model = JournalledModel(inner, journal)
        model.submit([(1, ask("a"))])
        assert polled(model, 1)[1].text == name
    assert recorded(journal.path) == 2


def test_a_failed_reply_is_handed_to_all_and_asked_again_later(journal):
    outcomes = [Reply("", "error", error="lost", error_kind="connection"), Reply("fine")]
    inner = FakeModel(lambda request: outcomes.pop(0))
    model = JournalledModel(inner, journal)
    model.submit([(1, ask("a")), (2, ask("a"))])
    replies = polled(model, 2)
    assert replies[1] == replies[2]
    assert replies[1].error == "lost"
    assert recorded(journal.path) == 0
    model.submit([(3, ask("a"))])
    assert polled(model, 1)[3].text == "fine"
    assert recorded(journal.path) == 1


@pytest.mark.parametrize("finish", ["stop", "length", "refused", "unknown"])
def test_every_other_outcome_is_replayed(journal, finish):
    reply = Reply("text", finish, Usage(3, 2, 1), (0.25, 0.75), missing_mass=0.125, redraws=2)
    for asked in (1, 0):
        inner = FakeModel(lambda request: reply)
        model = JournalledModel(inner, journal)
        model.submit([(1, ask("a"))])
        assert polled(model, 1)[1] == reply
        assert len(inner.requests) == asked


# --- what is recorded, and when ------------------------------------------------------------------


def test_a_reply_is_recorded_before_it_is_handed_out(path, journal):
    model = JournalledModel(ShuffledModel(1), journal)
    model.submit([(n, ask(str(n))) for n in range(20)])
    seen = 0
    while seen < 20:
        seen += len(model.poll())
        assert recorded(path) == seen


def test_what_cannot_be_recorded_is_kept_and_not_asked_again(path, journal):
    inner = Metered()
    model = JournalledModel(inner, journal)
    model.submit([(1, ask("a")), (2, ask("b" * 20_000))])
    pages = journal._connection.execute("PRAGMA page_count").fetchone()[0]
    journal._connection.execute(f"PRAGMA max_page_count = {pages}")
    for _ in range(2):
        with pytest.raises(JournalError, match="is full"):
            model.poll()
    assert journal.spent() == {}
    journal._connection.execute("PRAGMA max_page_count = 100000")
    assert set(polled(model, 2)) == {1, 2}
    assert len(inner.requests) == 2
    assert recorded(journal.path) == 2
    assert journal.spent() == {"fake": Counter(requests=2, completion_tokens=6)}


def test_what_has_come_is_recorded_when_the_model_is_closed(journal):
    """Say, after Ctrl-C between the arrival of a reply and its recording."""

    def interrupted(*arguments):
        journal.record = record
        raise KeyboardInterrupt

    model = JournalledModel(FakeModel(), journal)
    model.submit([(1, ask("a"))])
    record, journal.record = journal.record, interrupted
    with pytest.raises(KeyboardInterrupt):
        model.poll()
    assert recorded(journal.path) == 0
    model.close()
    assert recorded(journal.path) == 1


@pytest.mark.parametrize("error", [StoppedError("enough"), KeyboardInterrupt(), ValueError("x")])
def test_errors_of_the_model_pass_through_and_its_spending_is_recorded(journal, error):
    class Stopping(Metered):
        def poll(self):
            if self.polls:
                self.delivery["retries"] += 1
                raise error
            return [(ticket, reply) for ticket, reply in super().poll() if ticket == 1]

    model = JournalledModel(Stopping(), journal)
    model.submit([(1, ask("a")), (2, ask("b"))])
    assert set(polled(model, 1)) == {1}
    with pytest.raises(type(error)):
        model.poll()
    assert recorded(journal.path) == 1
    assert journal.spent()["fake"]["retries"] == 1


def test_an_interrupted_submission_leaves_nobody_waiting(journal):
    class Interrupted(FakeModel):
        def submit(self, tickets):
            super().submit(tickets)
            if len(self.batches) == 1:
                raise KeyboardInterrupt

    inner = Interrupted()
    model = JournalledModel(inner, journal)
    with pytest.raises(KeyboardInterrupt):
        model.submit([(1, ask("a")), (2, ask("b"))])
    model.submit([(3, ask("a"))])
    assert set(polled(model, 1)) == {3}
    assert recorded(journal.path) == 2, "late replies were paid for too"


def test_the_reply_that_another_process_recorded_first_is_used(path, journal):
    model = JournalledModel(FakeModel(lambda request: "mine"), journal)
    model.submit([(1, ask("a")), (2, ask("b"))])
    other = Journal(path)
    theirs = JournalledModel(FakeModel(lambda request: "theirs"), other)
    theirs.submit([(1, ask("a"))])
    polled(theirs, 1)
    assert {n: reply.text for n, reply in polled(model, 2).items()} == {1: "theirs", 2: "mine"}
    other.close()


def test_spending_of_models_with_one_name_adds_up(path, journal):
    for text in ("a", "b"):
        model = JournalledModel(Metered(), journal)
        model.submit([(1, ask(text))])
        polled(model, 1)
    assert journal.spent() == {"fake": Counter(requests=2, completion_tokens=6)}


def test_a_changed_fingerprint_is_noticed(journal):
    """A server may have loaded other weights since the model was made."""
    inner = FakeModel()
    model = JournalledModel(inner, journal)
    for number, name in enumerate(["one", "two", "one"]):
        inner.fingerprint = name
        model.submit([(number, ask("a"))])
        polled(model, 1)
    assert len(inner.requests) == 2
