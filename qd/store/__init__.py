"""What a run leaves behind: one directory of open text formats, safe from a kill at any moment.

``RunDirectory``  reads one: configuration, strategies, matches, transcripts, generations, archive
``RunWriter``     writes one: append-only logs, and a generation's file as its commit mark
``history_of``    everything about one strategy: ancestry, mutations, record, ratings, fate

``storage.py`` holds atomic replacement and gzip of equal bytes, ``logs.py`` logs that only grow.
"""

from debateqd.qd.lazy import lazily

__all__ = ["RunDirectory", "RunWriter", "StrategyHistory", "history_of"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from debateqd.qd.store.directory import RunDirectory
    from debateqd.qd.store.history import StrategyHistory, history_of
    from debateqd.qd.store.writer import RunWriter
else:  # a wing that the directory needs uses the storage
    parts = {"history": "StrategyHistory history_of", "writer": "RunWriter"}
    __getattr__ = lazily(__name__, {"directory": "RunDirectory", **parts})
