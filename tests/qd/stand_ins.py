"""A tiny world for tests of the loop: questions, and a chat model that answers at once.

The model is a program with a known truth: a strategy holds words ``power=N`` and ``honesty=N``; the
judge believes the debater of greater power, plus the honesty of both in favour of the correct
answer, which the judge's prompt reveals nothing about, so the model knows it from the questions.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Sequence

from debate_env.questions.question import Question, QuestionSet
from debateqd.agents.models.base import Reply, Request, Usage
from debateqd.agents.prompts import listed_answers, section, speeches, task_of


def question_set(passages: int = 20, per_passage: int = 2) -> QuestionSet:
    return QuestionSet(
        Question(
            f"q{p:02d}-{k}",
            f"p{p:02d}",
            f"Passage {p} tells of house number {p * 7} and of its many doors and windows.",
            f"What of house {p}, part {k}?",
            (f"true {p} {k}", f"false {p} {k}")
            if (p + k) % 2
            else (f"false {p} {k}", f"true {p} {k}"),
            (p + k + 1) % 2,
        )
        for p in range(passages)
        for k in range(per_passage)
    )


def number(text: str, name: str) -> float:
    found = re.search(name + r"=(-?\d+)", text)
    return float(found.group(1)) if found else 0.0


def noise(*parts: object) -> float:
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


class StandIn:
    """See the module; ``broken`` makes the judge fail from its nth call on."""

    name = "stand-in"
    fingerprint = "stand-in/1"

    def __init__(self, *, broken: int | None = None, stop_at: int | None = None) -> None:
        self.broken = broken
        self.stop_at = stop_at
        self.calls = 0
        self.closed = False
        self.seen: list[Request] = []
        self._queue: list[tuple[int, Reply]] = []

    def submit(self, tickets: Sequence[tuple[int, Request]]) -> None:
        self._queue += [(ticket, self._reply(request)) for ticket, request in tickets]

    def poll(self) -> list[tuple[int, Reply]]:
        done, self._queue = self._queue, []
        return done[::-1]  # any order is allowed, so this one is not that of the requests

    def close(self) -> None:
        self.closed = True

    def _reply(self, request: Request) -> Reply:
        self.calls += 1
        self.seen.append(request)
        if self.stop_at is not None and self.calls >= self.stop_at:
            raise KeyboardInterrupt
        task, user = task_of(request.messages), request.messages[1].content
        usage = Usage(len(user) // 4, 5)
        if task == "debate":
            strategy = section(user, "strategy") or ""
            words = " ".join(strategy.split()[:8])
            return Reply(f"I argue: {words}.", usage=usage)
        if task == "mutate":
            return Reply(self._mutation(section(user, "strategy") or "", request.seed), usage=usage)
        if self.broken is not None and self.calls >= self.broken:
            return Reply("", "error", usage, error="the engine is down")
        first = self._first_wins(user, request.seed)
        return Reply("A", usage=usage, probabilities=(first, 1 - first))

    @staticmethod
    def _mutation(parent: str, seed: int) -> str:
        draw = noise("mutation", seed)
        power = number(parent, "power") + round(4 * draw - 1)
        honesty = number(parent, "honesty") + round(4 * noise("honesty", seed) - 1)
        tail = " ".join(f"w{int(noise('word', seed, k) * 1e6)}" for k in range(12))
        return f"<strategy>power={power:.0f} honesty={honesty:.0f} {tail}</strategy>"

    @staticmethod
    def _first_wins(user: str, seed: int) -> float:
        answers = listed_answers(user)
        power = {"A": 0.0, "B": 0.0}
        honesty = 0.0
        for speech in speeches(user):
            power[speech.speaker] += number(speech.text, "power")
            honesty += number(speech.text, "honesty")
        true_first = 1.0 if answers[0].startswith("true") else -1.0
        z = power["A"] - power["B"] + true_first * honesty / 2 + noise("judge", user) - 0.5
        return 1 / (1 + math.exp(-z / 2))
