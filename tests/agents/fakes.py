"""A chat model made of a function, for tests: counts waves, delays and reorders replies."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from debate_env.questions.question import Question
from debateqd.agents.models.base import Reply, Request, Usage
from debateqd.agents.prompts import task_of

Script = Callable[[Request], Reply | str]


def speak(request: Request) -> Reply:
    """Say something that depends on everything in the request; believe the first answer at 0.6."""
    if request.choices is None:
        tail = hash_of(request)
        return Reply(f"I have said {tail}.", usage=Usage(10, 3))
    n = len(request.choices)
    rest = 0.4 / (n - 1)
    return Reply("A", usage=Usage(20, 1), probabilities=(0.6, *[rest] * (n - 1)))


def hash_of(request: Request) -> int:
    import zlib

    text = f"{request.messages}{request.seed}"
    return zlib.crc32(text.encode("utf-8", "surrogatepass"))


class FakeModel:
    """Answers with a script; each poll returns everything submitted so far.

    Attributes:
        requests: Every request, in the order submitted.
        batches: Number of requests in every submitted batch.
        polls: Number of polls.
    """

    def __init__(self, script: Script = speak, name: str = "fake"):
        self.script = script
        self.name = name
        self.fingerprint = name
        self.requests: list[Request] = []
        self.batches: list[int] = []
        self.polls = 0
        self.open: list[tuple[int, Request]] = []

    def submit(self, tickets: Sequence[tuple[int, Request]]) -> None:
        self.requests += [request for _, request in tickets]
        self.batches.append(len(tickets))
        self.open += tickets

    def answer(self, request: Request) -> Reply:
        reply = self.script(request)
        return Reply(reply) if isinstance(reply, str) else reply

    def poll(self) -> list[tuple[int, Reply]]:
        self.polls += 1
        done, self.open = self.open, []
        return [(ticket, self.answer(request)) for ticket, request in done]

    def close(self) -> None:
        self.open.clear()

    def judge_requests(self) -> list[Request]:
        return [r for r in self.requests if task_of(r.messages) == "judge"]


class ShuffledModel(FakeModel):
    """Returns a random few of the outstanding replies per poll, in random order."""

    def __init__(self, seed: int, script: Script = speak, most: int = 3):
        super().__init__(script)
        self.random = random.Random(seed)
        self.most = most

    def poll(self) -> list[tuple[int, Reply]]:
        self.polls += 1
        if not self.open:
            return []
        self.random.shuffle(self.open)
        number = self.random.randint(1, min(self.most, len(self.open)))
        done, self.open = self.open[:number], self.open[number:]
        return [(ticket, self.answer(request)) for ticket, request in done]


def question(number: int = 0, answers: tuple[str, ...] = ("a lamp", "a rope")) -> Question:
    passage = (
        f"The keeper of house {number} kept a lamp on the sill. Every evening she trimmed the wick "
        "and set it burning before the boats came in. Nobody had seen a rope there for years."
    )
    return Question(
        f"q{number}", f"p{number}", passage, "What did the keeper keep on the sill?", answers, 0
    )
