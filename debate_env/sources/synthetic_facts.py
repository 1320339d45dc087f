"""The facts of the synthetic passages: one event each, its question, evidence and decoys.

Every concept (a verb, a thing, an event) has several wordings. The question uses one; how often the
evidence and the decoys use the same is what makes a question easy or hard.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from debate_env.draws import Draws
from debate_env.sources.synthetic_text import BANKS, Setting, invented_name, surname

Forms = tuple[str, str, str]
"""A verb: past, participle, base form."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One question with all that the passage says about it.

    Attributes:
        kind: What the question asks for, e.g. ``"person"``.
        question: The question.
        answers: The two answers.
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


def _groups(*lines: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(line.split("|")) for line in lines)


_THINGS = _groups(
    "ledger|account book|register",
    "lantern|oil lamp|hanging light",
    "strongbox|money chest|coffer",
    "charter|founding deed|parchment",
    "loom|weaving frame|cloth machine",
    "barge|flat boat|river craft",
    "statue|carved figure|stone effigy",
    "clock|timepiece|hour machine",
    "bridge|river crossing|footway",
    "map|sea chart|plan of the coast",
    "wagon|cart|four-wheeler",
    "kiln|pottery oven|firing chamber",
    "mural|wall painting|fresco",
    "harp|stringed instrument|lyre",
    "crown|circlet|jewelled band",
    "beacon|signal fire|warning light",
    "telescope|spyglass|seeing-tube",
    "letter|written message|dispatch",
    "sluice|water gate|weir door",
    "banner|flag|standard",
    "anchor|ship's iron|mooring hook",
    "pulpit|preaching stand|lectern",
    "fountain|water spout|basin",
    "press|printing machine|type engine",
)

_VERBS: tuple[tuple[Forms, ...], ...] = tuple(
    tuple((p, q, b) for p, q, b in (form.split("/") for form in line.split("|")))
    for line in (
        "stole/stolen/steal|carried off/carried off/carry off|made off with/made off with/make "
        "off with",
        "repaired/repaired/repair|mended/mended/mend|restored/restored/restore",
        "hid/hidden/hide|concealed/concealed/conceal|put out of sight/put out of sight/put out of "
        "sight",
        "broke/broken/break|smashed/smashed/smash|wrecked/wrecked/wreck",
        "sold/sold/sell|traded away/traded away/trade away|auctioned/auctioned/auction",
        "found/found/find|discovered/discovered/discover|unearthed/unearthed/unearth",
        "painted/painted/paint|decorated/decorated/decorate|coloured/coloured/colour",
        "burned/burned/burn|set fire to/set on fire/set fire to|reduced to ashes/reduced to ashes/"
        "reduce to ashes",
        "bought/bought/buy|purchased/purchased/purchase|acquired/acquired/acquire",
        "designed/designed/design|drew up/drawn up/draw up|devised/devised/devise",
        "guarded/guarded/guard|watched over/watched over/watch over|protected/protected/protect",
        "blessed/blessed/bless|consecrated/consecrated/consecrate|hallowed/hallowed/hallow",
        "moved/moved/move|shifted/shifted/shift|transported/transported/transport",
        "inspected/inspected/inspect|examined/examined/examine|looked over/looked over/look over",
        "built/built/build|constructed/constructed/construct|put together/put together/put "
        "together",
        "cleaned/cleaned/clean|scrubbed/scrubbed/scrub|washed/washed/wash",
    )
)

_EVENTS = _groups(
    "feast|banquet|great dinner",
    "regatta|boat race|rowing match",
    "auction|public sale|bidding",
    "trial|court hearing|lawsuit",
    "wedding|marriage|bridal day",
    "pilgrimage|holy journey|walk to the shrine",
    "parade|procession|march",
    "concert|musical evening|recital",
    "election|vote|ballot",
    "voyage|sea crossing|passage abroad",
    "cattle fair|livestock market|beast show",
    "excavation|dig|search of the ground",
    "wrestling match|bout|contest of strength",
    "play|stage show|drama",
    "census|head count|roll of the people",
    "lottery|prize draw|drawing of lots",
)

