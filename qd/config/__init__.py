"""What determines a run: a frozen, validated configuration, complete with its defaults.

``load_config``      from a preset or files, named flags, and assignments ``a.b=value``
``override_config``  change some keys of one that is resolved
``parse_config``     read ``config.yaml`` of a run
``dump_config``      the text of ``config.yaml``

Every mistake is an :class:`~debate_env.errors.InputError` of one line: which layer, which key, what
is allowed. Settings of other packages (a debate's rules, a verdict, prices, limits) are held as
they are, not copied. Each section is documented in ``schema.py`` and in ``configs/default.yaml``.
"""

from debateqd.qd.config.loading import (
    Flag,
    dump_config,
    load_config,
    override_config,
    parse_config,
    preset_names,
)
from debateqd.qd.config.schema import RunConfig

__all__ = [
    "Flag",
    "RunConfig",
    "dump_config",
    "load_config",
    "override_config",
    "parse_config",
    "preset_names",
]
