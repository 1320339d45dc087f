"""Anyone's match table, rated: CSV or JSON in, ratings with intervals out.

``read_matches``  the games of a table, with its columns found or named
``rate_table``    their ratings: Bradley-Terry, Elo or least squares

Nothing here needs a configuration, an agent or a model.
"""

from debateqd.qd.tables.matches import MatchTable, read_matches
from debateqd.qd.tables.ratings import TableRatings, default_model, rate_table

__all__ = ["MatchTable", "TableRatings", "default_model", "rate_table", "read_matches"]