_OUTCOMES = _groups(
    "was delayed|was put off|was postponed",
    "failed|came to nothing|collapsed",
    "ended early|broke off|was cut short",
    "was cancelled|was called off|was given up",
    "was moved indoors|was brought under a roof|was taken inside",
    "turned violent|came to blows|got out of hand",
    "lost money|ran at a loss|ruined its backers",
)

_BITS: Mapping[str, tuple[str, ...]] = {
    name: tuple(words.split("|"))
    for name, words in {
        "flaw": "cracked|swollen|rusty|missing|frozen|rotten|misprinted|stolen|leaking|loose|"
        "poisoned|forged|mislaid|overloaded|warped|flooded|blocked|jammed",
        "part": "axle|beam|seal|rudder|barrel|key|chimney|rope|cellar|wheel|hinge|pump|permit|"
        "ladder|valve|mast|drain|floorboard|bell wheel|keg",
        "metal": "brass|pewter|ivory|walnut|copper|silver|iron|tin|leather|bronze|oaken|horn|glass",
        "tool": "compass|kettle|mallet|chisel|flute|snuffbox|crowbar|lever|basin|saddle|mirror|"
        "ladle|sickle|trowel|tankard|anvil|plough|bucket|windlass|comb",
        "moment": "eve|morning|night|day|last hour|afternoon",
        "fest": "lamp fair|goose market|salt blessing|rent day|spring tide|sheep count|apple dance|"
        "long fast|kite week|candle supper|plough games|net burning|ash walk|honey tithe|ice feast",
        "body": "Guild of|Brotherhood of|Company of|Society of|League of|Chamber of|Order of",
        "trade": "Ropemakers|Chandlers|Pilots|Weighers|Carvers|Drovers|Inkmakers|Thatchers|"
        "Lamplighters|Salters|Bargemen|Coopers|Saddlers|Fullers|Glaziers|Wheelwrights",
        "aim": "settle|escape|avoid|hide|win|honour|pay for|forget|celebrate|end|delay|replace",
        "matter": "a gambling debt|an old feud|the harvest tax|a broken vow|the bishop's favour|"
        "a lost wager|a sick daughter|the boundary suit|a family name|a secret courtship|"
        "the king's levy|a failed partnership|a drowned brother|the widow's pension",
    }.items()
}

_PREPOSITIONS = ("behind", "beneath", "inside", "beside", "above", "opposite")


@dataclass(frozen=True, slots=True)
class _Kind:
    """How facts of one kind are worded.

    Slots: ``{X}`` the filler, ``{x}`` the same after its first letter's case, ``{T}`` thing or
    event, ``{past}``, ``{part}``, ``{base}`` the verb, ``{W}`` a witness.
    """

    question: tuple[str, ...]
    single: tuple[str, ...]
    double: tuple[tuple[str, str], ...]
    hearsay: tuple[str, ...]
    plan: tuple[str, ...]
    other: tuple[str, ...]


