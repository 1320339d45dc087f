"""Tells listeners what happens, whatever becomes of them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from debate_env.plug_ins import fault_of
from debateqd.qd.tracking.events import Listener, RunFinished

log = logging.getLogger(__name__)


class Listeners:
    """All listeners of a run. One that fails is warned of once, and counted; the run goes on."""

    def __init__(self, listeners: Sequence[Listener]) -> None:
        self._listeners = listeners
        self._failed: dict[str, list[str]] = {}

    def tell(self, what: str, event: Any) -> None:
        """Call the method of this name of every listener."""
        for listener in self._listeners:
            self._tell(listener, what, event)

    def finish(self, event: RunFinished) -> None:
        """Tell that the run ends: the last listener first, so that the first hears of all."""
        for listener in reversed(self._listeners):
            self._tell(listener, "run_finished", replace(event, failures=self.failures()))

    def failures(self) -> tuple[str, ...]:
        """Say of each listener that failed how often, and how it began, a line each."""
        return tuple(
            f"{name} failed {len(found)} {'time' if len(found) == 1 else 'times'}, first {found[0]}"
            for name, found in self._failed.items()
        )

    def _tell(self, listener: Listener, what: str, event: Any) -> None:
        name = type(listener).__name__
        try:
            getattr(listener, what)(event)
        except Exception as error:
            reason = fault_of(error) or " ".join(f"{type(error).__name__}: {error}".split())
            known = self._failed.setdefault(name, [])
            known.append(f"in {what}: {reason}")
            said = f"{name} failed {known[-1]}; the run goes on without what it does"
            log.log(logging.DEBUG if known[1:] else logging.WARNING, said, exc_info=True)
