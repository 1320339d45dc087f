"""What a run may spend, checked before a call is sent.

A :class:`Budget` is shared by all models of a run, each inside a :class:`BudgetedModel`. A request
is sent only if it fits beside everything spent and everything in flight, its reply taken to be as
long as allowed. What does not fit waits until replies have shown what they really cost; when none
is outstanding and it still does not fit, the limit is reached and :class:`BudgetReachedError` ends
the work, after every reply that was paid for has been handed out.
"""

from __future__ import annotations

import math
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated

from pydantic import Field

from debateqd.agents.models.base import (
    ChatModel,
    Reply,
    Request,
    StoppedError,
    Usage,
    probe_cost_of,
)
from debateqd.agents.models.wrapped import WrappedModel

_TOKENS_PER_CHARACTER = 1 / 3  # of a prompt, until replies have told; English has about 1/4
_MARGIN = 1.1  # on what replies have told
_PER_MILLION = 1e-6


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that a run may spend in all, earlier parts of a resumed run included.

    Attributes:
        calls: Requests sent, repetitions after failures included.
        tokens: Tokens of prompts and replies.
        seconds: Seconds of wall-clock time.
        money: In the currency of the price table.
    """

    calls: Annotated[int, Field(ge=0)] | None = None
    tokens: Annotated[int, Field(ge=0)] | None = None
    seconds: Annotated[float, Field(ge=0)] | None = None
    money: Annotated[float, Field(ge=0)] | None = None


@dataclass(frozen=True, slots=True)
class Price:
    """What a model costs, per million tokens.

    Attributes:
        prompt: Of prompts.
        completion: Of replies, thinking included.
        cached_prompt: Of the part of prompts that a prefix cache held; ``None``: as ``prompt``.
    """

    prompt: Annotated[float, Field(ge=0)]
    completion: Annotated[float, Field(ge=0)]
    cached_prompt: Annotated[float, Field(ge=0)] | None = None

    def of(self, counts: Mapping[str, float]) -> float:
        """Return what tokens cost, as :class:`debateqd.agents.models.base.MeteredModel` counts."""
        cached = counts.get("cached_prompt_tokens", 0)
        cached_price = self.prompt if self.cached_prompt is None else self.cached_prompt
        return _PER_MILLION * (
            self.prompt * (counts.get("prompt_tokens", 0) - cached)
            + cached_price * cached
            + self.completion * counts.get("completion_tokens", 0)
        )


class BudgetReachedError(StoppedError):
    """A limit is reached.

    Attributes:
        limit: Which: the name of a field of :class:`Limits`.
        allowed: Its value.
    """

    def __init__(self, message: str, limit: str, allowed: float) -> None:
        super().__init__(message)
        self.limit = limit
        self.allowed = allowed


class Budget:
    """What was spent, what is in flight, and what is left.

    Args:
        limits: The limits.
        prices: Price by model name; a model without one costs an unknown sum, never nothing.
        spent: What earlier parts of the run have spent, by model name.
        seconds: How long they took.
        clock: Tells the time in seconds; replaced in tests.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        prices: Mapping[str, Price] | None = None,
        *,
        spent: Mapping[str, Mapping[str, int]] | None = None,
        seconds: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits = {
            n: most for n, most in asdict(limits or Limits()).items() if most is not None
        }
        self._prices = dict(prices or {})
        self._spent = {name: Counter(dict(counts)) for name, counts in (spent or {}).items()}
        self._seconds_before = seconds
        self._clock = clock
        self._begun = clock()
        self._promised: defaultdict[str, float] = defaultdict(float)

    @property
    def seconds(self) -> float:
        """Seconds that the run has taken, earlier parts included."""
        return self._seconds_before + self._clock() - self._begun

    @property
    def in_flight(self) -> bool:
        """Whether any model still owes a reply that takes from a limit."""
        return self._promised["calls"] > 0

    def spent(self) -> dict[str, Counter[str]]:
        """Return what was spent by model name."""
        return {name: Counter(counts) for name, counts in self._spent.items()}

    def money(self, spent: Mapping[str, Mapping[str, int]] | None = None) -> float | None:
        """Return what tokens by model name cost, all that were spent by default.

        ``None`` when the price of a model that was used is unknown.
        """
        total = 0.0
        for name, counts in (self._spent if spent is None else spent).items():
            if name in self._prices:
                total += self._prices[name].of(counts)
            elif counts.get("requests", 0):
                return None
        return total

    def note(self, model: str, counts: Mapping[str, int]) -> None:
        """Add what a model has spent."""
        self._spent.setdefault(model, Counter()).update(counts)

    def admit(self, model: str, prompt: float, completion: float) -> Mapping[str, float] | None:
        """Promise a request its share, to be given back to :meth:`release`; ``None`` if too much.

        ``prompt`` are the tokens of its prompt, estimated from above; ``completion`` the most
        tokens of its reply.
        """
        if not self._limits:
            return {}
        share = {"calls": 1.0, "tokens": prompt + completion}
        if price := self._prices.get(model):
            share["money"] = price.of({"prompt_tokens": prompt, "completion_tokens": completion})
        used = self._used()
        for name, most in self._limits.items():
            if used[name] + self._promised[name] + share.get(name, 0.0) > most:
                return None
        for name, amount in share.items():
            self._promised[name] += amount
        return share

    def release(self, share: Mapping[str, float]) -> None:
        """Take a promise back, when the reply has come and its real cost is noted."""
        for name, amount in share.items():
            self._promised[name] -= amount
        if not self.in_flight:
            self._promised.clear()  # no residue of rounding

    def reached(self) -> BudgetReachedError:
        """Say which limit stands in the way."""
        used, limits = self._used(), self._limits
        # The limit of which the largest share is used up: only its last call may not have fitted.
        name = max(limits, key=lambda n: used[n] / limits[n] if limits[n] else math.inf)
        return BudgetReachedError(
            f"the budget of {_amount(name, limits[name])} is used up: {_amount(name, used[name])} "
            "spent, and the next call might exceed it",
            name,
            limits[name],
        )

    def _used(self) -> dict[str, float]:
        calls = tokens = 0
        for counts in self._spent.values():
            calls += counts["requests"]
            tokens += counts["prompt_tokens"] + counts["completion_tokens"]
        known = {n: c for n, c in self._spent.items() if n in self._prices}
        return {
            "calls": calls,
            "tokens": tokens,
            "seconds": self.seconds,
            "money": self.money(known) or 0.0,
        }


