"""Equal work: what our scheduler and client make of an engine, beside a bare schedule of the same.

64 debates on 8 long stories, 4 questions on each, in two seatings with the answers exchanged and
other strategies; 3 simultaneous rounds, speeches of about 100 words. They are played on a simulated
engine in virtual time: by the project's scheduler through the queue of its client, and by a bare
schedule that holds nothing back. Where the client holds requests back or mixes up stories, it takes
longer or has more prompts computed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from engines_orders import order_figures
from engines_simulated import BLOCK, CAPACITY, Computed, SimulatedEngine, WordTokens, trie_size
from engines_table import Figure
from engines_workload import ScriptedModel, equal_work, fixed_questions, scripted_reply

from debate_env.draws import Draws, digest
from debate_env.questions.question import Question
from debateqd.agents.models.base import Reply, Request
from debateqd.agents.models.openai.queue import Job, Queue, Sent
from debateqd.agents.models.openai.worker import shared_prefix
from debateqd.agents.models.options import OpenAIOptions
from debateqd.agents.rollout import DebateJob, play

COMPUTED = 1.10
"""Most computed prompt tokens, times those of the bare schedule."""

SLOWER = 1 / 0.95
"""Most time, times that of the bare schedule: 0.95 of its debates per second."""

PASSAGE_TIMES = 1.1
SLOW_SHARE, SLOW_FACTOR = 0.05, 10.0

Debate = Sequence[Sequence[Request]]
"""Requests by wave; a wave waits for all replies of the one before."""


class QueuedModel:
    """A simulated engine behind the queue of our client, without its network.

    Args:
        engine: The engine.
    """

    name = "queued"
    fingerprint = "queued"

    def __init__(self, engine: SimulatedEngine) -> None:
        self._engine = engine
        self._queue = Queue(["http://simulated/v1"], OpenAIOptions())
        self._sent: dict[int, Sent] = {}

    def submit(self, tickets: Sequence[tuple[int, Request]]) -> None:
        """Put requests in line and send what may be sent."""
        for ticket, request in tickets:
            self._queue.add(Job(ticket, shared_prefix(request), request))
        self._send()

    def poll(self) -> list[tuple[int, Reply]]:
        """Let time pass until there is a reply."""
        while self._sent or self._queue.waiting:
            found = self._engine.poll(self._queue.wake(self._engine.now))
            for ticket, _ in found:
                self._queue.good(self._sent.pop(ticket))
            self._send()
            if found:
                return found
        return []

    def close(self) -> None:
        """Nothing to do."""

    def _send(self) -> None:
        while (sent := self._queue.next(self._engine.now)) is not None:
            self._sent[sent.job.order] = sent
            self._engine.submit([(sent.job.order, sent.job.load)])


def debates_of(jobs: Sequence[DebateJob], model: ScriptedModel) -> Iterator[Debate]:
    """Yield what each debate will ask, for replies depend on the request alone."""
    for job in jobs:
        model.requests.clear()
        (record,) = play([job])
        assert record.outcome.kind == "verdict", "every debate must reach its verdict"
        yield [wave for wave in model.requests if wave]


def bare_schedule(debates: Sequence[Debate], engine: SimulatedEngine) -> None:
    """Begin all debates at once, story by story, and ask everything as soon as it may be asked."""
    at_wave, missing = [0] * len(debates), [0] * len(debates)
    owner: list[int] = []

    def ask(debate: int) -> None:
        wave = debates[debate][at_wave[debate]]
        missing[debate] = len(wave)
        engine.submit(list(enumerate(wave, len(owner))))
        owner.extend([debate] * len(wave))

    for debate in range(len(debates)):
        ask(debate)
    while done := engine.poll():
        for ticket, _ in done:
            debate = owner[ticket]
            missing[debate] -= 1
            if not missing[debate]:
                at_wave[debate] += 1
                if at_wave[debate] < len(debates[debate]):
                    ask(debate)


def slow_ones(request: Request) -> float:
    """Say which replies take longer, by the request alone."""
    texts = [message.content for message in request.messages]
    slow = Draws(digest(*texts, str(request.seed))).uniform() < SLOW_SHARE
    return SLOW_FACTOR if slow else 1.0


@dataclass(frozen=True)
class Work:
    """What a workload cost.

    Attributes:
        debates: Debates played.
        seconds: Virtual time that they took.
        requests: Prompts.
        prompt_tokens: Tokens of all prompts.
        trie: Nodes of their trie: what must be computed at least.
        computed: Tokens that the engine computed.
        passage_times: How often the passage that fared worst was computed.
    """

    debates: int
    seconds: float
    requests: int
    prompt_tokens: int
    trie: int
    computed: int
    passage_times: float


def passage_times(prompts: Sequence[Computed]) -> float:
    """Return how often the passage that fared worst was computed.

    First messages that are less than half as long as the longest one hold no passage.
    """
    spent: Counter[int] = Counter()
    heads: dict[int, int] = {}
    for prompt in prompts:
        spent[prompt.name] += prompt.head_computed
        heads[prompt.name] = prompt.head
    least = max(heads.values()) / 2
    return max(spent[name] / head for name, head in heads.items() if head >= least)


def work_of(engine: SimulatedEngine, debates: int) -> Work:
    """Sum up what an engine did."""
    computed = engine.computed
    return Work(
        debates,
        engine.now,
        len(computed),
        sum(prompt.tokens for prompt in computed),
        trie_size(engine.prompts),
        sum(prompt.tokens - prompt.cached for prompt in computed),
        passage_times(computed),
    )


def ours_and_bare(
    questions: Sequence[Question],
    *,
    both_orders: bool = True,
    slowness: Callable[[Request], float] = lambda request: 1.0,
) -> tuple[Work, Work]:
    """Play the workload by our scheduler and client, and by the bare schedule.

    Args:
        questions: The questions, ordered by passage.
        both_orders: Whether the judge is asked in both answer orders.
        slowness: How many times longer the reply to a request takes.
    """
    tokens = WordTokens()
    engine = SimulatedEngine(scripted_reply, tokens, slowness=slowness)
    jobs = list(equal_work(questions, QueuedModel(engine), both_orders=both_orders))
    played = sum(record.outcome.kind == "verdict" for record in play(jobs))
    assert played == len(jobs), "every debate of the benchmark must reach its verdict"
    bare = SimulatedEngine(scripted_reply, tokens, slowness=slowness)
    model = ScriptedModel()
    alone = list(equal_work(questions, model, both_orders=both_orders))
    bare_schedule(list(debates_of(alone, model)), bare)
    return work_of(engine, len(jobs)), work_of(bare, len(jobs))


def equal() -> list[Figure]:
    """Return the figures of equal work, and of the order of prompt parts."""
    questions, source = fixed_questions()
    figures = []
    for title, both_orders, slowness in (
        ("one judge order", False, lambda request: 1.0),
        ("both judge orders", True, lambda request: 1.0),
        ("one reply in 20 ten times slower", True, slow_ones),
    ):
        ours, bare = ours_and_bare(questions, both_orders=both_orders, slowness=slowness)
        print(
            f"equal, {title}: {ours.debates} debates on {source}, {ours.requests} prompts of "
            f"{ours.prompt_tokens:,} tokens (trie: {ours.trie:,}), cache of {CAPACITY:,} in blocks "
            f"of {BLOCK}; computed {ours.computed:,} and bare {bare.computed:,}; "
            f"{ours.debates / ours.seconds:.2f} and bare {bare.debates / bare.seconds:.2f} "
            "debates per simulated second"
        )
        assert (ours.requests, ours.trie) == (bare.requests, bare.trie), "the same work"
        figures += [
            Figure(f"{title}: computed a debate", ours.computed / ours.debates),
            Figure(
                f"{title}: computed, to bare", ours.computed / bare.computed, COMPUTED, "times", 3
            ),
            Figure(f"{title}: time, to bare", ours.seconds / bare.seconds, SLOWER, "times", 3),
            Figure(
                f"{title}: a passage computed, worst",
                ours.passage_times,
                PASSAGE_TIMES,
                "times",
                3,
            ),
        ]
    return figures + order_figures(questions)
