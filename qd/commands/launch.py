"""Starts the commands: the thin layer between the shell and modules that take a second to import.

Ctrl-C ends a command in one line however early it comes, and a reader that goes away
(``debateqd | head -1``) ends it in silence. For that, nothing but ``sys`` is imported up here: all
other imports happen where Ctrl-C is already understood.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it."""

READER_GONE = 141
"""Exit status after the reader of the output has gone, as shells have it."""


def launch(command: str = "") -> int:
    """Run ``debateqd``, or one command of it, with the arguments of the process.

    However it was started, parts that a user plugs in are found in the current folder, too.
    """
    if "" not in sys.path:
        sys.path.append("")
    return guarded(lambda: int(quietly_imported("debateqd.qd.commands.group").main(command)))


def guarded(run: Callable[[], int]) -> int:
    """Run a program; turn Ctrl-C and a reader that has gone into an exit status."""
    import os

    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever called
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w"))
        stream = getattr(sys, name)
        if hasattr(stream, "reconfigure"):  # what a terminal's encoding lacks is written out
            stream.reconfigure(errors="backslashreplace")
    try:
        status = run()
        sys.stdout.flush()  # here, where it can fail without a traceback
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return INTERRUPTED
    except (BrokenPipeError, SystemExit) as end:  # rich makes the one the other
        if isinstance(end, SystemExit) and not isinstance(end.__context__, BrokenPipeError):
            raise
        # Python flushes once more when it ends, into nothing then.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return READER_GONE
    return status


def quietly_imported(module: str) -> ModuleType:
    """Import a module; Ctrl-C meanwhile ends the process at once.

    An exception inside an import may be swallowed or wrapped by what is being imported.
    """
    import importlib
    import os
    import signal

    def leave(*_: object) -> None:
        os.write(2, b"interrupted\n")
        os._exit(INTERRUPTED)

    # Nothing is to be done where Ctrl-C is ignored or somebody else's.
    ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    try:
        if ours:
            signal.signal(signal.SIGINT, leave)
    except ValueError:  # not the main thread, which Ctrl-C never reaches
        ours = False
    try:
        return importlib.import_module(module)
    finally:
        if ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)
