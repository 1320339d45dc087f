"""Starts a command: the thin layer between the shell and a module that takes a second to import.

Ctrl-C ends a command in one line however early it comes, and a reader that goes away
(``debateqd | head -1``) ends it in silence. For that, nothing but ``sys`` is imported up here: all
other imports happen where Ctrl-C is already understood.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it."""

READER_GONE = 141
"""Exit status after the reader of the output has gone, as shells have it."""


def launch(module: str) -> int:
    """Import a module and run its ``main()``.

    Args:
        module: Its name; ``main()`` reads ``sys.argv`` and returns an exit status or ``None``.

    Returns:
        The exit status.
    """

    def run() -> int:
        import importlib

        restore = _leave_at_once()
        try:
            found = importlib.import_module(module)
        finally:
            restore()
        return int(found.main() or 0)

    return guarded(run)


def debateqd() -> int:
    """Run the ``debateqd`` command; see :mod:`debateqd.qd.commands.cli`."""
    return launch("debateqd.qd.commands.cli")


def guarded(run: Callable[[], int]) -> int:
    """Run a program; turn Ctrl-C and a reader that has gone into an exit status.

    Args:
        run: The program; returns its exit status.
    """
    try:
        status = run()
        sys.stdout.flush()  # here, where it can fail without a traceback
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return INTERRUPTED
    except BrokenPipeError:
        import os

        # Python flushes once more when it ends, into nothing then.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return READER_GONE
    return status


def _leave_at_once() -> Callable[[], object]:
    """Make Ctrl-C end the process: an exception inside an import may be swallowed or wrapped by it.

    Returns:
        A function that puts everything back.
    """
    import os
    import signal

    def leave(*_: object) -> None:
        os.write(2, b"interrupted\n")
        os._exit(INTERRUPTED)

    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        return lambda: None  # ignored, or somebody else's
    try:
        signal.signal(signal.SIGINT, leave)
    except ValueError:  # not the main thread, which Ctrl-C never reaches
        return lambda: None
    return lambda: signal.signal(signal.SIGINT, signal.default_int_handler)
