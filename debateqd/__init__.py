"""DebateQD: ``debateqd.agents`` speaks and judges, ``debateqd.qd`` evolves; see ``debate_env`` too.

Both packages lie beside this one in a checkout. It reaches them through links, or, in a checkout
that was made without links (Windows without developer mode), through its search path.
"""

import os as _os

if not _os.path.isdir(_os.path.join(__path__[0], "agents")):  # noqa: PTH112, PTH118 (light)
    __path__.append(_os.path.dirname(_os.path.abspath(__path__[0])))  # noqa: PTH100, PTH120
