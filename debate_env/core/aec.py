"""A debate as PettingZoo agent-environment cycle, whatever its protocol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from difflib import get_close_matches
from functools import cached_property
from os import PathLike, fspath
from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium import spaces
from pettingzoo import AECEnv

from debate_env.core.episode import Episode
from debate_env.core.outcome import AbortKind
from debate_env.core.protocols import get_protocol
from debate_env.core.render import render_ansi, render_html, render_news
from debate_env.core.settings import DebateSettings
from debate_env.core.spaces import UnicodeText
from debate_env.core.transcript import render_transcript
from debate_env.errors import InputError
from debate_env.questions.question import Question
from debate_env.questions.sources import load_questions

# A speech of c characters takes at most 3c in the transcript (all line breaks, each indented), or
# with quote marks 4/15 more than c; the header, the cut mark and a closing tag fit in the constant.
_EXPANSION = 4
_OVERHEAD = 128
_OPTIONS = ("index", "swap", "rival")


Questions = Sequence[Question] | str | PathLike[str] | None
"""Questions, or a source of them: its name or the path of a file; ``None``: the built-in ones."""


def _load(questions: Questions) -> Sequence[Question]:
    questions = "builtin" if questions is None else questions
    found: object = questions
    if isinstance(questions, str | PathLike):
        found = load_questions(fspath(questions))
    if not isinstance(found, Sequence) or not all(isinstance(q, Question) for q in found):
        raise InputError(
            "questions: must be a sequence of Question, or a text that names a source such as "
            f"'builtin' or the path of a file; got {type(found).__name__}"
        )
    if not found:
        raise InputError("questions: there are none; give at least one question")
    first = found[0]
    for other in found:
        if len(other.answers) != len(first.answers):
            raise InputError(
                f"questions: {first.question_id!r} has {len(first.answers)} answers and "
                f"{other.question_id!r} has {len(other.answers)}; one environment takes questions "
                "with equally many answers, so make one per number"
            )
    return found


class AECDebate(AECEnv):  # type: ignore[misc]
    """A debate as PettingZoo agent-environment cycle, without wrappers.

    A module per environment id gives it a page, a name and defaults; its arguments are those of
    :class:`debate_env.debate_v1.raw_env`, the settings in one piece.
    """

    metadata: ClassVar[dict[str, Any]] = {
        "render_modes": ["human", "ansi", "html"],
        "name": "debate",
        "is_parallelizable": False,
        "render_fps": 1,
    }

    def __init__(
        self,
        questions: Questions,
        settings: DebateSettings,
        render_mode: str | None = None,
    ) -> None:
        super().__init__()
        if render_mode is not None and render_mode not in self.metadata["render_modes"]:
            raise InputError(f"render_mode={render_mode!r}: allowed: human, ansi, html, None")
        self.settings = settings
        protocol = get_protocol(settings.protocol)
        self.possible_agents: list[str] = [*protocol.players, *protocol.judges]
        self._judges = protocol.judges
        self.questions = _load(questions)
        self.render_mode = render_mode
        self.np_random: np.random.Generator | None = None
        self._seed: int | None = None
        self._episode: Episode | None = None
        self._shown = 0
        self._action_spaces: dict[str, spaces.Space[Any]] = {}

    # --- spaces, built when first asked for ---------------------------------------------------

    def observation_space(self, agent: str) -> spaces.Dict:
        """One object for all agents of this instance."""
        self._check_agent(agent)
        return self._observation_space

    @cached_property
    def _observation_space(self) -> spaces.Dict:
        return spaces.Dict(self._text_spaces(position=True))

    def action_space(self, agent: str) -> spaces.Space[Any]:
        """Return the action space of ``agent``: text, or for the judge one credence per answer."""
        space = self._action_spaces.get(agent)
        if space is None:
            self._check_agent(agent)
            if agent in self._judges:
                n = len(self.questions[0].answers)
                space = spaces.Box(0.0, 1.0, (n,), np.float32)
            else:
                space = UnicodeText(self.settings.max_chars)
            self._action_spaces[agent] = space
        return space

    @cached_property
    def state_space(self) -> spaces.Dict:
        """The space of :meth:`state`."""
        return spaces.Dict(self._text_spaces(position=False))

    def _text_spaces(self, *, position: bool) -> dict[str, spaces.Space[Any]]:
        rounds, n = self.settings.rounds, len(self.questions[0].answers)
        answer = max(len(a) for q in self.questions for a in q.answers)
        said = (_EXPANSION * self.settings.max_chars + _OVERHEAD) * len(self.possible_agents)
        return {
            "passage": UnicodeText(max(len(q.passage) for q in self.questions)),
            "question": UnicodeText(max(len(q.question) for q in self.questions)),
            "answers": spaces.Tuple([UnicodeText(answer) for _ in range(n)]),
            "transcript": UnicodeText(said * rounds),
            "phase": spaces.Discrete(3),
            "round": spaces.Discrete(rounds + 1, start=1),
            **({"position": UnicodeText(answer)} if position else {"pending": UnicodeText(said)}),
        }

    def _check_agent(self, agent: str) -> None:
        if agent not in self.possible_agents:
            raise InputError(f"unknown agent {agent!r}; allowed: {', '.join(self.possible_agents)}")

    # --- the cycle ----------------------------------------------------------------------------

    def reset(self, seed: int | None = None, options: Mapping[str, Any] | None = None) -> None:
        """Begin a debate about a drawn question, with drawn sides.

        Args:
            seed: Restarts this environment's own generator; without it the generator goes on.
            options: ``index``, ``swap`` and ``rival`` fix what would be drawn.
        """
        if seed is not None or self.np_random is None:
            self.np_random = np.random.default_rng(seed)
            self._seed = seed
        # Everything is drawn whatever the options fix, so that they do not shift later draws.
        index_draw, swap_draw, rival_draw = self.np_random.random(3).tolist()
        index, swap = int(index_draw * len(self.questions)), swap_draw < 0.5
        rival: int | None = None
        if options is not None:
            self._check_options(options)
            index = self._index(options.get("index", index))
            swap = self._swap(options.get("swap", swap))
            rival = options.get("rival")
            rival = int(rival) if isinstance(rival, np.integer) else rival
        question = self.questions[index]
        if rival is None and (n := len(question.answers)) > 2:
            rival = int(rival_draw * (n - 1))
            rival += rival >= question.label
        self._options: dict[str, Any] = {"index": index, "swap": swap, "rival": rival}
        episode = self._episode = Episode(question, self.settings, swap=swap, rival=rival)
        self._shown = 0
        agents = self.agents = self.possible_agents[:]
        self.rewards = dict.fromkeys(agents, 0.0)
        self._cumulative_rewards = dict.fromkeys(agents, 0.0)
        self.terminations = dict.fromkeys(agents, False)
        self.truncations = dict.fromkeys(agents, False)
        self.infos: dict[str, dict[str, Any]] = {agent: {} for agent in agents}
        self.agent_selection: str = episode.acting[0]

    def _check_options(self, options: Any) -> None:
        if not isinstance(options, Mapping):
            raise InputError(
                f"options={options!r}: must be a mapping of index, swap and rival, or None"
            )
        for name in options:  # PettingZoo's own tests give options that nobody knows
            close = get_close_matches(str(name), _OPTIONS, n=1)
            if name not in _OPTIONS and close:
                raise InputError(f"options[{name!r}]: did you mean {close[0]!r}?")

    def _index(self, index: Any) -> int:
        n = len(self.questions)
        if isinstance(index, bool) or not isinstance(index, int | np.integer) or not 0 <= index < n:
            raise InputError(
                f"options['index']={index!r}: allowed is a whole number from 0 to {n - 1}"
            )
        return int(index)

    def _swap(self, swap: Any) -> bool:
        if isinstance(swap, bool | np.bool_):
            return bool(swap)
        raise InputError(f"options['swap']={swap!r}: allowed are True and False")

    def observe(self, agent: str) -> dict[str, Any]:
        """Return what ``agent`` sees now; valid at any time and for every agent."""
        return self.episode.observe(agent)

    def step(self, action: Any) -> None:
        """Take the action of :attr:`agent_selection`; ``None`` from an agent that is done."""
        agent = self.agent_selection
        if self.terminations[agent] or self.truncations[agent]:
            self._was_dead_step(action)
            return
        episode = self.episode
        episode.act(agent, action)
        # All rewards are still zero here (only the last live step pays), so none is cleared.
        if episode.outcome is None:
            self.agent_selection = episode.acting[0]
        else:
            self._end(episode)
        if self.render_mode == "human":
            self.render()

    def abort(self, kind: AbortKind, message: str) -> None:
        """End the debate without a verdict: all agents are truncated, nobody is paid.

        Args:
            kind: ``"unusable"`` (an agent gave no usable reply) or ``"error"`` (a backend failed).
            message: What happened; becomes ``info["message"]``.
        """
        self.episode.abort(kind, message)
        self._end(self.episode)
        if self.render_mode == "human":
            self.render()

    def _end(self, episode: Episode) -> None:
        assert episode.outcome is not None  # noqa: S101 - narrows the type
        agents = self.agents
        drawn = {"seed": self._seed, "options": self._options}
        self.infos = {agent: {**episode.outcome.info(), **deepcopy(drawn)} for agent in agents}
        self.rewards = episode.rewards
        self._accumulate_rewards()
        done = self.truncations if episode.truncated else self.terminations
        for agent in agents:
            done[agent] = True
        self.agent_selection = agents[0]

    def _was_dead_step(self, action: None) -> None:
        """Remove an agent that is done; all of them are done at once, so the next is the first."""
        agent = self.agent_selection
        if action is not None:
            raise InputError(f"{agent} is done: the only valid action is None")
        for values in (self.terminations, self.truncations, self._cumulative_rewards, self.infos):
            del values[agent]
        self.agents.remove(agent)
        self.rewards = dict.fromkeys(self.agents, 0.0)
        if self.agents:
            self.agent_selection = self.agents[0]

    @property
    def acting_agents(self) -> tuple[str, ...]:
        """Agents whose observation is fixed and that have not acted on it; none when over.

        Both debaters in a simultaneous round: ask them together, then ``step`` one by one.
        """
        return self.episode.acting

    @property
    def episode(self) -> Episode:
        """The debate being played.

        Raises:
            InputError: There is none yet.
        """
        if self._episode is None:
            raise InputError("no debate has begun: call reset() first")
        return self._episode

    def state(self) -> dict[str, Any]:
        """Return what an omniscient spectator sees (never the correct answer); text is shared."""
        episode = self.episode
        return {
            "passage": episode.question.passage,
            "question": episode.question.question,
            "answers": episode.answers,
            "transcript": render_transcript(episode.speeches),
            "phase": episode.phase,
            "round": episode.round,
            "pending": render_transcript(episode.pending),
        }

    def render(self) -> str | None:
        """Return the debate as text or HTML, or print what is new of it (``human``)."""
        if self.render_mode is None:
            gymnasium.logger.warn("render() was called without a render_mode; nothing to show.")
            return None
        if self.render_mode == "ansi":
            return render_ansi(self.episode)
        if self.render_mode == "html":
            return render_html(self.episode)
        text, self._shown = render_news(self.episode, self._shown)
        if text:
            print(text, end="", flush=True)
        return None

    # --- copies: in mid-episode, and playing on gives the same episode ------------------------

    def __deepcopy__(self, memo: dict[int, Any]) -> AECDebate:
        twin = type(self).__new__(type(self))
        memo[id(self)] = twin
        shared = ("questions", "settings", "possible_agents")  # never change
        for name, value in self.__dict__.items():
            twin.__dict__[name] = value if name in shared else deepcopy(value, memo)
        return twin
