from __future__ import annotations

import pytest

from debate_env.core.episode import Episode
from debate_env.core.settings import DebateSettings
from debateqd.agents.human import HumanAgent, Left, parse_verdict, wrapped
from tests.agents.fakes import question

RULES = DebateSettings(rounds=2, word_limit=5)


class Terminal:
    """Typed lines in, shown text out."""

    def __init__(self, *lines):
        self.lines = list(lines)
        self.shown = ""

    def read(self):
        if not self.lines:
            raise EOFError
        return self.lines.pop(0)

    def write(self, text):
        self.shown += text + "\n"


def person(*lines):
    terminal = Terminal(*lines)
    return HumanAgent(RULES, read=terminal.read, write=terminal.write), terminal


def test_a_debater_sees_passage_question_and_side_and_writes_lines():
    agent, terminal = person("", "It was", "a lamp.", "", "left over")
    observation = Episode(question(), RULES).observe("debater_0")
    assert agent.act([observation]) == ["It was\na lamp."]
    flat = " ".join(terminal.shown.split())
    assert question().passage in flat
    assert "You argue for: a lamp" in flat
    assert terminal.lines == ["left over"]


def test_only_what_is_new_is_shown_in_later_rounds():
    agent, terminal = person("one", "", "two", "")
    episode = Episode(question(), DebateSettings(rounds=2))
    episode.act("debater_0", *agent.act([episode.observe("debater_0")]))
    episode.act("debater_1", "no <quote>kept a lamp on</quote> <quote>kept a rope on</quote>")
    terminal.shown = ""
    assert agent.act([episode.observe("debater_0")]) == ["two"]
    assert "PASSAGE" not in terminal.shown
    assert "“kept a lamp on” [verified]" in terminal.shown
    assert "“kept a rope on” [NOT in the passage]" in terminal.shown


def test_a_full_stop_alone_says_nothing():
    agent, _ = person(".")
    assert agent.act([Episode(question(), RULES).observe("debater_0")]) == [""]


def test_a_speech_over_the_limit_is_announced():
    agent, terminal = person("one two three four five six", "")
    agent.act([Episode(question(), RULES).observe("debater_0")])
    assert "6 words; what follows word 5 is cut" in terminal.shown


def test_a_judge_is_blind_and_asked_until_the_verdict_can_be_read():
    agent, terminal = person("perhaps", "70 40", "70 30")
    episode = Episode(question(), RULES)
    for _ in range(2):
        episode.act("debater_0", "A lamp, I say.")
        episode.act("debater_1", "A rope, I say.")
    assert agent.act([episode.observe("judge_0")]) == [[0.7, 0.3]]
    assert "PASSAGE" not in terminal.shown
    assert "trimmed the wick" not in terminal.shown
    assert terminal.shown.count("Please give") == 2
    assert "A lamp, I say." in terminal.shown


def test_the_end_of_input_leaves():
    agent, _ = person()
    with pytest.raises(Left):
        agent.act([Episode(question(), RULES).observe("debater_0")])
    assert issubclass(Left, KeyboardInterrupt)  # so that no scheduler takes it for a failure


def test_the_end_of_input_ends_a_speech_that_has_begun():
    agent, _ = person("half a speech")
    assert agent.act([Episode(question(), RULES).observe("debater_0")]) == ["half a speech"]


def test_text_cannot_control_the_terminal():
    assert "\x1b" not in wrapped("a\x1b[2Jb\x07\r c")


@pytest.mark.parametrize(
    ("line", "n", "credence"),
    [
        ("a", 2, [1, 0]),
        (" B ", 2, [0, 1]),
        ("70 30", 2, [0.7, 0.3]),
        ("70%, 30%", 2, [0.7, 0.3]),
        ("70", 2, [0.7, 0.3]),
        ("50 30", 3, [0.5, 0.3, 0.2]),
        ("Abstain", 3, [0, 0, 0]),
        ("c", 2, None),
        ("ab", 2, None),
        ("", 2, None),
        ("120 -20", 2, None),
        ("60 60", 2, None),
        ("nan nan", 2, None),
        ("inf", 2, None),
        ("1 2 3", 2, None),
    ],
)
def test_verdicts(line, n, credence):
    found = parse_verdict(line, n)
    assert found == (None if credence is None else pytest.approx(credence))
