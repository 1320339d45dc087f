"""What a rewrite kept, removed and added, word by word."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Literal, NamedTuple

_WORD = re.compile(r"\S+\s*|\s+")


class Stretch(NamedTuple):
    """A run of words that a rewrite kept, removed or added; stretches join to the texts."""

    change: Literal["kept", "removed", "added"]
    text: str


def word_diff(old: str, new: str) -> tuple[Stretch, ...]:
    """Compare two texts word by word; line breaks and spaces count as part of the word before.

    Returns:
        Stretches in reading order, what was removed before what was added in its place. All but
        the added ones make up ``old``, all but the removed ones ``new``, but for the white space
        behind kept words, which is the child's.
    """
    before, after = _WORD.findall(old), _WORD.findall(new)
    # Words are equal whatever white space follows them: a reflowed text has changed nothing.
    matcher = difflib.SequenceMatcher(
        None, [w.strip() for w in before], [w.strip() for w in after], autojunk=False
    )
    found: list[Stretch] = []
    for tag, i, j, k, m in matcher.get_opcodes():
        if tag == "equal":
            found.append(Stretch("kept", "".join(after[k:m])))
            continue
        if j > i:
            found.append(Stretch("removed", "".join(before[i:j])))
        if m > k:
            found.append(Stretch("added", "".join(after[k:m])))
    return tuple(found)


def share_kept(stretches: Iterable[Stretch]) -> float:
    """Return the share of the parent's words that the child kept, from 0 to 1."""
    words = {"kept": 0, "removed": 0, "added": 0}
    for stretch in stretches:
        words[stretch.change] += len(stretch.text.split())
    before = words["kept"] + words["removed"]
    return words["kept"] / before if before else 1.0
