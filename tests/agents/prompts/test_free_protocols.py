"""Prompts of protocols of one's own: names, order of speeches, teams, and rules that are so."""

from __future__ import annotations

import pytest

from debate_env.core import protocols
from debate_env.core.protocols import SPEECH, VERDICT, Debate, Wave
from debate_env.core.settings import DebateSettings
from debate_env.core.transcript import Speech, render_transcript
from debateqd.agents import prompts
from debateqd.agents.base import Turn
from debateqd.agents.models.embedded.debater import read_task
from tests.free_seats import ALL

ANSWERS = ("a lamp", "a rope")


class Played(Debate):
    """Everybody speaks in turn, the judge too where it asks."""

    symmetric = False
    readers: tuple[str, ...] | None = None
    sides: dict[str, int] | None = None

    def __init__(self, name: str, players: tuple[str, ...], **rules) -> None:
        self.name, self.players = name, players
        vars(self).update(rules)

    def wave(self, index, speeches, rounds):
        if index < rounds:
            return Wave(SPEECH, index + 1, self.players)
        return Wave(VERDICT, rounds + 1, self.judges) if self.judges and index == rounds else None

    def reads_passage(self, seat):
        return super().reads_passage(seat) if self.readers is None else seat in self.readers

    def defends(self, seat):
        return super().defends(seat) if self.sides is None else self.sides.get(seat)


TEAMS = Played(
    "teams",
    ("a_0", "a_1", "b_0", "b_1"),
    sides={"a_0": 0, "a_1": 1, "b_0": 1, "b_1": 0},
)
PROTOCOLS = (
    *ALL,
    TEAMS,
    Played("named", ("zed_0", "abe_0")),
    Played("crowd", tuple(f"debater_{k}" for k in range(30)), sides={}),
    Played("one_reads", ("debater_0", "debater_1"), readers=("debater_0",)),
    Played("judge_reads", ("debater_0", "debater_1"), readers=("debater_0", "judge_0")),
)


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    monkeypatch.setattr(protocols, "_PROTOCOLS", dict(protocols._PROTOCOLS))
    for protocol in PROTOCOLS:
        protocols.register_protocol(protocol)


def observed(speeches=(), position="", passage="A lamp stood there."):
    return {
        "passage": passage,
        "position": position,
        "question": "What was it?",
        "answers": ANSWERS,
        "transcript": render_transcript(speeches),
    }


def asked(protocol, seat, number=1, speeches=(), position=""):
    turn = Turn(seat, number, DebateSettings(protocol=protocol), 0)
    passage = "A lamp stood there." * protocols.get_protocol(protocol).reads_passage(seat)
    messages = prompts.debater_messages(observed(speeches, position, passage), turn, "Be brief.")
    assert prompts.task_of(messages) == "debate"
    assert read_task(messages[1].content) is not None
    return messages[0].content, messages[1].content


def shown(user):
    return [(s.speaker, s.text) for s in prompts.speeches(user)]


def test_players_see_speeches_as_they_were_published():
    said = [Speech(1, "zed_0", "one"), Speech(1, "abe_0", "two")]
    assert shown(asked("named", "abe_0", 2, said)[1]) == [("X", "one"), ("Y", "two")]
    many = [Speech(1, "debater_2", "one"), Speech(1, "debater_10", "two")]
    user = asked("crowd", "debater_0", 2, many)[1]
    assert [text for _, text in shown(user)] == ["one", "two"]


def test_the_judge_sees_defenders_in_the_order_of_answers_and_its_questions_in_place():
    said = [
        Speech(1, "zed_0", "a lamp"),
        Speech(1, "judge_0", "why?"),
        Speech(1, "abe_0", "a rope"),
        Speech(2, "judge_0", "and?"),
        Speech(2, "zed_0", "that"),
    ]
    first, second = (
        shown(prompts.judge_messages(observed(said), order, "letter", "named")[1].content)
        for order in ((0, 1), (1, 0))
    )
    rest = ("judge", "and?")
    assert first == [("A", "a lamp"), ("judge", "why?"), ("B", "a rope"), rest, ("A", "that")]
    assert second == [("A", "a rope"), ("judge", "why?"), ("B", "a lamp"), rest, ("B", "that")]


