"""Debates that a mutator is shown: its own, training ones, shortened."""

from __future__ import annotations

from pathlib import Path

import pytest

from debate_env.core.transcript import Speech
from debate_env.errors import InputError
from debate_env.questions.question import Question
from debateqd.qd.debates.matches import transcript_line
from debateqd.qd.mutation.reflection import outcome, pick_debates, shorten, show, transcript_reader
from debateqd.qd.store.directory import transcript_path
from debateqd.qd.store.storage import gzip_lines, write_atomic
from tests.qd.making import match

QUESTION = Question("q1", "p-q1", "A passage.", "Who came?", ("the keeper", "the guest"), 1)
SAID = (Speech(1, "debater_0", "I say the keeper."), Speech(1, "debater_1", "No, the guest."))


def test_how_a_debate_went_depends_on_the_seat():
    won = match("a", "b", 0.8)
    assert outcome(won, "a", 0.0) == 0.8
    assert outcome(won, "b", 0.0) == pytest.approx(0.2)
    assert outcome(won, "c", 0.0) is None
    assert outcome(match("a", "b", None, kind="unusable"), "a", 0.0) is None


def test_a_team_wins_by_the_truth():
    assert outcome(match("a", "a", 0.8, label=1), "a", 0.0) == pytest.approx(0.2)
    assert outcome(match("a", "b", 0.8, label=0), "b", 1.0) == pytest.approx(0.8)


def test_only_training_debates_are_shown():
    log = [
        match("a", "b", 0.1, number=k, phase=phase)
        for k, phase in enumerate(("train", "selection", "report"))
    ]
    assert [m.phase for m in pick_debates("a", log, 0.0, 5, 1)] == ["train"]


def test_lost_and_won_debates_of_late_generations_come_first():
    log = [
        match("a", "b", value, number=k, generation=generation)
        for generation in (1, 2)
        for k, value in enumerate((0.1, 0.2, 0.3, 0.5, 0.7, 0.9))
    ]
    picked = pick_debates("a", log, 0.0, 2, 1)
    assert [outcome(m, "a", 0.0) > 0.5 for m in picked] == [False, False, True, True]
    assert {m.generation for m in picked} == {2}
    assert len(pick_debates("a", log, 0.0, 10, 1)) == 10  # ties are neither
    orders = {tuple(m.match_id for m in pick_debates("a", log, 0.0, 2, s)) for s in range(20)}
    assert len(orders) > 3
    assert pick_debates("a", log, 0.0, 2, 7) == pick_debates("a", log, 0.0, 2, 7)


def test_each_side_is_shown_with_its_answer():
    debate = show(match("a", "b", 0.2), SAID, QUESTION, "a", 0.0, 80)
    assert (debate.won, debate.credence, debate.team) == (False, 0.2, False)
    assert (debate.own, debate.other) == ("the keeper", "the guest")
    assert [s.speaker for s in debate.speeches] == ["own", "other"]
    other = show(match("a", "b", 0.2), SAID, QUESTION, "b", 0.0, 80)
    assert (other.own, other.won) == ("the guest", True)
    assert [s.speaker for s in other.speeches] == ["other", "own"]


def test_a_team_speaks_for_the_truth():
    debate = show(match("a", "a", 0.2, label=1), SAID, QUESTION, "a", 1.0, 80)
    assert (debate.own, debate.won, debate.team) == ("the guest", True, True)
    assert [s.speaker for s in debate.speeches] == ["other", "own"]


def test_speeches_are_shortened_and_no_tag_is_cut_open():
    quote = "<v_quote>" + " ".join(f"w{k}" for k in range(20)) + "</v_quote>"
    assert shorten(f"He said {quote} and left.", 80) == (
        "He said <v_quote>w0 w1 w2 w3 w4 w5 w6 w7 …</v_quote> and left."
    )
    assert shorten(f"He said {quote}.", 5) == "He said …"
    assert shorten("a b c d", 2) == "a b …"
    assert shorten("a\n b", 2) == "a b"
    assert shorten("", 5) == ""
    assert (
        shorten("<u_quote>one two</u_quote> three four", 3) == "<u_quote>one two</u_quote> three …"
    )


def test_transcripts_are_read_by_generation(tmp_path: Path):
    log = [match("a", "b", 0.2, generation=g, number=n) for g in (0, 1) for n in (0, 1)]
    (tmp_path / "transcripts").mkdir()
    for generation in (0, 1):
        lines = [transcript_line(m, SAID) for m in log if m.generation == generation]
        write_atomic(transcript_path(tmp_path, generation), gzip_lines(lines))
    read = transcript_reader(tmp_path)
    found = read([log[0], log[3]])
    assert found == {log[0].match_id: SAID, log[3].match_id: SAID}
    assert read([]) == {}
    with pytest.raises(InputError, match="holds no match"):
        read([match("a", "b", 0.2, generation=1, number=9)])
