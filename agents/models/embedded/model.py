"""The default chat model: no weights, no network, deterministic. It is a simulation.

It takes the same messages as a real chat model and knows nothing but their text. As debater it
retrieves and quotes, as judge it weighs quotes and style by the susceptibilities of its world, as
mutator it rewrites strategies. ``docs/embedded_model.md`` describes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from debate_env.draws import Draws, digest
from debateqd.agents import prompts
from debateqd.agents.models.base import Capabilities, FinishReason, Reply, Request, Usage
from debateqd.agents.models.embedded import judge
from debateqd.agents.models.embedded.debater import Candidate, candidates, compose, read_task
from debateqd.agents.models.embedded.labeller import choose_way
from debateqd.agents.models.embedded.mutator import rewrite, write
from debateqd.agents.models.embedded.retrieval import SpanIndex
from debateqd.agents.models.embedded.world import World

BEHAVIOUR_VERSION = 2
"""Raised whenever a reply to some request changes; part of the fingerprint."""

_NO_TASK = (
    "the embedded model only understands the prompts of agents/prompts: debate, judge, read, "
    "mutate, write, label"
)
_NO_SECTION = "a section of the prompt is missing or incomplete"


class _Passage(NamedTuple):
    """What is kept of a system message."""

    spans: SpanIndex
    tokens: int
    digest: bytes


class EmbeddedModel:
    """A chat model made of retrieval, lexicons and a world.

    Replies depend on the messages and the seed alone. The temperature changes one thing: asked to
    choose above temperature 0, the judge draws its choice by its probabilities, so that votes can
    be taken. Tokens are counted as pieces between white space.
    """

    capabilities = Capabilities(probabilities=True, schema=True, seeded_when_greedy=True)

    def __init__(self, world: World | None = None) -> None:
        self._world = world if world is not None else World()
        self._done: list[tuple[int, Reply]] = []
        self._passage = lru_cache(maxsize=512)(_read_passage)
        self._candidates = lru_cache(maxsize=4096)(self._find_candidates)

    @property
    def name(self) -> str:
        """The specification that makes this model, e.g. ``"embedded:world=3,kind=null"``."""
        world = f"world={self._world.seed}" if self._world.seed else ""
        kind = f"kind={self._world.kind}" if self._world.kind != "mixed" else ""
        return ":".join(filter(None, ("embedded", ",".join(filter(None, (world, kind))))))

    @property
    def fingerprint(self) -> str:
        """Behaviour version, prompt version and world."""
        world = self._world
        return (
            f"embedded/{BEHAVIOUR_VERSION} prompts/{prompts.PROMPT_VERSION} "
            f"world={world.seed} kind={world.kind}"
        )

    def submit(self, tickets: Sequence[tuple[int, Request]]) -> None:
        """Answer requests at once; :meth:`poll` hands the replies out."""
        self._done.extend((ticket, self.reply(request)) for ticket, request in tickets)

    def poll(self) -> list[tuple[int, Reply]]:
        """Return every reply not handed out yet."""
        done, self._done = self._done, []
        return done

    def close(self) -> None:
        """Forget everything cached."""
        self._done.clear()
        self._passage.cache_clear()
        self._candidates.cache_clear()

    def reply(self, request: Request) -> Reply:
        """Answer one request."""
        messages = request.messages
        task = prompts.task_of(messages)
        if task is None:
            return Reply("", "error", error=_NO_TASK)
        system, user = messages[0].content, messages[1].content
        if task in ("judge", "read"):
            # The no-debate baseline has the judge's rules and no transcript.
            bare = prompts.section(user, "transcript") is None
            return self._verdict(request, system, user, reading=task == "read" or bare)
        if task == "debate":
            text = self._speech(system, user, request.seed)
        elif task == "label":
            text = choose_way(user)
        elif task == "write":
            text = write(user, Draws(digest(user, str(request.seed))))
        else:
            text = rewrite(user, Draws(digest(user, str(request.seed))))
        if text is None:
            return Reply("", "error", error=_NO_SECTION)
        words = text.split()
        finish: FinishReason = "stop"
        if len(words) > request.sampling.max_tokens:
            words = words[: request.sampling.max_tokens]
            text, finish = " ".join(words), "length"
        usage = Usage(self._passage(system).tokens + count_tokens(user), len(words))
        return Reply(text, finish, usage)

    def _find_candidates(
        self, system: str, question: str, own: str, other: str
    ) -> tuple[Candidate, ...]:
        return candidates(self._passage(system).spans, question, own, other)

    def _speech(self, system: str, user: str, seed: int) -> str | None:
        task = read_task(user)
        if task is None:
            return None
        pool = self._candidates(system, task.question, task.own, task.other)
        # What is drawn follows from what a prompt says, and not from where it says it.
        said = (*task[:4], *task.own_speeches, "", *task.opposing_speeches)
        stream = digest(*said, str(task.round), str(task.limit), str(seed))
        return compose(task, pool, Draws(self._passage(system).digest + stream))

    def _verdict(self, request: Request, system: str, user: str, *, reading: bool) -> Reply:
        if reading:
            has_passage = prompts.section(system, "passage") is not None
            index = self._passage(system).spans if has_passage else None
            opinion = judge.reading_log_odds(self._world, index, user, request.seed)
        else:
            opinion = judge.debate_log_odds(self._world, user, request.seed)
        if opinion is None:
            return Reply("", "error", error=_NO_SECTION)
        shares = judge.softmax(opinion)
        letter = prompts.LETTERS[max(range(len(shares)), key=shares.__getitem__)]
        prompt = self._passage(system)
        usage = Usage(prompt.tokens + count_tokens(user), 1)
        if request.choices is None:
            if prompts.asks_credence(user):
                stated = judge.stated_credences(shares)
                return Reply(stated, "stop", usage._replace(completion_tokens=count_tokens(stated)))
            return Reply(letter, "stop", usage)
        by_letter = dict(zip(prompts.LETTERS, shares, strict=False))
        weights = [by_letter.get(choice.strip(), 0.0) for choice in request.choices]
        total = sum(weights)
        if total <= 0.0:
            return Reply("", "error", error="none of the choices is the letter of an answer")
        chosen = max(range(len(weights)), key=weights.__getitem__)
        if request.sampling.temperature > 0.0:
            stream = Draws(prompt.digest + digest("choice", user, str(request.seed)))
            chosen = stream.weighted(judge.tempered(weights, request.sampling.temperature))
        return Reply(request.choices[chosen], "stop", usage, tuple(w / total for w in weights))


def _read_passage(system: str) -> _Passage:
    passage = prompts.section(system, "passage") or ""
    return _Passage(SpanIndex(passage), count_tokens(system), digest(passage))


def count_tokens(text: str) -> int:
    """Count the pieces between single white spaces: what a prompt costs in tokens, roughly."""
    return 1 + text.count(" ") + text.count("\n")
