"""What the stand-in server will say and how long it will take, worked out beforehand.

Its replies are a function of the request, so debates can be played without it, and what comes out
of a server full of faults can be compared word for word with what should.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from debate_env.core.transcript import Speech
from debate_env.draws import Draws, digest
from debateqd.agents.models.base import Reply, Request
from debateqd.agents.prompts import task_of
from debateqd.agents.rollout import DebateJob, DebateRecord, play_all
from tests.server_replies import SEED_MASK, Spoken, request_key, speak

Transcript = tuple[Speech, ...]


def server_key(request: Request) -> bytes:
    """Return the name that the server gives a request."""
    drawn = request.sampling.temperature > 0
    return request_key(request.messages, request.seed & SEED_MASK if drawn else None)


def server_reply(request: Request) -> Reply:
    """Return the server's reply; of verdicts only that there is one."""
    if task_of(request.messages) == "judge":
        return Reply("A", probabilities=(0.5, 0.5))
    body = {"messages": [message._asdict() for message in request.messages]}
    said = speak(body, Draws(digest(server_key(request).hex(), "0")))
    return Reply(said.text if isinstance(said, Spoken) else said)


class Foreseen:
    """Answers at once as the server would, and keeps the requests by wave.

    Attributes:
        waves: The requests of every batch.
    """

    name = "foreseen"
    fingerprint = "foreseen"

    def __init__(self) -> None:
        self.waves: list[list[Request]] = []
        self._open: list[tuple[int, Request]] = []

    def submit(self, tickets: Sequence[tuple[int, Request]]) -> None:
        """Accept requests."""
        self._open.extend(tickets)

    def poll(self) -> list[tuple[int, Reply]]:
        """Answer everything asked so far."""
        tickets, self._open = self._open, []
        self.waves.append([request for _, request in tickets])
        return [(ticket, server_reply(request)) for ticket, request in tickets]

    def close(self) -> None:
        """Forget what is open."""
        self._open.clear()


def foresee(
    jobs: Iterable[DebateJob], model: Foreseen
) -> list[tuple[Transcript, list[list[bytes]]]]:
    """Play debates one by one.

    Args:
        jobs: The debates.
        model: The model of all their agents.

    Returns:
        For each debate what will be said, and the server's names of its requests by wave.
    """
    found = []
    for job in jobs:
        model.waves.clear()
        (record,) = play_all([job])
        assert record.outcome.kind == "verdict", "every debate must reach its verdict"
        keys = [[server_key(request) for request in wave] for wave in model.waves]
        found.append((record.speeches, keys))
    return found


def wrong_speeches(records: Iterable[DebateRecord], expected: Sequence[Transcript]) -> int:
    """Count speeches that differ from what the server said.

    Args:
        records: Debates in the order of ``expected``.
        expected: What should have been said.
    """
    wrong = 0
    for record, speeches in zip(records, expected, strict=True):
        wrong += abs(len(record.speeches) - len(speeches))
        wrong += sum(a != b for a, b in zip(record.speeches, speeches, strict=False))
    return wrong
