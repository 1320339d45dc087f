"""Cost of a debate outside the model: ``python benchmarks/rollout.py``.

Plays debates of two rounds between distinct strategies, judged in both answer orders, with a model
that answers at once; the time spent inside that model is subtracted. Passages have about 30,000
characters and are shared by 40 debates each; speeches have about 100 words. Two rows: speeches
without quotes, and speeches with two quotes of 12 words each, which the environment looks up in the
passage.

A bound of 300 microseconds per debate is checked on the first row (``--check``).
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import pstats
import random
import resource
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from debate_env.core.settings import DebateSettings
from debate_env.questions.question import Question
from debateqd.agents.debater import StrategyDebater
from debateqd.agents.judge import ModelJudge
from debateqd.agents.models.base import Reply, Request, Usage
from debateqd.agents.rollout import DebateJob, play

BOUND = 300.0  # microseconds per debate
PASSAGE_CHARS = 30_000
SHARED_BY = 40
SPEECH_WORDS = 100
QUOTE_CHARS = 70

_ONSETS = ("b", "br", "d", "f", "g", "gl", "h", "k", "l", "m", "n", "p", "r", "s", "st", "t", "v")
_VOWELS = ("a", "e", "i", "o", "u", "ai", "ea", "ou")
_CODAS = ("", "n", "r", "s", "l", "nd", "t", "m")


class InstantModel:
    """Answers at once with a fresh text per request, and keeps time of it.

    Attributes:
        seconds: Time spent in here.
        requests: Requests answered.
    """

    name = "instant"
    fingerprint = "instant"

    def __init__(self, speeches: Sequence[str], *, quotes: bool) -> None:
        self.seconds = 0.0
        self.requests = 0
        self._speeches = speeches
        self._quotes = quotes
        self._done: list[tuple[int, Reply]] = []
        self._verdict = Reply("A", usage=Usage(500, 1), probabilities=(0.7, 0.3))

    def submit(self, tickets: Sequence[tuple[int, Request]]) -> None:
        """Answer requests."""
        begun = time.perf_counter()
        for ticket, request in tickets:
            self._done.append((ticket, self._verdict if request.choices else self._say(request)))
        self.requests += len(tickets)
        self.seconds += time.perf_counter() - begun

    def _say(self, request: Request) -> Reply:
        number = request.seed
        text = self._speeches[number % len(self._speeches)]
        if self._quotes:
            source = request.messages[0].content
            for k in (1, 2):
                start = source.find(" ", 1000 + number * k % (PASSAGE_CHARS - 2000)) + 1
                end = source.find(" ", start + QUOTE_CHARS)
                text = f"{text} As it says, <quote>{source[start:end]}</quote>."
        return Reply(f"{text} {number}", usage=Usage(8000, 130))

    def poll(self) -> list[tuple[int, Reply]]:
        """Return every reply not handed out yet."""
        done, self._done = self._done, []
        return done

    def close(self) -> None:
        """Forget replies."""
        self._done.clear()


def vocabulary(draw: random.Random, size: int = 3000) -> list[str]:
    """Make words of one to three syllables."""

    def syllable() -> str:
        return draw.choice(_ONSETS) + draw.choice(_VOWELS) + draw.choice(_CODAS)

    return ["".join(syllable() for _ in range(draw.choice((1, 1, 2, 2, 3)))) for _ in range(size)]


def prose(draw: random.Random, words: Sequence[str], number: int) -> str:
    """Write sentences of about 15 words."""
    text = draw.choices(words, k=number)
    for end in range(14, number, 15):
        text[end] += "."
    return " ".join(text)


def make_questions(draw: random.Random, words: Sequence[str], debates: int) -> list[Question]:
    """Make one question per passage, as many as the debates need."""
    per_word = 1 + sum(map(len, words)) / len(words)
    return [
        Question(
            f"q{i}",
            f"p{i}",
            prose(draw, words, int(PASSAGE_CHARS / per_word))[:PASSAGE_CHARS],
            f"Why did the {draw.choice(words)} leave the {draw.choice(words)}?",
            (prose(draw, words, 7) + "x", prose(draw, words, 7) + "y"),
            i % 2,
        )
        for i in range(-(-debates // SHARED_BY))
    ]


def jobs(
    questions: Sequence[Question], strategies: Sequence[str], model: InstantModel, debates: int
) -> Iterator[DebateJob]:
    """Yield the debates, ordered by passage; no two debaters share a strategy."""
    settings = DebateSettings(rounds=2)
    judge = ModelJudge(model)
    for i in range(debates):
        yield DebateJob(
            str(i),
            questions[i // SHARED_BY],
            {
                "debater_0": StrategyDebater(model, strategies[2 * i]),
                "debater_1": StrategyDebater(model, strategies[2 * i + 1]),
                "judge_0": judge,
            },
            i,
            settings,
            swap=bool(i & 1),
        )


def measure(batch: Sequence[DebateJob], model: InstantModel) -> tuple[float, float]:
    """Play once.

    Returns:
        Microseconds per debate outside the model, and inside it.
    """
    gc.collect()
    model.seconds = 0.0
    begun = time.perf_counter()
    played = sum(record.outcome.kind == "verdict" for record in play(batch))
    total = time.perf_counter() - begun
    assert played == len(batch), "every debate of the benchmark must reach its verdict"
    scale = 1e6 / len(batch)
    return (total - model.seconds) * scale, model.seconds * scale


def shares(batch: Sequence[DebateJob]) -> list[tuple[str, float]]:
    """Profile one run; return the share of time by part, the model left out."""
    profile = cProfile.Profile()
    profile.enable()
    for _ in play(batch):
        pass
    profile.disable()
    spent: Counter[str] = Counter()

    def part(path: str) -> str | None:
        for folder in ("agents", "debate_env"):
            if f"/{folder}/" in path:
                return f"{folder}/{Path(path).name}"
        return None

    stats = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    for (path, _, _), (_, _, own, _, callers) in stats.items():
        if part(path):
            spent[part(path) or ""] += own
            continue
        for (caller, _, _), (_, _, by_caller, _) in callers.items():  # built-ins: by who calls
            if part(caller):
                spent[part(caller) or ""] += by_caller
    total = sum(spent.values())
    return [(name, value / total) for name, value in spent.most_common(8)]


def main() -> int:
    """Print the table; with ``--check`` return 1 when the bound does not hold."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--debates", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--check", action="store_true", help=f"fail above {BOUND:.0f} us a debate")
    options = parser.parse_args()
    draw = random.Random(0)
    words = vocabulary(draw)
    questions = make_questions(draw, words, options.debates)
    strategies = [f"{prose(draw, words, 40)} {i}" for i in range(2 * options.debates)]
    speeches = [prose(draw, words, SPEECH_WORDS - 1) for _ in range(512)]
    short = [prose(draw, words, SPEECH_WORDS - 34) for _ in range(512)]
    print(
        f"{options.debates} debates, 2 rounds, both judge orders, {len(questions)} passages of "
        f"{PASSAGE_CHARS} characters, median of {options.repeats} repeats"
    )
    print("speeches            outside the model (min..max)    inside   requests  peak memory")
    first = 0.0
    for title, texts, quotes in (("without quotes", speeches, False), ("two quotes", short, True)):
        model = InstantModel(texts, quotes=quotes)
        batch = list(jobs(questions, strategies, model, options.debates))
        gc.freeze()  # the prepared inputs are not the scheduler's to be swept again and again
        runs = [measure(batch, model) for _ in range(options.repeats)]
        outside = [run[0] for run in runs]
        median = statistics.median(outside)
        first = first or median
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"{title:<16} {median:9.1f} us ({min(outside):.1f}..{max(outside):.1f})"
            f"{statistics.median(run[1] for run in runs):12.1f} us"
            f"{model.requests // options.repeats:11d}{peak:9.0f} MiB"
        )
        print("  " + ", ".join(f"{name} {share:.0%}" for name, share in shares(batch[:2000])))
    if options.check and first > BOUND:
        print(f"above the bound of {BOUND:.0f} us a debate", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
