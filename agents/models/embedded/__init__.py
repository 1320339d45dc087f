"""The default chat model: retrieval, word lists and a world. A simulation, made for experiments.

One file per thing that it is asked to do (``debater``, ``judge``, ``mutator``, ``labeller``); what
the judge is susceptible to is the :class:`World`, of which nothing else knows.
"""

from debateqd.agents.models.embedded.model import EmbeddedModel
from debateqd.agents.models.embedded.world import World

__all__ = ["EmbeddedModel", "World"]