def _amount(name: str, value: float) -> str:
    return f"{value:.4g} in money" if name == "money" else f"{value:,.0f} {name}"


class BudgetedModel(WrappedModel[tuple[Mapping[str, float], int]]):
    """A chat model that sends no request its budget does not allow.

    It counts what is spent, by the model's own account where there is one, else by the usage of
    its replies. Of a ticket it keeps the share and the characters of the prompt.
    """

    def __init__(self, inner: ChatModel, budget: Budget) -> None:
        super().__init__(inner)
        self._budget = budget
        # What a probe has cost counts before anything is sent, and then is part of the delivery.
        probe = probe_cost_of(inner)
        budget.note(self.name, probe)
        self._noted: Counter[str] = self.delivery + probe
        self._queue: deque[tuple[int, Request]] = deque()
        self._told_characters = 0
        self._told_tokens = 0

    def submit(self, tickets: Sequence[tuple[int, Request]]) -> None:
        """Send as many requests as the budget allows; keep the rest."""
        self._queue.extend(tickets)
        self._send()

    def close(self) -> None:
        """Release whatever the inner model holds, and what was promised to it."""
        for share, _ in self._open.clear():
            self._budget.release(share)
        self._queue.clear()
        self._inner.close()

    def _take(self, seconds: float | None) -> list[tuple[int, Reply]]:
        """Return finished tickets.

        Raises:
            BudgetReachedError: Requests are left that the budget does not allow, and every reply
                that was paid for has been handed out, by other models too if there are ``seconds``.
        """
        self._send()
        if self._open:
            return self._settle(self._open.poll(seconds))
        if self._queue and (seconds is None or not self._budget.in_flight):
            raise self._budget.reached()
        return []

    def _send(self) -> None:
        batch = []
        while self._queue:
            ticket, request = self._queue[0]
            characters = sum(len(message.content) for message in request.messages)
            share = self._budget.admit(
                self.name, characters * self._rate(), request.sampling.max_tokens
            )
            if share is None:
                break
            self._queue.popleft()
            batch.append((ticket, request, (share, characters)))
        if batch:
            self._open.submit(batch)

    def _rate(self) -> float:
        """Tokens per character of a prompt."""
        if not self._told_tokens:
            return _TOKENS_PER_CHARACTER
        return _MARGIN * self._told_tokens / self._told_characters

    def _settle(
        self, replies: list[tuple[int, tuple[Mapping[str, float], int], Reply]]
    ) -> list[tuple[int, Reply]]:
        for _, (share, characters), reply in replies:
            self._budget.release(share)
            if reply.usage.prompt_tokens and characters:
                self._told_tokens += reply.usage.prompt_tokens
                self._told_characters += characters
        if self._metered is None and replies:
            used = map(sum, zip(*(reply.usage for _, _, reply in replies), strict=True))
            self._counted.update(dict(zip(Usage._fields, used, strict=True)), requests=len(replies))
        counted = self.delivery
        self._budget.note(self.name, counted - self._noted)
        self._noted = counted
        return [(ticket, reply) for ticket, _, reply in replies]
