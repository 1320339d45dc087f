"""Generated passages with known evidence: an unlimited supply of questions.

Every passage is a small chronicle of an invented place. Each question asks for one detail of one
event. Its two answers are two fillers drawn alike from the same bank, and a coin decides which is
true *before* anything is written, so that question and answers alone carry no information. The
passage then states the true one (the evidence), and mentions the wrong one in other connections
(the decoys: hearsay, another event, an earlier plan).

``difficulty`` from 0 to 1 sets how far the evidence's wording is from the question's, how many
decoys there are and how close to the question they come, and how often the evidence takes two
sentences.

Passage number ``i`` depends on the seed and ``i`` alone: a longer set starts with the shorter one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from debate_env.draws import Draws
from debate_env.errors import InputError
from debate_env.questions.question import Question, QuestionSet
from debate_env.questions.synthetic_scene import BANKS, WORDS, Scene, filler, invented_name, surname

MAX_QUESTIONS = 12

Forms = tuple[str, ...]
"""A verb: past, participle, base form."""

THINGS, EVENTS, OUTCOMES = (
    tuple(tuple(line.split("|")) for line in WORDS[name])
    for name in ("things", "events", "outcomes")
)
VERBS = tuple(tuple(tuple(f.split("/")) for f in line.split("|")) for line in WORDS["verbs"])
BITS = {name: tuple(words.split("|")) for name, words in WORDS["bits"].items()}
KINDS: Mapping[str, Mapping[str, Any]] = WORDS["kinds"]


def synthetic_questions(
    passages: int,
    *,
    words: int = 350,
    difficulty: float = 0.5,
    questions_per_passage: int = 2,
    seed: int = 0,
) -> QuestionSet:
    """Generate passages and questions about them.

    Args:
        passages: Number of passages, from 1.
        words: Length of each passage in words, about; at least what its facts take.
        difficulty: From 0 (evidence in the question's words) to 1.
        questions_per_passage: From 1 to 12.
        seed: The same seed gives the same text.

    Returns:
        The questions, passage by passage; ``metadata["evidence"]`` lists the sentences that state
        the correct answer, ``metadata["decoys"]`` those that mention the wrong one, each verbatim.
    """
    per = questions_per_passage
    for option, fine, allowed in (
        (f"{passages=}", passages >= 1, "a whole number from 1"),
        (f"{words=}", words >= 1, "a whole number from 1"),
        (f"{difficulty=}", 0.0 <= difficulty <= 1.0, "0 to 1"),
        (f"{questions_per_passage=}", 1 <= per <= MAX_QUESTIONS, f"1 to {MAX_QUESTIONS}"),
        (f"{seed=}", seed >= 0, "a whole number from 0"),
    ):
        if not fine:
            raise InputError(f"synthetic: {option}; allowed: {allowed}")
    return QuestionSet(
        question
        for number in range(passages)
        for question in _passage(number, words, difficulty, questions_per_passage, seed)
    )


def _passage(number: int, words: int, difficulty: float, count: int, seed: int) -> list[Question]:
    # Separate streams: another length keeps the facts, another difficulty keeps the place.
    key = f"debateqd synthetic 1|{seed}|{number}|"
    scene = Scene.draw(Draws(f"{key}setting".encode()))
    facts = draw_facts(Draws(f"{key}facts".encode()), scene, count, difficulty)
    passage = _write(Draws(f"{key}text".encode()), scene, facts, words)
    passage_id = f"synthetic-{seed}-{number:05d}"
    return [
        Question(
            question_id=f"{passage_id}-q{index + 1}",
            passage_id=passage_id,
            passage=passage,
            question=fact.question,
            answers=fact.answers,
            label=fact.label,
            source="synthetic",
            metadata={
                "evidence": list(fact.evidence),
                "decoys": list(fact.decoys),
                "kind": fact.kind,
                "difficulty": difficulty,
            },
        )
        for index, fact in enumerate(facts)
    ]


def _write(draws: Draws, scene: Scene, facts: list[Fact], words: int) -> str:
    """Mix evidence, decoys and filler into paragraphs of about the wanted length."""
    # A block stays together: evidence in two sentences must not be torn apart.
    blocks = [" ".join(f.evidence) for f in facts]
    blocks += [sentence for f in facts for sentence in (*f.decoys, *f.mentions)]
    opening = scene.opening(draws)
    length = sum(len(b.split()) for b in (opening, *blocks))
    seen = {opening, *blocks}
    repeats = 0
    while length < words:
        sentence = filler(draws, scene)
        # Very long passages run out of new sentences in the end; some repetition is no harm then.
        if sentence in seen and repeats < 1000:
            repeats += 1
            continue
        seen.add(sentence)
        blocks.append(sentence)
        length += len(sentence.split())
    paragraphs: list[list[str]] = [[opening]]
    room = 3 + draws.below(4)
    for block in draws.shuffle(blocks):
        if len(paragraphs[-1]) >= room:
            paragraphs.append([])
            room = 3 + draws.below(4)
        paragraphs[-1].append(block)
    return "\n\n".join(" ".join(p) for p in paragraphs)


# --- facts: one event each, its question, evidence and decoys ------------------------------------
# Every concept (a verb, a thing, an event) has several wordings. The question uses one; how often
# the evidence and the decoys use the same is what makes a question easy or hard.


@dataclass(frozen=True, slots=True)
class Fact:
    """One question with all that the passage says about it.

    Attributes:
        kind: What the question asks for, e.g. ``"person"``.
        label: Index of the true one.
        evidence: One or two neighbouring sentences that state the true answer.
        decoys: Sentences that mention the wrong answer in another connection.
        mentions: Sentences that mention either answer in passing.
    """

    kind: str
    question: str
    answers: tuple[str, str]
    label: int
    evidence: tuple[str, ...]
    decoys: tuple[str, ...]
    mentions: tuple[str, ...]


def draw_facts(draws: Draws, scene: Scene, count: int, difficulty: float) -> list[Fact]:
    """Draw ``count`` facts, at most 12, about different things; the scene has the witnesses."""
    kinds: list[str] = []
    while len(kinds) < count:
        kinds += draws.shuffle(tuple(KINDS))
    things = draws.sample(THINGS, 2 * count)
    events = draws.sample(EVENTS, min(2 * count, len(EVENTS)))
    used: set[str] = set()
    facts = []
    for number, kind in enumerate(kinds[:count]):
        bank = events if kind == "cause" else things
        own, other = bank[2 * number % len(bank)], bank[(2 * number + 1) % len(bank)]
        facts.append(_fact(draws, scene, kind, own, other, difficulty, used))
    return facts


def _fact(
    draws: Draws,
    scene: Scene,
    kind: str,
    own: Sequence[str],
    other: Sequence[str],
    difficulty: float,
    used: set[str],
) -> Fact:
    first, second = fillers = _fillers(draws, kind, used)
    # The coin falls before anything is written: both fillers are alike up to here.
    label = draws.below(2)
    true, wrong = fillers[label], fillers[1 - label]
    name, elsewhere = surname(draws), surname(draws)
    actions, others = _actions(draws, kind)
    asked = _Wording(name, own, actions, draws.below(len(own)), draws.below(len(actions)))
    worded = KINDS[kind]
    evidence_wording = asked.reworded(draws, 0.05 + 0.5 * difficulty, 0.3 * difficulty)
    witness = draws.sample(scene.people, len(scene.people))
    if draws.uniform() < 0.55 * difficulty:
        evidence = tuple(
            evidence_wording.write(t, true, witness[0]) for t in draws.pick(worded["double"])
        )
    else:
        evidence = (evidence_wording.write(draws.pick(worded["single"]), true, witness[0]),)
    number = 1 + draws.round(0.3 + 0.5 * difficulty) + draws.round(0.6 * difficulty)
    decoys = []
    for index in range(number):
        far = asked.reworded(draws, 0.95 - 0.55 * difficulty, 0.7 - 0.5 * difficulty)
        style = draws.uniform()
        if style < 0.45:
            template = draws.pick(worded["hearsay"])
        elif style < 0.65:
            template = draws.pick(worded["plan"])
        else:
            template = draws.pick(worded["other"])
            if draws.uniform() < 0.5:
                far = _Wording(elsewhere, other, far.actions, 0, far.action, far.named)
            else:
                far = _Wording(name, own, others, far.thing, draws.below(len(others)), far.named)
        decoys.append(far.write(template, wrong, witness[1 + index]))
    mentions = tuple(
        asked.write(draws.pick(WORDS["mentions"][kind]), filler, witness[-1])
        for filler in (first, second)
        if draws.uniform() < 0.4
    )
    return Fact(
        kind,
        asked.write(draws.pick(worded["question"]), "", ""),
        (_capital(first), _capital(second)),
        label,
        evidence,
        tuple(dict.fromkeys(decoys)),
        mentions,
    )


@dataclass(frozen=True, slots=True)
class _Wording:
    """One choice of words for one event."""

    name: str
    things: Sequence[str]
    actions: Sequence[Forms]
    thing: int
    action: int
    named: bool = True

    def reworded(self, draws: Draws, change: float, unname: float) -> _Wording:
        """Return this event with each concept reworded, and its name left out, with a chance."""
        thing, action = self.thing, self.action
        if draws.uniform() < change:
            thing = (thing + 1 + draws.below(len(self.things) - 1)) % len(self.things)
        if draws.uniform() < change:
            action = (action + 1 + draws.below(len(self.actions) - 1)) % len(self.actions)
        named = draws.uniform() >= unname
        return replace(self, thing=thing, action=action, named=named)

    def write(self, template: str, filler: str, witness: str) -> str:
        """Fill a template."""
        past, participle, base = self.actions[self.action]
        name = f"{self.name} " if self.named else ""
        text = template.format(
            T=f"the {name}{self.things[self.thing]}",
            past=past,
            part=participle,
            base=base,
            W=witness,
            X=_capital(filler),
            x=filler,
        )
        return _capital(text)


def _actions(draws: Draws, kind: str) -> tuple[Sequence[Forms], Sequence[Forms]]:
    """Return the wordings of what happened, and of something else that could have."""
    if kind == "cause":
        own, other = draws.sample(OUTCOMES, 2)
        return [(o, o, o) for o in own], [(o, o, o) for o in other]
    first, second = draws.sample(VERBS, 2)
    return first, second


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _fillers(draws: Draws, kind: str, used: set[str]) -> tuple[str, str]:
    """Draw two answers alike, without a content word in common with any other of the passage."""
    chosen: list[str] = []
    while len(chosen) < 2:
        text, words = _filler(draws, kind)
        if used.isdisjoint(words):
            used.update(words)
            chosen.append(text)
    return chosen[0], chosen[1]


_PAIRS: Mapping[str, tuple[str, str, str, int]] = {
    "time": ("moment", "fest", "on the {} of the {}", 1),
    "cause": ("flaw", "part", "{article} {} {}", 2),
    "body": ("body", "trade", "the {} {}", 1),
    "means": ("metal", "tool", "{article} {} {}", 2),
    "purpose": ("aim", "matter", "to {} {}", 1),
}
"""Two banks, what a word of each makes, and how many of the two no other answer may share."""


def _filler(draws: Draws, kind: str) -> tuple[str, tuple[str, ...]]:
    if kind == "person":
        name = invented_name(draws)
        return name, (name,)
    if kind == "place":
        adjective, site = draws.pick(BANKS["adj"]), draws.pick(BANKS["site"])
        return f"{draws.pick(WORDS['prepositions'])} the {adjective} {site}", (adjective, site)
    first, second, said, own = _PAIRS[kind]
    words = draws.pick(BITS[first]), draws.pick(BITS[second])
    article = "an" if words[0][0] in "aeiou" else "a"
    return said.format(*words, article=article), words[-own:]
