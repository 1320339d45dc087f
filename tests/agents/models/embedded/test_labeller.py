from itertools import permutations

import pytest

from debateqd.agents.models.base import Message, Request, Sampling
from debateqd.agents.models.embedded import EmbeddedModel, World
from debateqd.agents.models.embedded.labeller import choose_way, way_scores
from debateqd.agents.prompts import LETTERS, label_messages
from debateqd.agents.prompts.debate import LABELLER_RULES

WAYS = (
    "rationality",
    "authority",
    "emotional_appeal",
    "evidence_quoting",
    "refutation",
    "storytelling",
    "socratic_questioning",
    "unclassified",
)
SAID = {
    "rationality": "Hence the premise implies the conclusion, and my reasoning is consistent.",
    "authority": "Any expert, any scholar, any qualified specialist reads it so by tradition.",
    "emotional_appeal": "Feel the pain and sorrow; it would be cruel to the grief of these hearts.",
    "evidence_quoting": "It says: <v_quote>she kept a lamp on the sill every evening</v_quote>",
    "refutation": "My opponent ignores it, misreads it, and the claim fails and collapses.",
    "storytelling": "Imagine the scene: the door opens, the tale unfolds, the hero walks.",
    "socratic_questioning": "What else could it be? I ask you: why is it there? Who put it?",
    "unclassified": "The boat left the harbour at noon with three men and a dog on it.",
}


def ask(speeches, ways=WAYS, *, seed=1, model=None):
    messages = label_messages(speeches, [(way, "x") for way in ways])
    reply = (model or EmbeddedModel()).reply(Request(messages, Sampling(8, 1.0), seed))
    assert reply.finish_reason == "stop"
    assert reply.usage.completion_tokens == 1
    return ways[LETTERS.index(reply.text)]


@pytest.mark.parametrize("way", WAYS)
def test_it_tells_ways_apart_by_the_text_alone(way):
    assert ask([SAID[way]]) == way
    for order in list(permutations(WAYS))[:: 40320 // 7]:
        for seed in (1, 2):
            assert ask([SAID[way]], order, seed=seed, model=EmbeddedModel(World(9))) == way


def test_two_ways_alike_are_neither():
    both = ["My opponent fails in the scene of the tale."]
    scores = way_scores(both)
    assert scores["refutation"] == scores["storytelling"] > 0
    assert ask(both) == "unclassified"
    assert ask([*both, SAID["storytelling"]]) == "storytelling"


def test_without_a_way_out_it_takes_the_best():
    assert ask([SAID["unclassified"], "So it is clearly a tale."], WAYS[:-1]) == "storytelling"


def test_families_of_somebody_elses_are_never_seen():
    assert ask([SAID["storytelling"]], ("poetry", "opera", "unclassified")) == "unclassified"


def test_markers_inside_quotes_are_not_the_speakers():
    quoted = "Look: <v_quote>the hero of the tale opened the door</v_quote> <u_quote>why?</u_quote>"
    assert way_scores([quoted])["storytelling"] == 0
    assert way_scores([quoted])["socratic_questioning"] == 0


def test_a_prompt_without_speeches_or_ways_is_an_error():
    assert choose_way("<transcript>\n</transcript>\n<instruction>\nWays\n</instruction>") is None
    request = Request((Message("system", LABELLER_RULES), Message("user", "?")), Sampling(8), 1)
    assert EmbeddedModel().reply(request).finish_reason == "error"
