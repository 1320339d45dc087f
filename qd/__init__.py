"""Quality-diversity evolution of debate strategies.

``train`` plays a run of a configuration (``load_config``), and ``resume`` goes on with it. What it
leaves behind is a :class:`RunDirectory`, whose strategies ``evaluate_run`` measures on questions
that they have not seen. Every part of a run is a wing of its own, whose face says what it offers::

    config      what determines a run          archive     who lives on, kept apart by behaviour
    debates     plans, matches, questions      descriptors what is measured of behaviour
    selection   who meets whom, who survives   ratings     how good each strategy is
    mutation    how children are written       training    the loop over generations
    store       the files of a run             tracking    who watches it
    measures    what evaluation says           report      how it is shown
    tables      match tables of anyone         power       how large a study must be
    links       pyribs, GEPA                   commands    ``debateqd COMMAND``
"""

# No module may exist under two names: in a checkout this folder could also be found by itself.
if __name__ != "debateqd.qd":
    raise ImportError(f"import debateqd.qd, not {__name__}", name=__name__)

from debateqd.qd.lazy import lazily

__all__ = ["RunDirectory", "Strategy", "evaluate_run", "load_config", "resume", "train"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from debateqd.qd.config.loading import load_config
    from debateqd.qd.measures.evaluate import evaluate_run
    from debateqd.qd.store.directory import RunDirectory
    from debateqd.qd.strategy import Strategy
    from debateqd.qd.training.start import resume, train
else:
    __getattr__ = lazily(
        __name__,
        {
            "config.loading": "load_config",
            "measures.evaluate": "evaluate_run",
            "store.directory": "RunDirectory",
            "strategy": "Strategy",
            "training.start": "resume train",
        },
    )
