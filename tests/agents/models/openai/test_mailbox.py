"""Replies count as under way until whoever took them has come back."""

from __future__ import annotations

import pytest

from debateqd.agents.models.base import Message, Reply, Request, Sampling
from debateqd.agents.models.openai.mailbox import Mailbox

REQUEST = Request((Message("user", "hello"),), Sampling(), 1)


def box() -> tuple[Mailbox, list[int]]:
    told: list[int] = []
    return Mailbox("openai:tiny", lambda: told.append(1)), told


def test_requests_and_replies_change_hands() -> None:
    mailbox, _ = box()
    assert mailbox.hand_in([(1, REQUEST), (2, REQUEST)])
    assert not mailbox.hand_in([(3, REQUEST)]), "the worker knows already"
    assert [ticket for ticket, _ in mailbox.take()] == [1, 2, 3]
    mailbox.deliver([(2, Reply("two"))])
    assert mailbox.collect(0) == [(2, Reply("two"))]
    assert mailbox.collect(0) == []


def test_a_reply_is_recorded_when_the_caller_comes_back() -> None:
    mailbox, told = box()
    mailbox.hand_in([(n, REQUEST) for n in range(3)])
    mailbox.take()
    mailbox.deliver([(0, Reply("a")), (1, Reply("b"))])
    assert mailbox.unrecorded(9) == 2
    mailbox.collect(0)
    assert mailbox.unrecorded(2) == 2, "taken, but perhaps not written down"
    assert told == []
    mailbox.collect(0)
    assert mailbox.unrecorded(2) == 0
    assert told == [1], "the worker wanted to know"
    mailbox.collect(0)
    assert told == [1]


def test_handing_in_is_coming_back() -> None:
    mailbox, told = box()
    mailbox.hand_in([(0, REQUEST)])
    mailbox.deliver([(0, Reply("a"))])
    mailbox.collect(0)
    assert mailbox.unrecorded(1) == 1
    mailbox.hand_in([(1, REQUEST)])
    assert mailbox.unrecorded(1) == 0
    assert told == [1]


def test_a_closed_mailbox_takes_nothing_and_wakes_nobody() -> None:
    mailbox, told = box()
    mailbox.hand_in([(0, REQUEST)])
    mailbox.deliver([(0, Reply("a"))])
    assert mailbox.unrecorded(1) == 1
    assert mailbox.close()
    assert not mailbox.close()
    mailbox.collect(0)
    assert told == []
    with pytest.raises(RuntimeError, match="closed"):
        mailbox.hand_in([(1, REQUEST)])


def test_a_broken_worker_is_reported() -> None:
    mailbox, _ = box()
    mailbox.hand_in([(0, REQUEST)])
    mailbox.crash(ValueError("broken"))
    with pytest.raises(RuntimeError, match="openai:tiny broke"):
        mailbox.collect(None)
