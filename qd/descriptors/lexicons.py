"""Word lists behind the measured behaviour, as data.

They are our own short lists of common English markers. They are part of what a descriptor *means*:
changing one changes the measured values, so :data:`LEXICON_VERSION` goes up with every change.
Every entry is lower case; apostrophes are straight; phrases are words separated by single spaces.
"""

from __future__ import annotations

LEXICON_VERSION = 1


def _entries(text: str) -> frozenset[str]:
    """Read one entry per comma-separated piece."""
    return frozenset(" ".join(piece.split()) for piece in text.split(",") if piece.strip())


CERTAINTY = _entries("""
    certainly, certain, clearly, clear, definitely, definite, undoubtedly, undeniable, undeniably,
    indisputable, indisputably, unquestionably, obviously, obvious, surely, sure, plainly,
    absolutely, conclusively, conclusive, decisive, decisively, evidently, indeed, always, never,
    must, proves, proven, proof, establishes, guarantees, settles, confirms, no doubt,
    beyond doubt, beyond any doubt, beyond question, without doubt, without question,
    without a doubt, there is no question, in fact, of course, exactly, entirely, impossible
""")
"""Markers by which a speaker asserts certainty."""

HEDGES = _entries("""
    perhaps, maybe, possibly, possible, probably, probable, likely, unlikely, might, may, could,
    seems, seem, seemed, seemingly, appears, appear, appeared, apparently, arguably, presumably,
    supposedly, suggests, suggest, suggested, roughly, somewhat, partly, largely, mostly, usually,
    often, sometimes, tends, tend, generally, i think, i believe, i suspect, i guess, i suppose,
    in my view, in my opinion, to some extent, in part, more or less, kind of, sort of, it is hard,
    not certain, not clear, not sure, not entirely, not always, not exactly, not conclusive,
    not obvious, uncertain, unclear, unsure, doubtful, debatable, doubt, doubts
""")
"""Markers by which a speaker leaves room for doubt. A phrase wins over a word it contains."""

OTHER_SIDE = _entries("""
    opponent, opponents, my opponent's, the opponent's, opponent's, opposing, the opposition, rival,
    other side, other side's, other debater, other answer, other position, other case,
    they claim, they say, they argue, they assert, they insist, they ignore, they overlook,
    they suggest, they quote, they rely, you claim, you say, you argue, you assert, you insist,
    you ignore, you overlook, you suggest, you quote, you rely, their claim, their argument,
    their case, their quote, their reading, their answer, your claim, your argument, your case,
    your quote, your reading
""")
"""Phrases that name the other side or what it said."""

NEGATIONS = _entries("""
    not, no, never, none, nothing, nobody, nowhere, neither, nor, cannot, without, but, however,
    yet, instead, contrary, rather, wrong, false, incorrect, mistaken, untrue, fails, fail, failed,
    flaw, flawed, contradicts, contradict, contradicted, contradiction, refutes, refuted, rebuts,
    denies, ignores, ignored, overlooks, misreads, misread, misleading, misleads, unsupported,
    unverified, irrelevant, invented, unfounded, baseless, merely, hardly, collapses
""")
"""Words that deny or turn against something; words ending in ``n't`` count as well."""

FUNCTION_WORDS = _entries("""
    a, about, above, after, again, against, all, also, am, an, and, any, are, as, at, be, because,
    been, before, being, below, between, both, but, by, can, cannot, did, do, does, doing, down,
    during, each, even, every, few, first, for, from, further, had, has, have, having, he, her,
    here, hers, herself, him, himself, his, how, however, i, if, in, into, is, it, its, itself,
    just, last, like, many, may, me, might, more, most, much, must, my, myself, never, next, no,
    nor, not, nothing, now, of, off, on, once, one, only, or, other, our, ours, out, over, own,
    rather, same, shall, she, should, since, so, some, still, such, than, that, the, their,
    theirs, them, themselves, then, there, therefore, these, they, this, those, through, to, too,
    two, under, until, up, upon, us, very, was, we, were, what, when, where, whether, which,
    while, who, whom, whose, why, will, with, within, without, would, yet, you, your, yours,
    answer, answers, passage, text, question, quote, quotes, judge, evidence, says, said, say,
    states, shows, show, it's, that's, there's, isn't, wasn't, don't, doesn't, didn't, can't,
    won't, wouldn't, couldn't, shouldn't, aren't, weren't, hasn't, haven't, hadn't
""")
"""Words that say nothing about the topic: function words, and the common words of any debate."""

ABBREVIATIONS = _entries("""
    mr, mrs, ms, dr, st, prof, capt, col, gen, lt, sgt, rev, hon, jr, sr, vs, etc, no, fig, vol,
    e.g, i.e, cf, p, pp
""")
"""Words whose full stop does not end a sentence (``no`` only before a number)."""
