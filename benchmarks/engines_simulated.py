"""A simulated engine: continuous batching over a prefix cache of blocks, in virtual time.

Tokens are words and punctuation marks. The engine admits requests in the order submitted while
there is room, computes what its cache lacks of a prompt, one prompt after another, and then writes
its reply at a fixed pace; blocks that no request uses any more are forgotten least recently used
first.
"""

from __future__ import annotations

import heapq
import re
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Sequence
from itertools import chain, pairwise
from math import inf
from typing import NamedTuple

from debateqd.agents.models.base import Reply, Request

BLOCK = 16
CAPACITY = 400_000
MAX_RUNNING = 256
PREFILL = 20_000.0  # tokens of prompts a second, all together
DECODE = 50.0  # tokens of a reply a second, each

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
    ends: float
    ticket: int
    reply: Reply
    keys: list[int]
    private: int


class SimulatedEngine:
    """A chat model whose replies take virtual time.

    Args:
        answer: Makes the reply to a request.
        tokens: Splits texts.
        cache: Its prefix cache.
        slowness: How many times longer the reply to a request takes than others of its length.

    Attributes:
        now: Seconds of virtual time.
        computed: What became of every prompt, in the order admitted.
        prompts: The prompts, in the same order.
    """

    name = "simulated"
    fingerprint = "simulated"

    def __init__(
        self,
        answer: Callable[[Request], Reply],
        tokens: WordTokens | None = None,
        cache: BlockCache | None = None,
        slowness: Callable[[Request], float] = lambda request: 1.0,
    ) -> None:
        self.now = 0.0
        self.computed: list[Computed] = []
        self.prompts: list[Tokens] = []
        self._answer = answer
        self._tokens = tokens or WordTokens()
        self._cache = cache or BlockCache()
        self._slowness = slowness
        self._waiting: deque[tuple[int, Request]] = deque()
        self._running: list[_Running] = []  # a heap
        self._free_at = 0.0  # when all prompts that were admitted are computed

    def submit(self, tickets: Sequence[tuple[int, Request]]) -> None:
        """Put requests in line, now."""
        self._waiting.extend(tickets)
        self._admit()

    def poll(self, until: float = inf) -> list[tuple[int, Reply]]:
        """Let time pass until a reply is finished, or until some moment.

        Returns:
            The replies that are finished at that very moment.
        """
        assert self._running or not self._waiting, "a request must fit into an empty engine"
        if not self._running or self._running[0].ends > until:
            self.now = max(self.now, until) if until < inf else self.now
            return []
        self.now, done = self._running[0].ends, []
        while self._running and self._running[0].ends <= self.now:
            running = heapq.heappop(self._running)
            self._cache.give_back(running.keys, running.private)
            done.append((running.ticket, running.reply))
        self._admit()
        return done

    def close(self) -> None:
        """Forget what is in line."""
        self._waiting.clear()
        self._running.clear()

    def _admit(self) -> None:
        cache = self._cache
        while self._waiting and len(self._running) < MAX_RUNNING:
            ticket, request = self._waiting[0]
            prompt, reply = self._tokens.prompt(request), self._answer(request)
            keys, length = cache.keys(prompt), max(1, len(self._tokens(reply.text)))
            private = -(-(len(prompt) + length) // cache.block) - len(keys)
            cached = cache.hits(keys, len(prompt)) * cache.block
            if not cache.take(keys, private):
                return
            self._waiting.popleft()
            head = request.messages[0].content
            self.computed.append(Computed(len(prompt), cached, len(self._tokens(head)), hash(head)))
            self.prompts.append(prompt)
            self._free_at = max(self.now, self._free_at) + (len(prompt) - cached) / PREFILL
            ends = self._free_at + length * self._slowness(request) / DECODE
            heapq.heappush(self._running, _Running(ends, ticket, reply, keys, private))
