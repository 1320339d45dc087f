"""Links to other projects; each needs its extra.

``DebateAdapter``  a strategy as what ``gepa.optimize`` improves (extra ``gepa``)
``to_ribs``        an archive as one of pyribs (extra ``ribs``)
"""

from debateqd.qd.links.gepa import DebateAdapter
from debateqd.qd.links.ribs import to_ribs

__all__ = ["DebateAdapter", "to_ribs"]