KINDS: Mapping[str, _Kind] = {
    "person": _Kind(
        ("Who {past} {T}?", "Which person {past} {T}?"),
        (
            "It was {x} who {past} {T}, and {W} saw it happen.",
            "{X} {past} {T} before anyone could object.",
            "In the end {x} {past} {T}, and signed for it the same day.",
            '"{X} {past} {T}," said {W}, who had stood in the doorway.',
            "The record shows that {x} {past} {T}.",
        ),
        (
            ("One person alone {past} {T}.", "That person was {x}."),
            ("{W} saw quite well who {past} {T}.", "It was {x}, in a borrowed coat."),
            ("By noon it was known who {past} {T}.", "{X} owned up to it before the magistrate."),
        ),
        (
            "For weeks there was a rumour that {x} {past} {T}.",
            "{W} suspected that {x} {past} {T}.",
            "Some claimed that {x} {past} {T}.",
            "It was wrongly supposed that {x} {past} {T}.",
        ),
        (
            "{X} had planned to {base} {T}, and then fell ill.",
            "Earlier {x} had hoped to {base} {T}.",
        ),
        (
            "{X} {past} {T} in another year.",
            "It was {x} who {past} {T}.",
            "{X} {past} {T}, as {W} recalled with a smile.",
        ),
    ),
    "place": _Kind(
        ("Where was {T} {part}?", "In what place was {T} {part}?"),
        (
            "They {past} {T} {x}, with {W} looking on.",
            "{X}, {T} was {part} at last.",
            "{W} was present {x} when {T} was {part}.",
            '"{X} they {past} {T}," said {W}, "and I held the light."',
            "The spot where {T} was {part} lies {x}.",
        ),
        (
            ("There was only one place where {T} could be {part}.", "It lay {x}."),
            ("{W} showed the visitors where {T} was {part}.", "They stood {x} for a while."),
        ),
        (
            "Many believed that {T} was {part} {x}.",
            "The rumour went that {T} was {part} {x}.",
            "{W} wrongly told everyone that {T} was {part} {x}.",
        ),
        (
            "The council had intended to {base} {T} {x}.",
            "At first it was proposed to {base} {T} {x}.",
        ),
        ("{T} was {part} {x}.", "{X}, {W} watched as {T} was {part}."),
    ),
    "time": _Kind(
        ("When was {T} {part}?", "At what time was {T} {part}?"),
        (
            "{X} they {past} {T}, as {W} noted in a diary.",
            "{T} was {part} {x}, and the inn stayed open late.",
            "{W} could name the hour: {x} {T} was {part}.",
            "The receipts prove that {T} was {part} {x}.",
        ),
        (
            ("The day when {T} was {part} was kept in memory.", "It fell {x}."),
            ("{W} wrote down when {T} was {part}.", "The entry was made {x}, in red ink."),
        ),
        (
            "Some believed that {T} was {part} {x}.",
            "Gossip had it that {T} was {part} {x}.",
            "{W} swore that {T} was {part} {x}, and was mistaken.",
        ),
        (
            "It had been planned to {base} {T} {x}.",
            "The first notice, since withdrawn, proposed to {base} {T} {x}.",
        ),
        ("{T} was {part} {x}.", "{X} people stood about while {T} was {part}."),
    ),
    "cause": _Kind(
        ("Why was it that {T} {past}?", "What was the reason that {T} {past}?"),
        (
            "{T} {past} on account of {x}, as the steward noted.",
            "{X} was to blame when {T} {past}.",
            "All that trouble came from {x}, and so {T} {past}.",
            '"It was {x}," said {W}, "and through it {T} {past}."',
        ),
        (
            ("There was one reason that {T} {past}.", "It was {x}, and nothing more."),
            ("{W} looked into it when {T} {past}.", "The whole cause turned out to be {x}."),
        ),
        (
            "Some blamed {x} when {T} {past}, and the talk never died.",
            "It was rumoured that {T} {past} on account of {x}.",
            "{W} wrongly put it down to {x} that {T} {past}.",
        ),
        (
            "It was feared that {x} might be the end of it before {T} {past}.",
            "Months earlier {x} had nearly stopped everything, long before {T} {past}.",
        ),
        ("{T} {past} on account of {x}.", "{X} was the reason that {T} {past}."),
    ),
    "body": _Kind(
        ("Which body {past} {T}?", "By which body was {T} {part}?"),
        (
            "{X} {past} {T}, and paid every hand in silver.",
            "The task fell to {x}, which duly {past} {T}.",
            "{T} was {part} by {x}, as the minutes show.",
            '"{X} {past} {T}," read {W} from the minutes.',
        ),
        (
            ("A single body {past} {T}.", "Its members belonged to {x}."),
            ("{W} thanked those who {past} {T}.", "They came from {x}, to a man."),
        ),
        (
            "It was claimed that {x} {past} {T}.",
            "{W} believed that {x} {past} {T}.",
            "A rumour gave {x} the credit, as if it had {past} {T}.",
        ),
        ("{X} had proposed to {base} {T}.", "{X} originally meant to {base} {T}."),
        ("{X} {past} {T}.", "{T} was {part} by {x}."),
    ),
    "means": _Kind(
        ("What was used to {base} {T}?", "With what was it that they {past} {T}?"),
        (
            "They used {x}, and with it {past} {T}.",
            "{W} lent them {x}, which was used to {base} {T}.",
            "{T} was {part} with {x}, for want of anything better.",
            '"Give me {x}," said {W}, and with that {T} was {part}.',
        ),
        (
            ("There was little at hand to {base} {T}.", "In the end {x} was used."),
            ("{W} saw what was used to {base} {T}.", "It was {x}, borrowed for the hour."),
        ),
        (
            "It was claimed that {x} was used to {base} {T}.",
            "{W} imagined that {T} was {part} with {x}.",
            "The gossips said that with {x} they {past} {T}.",
        ),
        (
            "They had planned to use {x} to {base} {T}.",
            "It was first proposed to {base} {T} with {x}.",
        ),
        ("{T} was {part} with {x}.", "With {x} they {past} {T}."),
    ),
    "purpose": _Kind(
        ("For what purpose was {T} {part}?", "What was it for that {T} was {part}?"),
        (
            "{T} was {part} {x}, as {W} later explained.",
            "The whole purpose was {x}, and so {T} was {part}.",
            "{X}, they {past} {T}, and made no secret of it.",
            '"We {past} {T} {x}," said {W}.',
        ),
        (
            ("There was one purpose for which {T} was {part}.", "They did it {x}."),
            ("{W} knew why {T} was {part}.", "It was done {x}, and for no other end."),
        ),
        (
            "Many believed that {T} was {part} {x}.",
            "It was rumoured that {T} was {part} {x}.",
            "{W} pretended that {T} was {part} {x}.",
        ),
        (
            "Years earlier somebody had proposed, {x}, to {base} {T}.",
            "It had been intended at one time to {base} {T} {x}.",
        ),
        ("{T} was {part} {x}.", "{X}, they {past} {T}."),
    ),
}

