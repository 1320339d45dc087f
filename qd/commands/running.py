"""What every command shares: one line and a status for whatever goes wrong."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from debate_env.errors import InputError, nearest
from debateqd.agents.models.base import StoppedError
from debateqd.qd.commands.launch import INTERRUPTED


def option_names(command: click.Command) -> list[str]:
    """Return every option of a command as it is typed, longest form only."""
    return [max(p.opts, key=len) for p in command.params if isinstance(p, click.Option)]


def explain(error: click.ClickException, command: click.Command) -> str:
    """Say in one line what was wrong with the command line, and what is allowed."""
    if isinstance(error, click.NoSuchOption):
        name = error.option_name
        return f"unknown option {name}; {nearest(name, option_names(command))}"
    if isinstance(error, click.BadParameter) and isinstance(error.param, click.Option):
        kind, option = error.param.type, max(error.param.opts, key=len)
        if isinstance(kind, click.Choice):
            given = error.message.split("'")[1] if "'" in error.message else ""
            return f"{option}: '{given}' is not allowed; {nearest(given, map(str, kind.choices))}"
        return f"{option}: {' '.join(error.message.split())}"
    return " ".join(error.format_message().split())


def run_command(command: click.Command, argv: Sequence[str] | None = None) -> int:
    """Run a command as a program.

    Args:
        command: The command.
        argv: Its arguments; those of the process by default.

    Returns:
        The exit status: 0; 1 when a run gave up; 2 for wrong input; 130 after Ctrl-C. Whatever is
        wrong is one line on standard error, without a traceback.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        # Not Command.main(), which puts an empty line before whatever is said about Ctrl-C.
        with command.make_context(sys.argv[0].rpartition("/")[2], arguments) as context:
            status = command.invoke(context)
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        click.echo(f"error: {explain(error, command)}", err=True)
        return 2
    except InputError as error:
        click.echo(f"error: {error}", err=True)
        return 2
    except StoppedError as error:
        click.echo(f"error: {error}", err=True)
        return 1
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        click.echo(f"error: {where}{error.strerror or error}", err=True)
        return 1
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        return INTERRUPTED
    return status if isinstance(status, int) else 0
