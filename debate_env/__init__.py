"""Debate as a PettingZoo environment; importing it registers the environment ids.

``debateqd/debate-v1`` in PettingZoo's two registries, ``debateqd/Debate-v1`` (one seat) in
Gymnasium's. A module per id (:mod:`debate_env.debate_v1`) holds its page and its defaults; what
they are made of is in :mod:`debate_env.core`, :mod:`debate_env.questions` and, for plug-ins of your
own, :mod:`debate_env.testing`. Nothing here needs more than NumPy, Gymnasium and PettingZoo.
"""

# No module may exist under two names: where debateqd searches this folder, it could be found there.
if __name__ != "debate_env":
    raise ImportError(f"import debate_env, not {__name__}", name=__name__)

import gymnasium as _gymnasium
from pettingzoo.env_registry import registration as _registration

from debate_env.agent import Agent, from_callable
from debate_env.core.settings import DebateSettings
from debate_env.core.transcript import parse_transcript
from debate_env.errors import InputError
from debate_env.questions.question import Question, QuestionSet
from debate_env.questions.sources import load_questions

__all__ = [
    "Agent",
    "DebateSettings",
    "InputError",
    "Question",
    "QuestionSet",
    "from_callable",
    "load_questions",
    "parse_transcript",
]


def _register() -> None:
    # Registering twice (a reloaded module) would warn.
    name = "debateqd/debate-v1"
    if name not in _registration.aec_registry:
        _registration.register("aec", name, entry_point="debate_env.debate_v1:env")
    if name not in _registration.parallel_registry:
        _registration.register("parallel", name, entry_point="debate_env.debate_v1:parallel_env")
    if "debateqd/Debate-v1" not in _gymnasium.registry:
        _gymnasium.register("debateqd/Debate-v1", entry_point="debate_env.core.solo:SoloDebateEnv")


def __getattr__(name: str) -> object:
    if name == "debate_v0":
        raise ImportError("debate_v0 is superseded: use debate_v1, whose version history says why")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


_register()
