"""Judges that ask a model: of a debate, and of a question alone.

A verdict is asked for in two answer orders, as presented and reversed, in one wave. A model prefers
what it is shown first (or last); averaging the two credences of each answer takes most of that out,
and the preference itself is recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from agents.base import Decision, Failure, Thought, Turn, request_seed
from agents.models.base import ChatModel, Message, Reply, Request, Sampling
from agents.prompts import LETTERS, judge_messages, reader_messages, repair_messages
from agents.replies import one_line, read_letter, read_probabilities, reply_failure
from debate_env.questions import Question

JUDGE_SAMPLING = Sampling(max_tokens=8, temperature=0.0)
"""A verdict is one letter; models that cannot restrict their reply get a little room."""


class Verdict(NamedTuple):
    """What a model made of both answer orders.

    Attributes:
        credence: Mean over the orders, in the presented order of answers; sums to 1.
        orders: One credence per order asked, each in the presented order of answers.
        bias: Mean probability of the first-shown answer, minus 1/n.
        method: ``"probabilities"``; ``"letters"`` when the model gave only letters; ``"mixed"``.
    """

    credence: tuple[float, ...]
    orders: tuple[tuple[float, ...], ...]
    bias: float
    method: str


def ask_both_orders(
    messages_in: Callable[[Sequence[int]], tuple[Message, ...]],
    n: int,
    seed: int,
    sampling: Sampling = JUDGE_SAMPLING,
) -> Thought[Verdict | Failure]:
    """Ask for a verdict in both answer orders.

    A reply without probabilities must be a letter; where it is not, the model is asked once more,
    and then the verdict is ``unparsable_verdict``.

    Args:
        messages_in: Builds the messages for a permutation of the answers.
        n: Number of answers.
        seed: The requests' seeds derive from it, the order and the attempt.
        sampling: How the verdict is drawn.
    """
    forward = tuple(range(n))
    orders = (forward, forward[::-1])
    choices = tuple(LETTERS[:n])
    replies = yield (
        Request(messages_in(orders[0]), sampling, request_seed(seed), choices),
        Request(messages_in(orders[1]), sampling, request_seed(seed, 1), choices),
    )
    first, second = _read(replies[0], n), _read(replies[1], n)
    if first is None or second is None:
        replies = yield from _repair(messages_in, orders, n, seed, sampling, replies)
        first, second = _read(replies[0], n), _read(replies[1], n)
    if not isinstance(first, tuple):
        return first or _unparsable(replies[0])
    if not isinstance(second, tuple):
        return second or _unparsable(replies[1])
    given = (replies[0].probabilities is not None) + (replies[1].probabilities is not None)
    by_order = (first, second[::-1])
    return Verdict(
        tuple([(p + q) / 2 for p, q in zip(*by_order, strict=True)]),
        by_order,
        (first[0] + second[0]) / 2 - 1.0 / n,
        ("letters", "mixed", "probabilities")[given],
    )


def _repair(
    messages_in: Callable[[Sequence[int]], tuple[Message, ...]],
    orders: Sequence[Sequence[int]],
    n: int,
    seed: int,
    sampling: Sampling,
    replies: Sequence[Reply],
) -> Thought[Sequence[Reply]]:
    """Ask once more where no verdict could be read; return the replies that count."""
    unread = [k for k, reply in enumerate(replies) if _read(reply, n) is None]
    again = yield [
        Request(
            repair_messages(messages_in(orders[k]), replies[k].text, n),
            sampling,
            request_seed(seed, k, 1),
            tuple(LETTERS[:n]),
        )
        for k in unread
    ]
    final = list(replies)
    for k, reply in zip(unread, again, strict=True):
        final[k] = reply
    return final


def _read(reply: Reply, n: int) -> tuple[float, ...] | Failure | None:
    """Read probabilities in the order shown; ``None`` asks for a repair."""
    failure = reply_failure(reply)
    if failure is not None:
        return failure
    if reply.probabilities is not None:
        return read_probabilities(reply.probabilities, n)
    letter = read_letter(reply.text, n)
    return None if letter is None else tuple([float(i == letter) for i in range(n)])


def _unparsable(reply: Reply) -> Failure:
    return Failure("unparsable_verdict", one_line(f"no letter, asked twice: {reply.text!r}"))


class ModelJudge:
    """Judges a debate from its transcript by asking a model, in both answer orders.

    Attributes:
        model: The model that judges.
        sampling: How verdicts are drawn; temperature 0.
        name: For reports.
    """

    __slots__ = ("model", "name", "sampling")

    def __init__(
        self, model: ChatModel, *, sampling: Sampling = JUDGE_SAMPLING, name: str = "model judge"
    ) -> None:
        self.model = model
        self.sampling = sampling
        self.name = name

    def think(self, observation: Mapping[str, Any], turn: Turn) -> Thought[Decision]:
        """Ask for the verdict in both orders, in one wave."""
        verdict = yield from ask_both_orders(
            lambda order: judge_messages(observation, order),
            len(observation["answers"]),
            turn.seed,
            self.sampling,
        )
        if isinstance(verdict, Failure):
            return Decision(None, failure=verdict)
        details = {
            "orders": [list(order) for order in verdict.orders],
            "bias": verdict.bias,
            "method": verdict.method,
        }
        return Decision(verdict.credence, details)

    def __repr__(self) -> str:
        return f"ModelJudge({self.model.name!r})"


def read_question(
    model: ChatModel, question: Question, passage: str | None, seed: int
) -> Thought[tuple[float, ...] | Failure]:
    """Ask a model a question without a debate: the two baselines of a judge.

    Args:
        model: The model that will be asked; named in failures.
        question: The question.
        passage: What it may read; ``None`` for the baseline that guesses.
        seed: The requests' seeds derive from it.

    Returns:
        A thought for :func:`agents.rollout.run_thoughts` that returns the credences in the order of
        ``question.answers``, averaged over both orders of showing them, or why there are none.
    """
    verdict = yield from ask_both_orders(
        lambda order: reader_messages(question.question, question.answers, order, passage),
        len(question.answers),
        seed,
    )
    if isinstance(verdict, Failure):
        return Failure(verdict.kind, f"{model.name}: {verdict.message}")
    return verdict.credence
