"""``debateqd COMMAND``: lists every command, imports the one that is chosen, and runs it.

A command is a module of this folder with a :class:`click.Command` named ``command``. Whatever goes
wrong is one line on standard error: status 2 for wrong input, 1 when a run gave up.
"""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

import click

from debateqd.qd.commands.launch import quietly_imported

COMMANDS = {
    "train": "evolve strategies for persuasion, truth or a mix",
    "evaluate": "measure a run on train and test, or compare runs",
    "equal-calls": "play a baseline with as many model calls as a run took",
    "lineage": "show a strategy's ancestry, record and rating",
    "power": "say what a study of a given size can tell from zero",
    "questions": "show, convert or complete a file of questions",
    "rate": "rate the players of anyone's match table",
    "play": "debate or judge at the terminal",
    "bench": "measure the speed of the environment",
}

_COMPLETE = "_DEBATEQD_COMPLETE"


def load_command(name: str) -> click.Command:
    """Import a command."""
    module = quietly_imported(f"debateqd.qd.commands.{name.replace('-', '_')}")
    command: click.Command = module.command
    return command


class LazyGroup(click.Group):
    """Imports no command but the one that is run."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        """Import a command."""
        if cmd_name not in COMMANDS:
            from debate_env.errors import nearest  # the package around it takes a while to import

            raise click.UsageError(f"unknown command '{cmd_name}'; {nearest(cmd_name, COMMANDS)}")
        return load_command(cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands, a line each."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _show_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        click.echo(f"debateqd {version()}")
        context.exit()


@click.group(cls=LazyGroup, invoke_without_command=True)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version,
    help="Say which version this is.",
)  # fmt: skip
@click.pass_context
def debateqd(context: click.Context) -> None:
    """Debate as an environment, and evolution of debate strategies.

    'debateqd COMMAND --help' explains a command.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def version() -> str:
    """Return the version of the checkout that holds this file, or of the installed package."""
    project = Path(__file__).resolve().parents[2] / "pyproject.toml"
    if project.is_file():
        return str(tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"])
    from importlib.metadata import version as installed

    return installed("debateqd")


def main(name: str = "") -> int:
    """Run ``debateqd``, or a single command of it, with the arguments of the process."""
    if name:
        return run(load_command(name), sys.argv[1:], Path(sys.argv[0]).name)
    if os.environ.get(_COMPLETE):  # what a shell asks for while somebody types
        from click.shell_completion import shell_complete

        return shell_complete(debateqd, {}, "debateqd", _COMPLETE, os.environ[_COMPLETE])
    return run(debateqd, sys.argv[1:])


def run(command: click.Command, arguments: Sequence[str], name: str = "debateqd") -> int:
    """Run a command as a program; ``name`` is how it was called.

    Returns:
        The exit status: 0, what the command returned, 1 when a run gave up, 2 for wrong input.
    """
    try:
        # Not Command.main(), which puts an empty line before whatever is said about Ctrl-C.
        with command.make_context(
            name, list(arguments), help_option_names=["-h", "--help"], max_content_width=100
        ) as context:
            status = command.invoke(context)
            return status if isinstance(status, int) else 0
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.Abort:
        raise KeyboardInterrupt from None
    except BrokenPipeError:
        raise
    except Exception as error:
        text, status = _explained(error)
        if not status:
            raise
        from debateqd.qd.report.layout import say

        say(f"error: {text}", err=True)
        return status


def called(name: str) -> str:
    """Return how the user calls a command who called the running one as they did."""
    installed = click.get_current_context().find_root().info_name == "debateqd"
    return f"debateqd {name}" if installed else f"python {name}.py"


def _explained(error: Exception) -> tuple[str, int]:
    """Say in one line what was wrong; the status is 0 for what nobody expects."""
    from debate_env.errors import InputError
    from debate_env.plug_ins import fault_of
    from debateqd.agents.models.base import StoppedError

    if isinstance(error, click.UsageError):
        return _explained_usage(error), 2
    if isinstance(error, InputError):
        return str(error), 2
    if isinstance(error, StoppedError):
        return str(error), 1
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror or error}", 1
    fault = fault_of(error)  # of a part that the user plugged in
    return fault, 1 if fault else 0


def _explained_usage(error: click.UsageError) -> str:
    """Say what was wrong with the command line, and what is allowed."""
    from debate_env.errors import nearest

    if isinstance(error, click.NoSuchOption) and error.ctx is not None:
        options = [p for p in error.ctx.command.params if isinstance(p, click.Option)]
        names = [max(option.opts, key=len) for option in options]
        return f"unknown option {error.option_name}; {nearest(error.option_name, names)}"
    if isinstance(error, click.BadParameter) and isinstance(error.param, click.Option):
        kind, option = error.param.type, max(error.param.opts, key=len)
        if isinstance(kind, click.Choice):
            given = error.message.split("'")[1] if "'" in error.message else ""
            return f"{option}: '{given}' is not allowed; {nearest(given, map(str, kind.choices))}"
        return f"{option}: {' '.join(error.message.split())}"
    return " ".join(error.format_message().split())
