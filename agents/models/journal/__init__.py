"""A record of every reply, so that no call is paid for twice and a stopped run is replayed."""

from debateqd.agents.models.journal.files import JournalError
from debateqd.agents.models.journal.model import JournalledModel
from debateqd.agents.models.journal.store import Journal

__all__ = ["Journal", "JournalError", "JournalledModel"]
