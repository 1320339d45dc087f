"""Behaviour measured from what a strategy actually said.

Every descriptor turns a speech into integer **counts** and the sum of all counts into a **value**.
Counts of different matches are added, so a word (or sentence, or speech) weighs the same in
whatever match it was spoken, and the result is exactly the same in any order of matches.

======================  =====================================================================
``family``              The family the strategy declares, or ``"unclassified"``.
``verified_quote_share``  Words inside verified quotes / words of all speeches. A speech without
                        quotes adds words and no quoted words: no quotes at all means 0.
``rebuttal_share``      Own sentences that take up or deny what the other side said / own
                        sentences; see :class:`RebuttalShare`.
``length``              Words / speeches.
``readability``         Flesch-Kincaid grade: 0.39 words / sentences + 11.8 syllables / words
                        - 15.59 (Kincaid, Fishburne, Rogers and Chissom 1975).
``certainty``           (Own sentences with a marker of certainty - those with a hedge) / own
                        sentences, between -1 and 1.
``labelled_family``     The family that a model reads out of the speeches;
                        :mod:`debateqd.qd.descriptors.labelling`.
``embedding_cluster``   The nearest of fixed centroids; :mod:`debateqd.qd.descriptors.clusters`.
======================  =====================================================================

*Own sentences* are those that hold at least one word outside quotes. A value whose denominator is
0 is ``None``: unmeasured, never 0.

The first six are counted in every run, whichever of them are axes of the archive. The others cost
model calls or need a file, and are measured where an axis names them, as are descriptors of one's
own (``"package.module:attribute"``, checked by :mod:`debateqd.qd.descriptors.testing`).
"""

from debateqd.qd.descriptors.base import (
    BASIC,
    DESCRIPTORS,
    BehaviourSummary,
    Descriptor,
    make_axes,
    make_descriptors,
)
from debateqd.qd.descriptors.basic import (
    Certainty,
    Family,
    Length,
    Readability,
    RebuttalShare,
    VerifiedQuoteShare,
)
from debateqd.qd.descriptors.clusters import Centroids, EmbeddingCluster, fit_centroids
from debateqd.qd.descriptors.embedding import EMBEDDERS, TextEmbedder, make_embedder
from debateqd.qd.descriptors.labelling import LabelledFamily
from debateqd.qd.descriptors.utterances import SpeechFacts, Utterance, utterances

__all__ = [
    "BASIC",
    "DESCRIPTORS",
    "EMBEDDERS",
    "BehaviourSummary",
    "Centroids",
    "Certainty",
    "Descriptor",
    "EmbeddingCluster",
    "Family",
    "LabelledFamily",
    "Length",
    "Readability",
    "RebuttalShare",
    "SpeechFacts",
    "TextEmbedder",
    "Utterance",
    "VerifiedQuoteShare",
    "fit_centroids",
    "make_axes",
    "make_descriptors",
    "make_embedder",
    "utterances",
]
