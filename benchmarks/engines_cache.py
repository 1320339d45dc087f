"""A simulated engine: continuous batching over a prefix cache of blocks, in virtual steps.

Tokens are words and punctuation marks. The engine admits requests in the order submitted while
there is room, computes what its cache lacks of a prompt, and writes one token of every reply per
step; blocks that no request uses any more are forgotten least recently used first.
"""

from __future__ import annotations

import re
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Sequence
from itertools import chain, pairwise
from typing import NamedTuple

from debateqd.agents.models.base import Reply, Request

BLOCK = 16
CAPACITY = 400_000
MAX_RUNNING = 256
STEP_TOKENS = 8192  # of prompts, computed in one step

_TOKEN = re.compile(r"\w+|[^\w\s]")

Tokens = tuple[int, ...]


class WordTokens:
    """Turns texts into numbers of their words and punctuation marks; remembers what it has read."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._texts: dict[str, Tokens] = {}

    def __call__(self, text: str) -> Tokens:
        """Return the tokens of a text."""
        found = self._texts.get(text)
        if found is None:
            numbers = self._numbers
            found = tuple([numbers.setdefault(w, len(numbers)) for w in _TOKEN.findall(text)])
            self._texts[text] = found
        return found

    def prompt(self, request: Request) -> Tokens:
        """Return the tokens of a request's prompt."""
        return tuple(chain.from_iterable(self(m.content) for m in request.messages))


def trie_size(prompts: Sequence[Tokens]) -> int:
    """Return how many tokens must be computed at least: the nodes of the trie of all prompts."""
    ordered = sorted(prompts)
    shared = sum(common_prefix(a, b) for a, b in pairwise(ordered))
    return sum(map(len, ordered)) - shared


def common_prefix(a: Tokens, b: Tokens) -> int:
    """Return the length of the longest common prefix."""
    low, high = 0, min(len(a), len(b))
    if a[:high] == b[:high]:
        return high
    while low < high:  # the prefix of length low is common, that of length high + 1 is not
        middle = (low + high + 1) // 2
        if a[low:middle] == b[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


class BlockCache:
    """A prefix cache of full blocks; those in use are kept, others are forgotten oldest first.

    Args:
        capacity: Tokens that it holds, those of running replies included.
        block: Tokens of a block.
    """

    def __init__(self, capacity: int = CAPACITY, block: int = BLOCK) -> None:
        self.block = block
        self._blocks = capacity // block
        self._used: Counter[int] = Counter()
        self._free: OrderedDict[int, None] = OrderedDict()
        self._private = 0  # blocks that no prefix names: the ends of prompts, and replies

    def keys(self, prompt: Tokens) -> list[int]:
        """Name the full blocks of a prompt, each by everything up to its end."""
        found: list[int] = []
        size, key = self.block, 0
        for start in range(0, len(prompt) - size + 1, size):
            key = hash((key, prompt[start : start + size]))
            found.append(key)
        return found

    def hits(self, keys: Sequence[int], length: int) -> int:
        """Return how many leading blocks of a prompt are there; its last token never counts."""
        most, found = (length - 1) // self.block, 0
        for key in keys[:most]:
            if key not in self._used and key not in self._free:
                break
            found += 1
        return found

    def take(self, keys: Sequence[int], private: int) -> bool:
        """Put a prompt's blocks to use, and as many private ones; ``False`` without room."""
        new = sum(key not in self._used and key not in self._free for key in keys)
        idle = sum(key in self._free for key in keys)
        held = len(self._used) + self._private
        if held + idle + new + private > self._blocks:
            return False
        for key in keys:
            self._free.pop(key, None)
            self._used[key] += 1
        self._private += private
        while len(self._used) + self._private + len(self._free) > self._blocks:
            self._free.popitem(last=False)
        return True

    def give_back(self, keys: Sequence[int], private: int) -> None:
        """Take a prompt's blocks out of use; those at its end are forgotten first."""
        for key in reversed(keys):
            self._used[key] -= 1
            if not self._used[key]:
                del self._used[key]
                self._free[key] = None
        self._private -= private


class Computed(NamedTuple):
    """What became of one prompt.

    Attributes:
        tokens: Tokens of the prompt.
        cached: Those of them that the cache held.
        head: Tokens of its first message.
        name: Digest of that message; the same for all prompts on one passage.
    """

    tokens: int
    cached: int
    head: int
    name: int

    @property
    def head_computed(self) -> int:
        """Tokens of the first message that were computed."""
        return max(0, self.head - self.cached)


class _Running(NamedTuple):
    ticket: int
    reply: Reply
    ends: int
    keys: list[int]
    private: int


class SimulatedEngine:
    """A chat model whose replies take virtual steps.

    Args:
        tokens: Splits texts.
        answer: Makes the reply to a request.
        cache: Its prefix cache.

    Attributes:
        computed: What became of every prompt, in the order admitted.
        prompts: The prompts, in the same order.
        step: Steps taken.
    """

    name = "simulated"
    fingerprint = "simulated"

    def __init__(
        self,
        tokens: WordTokens,
        answer: Callable[[Request], Reply],
        cache: BlockCache | None = None,
    ) -> None:
        self.computed: list[Computed] = []
        self.prompts: list[Tokens] = []
        self.step = 0
        self._tokens = tokens
        self._answer = answer
        self._cache = cache or BlockCache()
        self._waiting: deque[tuple[int, Request]] = deque()
        self._running: list[_Running] = []
        self._left = 0  # tokens of prompts still to be computed, spread over steps

    def submit(self, tickets: Sequence[tuple[int, Request]]) -> None:
        """Put requests in line."""
        self._waiting.extend(tickets)

    def poll(self) -> list[tuple[int, Reply]]:
        """Take steps until a reply is finished."""
        while self._waiting or self._running:
            self.step += 1
            self._left = max(0, self._left - STEP_TOKENS)
            while (
                self._waiting
                and len(self._running) < MAX_RUNNING
                and self._left < STEP_TOKENS
                and self._admit(*self._waiting[0])
            ):
                self._waiting.popleft()
            assert self._running, "a request must fit into an empty engine"
            done = [r for r in self._running if r.ends <= self.step]
            if done:
                self._running = [r for r in self._running if r.ends > self.step]
                for running in done:
                    self._cache.give_back(running.keys, running.private)
                return [(running.ticket, running.reply) for running in done]
        return []

    def close(self) -> None:
        """Forget what is in line."""
        self._waiting.clear()
        self._running.clear()

    def _admit(self, ticket: int, request: Request) -> bool:
        cache, prompt = self._cache, self._tokens.prompt(request)
        keys, reply = cache.keys(prompt), self._answer(request)
        length = max(1, len(self._tokens(reply.text)))
        private = -(-(len(prompt) + length) // cache.block) - len(keys)
        hits = cache.hits(keys, len(prompt))
        if not cache.take(keys, private):
            return False
        head = request.messages[0].content
        cached = hits * cache.block
        self.computed.append(Computed(len(prompt), cached, len(self._tokens(head)), hash(head)))
        self.prompts.append(prompt)
        self._left += len(prompt) - cached
        ends = self.step + self._left // STEP_TOKENS + length
        self._running.append(_Running(ticket, reply, ends, keys, private))
        return True