def test_a_team_shares_an_answer_and_knows_its_own():
    said = [Speech(1, seat, f"by {seat}") for seat in TEAMS.players]
    for seat, side in TEAMS.sides.items():
        user = asked("teams", seat, 2, said, ANSWERS[side])[1]
        assert prompts.contested_answers(user) == [("X+W", "a lamp"), ("Y+Z", "a rope")]
        task = read_task(user)
        assert (task.own, task.other) == (ANSWERS[side], ANSWERS[1 - side])
        team = [f"by {other}" for other in TEAMS.players if TEAMS.sides[other] == side]
        assert list(task.own_speeches) == team
        assert len(task.opposing_speeches) == 2
    judged = prompts.judge_messages(observed(said), (1, 0), "letter", "teams")[1].content
    assert [text[-3:] for _, text in shown(judged)] == ["a_1", "b_0", "a_0", "b_1"]
    assert [speaker for speaker, _ in shown(judged)] == ["A", "A", "B", "B"]


def test_every_player_has_a_name_of_its_own():
    said = [Speech(1, f"debater_{k}", str(k)) for k in range(30)]
    user = asked("crowd", "debater_27", 2, said)[1]
    names = [name for name, _ in shown(user)]
    assert len({*names}) == 30
    assert names[24:29] == ["B", "A", "X1", "Y1", "Z1"]
    assert prompts.side_of(user) == "Y1"


JUDGE = "A judge who has not read it will decide from the transcript alone."
READ = "the passage below."
UNREAD = "a passage that you do not see."
QUOTES = "Quote the passage word for word"
SEEN = "the judge sees whether it is verified."
LETTERS = "the judge knows other letters."
ARGUE = "Argue for the answer of your side."
PARTS = (JUDGE, READ, UNREAD, QUOTES, SEEN, LETTERS, ARGUE)


@pytest.mark.parametrize(
    ("protocol", "seat", "who", "parts"),
    [
        ("test_consultancy", "consultant_0", "You are the only debater, X.", PARTS[:2] + PARTS[3:]),
        (
            "test_three_sides",
            "debater_2",
            "You are one of the debaters X, Y, Z.",
            PARTS[:2] + PARTS[3:],
        ),
        ("test_dialogue", "speaker_0", "You are one of the debaters X, Y.", (READ, QUOTES)),
        ("test_chain", "teller_0", "You are one of the debaters X, Y, Z, W.", (READ, QUOTES)),
        ("test_chain", "teller_1", "You are one of the debaters X, Y, Z, W.", (UNREAD,)),
        ("one_reads", "debater_0", "You are one of the debaters X, Y.", PARTS[:2] + PARTS[3:]),
        (
            "one_reads",
            "debater_1",
            "You are one of the debaters X, Y.",
            (JUDGE, UNREAD, LETTERS, ARGUE),
        ),
        ("judge_reads", "debater_1", "You are one of the debaters X, Y.", (UNREAD, LETTERS, ARGUE)),
    ],
)
def test_rules_say_what_is_so(protocol, seat, who, parts):
    system, user = asked(protocol, seat)
    assert system.startswith(who)
    assert {part for part in PARTS if part in system} == set(parts)
    assert ("<passage>" in system) == (READ in parts)
    assert ("support it with quotes" in user) == (QUOTES in parts)
    if protocol == "judge_reads":
        assert "A judge who has read it will decide.\n" in system


def test_the_usual_debates_have_the_usual_rules():
    for protocol in ("simultaneous", "sequential"):
        system, _ = asked(protocol, "debater_1")
        assert system.startswith("You are one of two debaters, X and Y. Both have read the passage")


@pytest.mark.parametrize(
    ("protocol", "seat", "others", "advice"),
    [
        ("test_consultancy", "consultant_0", [], "Strengthen your own case."),
        ("test_consultancy", "consultant_0", ["judge_0"], "Answer what others said and"),
        ("test_dialogue", "speaker_1", ["speaker_0"], "Answer what others said and"),
        ("teams", "a_0", ["b_1"], "Answer what others said and"),
        ("teams", "a_0", ["b_1", "b_0"], "Answer your opponent's last speech"),
        ("named", "zed_0", ["abe_0"], "Answer your opponent's last speech"),
    ],
)
def test_advice_speaks_of_others_where_others_spoke(protocol, seat, others, advice):
    said = [Speech(1, other, "so") for other in (seat, *others)]
    instruction = prompts.section(asked(protocol, seat, 2, said)[1], "instruction")
    assert instruction.startswith(f"Round 2 of 2. {advice}")
