"""One seat of a debate as a Gymnasium environment; the other seats are played by agents."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Unpack

import gymnasium

from debate_env.agent import Agent, Observation, Place, ask, from_callable, seated, tell
from debate_env.core.aec import AECDebate, Questions
from debate_env.core.protocols import get_protocol
from debate_env.core.quotes import read_quotes
from debate_env.core.settings import SettingsFields, read_settings
from debate_env.core.transcript import parse_transcript
from debate_env.errors import InputError

_QUOTED_WORDS = 12
_WORD = re.compile(r"[^\W_]{3,}")
_FOCUS = 8.0  # words of quotes beside which one that matters counts a half
_WEIGHT = 12.0


@lru_cache(maxsize=256)
def _windows(passage: str, wanted: str) -> list[str]:
    """Parts of a passage, those first that name most of the wanted words."""
    words, sought = passage.split(), set(wanted.lower().split())
    step = _QUOTED_WORDS // 2
    windows = [words[i : i + _QUOTED_WORDS] for i in range(0, max(1, len(words) - step), step)]
    windows.sort(key=lambda w: -sum(word.lower() in sought for word in w))
    return [" ".join(window) for window in windows]


def plain_debater(observation: Observation) -> str:
    """State the answer and quote the part of the passage that names most of its words.

    The opponent of last resort: no model, deterministic, and verified quotes in every round.
    """
    position = observation["position"]
    windows = _windows(observation["passage"], f"{position} {observation['question']}")
    best = windows[min(observation["round"], len(windows)) - 1]
    return f"The answer is: {position} The passage says <quote>{best}</quote>."


def evidence_judge(observation: Observation) -> list[float]:
    """Believe each side by what its verified quotes say of its own answer, and of nothing else.

    Counted are the words of an answer that no other answer has, each once in a debate and for the
    side whose answer it is, against all words that the side quotes: quotes about anything, many
    quotes, repeated ones, the other side's and words without a quote gain nothing.
    """
    said = [set(_WORD.findall(answer.casefold())) for answer in observation["answers"]]
    quoted = [""] * len(said)
    for speech in parse_transcript(observation["transcript"]):
        side = int(speech.seat.rpartition("_")[2])
        found = [text for text, verified in read_quotes(speech.text) if verified]
        quoted[side] += " ".join(["", *found])
    weights = []
    for side, text in enumerate(quoted):
        own = said[side].difference(*(words for other, words in enumerate(said) if other != side))
        words = _WORD.findall(text.casefold())
        weights.append(1.0 + _WEIGHT * len(own.intersection(words)) / (_FOCUS + len(words)))
    total = sum(weights)
    return [weight / total for weight in weights]


class SoloDebateEnv(gymnasium.Env[dict[str, Any], Any]):
    """One seat of :mod:`debate_env.debate_v1`; its own turns are the steps.

    The reward of a step is what the seat has earned since its last one. Observation and action are
    those of the seat in ``debate_v1``. Text spaces need ``shared_memory=False`` in
    ``gymnasium.vector.AsyncVectorEnv``.

    Args:
        seat: One of the protocol's, such as ``"debater_0"`` or ``"judge_0"``.
        opponents: Agents of the other seats, those that think with a model among them, or functions
            of one observation; seats left out are played by :func:`plain_debater` and
            :func:`evidence_judge`. Their speeches are cut at ``max_chars``. If one raises, or gives
            an action that cannot be used, the episode is truncated: ``info["kind"]`` is ``"error"``
            and ``info["message"]`` says what happened.
        questions: As for :class:`debate_env.debate_v1.raw_env`, and so is all that follows.
    """

    metadata = AECDebate.metadata

    def __init__(
        self,
        seat: str = "debater_0",
        opponents: Mapping[str, Agent | Callable[[Observation], Any]] | None = None,
        questions: Questions = None,
        render_mode: str | None = None,
        **settings: Unpack[SettingsFields],
    ) -> None:
        rules = read_settings(settings, "seat", "opponents", "questions", "render_mode")
        self._env = AECDebate(questions, rules, render_mode)
        seats = self._env.possible_agents
        if seat not in seats:
            raise InputError(f"seat={seat!r}: allowed: {', '.join(seats)}")
        given = dict(opponents or {})
        others = [s for s in seats if s != seat]
        judges = get_protocol(self._env.settings.protocol).judges
        for name in given:
            if name not in others:
                raise InputError(f"opponents[{name!r}]: allowed: {', '.join(others)}")
        self.seat = seat
        self.opponents: dict[str, Agent] = {
            s: seated(given[s], rules, f"opponents[{s!r}]")
            if s in given
            else from_callable(evidence_judge if s in judges else plain_debater)
            for s in others
        }
        self.render_mode = self._env.render_mode
        self.observation_space = self._env.observation_space(seat)
        self.action_space = self._env.action_space(seat)
        self._episodes = 0
        self._ready = False

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Begin a debate, as on :class:`AECDebate`, and play it up to the seat's first turn.

        A seed is given to opponents that have a ``reset`` method, too.
        """
        super().reset(seed=seed)
        self._env.reset(seed, options)
        self._episodes += 1
        self._ready = True
        if seed is not None:
            for agent in self.opponents.values():
                if hasattr(agent, "reset"):
                    agent.reset(seed)
        self._advance()
        return self._env.observe(self.seat), self._env.infos[self.seat].copy()

    def step(self, action: Any) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """Take the seat's action and play up to its next turn, or to the end."""
        env, seat = self._env, self.seat
        if not self._ready:
            raise InputError("the episode is over or has not begun: call reset()")
        if not env.episode.over:  # an opponent may have failed before the seat's first turn
            env.step(action)
            self._advance()
        if env.episode.over:
            self._ready = False
            for other, agent in self.opponents.items():
                tell(agent, Place(self._name, other), env.rewards[other])
        return (
            env.observe(seat),
            env.rewards[seat],
            env.terminations[seat],
            env.truncations[seat],
            env.infos[seat].copy(),
        )

    def _advance(self) -> None:
        env = self._env
        while not env.episode.over and env.agent_selection != self.seat:
            other = env.agent_selection
            seen, place = env.observe(other), Place(self._name, other)
            try:
                (action,) = ask(self.opponents[other], [seen], [place])
            except Exception as error:  # noqa: BLE001 - a stranger's code ends its debate, not the run
                self._fail(f"{other}: {type(error).__name__}: {error}")
                return
            try:
                env.step(env.episode.fit(other, action) if isinstance(action, str) else action)
            except InputError as error:
                self._fail(str(error))

    def _fail(self, message: str) -> None:
        self._env.abort("error", " ".join(message.split()))

    @property
    def _name(self) -> str:
        return f"{self._env.episode.question.question_id}#{self._episodes}"

    def render(self) -> Any:
        """Show the debate; see :meth:`debate_env.core.aec.AECDebate.render`."""
        return self._env.render()
