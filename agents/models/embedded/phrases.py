"""Text banks of the embedded debater.

``[a|b]`` stands for either; every bank is expanded once into all its sentences. ``{a}`` is the
debater's answer, ``{o}`` the opposing one, ``{q}`` a quote, ``{t}`` a few words of the opponent's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

_CHOICE = re.compile(r"\[([^\[\]]*)\]")


@lru_cache(maxsize=256)
def expand(template: str) -> tuple[str, ...]:
    """Return every sentence that a template stands for."""
    found = _CHOICE.search(template)
    if found is None:
        return (template,)
    head, tail = template[: found.start()], template[found.end() :]
    return tuple(
        sentence for part in found.group(1).split("|") for sentence in expand(head + part + tail)
    )


def _bank(*templates: str) -> tuple[str, ...]:
    return tuple(sentence for template in templates for sentence in expand(template))


OPENINGS = _bank(
    'The [right|correct|better] answer is "{a}".',
    'My answer is "{a}", and the [passage|text|account] bears it out.',
    'I [hold|maintain|argue] that the answer is "{a}".',
    'What the [passage|text] [tells|shows] us is this: "{a}".',
)

FURTHER = _bank(
    'My answer [remains|is still] "{a}".',
    'I [stand by|keep to] "{a}".',
    'Nothing said so far [changes|touches] the answer "{a}".',
)

LEADS = _bank(
    "The [passage|text|account] [says|reads|states]: {q}",
    "[Here are its words|These are the words|So it is written]: {q}",
    "[Read|Look at|Consider] this line: {q}",
    "We are told this much: {q}",
    "[It says|It also says]: {q}",
)

POINTERS = _bank(
    "Those words [name|give] both what was asked and my answer.",
    "That line speaks to [exactly what was asked|the very thing asked].",
    "I chose this line because it bears [directly|squarely] on the matter.",
    "[Compare|Lay] its wording with what was asked, and the two [match|agree].",
    "No other line comes as close to what was asked.",
)

STYLED: Mapping[str, tuple[str, ...]] = {
    "logic": _bank(
        "[Therefore|Hence|Thus] the [answer|conclusion] can only be the one I defend.",
        "It follows from [these words|what is written] that my answer holds.",
        "The [premise|reason] is in the text, and the conclusion [comes with|rests on] it.",
        "Assume the opposite, and what is written would make no sense; [hence|therefore] it is "
        "false.",
        "Each [reason|premise] given here [implies|leads to] the next, and the last is my answer.",
        "The [reasoning|inference] is short: what was asked is described, and the description "
        "[fits|matches] mine alone.",
        "Only one answer is consistent with [all of this|what we have read].",
    ),
    "authority": _bank(
        "Any [expert|scholar|specialist] in texts of this kind would read it so.",
        "The author, who is the [first|highest] authority here, leaves [it|the matter] in that "
        "shape.",
        "[Experienced|Professional|Qualified] readers have [long|always] taken it in this way.",
        "I have studied [this account|these pages] closely, and speak from that experience.",
        "This is the established reading, [recognised|trusted] wherever such texts are studied.",
        "The [consensus|tradition] among [scholars|experts] is on my side.",
    ),
    "emotion": _bank(
        "[Feel|One can feel] how much [pain|hope|fear] hangs on this.",
        "It would be [cruel|bitter|shameful] to the people in it to say otherwise.",
        "[My heart goes|Our hearts must go] out to those who [suffer|live] through these events.",
        "There is [sorrow|grief|joy] in these lines, and only my answer does it justice.",
        "To choose the other answer would betray everything that [moves|touches] us here.",
        "Let the [hope|compassion|love] in this account speak to you.",
    ),
    "story": _bank(
        "[Imagine|Picture] the scene: the [door|curtain] opens, and everything turns on this "
        "[moment|point].",
        "[Imagine|Picture] the people there, one [evening|morning], as the matter is decided.",
        "The story unfolds step after step, and its ending is my answer.",
        "Once you walk beside [the character|these people], the tale has no other ending.",
        "It begins quietly, like any tale, and then the scene changes.",
        "[One hears|You can hear] the footsteps, and in that moment the tale is told.",
    ),
    "questioning": _bank(
        "[What else|What other thing] could these words mean?",
        "Where does the [text|passage] say anything [different|else]?",
        "Why would it be written in this way if my answer were [false|untrue]?",
        "I ask you: which answer leaves [fewer|less] to explain away?",
        "Would anyone who had read it [say|believe] otherwise?",
        "Is there a single line for the other answer? I wonder.",
    ),
    "certainty": _bank(
        "This is [undoubtedly|certainly|definitely|unquestionably] so.",
        "The matter is [clearly|plainly|absolutely] settled.",
        "[Surely|Obviously|Undeniably] nothing else will do.",
        "On this the [text|passage] is [indisputable|unmistakable|undeniable].",
        "I say this without the least reserve: it is [certainly|absolutely] my answer.",
    ),
    "structure": _bank(
        "First, what was asked; second, what is written; third, what it comes to.",
        "[To sum up|To recap]: the points [above|so far] all lead one way.",
        "My next point is [short|simple].",
        "Finally, [put|set] the points side by side.",
        "In summary, step by step, the case is complete.",
        "Let me take the points in order, and begin with the first.",
    ),
    "fairness": _bank(
        "I [grant|admit|acknowledge] that the other answer is not absurd.",
        "[Admittedly|To be fair], one line may be read in two ways.",
        "I respect the other side, and honestly [think|find] that it is less well supported.",
        "Perhaps [some|a little] doubt remains, and I concede that much.",
        "An honest reader might [hesitate|pause], and I acknowledge it.",
    ),
    "vague": _bank(
        "[There is a great deal|Much] to be said about a matter of this kind.",
        "One should look at the whole of it, and from [all|several] sides.",
        "It is a strong case, and it deserves to [win|be chosen].",
        "These things are [seldom|rarely] simple, and this one is like the others.",
        "What matters is the bigger picture, [and|which is where] my side does well.",
        "I trust that this is [persuasive|convincing] enough.",
    ),
}

REBUT_HEDGED = _bank(
    'My opponent relies on "{t}", but that is hearsay or a mere plan, and proves nothing.',
    'The line "{t}", which my opponent offers, reports what was believed, not what happened.',
)

REBUT_QUOTED = _bank(
    'My opponent offers "{t}", but that line is about [another matter|something else].',
    'The words "{t}" are in the text; they [fail|do not begin] to show what my opponent wants.',
    'My opponent overlooks what stands beside "{t}".',
)

REBUT_CLAIMED = _bank(
    "My opponent [ignores|overlooks|misreads] what the text says on this.",
    "My opponent's [claim|case] is [unsupported|without a line behind it], and collapses when one "
    "looks for it.",
    "There is a flaw in what my opponent says: it fails to meet what was asked.",
    "My opponent evades the point, and the objection stands.",
)

REBUT_FIRST = _bank(
    'My opponent must defend "{o}", and the text [fails|refuses] to bear that out.',
    'Whatever my opponent quotes for "{o}" will be [about something else|hearsay].',
    'The flaw in "{o}" is that it [overlooks|ignores] what was asked.',
)

CLOSINGS = _bank(
    'That is why I [answer|choose] "{a}".',
    'So the answer is "{a}".',
    'Choose "{a}".',
)
