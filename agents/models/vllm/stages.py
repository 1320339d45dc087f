"""From a prompt to a reply in one, two or three stages: thinking, verdict, text. Pure.

The stages of a request are a generator: it yields what is to be generated and gets back what was.
Whoever runs it owns the engine. A model that does not think answers in one stage:

- A **verdict** (a request with ``choices``) needs one new token: its probabilities say everything.
- A **text** is generated as it comes.

A reasoning model thinks first, in a stage of its own that ends with the closing tag, so that
thinking and reply each have their own limit of tokens, and a verdict or a schema applies to the
reply alone. Whether a model thinks is told by its prompt (the chat template opened a block, or
closed it again), or else by its first token being the opening tag: the one that it wrote, or, where
that is not for it to choose, the one that it would more likely write than all others together.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeVar

from debateqd.agents.models.base import FinishReason, Reply, Request, Usage
from debateqd.agents.models.thinking import strip_thinking
from debateqd.agents.models.vllm.choices import ChoiceTokens, draw, weigh

_HALF = math.log(0.5)
_NEXT_SEED = 0x14057B7EF767814F & (2**53 - 1)
_FINISH: dict[str, FinishReason] = {"stop": "stop", "length": "length", "repetition": "length"}

Thinking = Literal["no", "open", "maybe"]
"""Whether the reply is all text, begins within a block of thinking, or may open one."""


class Prompt(NamedTuple):
    """A conversation as the engine gets it.

    Attributes:
        thinking: What the end of it says about thinking.
    """

    ids: list[int]
    thinking: Thinking = "no"


class Ask(NamedTuple):
    """Something to be generated.

    Attributes:
        ids: The tokens before it.
        temperature: 0 means greedy.
        seed: Of the draw; of no account at temperature 0.
        stop_text: Text that ends it, kept at its end.
        stops: Texts that end it, left out.
        watch: Tokens whose log-probabilities are wanted at its first place.
    """

    ids: list[int]
    max_tokens: int
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    stop_ids: tuple[int, ...] = ()
    stop_text: str = ""
    stops: tuple[str, ...] = ()
    schema: str | None = None
    watch: tuple[int, ...] = ()


class Generated(NamedTuple):
    """What was generated.

    Attributes:
        ids: Its tokens, the one that ended it included.
        text: Its text, without special tokens and without what ended it.
        reason: ``"stop"``, ``"length"``, or the engine's word for something else.
        stopped_by: The token or text of the question that ended it; ``None`` for the model's own
            end, or for none.
    """

    ids: Sequence[int]
    text: str = ""
    reason: str = "stop"
    stopped_by: int | str | None = None
    log_probabilities: dict[int, float] | None = None


@dataclass(frozen=True, slots=True)
class Abilities:
    """What the stages must know about a model.

    Attributes:
        context_length: Most tokens of prompt and reply together.
        choices: Text of choices to their tokens; raises ``ValueError`` where that cannot be.
        closed: Tokens that close thinking which goes on too long.
        budget: Most tokens of thinking, which is closed for the model after that.
    """

    context_length: int
    choices: Callable[[tuple[str, ...]], ChoiceTokens]
    tags: tuple[str, str] = ("", "")
    opening: int | None = None
    closing: int | None = None
    closed: tuple[int, ...] = ()
    budget: int = 4096


T = TypeVar("T")
Asking = Generator[Ask, Generated, T]
Stages = Asking[Reply]


def answering(request: Request, prompt: Prompt, model: Abilities) -> Stages:
    """Answer one request: yield what is to be generated, get it back, return the reply."""
    tokens: ChoiceTokens = ()
    needed = request.sampling.max_tokens
    if request.choices is not None:
        try:
            tokens = model.choices(request.choices)
        except ValueError as error:
            return Reply("", "error", error=str(error), error_kind="bad_reply")
        needed = 1
    room = model.context_length - needed
    if len(prompt.ids) > room:
        return too_long(len(prompt.ids), needed, model.context_length)
    work = _InProgress(request, model, room, prompt=len(prompt.ids))
    ids, state, opening = prompt.ids, prompt.thinking, model.opening
    if state == "maybe" and request.schema is not None and not tokens and opening is not None:
        # The schema would keep it from thinking: look whether it wants to.
        seen = yield from _look(ids, [opening])
        state = "no"
        if seen.get(opening, -math.inf) > _HALF:
            work.count_opening()
            ids, state = [*ids, opening], "open"
    if state == "open":
        ids = yield from work.think(ids)
    if state != "maybe":
        opening = None
    elif opening is None:  # the text may hold thinking, which stop strings would end
        work.request = request._replace(stop=())
    if request.choices is not None:
        return (yield from work.judge(ids, request.choices, tokens, opening))
    return (yield from work.speak(ids, opening, thought=state == "open"))


def too_long(prompt: int, reply: int, context: int) -> Reply:
    """Say that a prompt does not fit, with the numbers (in tokens)."""
    room = max(0, context - reply)
    return Reply(
        "",
        "error",
        Usage(prompt),
        error=(
            f"the prompt has {prompt:,} tokens, {prompt - room:,} more than the {room:,} that a "
            f"context of {context:,} leaves beside a reply of {reply:,}"
        ),
        error_kind="context_too_long",
    )


def _look(ids: list[int], tokens: Sequence[int]) -> Asking[dict[int, float]]:
    """Ask for the log-probabilities of tokens as the next one."""
    answer = yield Ask(ids, 1, watch=tuple(tokens))
    return answer.log_probabilities or {}


@dataclass(slots=True)
class _InProgress:
    """A request that fits, and the tokens that it has used so far."""

    request: Request
    model: Abilities
    room: int  # most tokens of its prompt and its thinking
    prompt: int
    completion: int = 0
    thinking: int = 0

    def usage(self) -> Usage:
        return Usage(self.prompt, self.completion, self.thinking)

    def count_opening(self) -> None:
        """Count an opening tag that was not written, but would have been."""
        self.completion += 1
        self.thinking += 1

    def think(self, ids: list[int]) -> Asking[list[int]]:
        """Let the model think; return the tokens up to the end of its thinking.

        Thinking that does not end within its budget, or that the model ends together with its turn,
        is closed for it: whoever asked gets a reply in any case.
        """
        model, sampling = self.model, self.request.sampling
        budget = min(model.budget, self.room - len(ids) - len(model.closed))
        if budget < 1:
            return [*ids, *model.closed]
        answer = yield Ask(
            ids,
            budget,
            sampling.temperature,
            sampling.top_p,
            self.request.seed,
            stop_ids=() if model.closing is None else (model.closing,),
            stop_text="" if model.closing is not None else model.tags[1],
        )
        self.completion += len(answer.ids)
        self.thinking += len(answer.ids)
        if answer.stopped_by is not None:
            return [*ids, *answer.ids]
        kept = answer.ids if answer.reason == "length" else answer.ids[:-1]
        return [*ids, *kept, *model.closed]

    def judge(
        self, ids: list[int], choices: tuple[str, ...], tokens: ChoiceTokens, opening: int | None
    ) -> Stages:
        """Choose; the model may think first if it would rather begin with ``opening``."""
        watched = [token for own in tokens for token in own]
        seen = yield from _look(ids, watched if opening is None else [*watched, opening])
        if opening is not None and seen.get(opening, -math.inf) > _HALF:
            self.count_opening()
            ids = yield from self.think([*ids, opening])
            seen = yield from _look(ids, watched)
        self.completion += 1
        try:
            shares, missing = weigh(tokens, seen)
        except ValueError as error:
            return Reply("", "error", self.usage(), error=str(error), error_kind="bad_reply")
        chosen = draw(shares, self.request.sampling.temperature, self.request.seed)
        return Reply(choices[chosen], "stop", self.usage(), shares, missing_mass=missing)

    def speak(self, ids: list[int], opening: int | None, *, thought: bool) -> Stages:
        """Write a text; the model may think first by beginning with ``opening``."""
        sampling = self.request.sampling
        later = self.request.seed ^ _NEXT_SEED
        ask = Ask(
            ids,
            sampling.max_tokens,
            sampling.temperature,
            sampling.top_p,
            later if thought else self.request.seed,
            stop_ids=() if opening is None else (opening,),
            stops=self.request.stop,
            schema=self.request.schema,
        )
        answer = yield ask
        self.completion += len(answer.ids)
        text, written = answer.text, len(answer.ids)
        if opening is not None and answer.stopped_by == opening:
            thought = True
            self.thinking += 1
            left = max(1, sampling.max_tokens - written + 1)
            ids = yield from self.think([*ids, *answer.ids])
            answer = yield ask._replace(ids=ids, max_tokens=left, seed=later, stop_ids=())
            self.completion += len(answer.ids)
            text, written = text + answer.text, written - 1 + len(answer.ids)
        finish = _FINISH.get(answer.reason)
        if finish is None:
            return Reply("", "error", self.usage(), error=f"vLLM gave up on it: {answer.reason}")
        stripped = strip_thinking(text, self.model.tags)
        if stripped.removed:
            # Tags of several tokens: thinking and reply came as one, and share tokens by length.
            self.thinking += round(written * stripped.removed / len(text))
        return Reply(stripped.text.strip() if thought else stripped.text, finish, self.usage())
