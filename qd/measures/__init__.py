"""What a finished run is worth, every figure with its 95 % interval clustered by passage.

``evaluate_run``    plays a run's elites on questions that it has and has not seen:
                    ``splits.py`` accuracy and win rates; ``scores.py`` the objective, and what
                    ratings promise in the same unit; ``generalisation.py`` gaps between splits;
                    ``corrected_archive.py`` the archive beside what it reports; ``payoffs.py`` who
                    beats whom, and cycles; ``diversity.py``; ``controls.py`` position and length
``save_report``     keeps what it found in ``RUN_DIR/evaluation/``
``compare_runs``    groups of runs that differ in nothing but their seeds
``play_equal``      a baseline for as many model calls as a run took
"""

from debateqd.qd.lazy import lazily

__all__ = ["Extras", "compare_runs", "evaluate_run", "play_equal", "save_report"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from debateqd.qd.measures.compare import compare_runs
    from debateqd.qd.measures.equal_calls import play_equal
    from debateqd.qd.measures.evaluate import Extras, evaluate_run, save_report
else:  # training uses some of the measures
    __getattr__ = lazily(
        __name__,
        {
            "compare": "compare_runs",
            "equal_calls": "play_equal",
            "evaluate": "Extras evaluate_run save_report",
        },
    )
