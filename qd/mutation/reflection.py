"""A strategy's own debates, as a mutator is shown them.

Only training debates of committed generations are shown: no choice and no measure depends on their
passages. The judge gives no reasons, so what is known of them is its credence.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from debate_env.core.episode import present
from debate_env.core.transcript import Speech
from debate_env.errors import InputError
from debate_env.questions.question import Question
from debateqd.agents.base import derive_seed
from debateqd.agents.prompts import DebateShown, SpokenBlock
from debateqd.qd.debates.matches import Match
from debateqd.qd.store.directory import transcript_path
from debateqd.qd.store.storage import read_gzip_lines

Transcripts = Callable[[Sequence[Match]], Mapping[str, tuple[Speech, ...]]]
"""Reads what was said in matches, by match id."""

_QUOTE = re.compile(r"(<([vu]_quote)>)(.*?)(</\2>)", re.DOTALL)
_PIECE = re.compile(r"<([vu]_quote)>.*?</\1>|\S+", re.DOTALL)
QUOTE_WORDS = 8
"""Longest quote that is shown; of longer ones the beginning."""


def transcript_reader(run_dir: Path) -> Transcripts:
    """Return a function that reads transcripts of a run's committed generations."""

    def read(matches: Sequence[Match]) -> Mapping[str, tuple[Speech, ...]]:
        wanted: dict[int, set[str]] = defaultdict(set)
        for match in matches:
            wanted[match.generation].add(match.match_id)
        found: dict[str, tuple[Speech, ...]] = {}
        for generation, ids in sorted(wanted.items()):
            path = transcript_path(run_dir, generation)
            for line in read_gzip_lines(path):
                if line["match"] in ids:
                    found[line["match"]] = tuple(Speech(*speech) for speech in line["speeches"])
            lost = sorted(ids - found.keys())
            if lost:
                raise InputError(f"{path}: holds no match {lost[0]}")
        return found

    return read


def outcome(match: Match, strategy_id: str, truth_weight: float) -> float | None:
    """Return how a debate went for a strategy: the judge's credence on its side, from 0 to 1.

    Returns:
        For a team the credence in the correct answer, otherwise the strategy's part of what the two
        contested answers got; ``None`` when it did not take part or there is no usable verdict.
    """
    if strategy_id not in match.players:
        return None
    if is_team(match, truth_weight):
        return match.truth("credence")
    return match.share(strategy_id, "credence")


def is_team(match: Match, truth_weight: float) -> bool:
    """Whether all players are to help the judge find the truth."""
    return truth_weight == 1 or not match.contested


def pick_debates(
    strategy_id: str, matches: Sequence[Match], truth_weight: float, each: int, seed: int
) -> list[Match]:
    """Choose debates of a strategy to learn from: lost ones first, then won ones.

    Debates of later generations come before earlier ones, and are drawn at random within one, so
    that siblings are shown different ones. At most ``each`` are lost, and as many won.
    """
    lost: list[Match] = []
    won: list[Match] = []
    for match in matches:
        if match.phase != "train":
            continue
        share = outcome(match, strategy_id, truth_weight)
        if share is not None and share != 0.5:
            (won if share > 0.5 else lost).append(match)

    def order(match: Match) -> tuple[int, int]:
        return (-match.generation, derive_seed(seed, "debate", match.match_id))

    return [*sorted(lost, key=order)[:each], *sorted(won, key=order)[:each]]


def show(
    match: Match,
    speeches: Sequence[Speech],
    question: Question,
    strategy_id: str,
    truth_weight: float,
    words: int,
) -> DebateShown:
    """Turn a debate with a usable verdict into what the mutator reads: so many words a speech."""
    team = is_team(match, truth_weight)
    side = match.side(strategy_id)
    own = match.label if team or side is None else side
    credence = outcome(match, strategy_id, truth_weight)
    answers = [question.answers[k] for k in present(question, match.swap)]
    seat = next((seat for seat, side in match.sides.items() if side == own), "")
    return DebateShown(
        won=credence is not None and credence > 0.5,
        credence=0.0 if credence is None else credence,
        question=question.question,
        own=answers[own],
        other=answers[0 if own else 1],
        speeches=tuple(
            SpokenBlock(s.round, "own" if s.seat == seat else "other", shorten(s.text, words))
            for s in speeches
        ),
        team=team,
    )


def shorten(text: str, words: int) -> str:
    """Cut a speech after so many words, and long quotes in it after :data:`QUOTE_WORDS`.

    What was left out is marked, and no quote tag is cut open.
    """

    def cut(found: re.Match[str]) -> str:
        inside = found[3].split()
        short = " ".join(inside[:QUOTE_WORDS]) + (" …" if len(inside) > QUOTE_WORDS else "")
        return f"{found[1]}{short}{found[4]}"

    pieces = _PIECE.finditer(_QUOTE.sub(cut, text))
    kept: list[str] = []
    room = words
    for piece in pieces:
        size = len(piece[0].split())
        if size > room:
            kept.append("…")
            break
        kept.append(piece[0])
        room -= size
    return " ".join(kept)
