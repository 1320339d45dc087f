"""One seat of a debate as a Gymnasium environment; the other seats are played by agents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Unpack

import gymnasium

from debate_env.agent import Agent, Observation, Place, ask, from_callable, tell
from debate_env.core.aec import AECDebate
from debate_env.core.protocols import get_protocol
from debate_env.core.quotes import read_quotes
from debate_env.core.settings import SettingsFields, read_settings
from debate_env.core.transcript import parse_transcript
from debate_env.errors import InputError
from debate_env.questions.question import Question

_QUOTED_WORDS = 12


def plain_debater(observation: Observation) -> str:
    """State the answer and quote the part of the passage that names most of its words.

    The opponent of last resort: no model, deterministic, and verified quotes in every round.
    """
    words = observation["passage"].split()
    wanted = set(f"{observation['position']} {observation['question']}".lower().split())
    step = _QUOTED_WORDS // 2
    windows = [words[i : i + _QUOTED_WORDS] for i in range(0, max(1, len(words) - step), step)]
    windows.sort(key=lambda w: -sum(word.lower() in wanted for word in w))
    best = " ".join(windows[min(observation["round"], len(windows)) - 1])
    return f"The answer is: {observation['position']} The passage says <quote>{best}</quote>."


def quote_counting_judge(observation: Observation) -> list[float]:
    """Believe each side in proportion to one plus its number of verified quotes."""
    weights = [1.0] * len(observation["answers"])
    for speech in parse_transcript(observation["transcript"]):
        side = int(speech.seat.rpartition("_")[2])
        weights[side] += sum(verified for _, verified in read_quotes(speech.text))
    total = sum(weights)
    return [weight / total for weight in weights]


class SoloDebateEnv(gymnasium.Env[dict[str, Any], Any]):
    """One seat of :mod:`debate_env.debate_v0`; its own turns are the steps.

    The reward of a step is what the seat has earned since its last one. Observation and action are
    those of the seat in ``debate_v0``. Text spaces need ``shared_memory=False`` in
    ``gymnasium.vector.AsyncVectorEnv``.

    Args:
        seat: One of the protocol's, such as ``"debater_0"`` or ``"judge_0"``.
        opponents: Agents of the other seats; seats left out are played by :func:`plain_debater`
            and :func:`quote_counting_judge`. Their speeches are cut at ``max_chars``. If one
            raises, or gives an action that cannot be used, the episode is truncated:
            ``info["kind"]`` is ``"error"`` and ``info["message"]`` says what happened.
        questions: As for :class:`debate_env.debate_v0.raw_env`, and so is all that follows.
    """

    metadata = AECDebate.metadata

    def __init__(
        self,
        seat: str = "debater_0",
        opponents: Mapping[str, Agent] | None = None,
        questions: Sequence[Question] | str | None = None,
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
            s: given.get(s) or from_callable(quote_counting_judge if s in judges else plain_debater)
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