_MENTIONS: Mapping[str, tuple[str, ...]] = {
    "person": ("{X} was often seen in the street.", "{W} played cards with {x} on Sundays."),
    "place": ("{X}, nettles grew as high as a door.", "Children liked to play {x}."),
    "time": ("{X} there was a little rain.", "{W} was always in a good temper {x}."),
    "cause": ("There was also talk of {x} in those days.", "{W} wrote a verse about {x}."),
    "body": ("{X} kept its own table at the inn.", "{W} paid dues to {x}."),
    "means": ("{X} hung on the wall of the inn.", "{W} had inherited {x} from an aunt."),
    "purpose": ("People will do much {x}.", "{W} once went abroad {x}."),
}


def draw_facts(draws: Draws, setting: Setting, count: int, difficulty: float) -> list[Fact]:
    """Draw facts about different things.

    Args:
        draws: Source of chance.
        setting: Supplies the witnesses.
        count: Number of facts, at most 12.
        difficulty: From 0 to 1.
    """
    kinds: list[str] = []
    while len(kinds) < count:
        kinds += draws.shuffle(tuple(KINDS))
    things = draws.sample(_THINGS, 2 * count)
    events = draws.sample(_EVENTS, min(2 * count, len(_EVENTS)))
    used: set[str] = set()
    facts = []
    for number, kind in enumerate(kinds[:count]):
        bank = events if kind == "cause" else things
        own, other = bank[2 * number % len(bank)], bank[(2 * number + 1) % len(bank)]
        facts.append(_fact(draws, setting, kind, own, other, difficulty, used))
    return facts


