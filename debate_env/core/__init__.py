"""The debate itself: its rules, its state, and the three views of it.

An :class:`Episode` is one debate as a state machine. A :class:`DebateProtocol` says whose turn it
is and who sees what; ``mark`` checks quotes; :class:`AECDebate`, :class:`ParallelDebate` and
:class:`SoloDebateEnv` are the views of PettingZoo and Gymnasium.
"""

from debate_env.core.aec import AECDebate
from debate_env.core.episode import Episode
from debate_env.core.outcome import Outcome
from debate_env.core.parallel import ParallelDebate
from debate_env.core.protocols import (
    DebateProtocol,
    Wave,
    get_protocol,
    protocol_names,
    register_protocol,
)
from debate_env.core.quotes import mark, read_quotes
from debate_env.core.render import render_ansi, render_html
from debate_env.core.settings import DebateSettings
from debate_env.core.solo import SoloDebateEnv
from debate_env.core.spaces import UnicodeText
from debate_env.core.transcript import Speech, parse_transcript, render_transcript

__all__ = [
    "AECDebate",
    "DebateProtocol",
    "DebateSettings",
    "Episode",
    "Outcome",
    "ParallelDebate",
    "SoloDebateEnv",
    "Speech",
    "UnicodeText",
    "Wave",
    "get_protocol",
    "mark",
    "parse_transcript",
    "protocol_names",
    "read_quotes",
    "register_protocol",
    "render_ansi",
    "render_html",
    "render_transcript",
]
