# ruff: noqa: S101 - asserting is what these functions are for
"""Contract checks for any chat model, yours included.

For a plug-in's test-suite::

    import pytest
    from debateqd.agents.testing import CHECKS, run_check

    @pytest.mark.parametrize("name", CHECKS)
    def test_my_model(name):
        run_check(name, my_package.make)

or, all at once, ``check_chat_model(my_package.make)``. A check that fails raises
``AssertionError``. The model is asked a few dozen short requests with the prompts of this suite.

No check asks for equal bits. An engine rounds differently in another batch or with a prefix in its
cache, so at temperature 0 one reply in a few may part from its twin, at two words that are about as
likely as each other.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from math import isclose, isfinite
from typing import Any, get_args

from debate_env.core.episode import Episode
from debate_env.core.protocols import get_protocol
from debate_env.core.settings import DebateSettings
from debate_env.questions.question import Question
from debateqd.agents.base import Turn
from debateqd.agents.debater import StrategyDebater
from debateqd.agents.judge import ModelJudge
from debateqd.agents.models.base import (
    ChatModel,
    FinishReason,
    MeteredModel,
    PatientModel,
    Reply,
    Request,
    Sampling,
    TokenCounter,
    capabilities_of,
    delivery_of,
    notes_of,
)
from debateqd.agents.prompts import LETTERS, debater_messages, judge_messages
from debateqd.agents.replies import ERROR_KINDS, credence_schema
from debateqd.agents.rollout import DebateJob, DebateRecord, play_all
from debateqd.agents.verdicts import VerdictSettings

__all__ = ["CHECKS", "check_chat_model", "run_check", "sample_requests"]

MakeModel = Callable[[], ChatModel]

_GREEDY = Sampling(max_tokens=24, temperature=0.0)
_DRAWN = Sampling(max_tokens=24, temperature=1.0)
_RULES = DebateSettings(rounds=1, word_limit=30)
_TICKETS = count(1)
_ROUNDED = 1  # replies or debates that rounding may have changed in a comparison


def _question(number: int = 0) -> Question:
    passage = (
        f"The keeper of house {number} kept a lamp on the sill. Every evening she trimmed the wick "
        "and set it burning before the boats came in. Nobody had seen a rope there for years."
    )
    return Question(
        f"check{number}",
        f"house{number}",
        passage,
        "What did the keeper keep on the sill?",
        ("a lamp", "a rope"),
        0,
    )


def _speech(number: int, sampling: Sampling = _GREEDY, seed: int = 7) -> Request:
    episode = Episode(_question(number), _RULES)
    seat = episode.acting[0]
    turn = Turn(seat, 1, _RULES, seed)
    messages = debater_messages(episode.observe(seat), turn, "Quote the passage.")
    return Request(messages, sampling, seed)


def _verdict(number: int, *, stated: bool = False) -> Request:
    episode = Episode(_question(number), _RULES)
    observation = episode.observe(episode.seats[-1])
    if stated:
        messages = judge_messages(observation, (0, 1), "credence")
        return Request(messages, Sampling(64), 5, schema=credence_schema(2))
    return Request(judge_messages(observation, (0, 1)), Sampling(8), 5, tuple(LETTERS[:2]))


def sample_requests() -> list[Request]:
    """Return the requests that most checks ask: speeches, drawn and not, and verdicts."""
    return [
        *(_speech(n) for n in range(3)),
        *(_speech(0, _DRAWN, seed) for seed in (1, 2, 3)),
        *(_verdict(n) for n in range(3)),
    ]


def _ask(model: ChatModel, requests: Sequence[Request]) -> list[Reply]:
    """Submit all requests at once; return their replies in order."""
    tickets = [next(_TICKETS) for _ in requests]
    model.submit(list(zip(tickets, requests, strict=True)))
    found: dict[int, Reply] = {}
    while len(found) < len(tickets):
        replies = model.poll()
        assert replies, "poll() returned nothing while tickets were outstanding"
        for ticket, reply in replies:
            assert ticket in tickets, f"poll() returned a ticket that nobody submitted: {ticket}"
            assert ticket not in found, f"ticket {ticket} came back twice"
            found[ticket] = reply
    return [found[ticket] for ticket in tickets]


def _check_interface(model: ChatModel) -> None:
    assert isinstance(model, ChatModel), (
        f"a {type(model).__name__} lacks a part of debateqd.agents.models.base.ChatModel: name, "
        "fingerprint, submit, poll, close"
    )
    assert model.name.strip(), "the name is empty"
    assert model.fingerprint.strip(), "the fingerprint is empty"
    assert all("\n" not in line for line in notes_of(model)), "a note has more than one line"
    capabilities_of(model)


def _check_every_ticket_once(model: ChatModel) -> None:
    for reply in _ask(model, sample_requests()):
        assert isinstance(reply, Reply), f"a {type(reply).__name__} is no Reply"
        assert reply.finish_reason in get_args(FinishReason), reply.finish_reason
        assert reply.finish_reason != "error", f"a plain request failed: {reply.error}"
        assert isinstance(reply.text, str)
        assert min(reply.usage) >= 0, f"negative usage: {reply.usage}"
        assert reply.usage.thinking_tokens <= reply.usage.completion_tokens
    replies = model.poll_for(0.0) if isinstance(model, PatientModel) else []
    assert not replies, "a reply came that nobody waits for"


def _check_order(model: ChatModel) -> None:
    requests = sample_requests()
    together = _ask(model, requests)
    others = {
        "backwards": _ask(model, requests[::-1])[::-1],
        "alone": [_ask(model, [request])[0] for request in requests],
    }
    for how, replies in others.items():
        parted = [
            (one.text, other.text)
            for request, one, other in zip(requests, together, replies, strict=True)
            if request.sampling.temperature == 0 and one.text != other.text
        ]
        # Tickets that were mixed up are two at least.
        assert len(parted) <= _ROUNDED, (
            f"at temperature 0 replies depend on the batch; together and {how}: {parted}"
        )


def _check_choices(model: ChatModel) -> None:
    able = capabilities_of(model)
    for reply in _ask(model, [_verdict(n) for n in range(3)]):
        if reply.probabilities is None:
            assert not able.probabilities, "capabilities promise probabilities; a reply has none"
            continue
        assert len(reply.probabilities) == 2, "one probability per choice is needed"
        assert all(isfinite(p) and 0 <= p <= 1 for p in reply.probabilities)
        assert isclose(sum(reply.probabilities), 1, abs_tol=1e-6), (
            f"probabilities must sum to 1: {reply.probabilities}"
        )
        assert reply.text.strip() in LETTERS[:2], f"{reply.text!r} is none of the choices"
        if reply.missing_mass is not None:
            assert -1e-9 <= reply.missing_mass <= 1 + 1e-9, reply.missing_mass


def _check_schema(model: ChatModel) -> None:
    if not capabilities_of(model).schema:
        return
    for reply in _ask(model, [_verdict(n, stated=True) for n in range(2)]):
        if reply.finish_reason != "length":
            assert set(json.loads(reply.text)) == {"A"}, f"not of the schema: {reply.text!r}"


def _check_debate(model: ChatModel) -> None:
    first, second = _debates(model), _debates(model)
    for record in (*first, *second):
        assert record.failure is None or record.failure.kind not in ERROR_KINDS, record.failure
    parted = sum(one.speeches != two.speeches for one, two in zip(first, second, strict=True))
    assert parted <= _ROUNDED, "at temperature 0 the same debates were not the same twice"


def _debates(model: ChatModel) -> list[DebateRecord]:
    debater = StrategyDebater(model, "Be brief.", sampling=_GREEDY)
    judge = ModelJudge(model, verdict=VerdictSettings(votes=3))
    rules = get_protocol(_RULES.protocol)
    agents: dict[str, Any] = {
        **dict.fromkeys(rules.players, debater),
        **dict.fromkeys(rules.judges, judge),
    }
    return play_all([DebateJob(f"job{n}", _question(n), agents, n, _RULES) for n in range(3)])


def _check_abandoned(model: ChatModel) -> None:
    # Nobody waits for the first batch any more; its replies come between those of the second.
    abandoned = [(next(_TICKETS), request) for request in sample_requests()]
    wanted = [(next(_TICKETS), request) for request in sample_requests()]
    model.submit(abandoned)
    model.submit(wanted)
    open_tickets = {ticket for ticket, _ in (*abandoned, *wanted)}
    while open_tickets:
        replies = model.poll()
        assert replies, "poll() returned nothing while tickets were outstanding"
        for ticket, _ in replies:
            assert ticket in open_tickets, (
                f"ticket {ticket} came back twice, or was never submitted"
            )
            open_tickets.remove(ticket)


def _check_counting(model: ChatModel) -> None:
    if isinstance(model, TokenCounter):
        short, long = _speech(0).messages, _speech(0).messages * 2
        assert 0 < model.count_tokens(short) < model.count_tokens(long)
    if isinstance(model, MeteredModel):
        before = delivery_of(model)
        _ask(model, sample_requests())
        after = delivery_of(model)
        assert all(after[key] >= before[key] for key in before), "a count has shrunk"
        assert sum(after.values()) > sum(before.values()), "nothing was counted"


def _check_overflow(model: ChatModel) -> None:
    length = capabilities_of(model).context_length
    if length is None:
        return
    request = _speech(0)
    endless = request.messages[1]._replace(content="one two three " * length)
    (reply, other) = _ask(
        model, [request._replace(messages=(request.messages[0], endless)), _speech(1)]
    )
    assert reply.finish_reason == "error", "a prompt longer than the context was answered"
    assert reply.error_kind == "context_too_long", f"{reply.error_kind}: {reply.error}"
    assert other.finish_reason != "error", "a prompt that is too long spoiled another request"


CHECKS: Mapping[str, Callable[[ChatModel], None]] = {
    "interface": _check_interface,
    "every_ticket_once": _check_every_ticket_once,
    "order": _check_order,
    "choices": _check_choices,
    "schema": _check_schema,
    "debate": _check_debate,
    "abandoned": _check_abandoned,
    "counting": _check_counting,
    "overflow": _check_overflow,
}
"""Every check by name; each takes an open model."""


def run_check(name: str, make: MakeModel) -> None:
    """Run one check on one model.

    Args:
        name: One of :data:`CHECKS`.
        make: Makes the model, which is closed afterwards; a model that is dear to make may be
            shared, behind a ``close`` that does nothing.
    """
    model = make()
    try:
        CHECKS[name](model)
    finally:
        model.close()


def check_chat_model(make: MakeModel) -> list[str]:
    """Run every check on one model; the message of one that fails begins with its name."""
    for name in CHECKS:
        try:
            run_check(name, make)
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from error
    return list(CHECKS)
