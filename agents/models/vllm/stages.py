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
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from debateqd.agents.models.base import FinishReason, Reply, Request, Usage
from debateqd.agents.models.thinking import strip_thinking
from debateqd.agents.models.vllm.choices import ChoiceTree, Path, draw, weigh

WATCHED = 128
"""Most tokens whose probabilities the engine tells at once."""

_HALF = math.log(0.5)
_SEED_BITS = 2**53 - 1
_NEXT_SEED = 0x14057B7EF767814F & _SEED_BITS

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
        watch: Tokens whose log-probabilities are wanted at its first place.
    """

    ids: list[int]
    max_tokens: int
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    stop_ids: tuple[int, ...] = ()
    stop_text: str = ""
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
    choices: Callable[[tuple[str, ...]], ChoiceTree]
    tags: tuple[str, str] = ("", "")
    opening: int | None = None
    closing: int | None = None
    closed: tuple[int, ...] = ()
    budget: int = 4096


@dataclass(slots=True)
class _Tally:
    """What a request has used so far."""

    prompt: int
    completion: int = 0
    thinking: int = field(default=0)

    def usage(self) -> Usage:
        return Usage(self.prompt, self.completion, self.thinking)


Stages = Generator[list[Ask], list[Generated], Reply]


def answering(request: Request, prompt: Prompt, model: Abilities) -> Stages:
    """Answer one request: yield what is to be generated, get it back, return the reply."""
    tree = None
    needed = request.sampling.max_tokens
    if request.choices is not None:
        try:
            tree = model.choices(request.choices)
        except ValueError as error:
            return Reply("", "error", error=str(error), error_kind="bad_reply")
        needed = tree.depth
    room = model.context_length - needed
    if len(prompt.ids) > room:
        return too_long(len(prompt.ids), needed, model.context_length)
    tally = _Tally(len(prompt.ids))
    ids, state = prompt.ids, prompt.thinking
    if state == "maybe" and request.schema is not None and tree is None:
        # The schema would keep it from thinking: look whether it wants to.
        watch = () if model.opening is None else (model.opening,)
        (first,) = yield [Ask(ids, 1, watch=watch)]
        state = "no"
        if watch and _would_open(first.log_probabilities or {}, watch[0]):
            tally.completion += 1
            tally.thinking += 1
            ids, state = [*ids, *watch], "open"
    if state == "open":
        ids = yield from _think(request, ids, room, model, tally)
    maybe = state == "maybe"
    if tree is not None:
        return (yield from _verdict(request, tree, ids, room, model, tally, maybe=maybe))
    return (
        yield from _text(request, ids, room, model, tally, maybe=maybe, thought=state == "open")
    )


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


def _would_open(seen: Mapping[int, float], opening: int) -> bool:
    """Whether a model is more likely than not to begin with its opening tag."""
    return seen.get(opening, -math.inf) > _HALF


def _think(
    request: Request, ids: list[int], room: int, model: Abilities, tally: _Tally
) -> Generator[list[Ask], list[Generated], list[int]]:
    """Let the model think; return the tokens up to the end of its thinking.

    Thinking that does not end within its budget, or that the model ends together with its turn, is
    closed for it: whoever asked gets a reply in any case.
    """
    budget = min(model.budget, room - len(ids) - len(model.closed))
    if budget < 1:
        return [*ids, *model.closed]
    sampling = request.sampling
    (answer,) = yield [
        Ask(
            ids,
            budget,
            sampling.temperature,
            sampling.top_p,
            request.seed,
            stop_ids=() if model.closing is None else (model.closing,),
            stop_text="" if model.closing is not None else model.tags[1],
        )
    ]
    tally.completion += len(answer.ids)
    tally.thinking += len(answer.ids)
    if answer.stopped_by is not None:
        return [*ids, *answer.ids]
    kept = answer.ids if answer.reason == "length" else answer.ids[:-1]
    return [*ids, *kept, *model.closed]


def _verdict(
    request: Request,
    tree: ChoiceTree,
    ids: list[int],
    room: int,
    model: Abilities,
    tally: _Tally,
    *,
    maybe: bool,
) -> Stages:
    opening = model.opening if maybe else None
    seen = yield from _look(ids, [()], tree, opening)
    if opening is not None and _would_open(seen[()], opening):
        tally.completion += 1
        tally.thinking += 1
        ids = yield from _think(request, [*ids, opening], room, model, tally)
        seen = yield from _look(ids, [()], tree, None)
    further = [prefix for prefix in tree.forks if prefix]
    if further:
        seen |= yield from _look(ids, further, tree, None)
    tally.completion += 1
    try:
        weights = weigh(tree, seen)
    except ValueError as error:
        return Reply("", "error", tally.usage(), error=str(error), error_kind="bad_reply")
    choices = request.choices or ()
    chosen = draw(weights.probabilities, request.sampling.temperature, request.seed)
    return Reply(
        choices[chosen],
        "stop",
        tally.usage(),
        weights.probabilities,
        missing_mass=weights.missing_mass,
    )


def _look(
    ids: list[int], prefixes: Sequence[Path], tree: ChoiceTree, opening: int | None
) -> Generator[list[Ask], list[Generated], dict[Path, dict[int, float]]]:
    """Ask what comes next after each of some prefixes; return the log-probabilities."""
    asks: list[Ask] = []
    places: list[Path] = []
    for prefix in prefixes:
        tokens = tree.forks[prefix] + (() if opening is None else (opening,))
        for start in range(0, len(tokens), WATCHED):
            asks.append(Ask([*ids, *prefix], 1, watch=tokens[start : start + WATCHED]))
            places.append(prefix)
    answers = yield asks
    seen: dict[Path, dict[int, float]] = {prefix: {} for prefix in prefixes}
    for prefix, answer in zip(places, answers, strict=True):
        seen[prefix].update(answer.log_probabilities or {})
    return seen


def _text(
    request: Request,
    ids: list[int],
    room: int,
    model: Abilities,
    tally: _Tally,
    *,
    maybe: bool,
    thought: bool,
) -> Stages:
    sampling = request.sampling
    seed = request.seed ^ _NEXT_SEED if thought else request.seed
    stops = (model.opening,) if maybe and model.opening is not None else ()
    ask = Ask(
        ids, sampling.max_tokens, sampling.temperature, sampling.top_p, seed, stop_ids=stops
    )._replace(schema=request.schema)
    (answer,) = yield [ask]
    tally.completion += len(answer.ids)
    text, written = answer.text, len(answer.ids)
    if stops and answer.stopped_by == model.opening:
        thought = True
        tally.thinking += 1
        left = sampling.max_tokens - written + 1
        ids = yield from _think(request, [*ids, *answer.ids], room, model, tally)
        (answer,) = yield [
            ask._replace(
                ids=ids, max_tokens=max(1, left), seed=request.seed ^ _NEXT_SEED, stop_ids=()
            )
        ]
        tally.completion += len(answer.ids)
        text, written = text + answer.text, written - 1 + len(answer.ids)
    finish = _FINISH.get(answer.reason)
    if finish is None:
        return Reply("", "error", tally.usage(), error=f"vLLM gave up on it: {answer.reason}")
    stripped = strip_thinking(text, model.tags)
    if stripped.removed:
        # Tags of several tokens: thinking and reply came as one, and share its tokens by length.
        tally.thinking += round(written * stripped.removed / len(text))
    return Reply(stripped.text.strip() if thought else stripped.text, finish, tally.usage())


_FINISH: dict[str, FinishReason] = {"stop": "stop", "length": "length", "repetition": "length"}
