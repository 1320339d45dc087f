"""The words of the synthetic facts: things, actions, answers, and the sentences they stand in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Forms = tuple[str, str, str]
"""A verb: past, participle, base form."""


def _groups(*lines: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(line.split("|")) for line in lines)


THINGS = _groups(
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

VERBS: tuple[tuple[Forms, ...], ...] = tuple(
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

EVENTS = _groups(
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

OUTCOMES = _groups(
    "was delayed|was put off|was postponed",
    "failed|came to nothing|collapsed",
    "ended early|broke off|was cut short",
    "was cancelled|was called off|was given up",
    "was moved indoors|was brought under a roof|was taken inside",
    "turned violent|came to blows|got out of hand",
    "lost money|ran at a loss|ruined its backers",
)

BITS: Mapping[str, tuple[str, ...]] = {
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

PREPOSITIONS = ("behind", "beneath", "inside", "beside", "above", "opposite")


@dataclass(frozen=True, slots=True)
class Kind:
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


KINDS: Mapping[str, Kind] = {
    "person": Kind(
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
    "place": Kind(
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
    "time": Kind(
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
    "cause": Kind(
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
    "body": Kind(
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
    "means": Kind(
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
    "purpose": Kind(
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

MENTIONS: Mapping[str, tuple[str, ...]] = {
    "person": ("{X} was often seen in the street.", "{W} played cards with {x} on Sundays."),
    "place": ("{X}, nettles grew as high as a door.", "Children liked to play {x}."),
    "time": ("{X} there was a little rain.", "{W} was always in a good temper {x}."),
    "cause": ("There was also talk of {x} in those days.", "{W} wrote a verse about {x}."),
    "body": ("{X} kept its own table at the inn.", "{W} paid dues to {x}."),
    "means": ("{X} hung on the wall of the inn.", "{W} had inherited {x} from an aunt."),
    "purpose": ("People will do much {x}.", "{W} once went abroad {x}."),
}
