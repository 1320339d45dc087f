"""``debateqd``: lists every command of the suite and runs it.

``debateqd train …`` is ``python train.py …``; each command explains itself with ``--help``.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from debateqd.qd.commands.launch import guarded, launch


class Command(NamedTuple):
    """A command of the suite.

    Attributes:
        module: Module whose ``main()`` reads ``sys.argv`` and runs the command.
        help: One line for the list.
    """

    module: str
    help: str


COMMANDS: dict[str, Command] = {
    "train": Command(
        "debateqd.qd.commands.train", "evolve strategies for persuasion, truth or a mix"
    ),
    "evaluate": Command(
        "debateqd.qd.commands.evaluate", "measure a run on train and test, or compare runs"
    ),
    "lineage": Command(
        "debateqd.qd.commands.lineage", "show a strategy's ancestry, record and rating"
    ),
    "power": Command(
        "debateqd.qd.commands.power", "say what a study of a given size can tell from zero"
    ),
    "rate": Command("debateqd.qd.commands.rate", "rate the players of anyone's match table"),
    "play": Command("debateqd.qd.commands.play", "debate or judge at the terminal"),
    "bench": Command("debate_env.bench", "measure the speed of the environment"),
}


def overview() -> str:
    """Describe the suite: usage and one line per command."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {command.help}" for name, command in COMMANDS.items()]
    return (
        "usage: debateqd COMMAND [OPTIONS]\n\n"
        "Debate as an environment, and evolution of debate strategies.\n\n"
        "commands:\n" + "\n".join(lines) + "\n\n"
        "'debateqd COMMAND --help' explains a command; 'debateqd --version' says which this is."
    )


def version() -> str:
    """Return the version of the checkout that this file lies in, or else of the installed package.

    Returns:
        For example ``"0.1.0"``.
    """
    project = Path(__file__).resolve().parents[2] / "pyproject.toml"
    if project.is_file():
        return str(tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"])
    from importlib.metadata import version as installed

    return installed("debateqd")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command of the suite.

    Args:
        argv: The command and its options; the process's own by default.

    Returns:
        The exit status: 0, 2 for an unknown command, or the command's own; 130 after Ctrl-C. A
        command may also exit by itself.
    """
    return guarded(lambda: _run(argv))


def _run(argv: Sequence[str] | None) -> int:
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(overview())
        return 0
    name = arguments[0]
    if name == "--version":
        print(f"debateqd {version()}")
        return 0
    if name not in COMMANDS:
        from debate_env.errors import nearest  # the package around it takes a while to import

        message = f"debateqd: unknown command '{name}'; {nearest(name, [*COMMANDS, '--version'])}"
        print(message, file=sys.stderr)
        return 2
    previous = sys.argv
    sys.argv = [f"debateqd {name}", *arguments[1:]]
    try:
        return launch(COMMANDS[name].module)
    finally:
        sys.argv = previous


if __name__ == "__main__":
    sys.exit(main())
