"""How passages are dealt out to the parts of a split: pure functions of ids and sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from debate_env.errors import InputError


def are_shares(sizes: Mapping[str, float]) -> bool:
    """Check the sizes of a split; true for shares, false for numbers of questions."""
    for name, size in sizes.items():
        if isinstance(size, bool) or not isinstance(size, int | float):
            raise InputError(
                f"split size {name}={size!r}: must be a share of the passages (0.0 to 1.0) or a "
                "whole number of questions"
            )
        if isinstance(size, int) and size < 0:
            raise InputError(f"split size {name}={size}: must be 0 or more questions")
        if isinstance(size, float) and not 0 <= size <= 1:
            raise InputError(f"split size {name}={size}: a share of the passages is 0.0 to 1.0")
    shares = [name for name, size in sizes.items() if isinstance(size, float) and size > 0]
    counts = [name for name, size in sizes.items() if isinstance(size, int) and size > 0]
    if shares and counts:
        raise InputError(
            f"split sizes mix a share ({shares[0]}={sizes[shares[0]]}) with a number of questions "
            f"({counts[0]}={sizes[counts[0]]}); give all as shares (such as 0.4 or 1.0) or all as "
            "numbers"
        )
    if not counts and sum(sizes.values()) > 1 + 1e-9:
        raise InputError(
            f"split shares add up to {sum(sizes.values()):.6g}; they may add up to 1 at most"
        )
    return not counts


def split_shares(groups: Sequence[list[str]], sizes: Mapping[str, float]) -> dict[str, list[str]]:
    """Deal out passages in the order of the parts, at least one to every share."""
    total = len(groups)
    wanted = [name for name, size in sizes.items() if size > 0]
    if len(wanted) > total:
        raise InputError(
            f"too few passages to split: {len(wanted)} parts ({', '.join(wanted)}) need at least "
            f"one passage each, the set holds {total}"
        )
    counts = _apportion({name: size * total for name, size in sizes.items()}, total)
    chosen: dict[str, list[str]] = {}
    start = 0
    for name, count in counts.items():
        chosen[name] = [key for group in groups[start : start + count] for key in group]
        start += count
    return chosen


def _apportion(exact: Mapping[str, float], total: int) -> dict[str, int]:
    """Whole numbers near ``exact``: rounded running sums, at least 1 where ``exact`` is above 0.

    A part's number depends on its own share and those before it, not on those after it, unless a
    later part would get nothing.
    """
    counts: dict[str, int] = {}
    running, taken = 0.0, 0
    for name, value in exact.items():
        running += value
        end = min(total, max(int(running + 0.5 + 1e-9), taken + (value > 0)))
        counts[name], taken = end - taken, end
    for name in [name for name, value in exact.items() if value > 0 and not counts[name]]:
        counts[max(counts, key=counts.__getitem__)] -= 1
        counts[name] = 1
    return counts


def split_counts(
    groups: Sequence[list[str]], sizes: Mapping[str, int], total: int
) -> dict[str, list[str]]:
    """Take whole passages until a part is full; cut the last one to fit."""
    chosen: dict[str, list[str]] = {name: [] for name in sizes}
    left = iter(groups)
    for name, size in sizes.items():
        while len(chosen[name]) < size:
            group = next(left, None)
            if group is None:
                wanted = ", ".join(f"{n} {part}" for part, n in reversed([*sizes.items()]))
                raise InputError(
                    f"too few questions to split: wanted {wanted} with no passage in two "
                    f"parts, the set holds {total} on {len(groups)} passages and {name} got only "
                    f"{len(chosen[name])}; ask for fewer, or multiples of the questions per passage"
                )
            chosen[name] += group[: size - len(chosen[name])]
    return chosen
