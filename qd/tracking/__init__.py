"""Who watches a run: listeners are told what happens, and cannot change it.

:class:`Listener`    told of ``run_started``, ``progressed``, ``generation_finished``,
                     ``run_finished``; subclass it and override what is of interest
``ConsoleProgress``  a live bar on a terminal, a line per generation anywhere
``RunLog``           ``events.log`` and ``telemetry.jsonl``
``wandb_listener``   Weights & Biases

:class:`GenerationStats` is what a generation has come to: the schema of its file, too.
"""

from debateqd.qd.lazy import lazily
from debateqd.qd.tracking.events import (
    GenerationFinished,
    GenerationStats,
    Listener,
    Progress,
    RunFinished,
    RunStarted,
)

__all__ = [
    "ConsoleProgress",
    "GenerationFinished",
    "GenerationStats",
    "Listener",
    "Progress",
    "RunFinished",
    "RunLog",
    "RunStarted",
    "wandb_listener",
]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from debateqd.qd.tracking.console import ConsoleProgress
    from debateqd.qd.tracking.run_log import RunLog
    from debateqd.qd.tracking.wandb import wandb_listener
else:  # rich and wandb take their time
    __getattr__ = lazily(
        __name__, {"console": "ConsoleProgress", "run_log": "RunLog", "wandb": "wandb_listener"}
    )
