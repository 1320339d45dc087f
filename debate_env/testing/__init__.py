"""Compliance checks for any configuration of the debate, protocols of your own included.

For a plug-in's test-suite::

    import pytest
    from debate_env.testing import CHECKS, run_check

    @pytest.mark.parametrize("name", CHECKS)
    def test_my_protocol(name):
        run_check(name, protocol="mine", rounds=3)

or, all at once, ``check_debate_env(protocol="mine")``. A check that fails raises
``AssertionError``. Questions with other answers or passages can be given as ``questions``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from debate_env.questions.question import Question
from debate_env.testing.rules import RULE_CHECKS
from debate_env.testing.scripted import Configuration, play, sample_questions, scripted_action
from debate_env.testing.views import VIEW_CHECKS

__all__ = [
    "CHECKS",
    "Configuration",
    "check_debate_env",
    "play",
    "run_check",
    "sample_questions",
    "scripted_action",
]

CHECKS: Mapping[str, Callable[[Configuration], None]] = {**VIEW_CHECKS, **RULE_CHECKS}
"""Every check by name; each takes a :class:`Configuration`."""


def run_check(name: str, questions: Sequence[Question] | None = None, **settings: Any) -> None:
    """Run one of :data:`CHECKS` on one configuration, with :func:`sample_questions` by default."""
    CHECKS[name](Configuration(questions or sample_questions(), settings))


def check_debate_env(questions: Sequence[Question] | None = None, **settings: Any) -> list[str]:
    """Run every check on one configuration; what one that fails says begins with its name."""
    for name in CHECKS:
        try:
            run_check(name, questions, **settings)
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from error
    return list(CHECKS)
