"""Plays debates, many at once: a job goes in, a record comes out.

:func:`play` and :func:`play_all` are the one scheduler; :func:`play_in_env` plays a single debate
through the PettingZoo environment, word for word the same; :func:`run_thoughts` runs whatever else
asks a model (mutators, labellers, baselines).
"""

from debateqd.agents.rollout.debates import DebateJob, DebateRecord
from debateqd.agents.rollout.in_env import EnvDebate, play_in_env
from debateqd.agents.rollout.scheduler import PrefixRoom, play, play_all
from debateqd.agents.rollout.thoughts import run_thoughts

__all__ = [
    "DebateJob",
    "DebateRecord",
    "EnvDebate",
    "PrefixRoom",
    "play",
    "play_all",
    "play_in_env",
    "run_thoughts",
]
