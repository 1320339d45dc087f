"""The invented places of the synthetic passages: names, people, and sentences that say nothing.

Templates hold ``{slots}`` named after the banks of this module.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from debate_env.draws import Draws


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_HEADS = _words(
    "Al Bar Bel Bran Cal Cor Dar Del Dor Ed El Er Fal Fen Gar Gil Gor Hal Har Hel Is Jor Kal Ker "
    "Lan Lor Mal Mar Mel Mor Nal Nor Ol Or Per Ral Ros Sal Ser Sil Tal Tam Ter Tor Ul Val Ver Wil "
    "Yar Zel"
)
_MIDDLES = _words("a e i o u an en in ar or el il am em")
_TAILS = _words(
    "bert da den din dra fin gan geth la len lin lo mon na nar nia ra ric rin ron sa sel sha ta "
    "tha thin tor van vera vin wen wyn zo"
)
_SURNAME_HEADS = _words(
    "Ash Birch Black Bram Brook Clay Cold Crow Dun East Fair Fern Flint Fox Frost Gold Grey Hawk "
    "Hay Heath Hill Holt Kirk Lark Marsh Mead Moor North Oak Pike Quill Reed Rook Rush Salt Sand "
    "Shaw Stone Swan Thorn Wake West White Wind Wolf Wren Yew"
)
_SURNAME_TAILS = _words(
    "bourne bridge bury by croft dale den field ford gate ham hurst land ley low man mere more "
    "ridge shaw side stead ston thwaite ton ward water well wick wood worth"
)

BANKS: Mapping[str, tuple[str, ...]] = {
    name: tuple(words.split("|"))
    for name, words in {
        "adj": "old|narrow|crooked|quiet|steep|sunken|painted|windy|empty|crowded|broken|low|tall|"
        "ruined|whitewashed|dusty|draughty|mossy|slate-roofed|half-built|red|blue|green|shuttered",
        "site": "chapel|granary|boathouse|tannery|schoolhouse|bakery|ferry stage|toll house|"
        "orchard|quarry|windmill|smithy|brewery|watchtower|customs shed|ropewalk|dairy|printworks|"
        "fish hall|reading room|stables|lime pit|dovecote|sawmill|almshouse|cistern|guildhall",
        "role": "miller|notary|ferryman|midwife|schoolmaster|baker|surveyor|glazier|shepherd|"
        "organist|brewer|apothecary|saddler|fisherman|bookbinder|tinsmith|clerk|gardener|weaver|"
        "carter|cooper|dyer|potter|innkeeper|sexton|beekeeper|barber|lighthouse keeper",
        "weather": "rain|fog|frost|drizzle|sleet|heat|hail|gales|thunder|thin snow|haze",
        "season": "spring|summer|autumn|winter|lent|lambing|shearing|haymaking",
        "food": "barley bread|smoked eel|onion soup|goat cheese|plum cake|pickled turnip|oat cakes|"
        "salted herring|pea porridge|honey wafers|leek pie|dried apples|mutton stew",
        "animal": "goats|geese|mules|swallows|dogs|oxen|hens|bees|sheep|ravens|ponies|herons",
        "good": "wool|tar|salt|cork|flax|tallow|copper wire|slates|lamp oil|dried fish|hops|paper|"
        "glass beads|rope|charcoal|linseed|buttons|window glass|hides|nails",
        "habit": "counted the carts|fed the geese|swept the steps|read aloud to the children|"
        "carved spoons|argued about the tides|mended nets|kept a diary of the weather|"
        "polished brass|sang in the choir|walked to the headland|grew prize leeks|"
        "collected pressed ferns|played draughts by the stove|wrote to a sister abroad",
        "feeling": "tired|cheerful|stubborn|curious|uneasy|proud|bored|thirsty|grateful|restless",
        "topic": "the price of {good}|the new stove|a lame mule|the state of the road|the tides|"
        "the choir's low voices|the colour of the shutters|a cousin's wedding|the bees|the post|"
        "the drains|the taste of the water|the height of the hedge|the tax on {good}",
        "number": "two|three|four|five|six|seven|nine|eleven|twelve|twenty|thirty|forty",
    }.items()
}

_FILLERS = (
    "The road past the {adj} {site} was thick with mud after the {weather}.",
    "{p}, the {role}, usually {habit} before breakfast.",
    "In those years {town} lived on {good} and {good2}, and on little else.",
    "There were {number} {animal} in the yard, and nobody knew whose they were.",
    "Supper that week was {food} and {food2}.",
    '"We shall have {weather} again," said {p}, and pulled the door shut.',
    '"Have you thought about {topic}?" asked {p}.',
    '"I would rather speak of {topic}," {p} answered.',
    "Nobody in {town} could remember a {season} with so much {weather}.",
    "The {adj} {site} had stood empty since the last {role} moved to {far}.",
    "{p} was {feeling} that day, and let everybody see it.",
    "A cart of {good} came in from {far} and stood {number} days unsold.",
    "The children of {town} were let off school to chase the {animal}.",
    "{p} and {p2} had been neighbours for {number} years and quarrelled about {topic}.",
    "From the {site} one could see the hills of {far} on a clear morning.",
    "Strangers asked the way to the {site}, and were sent to the {site2} instead.",
    "The price of {good} rose by {number} pence, and then fell again.",
    "{p} wrote a long letter to {far} about {topic}.",
    "After the {weather} the {animal} came down from the hill by themselves.",
    "It was the custom in {town} to eat {food} at the end of {season}.",
    "{p2} laughed at this, and offered {p} some {food}.",
    "The {role} of {far} visited twice, and on both visits bought {good}.",
    "Somebody had planted beans along the wall of the {adj} {site}.",
    "For {number} evenings there was no light in the {site}, since {good} had run short.",
    "{p} kept {animal} behind the {site}, against the wishes of the {role}.",
    '"You cannot eat {good}," {p2} used to say, and everybody agreed.',
    "The ferry to {far} ran late because of the {weather}.",
    "Every {season} the {role} whitewashed the {site}, and every time it peeled.",
    "{p}, who was {feeling} by nature, {habit} and said little.",
    "A new {role} had come from {far} with {number} boxes of {good}.",
    "They talked of {topic} until the lamps burned low.",
    "The inn served {food} to travellers and {food2} to friends.",
    "At noon the {animal} lay down in the shade of the {adj} {site}.",
    "{p} had been a {role} in {far} before coming to {town}.",
    "The bell of the {site} was cracked, so that hours in {town} sounded dull.",
    "It took {number} men to move the stove from the {site} to the {site2}.",
    "{p2} once walked to {far} and back in a single day of {weather}.",
    "When the {good} was weighed, it came to {number} stone.",
)

_OPENINGS = (
    "{town} lies a day's walk from {far}, between a {adj} {site} and the marsh.",
    "What follows happened in {town}, in the years when {good} was dear.",
    "The chronicle of {town} was kept by {p}, a {role}, and is short.",
    "Anyone who came to {town} in {season} noticed the {adj} {site} first.",
    "{p}, once {role} of {town}, liked to tell how things were in those days.",
)

_SLOT = re.compile(r"\{(\w+?)(2?)\}")


def invented_name(draws: Draws) -> str:
    """Return a first name and a surname that hardly occur twice."""
    return f"{_first(draws)} {surname(draws)}"


def _first(draws: Draws) -> str:
    middle = draws.pick(_MIDDLES) if draws.uniform() < 0.5 else ""
    return draws.pick(_HEADS) + middle + draws.pick(_TAILS)


def surname(draws: Draws) -> str:
    """Return an invented surname or place name."""
    return draws.pick(_SURNAME_HEADS) + draws.pick(_SURNAME_TAILS)


@dataclass(frozen=True, slots=True)
class Scene:
    """Where a passage takes place.

    Attributes:
        town: Its name.
        far: Names of places elsewhere.
        people: Names of people who are never an answer.
    """

    town: str
    far: tuple[str, ...]
    people: tuple[str, ...]

    @classmethod
    def draw(cls, draws: Draws) -> Scene:
        """Invent a place; no two of its names are alike."""
        names: list[str] = []
        # Town, three other places, six people. A template may ask for a name that differs from
        # those before it, which must exist.
        for invent in (surname,) * 4 + (invented_name,) * 6:
            name = invent(draws)
            while name in names:
                name = invent(draws)
            names.append(name)
        return cls(names[0], tuple(names[1:4]), tuple(names[4:]))

    def opening(self, draws: Draws) -> str:
        """Return a first sentence."""
        return self.fill(draws.pick(_OPENINGS), draws)

    def fill(self, template: str, draws: Draws) -> str:
        """Fill the slots of a template; a slot and its double (``{p}``, ``{p2}``) differ."""
        chosen: dict[str, str] = {}

        def value(match: re.Match[str]) -> str:
            name = match.group(0)
            if name not in chosen:
                text = self._draw(match.group(1), draws)
                while text in chosen.values():
                    text = self._draw(match.group(1), draws)
                chosen[name] = text
            return chosen[name]

        # Twice, because a drawn phrase may hold a slot of its own.
        filled = _SLOT.sub(value, _SLOT.sub(value, template))
        return filled[:1].upper() + filled[1:]

    def _draw(self, name: str, draws: Draws) -> str:
        if name == "town":
            return self.town
        if name == "far":
            return draws.pick(self.far)
        if name == "p":
            return draws.pick(self.people)
        return draws.pick(BANKS[name])


def filler(draws: Draws, scene: Scene) -> str:
    """Return a sentence that bears on no question."""
    return scene.fill(draws.pick(_FILLERS), draws)
