"""Ratings: views of the match log, recomputed from it whenever they are needed.

``bradley_terry``  one fit of all games, with strengths' joint posterior: lineages as priors, scales
                   from the data. The model is in ``design``, the fit in ``laplace``.
``elo``            the paper's, match by match

A view implements :class:`RatingView` and is registered in :data:`RATINGS`. Arrays alone are rated
by :func:`debateqd.qd.ratings.laplace.fit_games`, and by ``resampling`` with Elo or least squares;
tables of anyone's by :mod:`debateqd.qd.tables`.
"""

from debateqd.qd.ratings.views import RATINGS, RatingFactory, Ratings, RatingView, make_rating

__all__ = ["RATINGS", "RatingFactory", "RatingView", "Ratings", "make_rating"]
