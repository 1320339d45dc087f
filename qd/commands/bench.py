"""``debateqd bench``: how fast the environment is; see :mod:`debate_env.bench`."""

from __future__ import annotations

import click

from debate_env import bench


@click.command(context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(arguments: tuple[str, ...]) -> int:
    """Measure steps per second, beside PettingZoo's."""
    return bench.main(arguments)
