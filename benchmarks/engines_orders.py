"""Whether the order of the parts of prompts is the best one for a prefix cache.

The prompts of a workload are taken apart at their sections and put together in every order; the
measure is the number of nodes of the trie of all prompts, which no cache can beat.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise, permutations

from engines_simulated import Tokens, WordTokens, common_prefix
from engines_table import Figure
from engines_workload import ScriptedModel, equal_work, tournament

from debate_env.questions.question import Question
from debateqd.agents.models.base import Request
from debateqd.agents.prompts import Task, task_of
from debateqd.agents.rollout import play

TASKS: tuple[Task, ...] = ("debate", "judge")
WITHIN = 1.0  # per cent

_SECTION = re.compile(r"<(\w+)>\n(?:.*?\n)??</\1>\n?", re.DOTALL)


def parts_of(request: Request) -> dict[str, str]:
    """Take a prompt apart at its sections.

    Returns:
        Text by name of the part, in their order; the system message is one of them, the first, and
        a line after the last section the last.
    """
    system, user = (message.content for message in request.messages)
    parts, end = {"system": system}, 0
    while end < len(user):
        found = _SECTION.match(user, end)
        if found is None:
            parts["last line"] = user[end:]
            break
        end = found.end()
        parts[found[1]] = found[0]
    return parts


class Orders:
    """All orders of the parts of some prompts.

    Args:
        prompts: The parts of each prompt, equally many.
        tokens: Splits texts.
    """

    def __init__(self, prompts: Sequence[Sequence[str]], tokens: WordTokens) -> None:
        # Numbered in the order of their tokens. No part of a prompt begins with the whole of
        # another one of its kind, for each ends as no text within it can; so prompts in the order
        # of the numbers of their parts are in the order of their tokens.
        kinds = range(len(prompts[0]))
        self._tokens: list[Tokens] = []
        columns: list[list[int]] = []
        for kind in kinds:
            texts = sorted({prompt[kind] for prompt in prompts}, key=tokens)
            number = {text: len(self._tokens) + k for k, text in enumerate(texts)}
            self._tokens += map(tokens, texts)
            columns.append([number[prompt[kind]] for prompt in prompts])
        self._prompts = list(zip(*columns, strict=True))
        self._total = sum(len(self._tokens[part]) for p in self._prompts for part in p)
        self._common = cache(self._common_prefix)

    def _common_prefix(self, a: int, b: int) -> int:
        return common_prefix(self._tokens[a], self._tokens[b])

    def nodes(self, order: Sequence[int]) -> int:
        """Return the nodes of the trie with the parts in some order."""
        ordered = sorted([tuple([prompt[k] for k in order]) for prompt in self._prompts])
        shared = 0
        for left, right in pairwise(ordered):
            for a, b in zip(left, right, strict=True):
                if a != b:
                    shared += self._common(a, b)
                    break
                shared += len(self._tokens[a])
        return self._total - shared

    def all(self) -> Iterator[tuple[tuple[int, ...], int]]:
        """Yield every order with its nodes; the order as it is comes first."""
        for order in permutations(range(len(self._prompts[0]))):
            yield order, self.nodes(order)


def order_figures(questions: Sequence[Question]) -> list[Figure]:
    """Return by how much the order of prompt parts is above the best of all orders.

    Args:
        questions: The questions of the equal work; the tournament is played on the first question
            of every second passage.
    """
    figures = []
    for name in ("equal work", "tournament"):
        model = ScriptedModel()
        if name == "equal work":
            jobs = list(equal_work(questions, model))
        else:
            first = {q.passage_id: q for q in reversed(questions)}
            jobs = list(tournament([*first.values()][::2][::-1], model))
        played = sum(record.outcome.kind == "verdict" for record in play(jobs))
        requests = [request for batch in model.requests for request in batch]
        ours = best = 0
        for task in TASKS:
            prompts = [parts_of(r) for r in requests if task_of(r.messages) == task]
            names = tuple(prompts[0])
            assert all(tuple(prompt) == names for prompt in prompts), "all have the same parts"
            counted = list(Orders([[*p.values()] for p in prompts], WordTokens()).all())
            own, (order, least) = counted[0][1], min(counted, key=lambda entry: entry[1])
            ours, best = ours + own, best + least
            print(
                f"  {name}, {played} debates, {task}: {own:,} nodes as it is; best of "
                f"{len(counted)} orders {least:,} ({own / least - 1:+.2%}): "
                + ", ".join(names[k] for k in order)
            )
        above = 100 * (ours / best - 1)
        figures.append(Figure(f"order of parts above the best, {name}", above, WITHIN, "%", 2))
    return figures
