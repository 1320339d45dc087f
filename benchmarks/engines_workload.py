"""What the benchmark of engines plays: fixed questions, debates and replies, made from a seed.

Passages are generated prose of the length of a QuALITY story; where the variable ``DEBATEQD_DATA``
names a folder with real ones, those can be taken instead.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import cycle
from pathlib import Path
from typing import Any

from debate_env.agent import Agent
from debate_env.core.settings import DebateSettings
from debate_env.questions.question import Question
from debate_env.questions.sources import load_questions
from debateqd.agents.base import Decision, ThinkingAgent, Thought, Turn, derive_seed
from debateqd.agents.debater import StrategyDebater
from debateqd.agents.judge import JUDGE_SAMPLING, ModelJudge
from debateqd.agents.models.base import ChatModel, Reply, Request, Usage
from debateqd.agents.prompts import LETTERS, asks_credence, judge_messages, listed_answers, task_of
from debateqd.agents.rollout import DebateJob
from debateqd.agents.verdicts import DEFAULT_VERDICT, VerdictSettings
from debateqd.qd.seeds import seed_strategies
from debateqd.qd.selection.pairing import Situation, Standings, Swiss

PASSAGES = 8
QUESTIONS_PER_PASSAGE = 4
ROUNDS = 3
PASSAGE_WORDS = 6_500
SPEECH_WORDS = (90, 110)
REAL = "quality2opt_dev40.jsonl.gz"
"""Name of the file of real stories in the folder that ``DEBATEQD_DATA`` names."""

SETTINGS = DebateSettings(rounds=ROUNDS)


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_NAMES = _words(
    "Arlen Bettina Corvin Delphine Edmund Farrah Gideon Hester Ilse Jarvis Katya Lowell Mireille "
    "Norris Odette Percy Quentin Rosalind Silas Thea Ulric Verity Winslow Yvette"
)
_NOUNS = _words(
    "harbour lantern captain engine garden letter station corridor machine mountain window river "
    "signal officer doctor village bridge kitchen market painter teacher wagon shadow answer "
    "promise reason silence journey winter morning question colony pilot hammer notebook ceiling "
    "valley stranger weather furnace ladder orchard railway supper telescope"
)
_ADJECTIVES = _words(
    "quiet broken narrow patient yellow distant careful ancient hollow sudden gentle crooked "
    "stubborn empty bitter steady curious frozen faithful heavy wooden polite restless"
)
_VERBS = _words(
    "opened watched carried answered crossed followed remembered repaired counted forgot painted "
    "ignored measured borrowed defended described examined finished gathered lifted noticed "
    "ordered refused searched studied warned"
)
_ADVERBS = _words("slowly twice again already almost always barely never often once perhaps still")
_LINKS = _words("and but while because although until before after")


def prose(draw: random.Random, number: int) -> str:
    """Write sentences of plain English words, ``number`` words in all.

    Args:
        draw: Makes the choices.
        number: Words to write.
    """
    words: list[str] = []
    while len(words) < number:
        words += _sentence(draw)
    text = " ".join(words[:number])
    return text if text[-1] in ".?" else text.rstrip(",") + "."


def _sentence(draw: random.Random) -> list[str]:
    subject = draw.choice(_NAMES) if draw.random() < 0.5 else f"The {draw.choice(_NOUNS)}"
    first = f"{subject} {draw.choice(_ADVERBS)} {draw.choice(_VERBS)} {_thing(draw)},"
    second = f"{draw.choice(_LINKS)} {_thing(draw)} {draw.choice(_VERBS)} {_thing(draw)}."
    return f"{first} {second}".split()


def _thing(draw: random.Random) -> str:
    return f"the {draw.choice(_ADJECTIVES)} {draw.choice(_NOUNS)}"


def make_questions(
    passages: int = PASSAGES,
    per_passage: int = QUESTIONS_PER_PASSAGE,
    *,
    words: int = PASSAGE_WORDS,
    chars: int | None = None,
    seed: int = 0,
) -> list[Question]:
    """Make questions on generated passages, ordered by passage.

    Args:
        passages: Number of passages.
        per_passage: Questions on each.
        words: Words of a passage.
        chars: Characters to cut passages to.
        seed: Another seed, other texts.
    """
    found = []
    for number in range(passages):
        draw = random.Random(derive_seed("benchmark passage", seed, number))
        passage = prose(draw, words)[:chars]
        for k in range(per_passage):
            question = f"Why did {draw.choice(_NAMES)} leave {_thing(draw)} near {_thing(draw)}?"
            answers = tuple(
                f"Because {_thing(draw)} {draw.choice(_VERBS)} {_thing(draw)}" for _ in range(2)
            )
            found.append(
                Question(f"q{number}-{k}", f"p{number}", passage, question, answers, k % 2)
            )
    return found


def real_questions() -> list[Question] | None:
    """Return questions on the first real stories that have enough; ``None`` without them."""
    folder = os.environ.get("DEBATEQD_DATA")
    if not folder or not (Path(folder) / REAL).is_file():
        return None
    questions = load_questions(f"quality:{Path(folder) / REAL}")
    number = Counter(question.passage_id for question in questions)
    chosen = [p for p, n in number.items() if n >= QUESTIONS_PER_PASSAGE][:PASSAGES]
    return [
        question
        for passage in chosen
        for question in [q for q in questions if q.passage_id == passage][:QUESTIONS_PER_PASSAGE]
    ]


def fixed_questions() -> tuple[list[Question], str]:
    """Return the questions of the prefill workload, and what they are."""
    real = real_questions()
    if real is not None:
        return real, "real stories"
    return make_questions(), "generated passages"


def equal_work(
    questions: Sequence[Question],
    model: ChatModel,
    *,
    rounds: int = ROUNDS,
    both_orders: bool = True,
    verdict: VerdictSettings = DEFAULT_VERDICT,
) -> Iterator[DebateJob]:
    """Yield two debates per question, with the answers exchanged and other strategies.

    Args:
        questions: The questions, ordered by passage.
        model: Answers for debaters and judge.
        rounds: Rounds of speeches.
        both_orders: Whether the judge is asked in both answer orders.
        verdict: How verdicts are obtained.
    """
    texts = cycle(s.text for s in seed_strategies())
    for question in questions:
        for swap in (False, True):
            name = f"{question.question_id}/{int(swap)}"
            pair = (next(texts), next(texts))
            job = make_job(name, question, *pair, model, rounds=rounds, verdict=verdict)
            if not both_orders:
                job = replace(job, agents={**job.agents, "judge_0": OneOrderJudge(model)})
            yield replace(job, swap=swap)


def tournament(questions: Sequence[Question], model: ChatModel) -> Iterator[DebateJob]:
    """Yield one Swiss round of the 35 seeds, all pairs on the same questions, in both seats.

    Args:
        questions: The questions, ordered by passage.
        model: Answers for debaters and judge.
    """
    texts = {s.strategy_id: s.text for s in seed_strategies()}
    situation = Situation(Standings(tuple(texts)), questions)
    pairs = [(c.first, c.second) for c in next(Swiss().rounds(situation, 0)).contests]
    for question in questions:
        for pair in pairs:
            for seats in (pair, pair[::-1]):
                name = f"{question.question_id}/{'/'.join(seats)}"
                yield make_job(name, question, texts[seats[0]], texts[seats[1]], model)


class OneOrderJudge:
    """A judge that is asked once, as other systems ask; only to compare what that costs."""

    def __init__(self, model: ChatModel) -> None:
        self.model = model

    def think(self, observation: Mapping[str, Any], turn: Turn) -> Thought[Decision]:
        """Ask for a verdict in the presented order of answers."""
        n = len(observation["answers"])
        messages = judge_messages(observation, range(n))
        (reply,) = yield [Request(messages, JUDGE_SAMPLING, turn.request_seed(), ("A", "B"))]
        return Decision(reply.probabilities)


def make_job(
    name: str,
    question: Question,
    first: str,
    second: str,
    model: ChatModel,
    *,
    rounds: int = ROUNDS,
    verdict: VerdictSettings = DEFAULT_VERDICT,
) -> DebateJob:
    """Make one debate between two strategies; its seed derives from its name."""
    agents: dict[str, Agent | ThinkingAgent] = {
        "debater_0": StrategyDebater(model, first),
        "debater_1": StrategyDebater(model, second),
        "judge_0": ModelJudge(model, verdict=verdict),
    }
    seed = derive_seed("benchmark debate", name)
    return DebateJob(name, question, agents, seed, DebateSettings(rounds=rounds))


@lru_cache(maxsize=8192)
def _speech(seed: int) -> str:
    draw = random.Random(seed)
    return prose(draw, draw.randint(*SPEECH_WORDS))


def scripted_reply(request: Request) -> Reply:
    """Answer a request of this project: a speech of about 100 words, or a verdict."""
    if task_of(request.messages) == "debate":
        return Reply(_speech(request.seed), usage=Usage(8000, 130))
    user = request.messages[1].content
    letters = LETTERS[: len(listed_answers(user))]
    if asks_credence(user):
        share = 100 // len(letters)
        stated = [100 - share * (len(letters) - 1)] + [share] * (len(letters) - 1)
        pairs = ", ".join(f'"{a}": {p}' for a, p in zip(letters, stated, strict=True))
        return Reply(f"{{{pairs}}}", usage=Usage(800, 12))
    return Reply("A", usage=Usage(800, 1), probabilities=(1 / len(letters),) * len(letters))


class ScriptedModel:
    """Answers at once, and keeps every request in the order submitted.

    Attributes:
        requests: What was asked, by batch: everything that was submitted before one ``poll``.
    """

    name = "scripted"
    fingerprint = "scripted"

    def __init__(self) -> None:
        self.requests: list[list[Request]] = []
        self._done: list[tuple[int, Reply]] = []
        self._open: list[Request] = []

    def submit(self, tickets: Sequence[tuple[int, Request]]) -> None:
        """Answer requests; :meth:`poll` hands the replies out."""
        for ticket, request in tickets:
            self._open.append(request)
            self._done.append((ticket, scripted_reply(request)))

    def poll(self) -> list[tuple[int, Reply]]:
        """Return every reply not handed out yet, and begin a new batch."""
        self.requests.append(self._open)
        done, self._done, self._open = self._done, [], []
        return done

    def close(self) -> None:
        """Forget replies."""
        self._done.clear()