def _fact(
    draws: Draws,
    setting: Setting,
    kind: str,
    own: Sequence[str],
    other: Sequence[str],
    difficulty: float,
    used: set[str],
) -> Fact:
    first, second = _fillers(draws, kind, used)
    # The coin falls before anything is written: both fillers are alike up to here.
    label = draws.below(2)
    true, wrong = (first, second) if label == 0 else (second, first)
    name, elsewhere = surname(draws), surname(draws)
    actions, others = _actions(draws, kind)
    asked = _Wording(name, own, actions, draws.below(len(own)), draws.below(len(actions)))
    worded = KINDS[kind]
    evidence_wording = asked.reworded(draws, 0.05 + 0.5 * difficulty, 0.3 * difficulty)
    witness = draws.sample(setting.people, len(setting.people))
    if draws.uniform() < 0.55 * difficulty:
        evidence = tuple(
            evidence_wording.write(t, true, witness[0]) for t in draws.pick(worded.double)
        )
    else:
        evidence = (evidence_wording.write(draws.pick(worded.single), true, witness[0]),)
    number = 1 + draws.round(0.3 + 0.5 * difficulty) + draws.round(0.6 * difficulty)
    decoys = []
    for index in range(number):
        far = asked.reworded(draws, 0.95 - 0.55 * difficulty, 0.7 - 0.5 * difficulty)
        style = draws.uniform()
        if style < 0.45:
            template = draws.pick(worded.hearsay)
        elif style < 0.65:
            template = draws.pick(worded.plan)
        else:
            template = draws.pick(worded.other)
            if draws.uniform() < 0.5:
                far = _Wording(elsewhere, other, far.actions, 0, far.action, far.named)
            else:
                far = _Wording(name, own, others, far.thing, draws.below(len(others)), far.named)
        decoys.append(far.write(template, wrong, witness[1 + index]))
    mentions = tuple(
        asked.write(draws.pick(_MENTIONS[kind]), filler, witness[-1])
        for filler in (first, second)
        if draws.uniform() < 0.4
    )
    return Fact(
        kind,
        asked.write(draws.pick(worded.question), "", ""),
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
        return _Wording(self.name, self.things, self.actions, thing, action, named)

    def write(self, template: str, filler: str, witness: str) -> str:
        """Fill a template."""
        past, participle, base = self.actions[self.action]
        name = f"{self.name} " if self.named else ""
        text = (
            template.replace("{T}", f"the {name}{self.things[self.thing]}")
            .replace("{past}", past)
            .replace("{part}", participle)
            .replace("{base}", base)
            .replace("{W}", witness)
            .replace("{X}", _capital(filler))
            .replace("{x}", filler)
        )
        return _capital(text)


def _actions(draws: Draws, kind: str) -> tuple[Sequence[Forms], Sequence[Forms]]:
    """Return the wordings of what happened, and of something else that could have."""
    if kind == "cause":
        own, other = draws.sample(_OUTCOMES, 2)
        return [(o, o, o) for o in own], [(o, o, o) for o in other]
    first, second = draws.sample(_VERBS, 2)
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


def _filler(draws: Draws, kind: str) -> tuple[str, tuple[str, ...]]:
    if kind == "person":
        name = invented_name(draws)
        return name, (name,)
    if kind == "place":
        adjective, site = draws.pick(BANKS["adj"]), draws.pick(BANKS["site"])
        return f"{draws.pick(_PREPOSITIONS)} the {adjective} {site}", (adjective, site)
    if kind == "time":
        moment, feast = draws.pick(_BITS["moment"]), draws.pick(_BITS["fest"])
        return f"on the {moment} of the {feast}", (feast,)
    if kind == "cause":
        flaw, part = draws.pick(_BITS["flaw"]), draws.pick(_BITS["part"])
        article = "an" if flaw[0] in "aeiou" else "a"
        return f"{article} {flaw} {part}", (flaw, part)
    if kind == "body":
        body, trade = draws.pick(_BITS["body"]), draws.pick(_BITS["trade"])
        return f"the {body} {trade}", (trade,)
    if kind == "means":
        metal, tool = draws.pick(_BITS["metal"]), draws.pick(_BITS["tool"])
        article = "an" if metal[0] in "aeiou" else "a"
        return f"{article} {metal} {tool}", (metal, tool)
    aim, matter = draws.pick(_BITS["aim"]), draws.pick(_BITS["matter"])
    return f"to {aim} {matter}", (matter,)
