"""The loop over generations: mutate, compete, choose, measure, commit.

``train``       play a new run                      ``resume``     go on after its last generation
``plan_run``    what it will cost, before it is paid
``check_names`` refuse a configuration that names what does not exist
``Trainer``     runs the generations: ``breeding.py`` makes children, ``competition.py`` has them
                debate and chooses, ``gains.py`` measures what was gained on fresh questions
``TrainingState``  all that the next generation depends on; ``results.py`` sums one up
"""

from debateqd.qd.lazy import lazily

__all__ = ["Trainer", "TrainingState", "check_names", "plan_run", "resume", "train"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from debateqd.qd.training.checks import check_names
    from debateqd.qd.training.planning import plan_run
    from debateqd.qd.training.start import resume, train
    from debateqd.qd.training.state import TrainingState
    from debateqd.qd.training.trainer import Trainer
else:  # each of them imports most of the other wings
    __getattr__ = lazily(
        __name__,
        {
            "checks": "check_names",
            "planning": "plan_run",
            "start": "resume train",
            "state": "TrainingState",
            "trainer": "Trainer",
        },
    )
