"""Protocols that only tests know: other numbers of players, no judge, nobody rated."""

from __future__ import annotations

from debate_env.core.protocols import (
    JUDGE,
    SPEECH,
    VERDICT,
    Comparison,
    Debate,
    Ending,
    Scores,
    Wave,
)


class Consultancy(Debate):
    """One consultant argues for one answer before a judge; rated against the question."""

    name = "test_consultancy"
    symmetric = False
    players = ("consultant_0",)

    def wave(self, index, speeches, rounds):
        if index < rounds:
            return Wave(SPEECH, index + 1, self.players)
        return Wave(VERDICT, rounds + 1, (JUDGE,)) if index == rounds else None


class ThreeSides(Debate):
    """Three debaters with one answer each speak at once."""

    name = "test_three_sides"
    symmetric = True
    players = ("debater_0", "debater_1", "debater_2")

    def wave(self, index, speeches, rounds):
        if index < rounds:
            return Wave(SPEECH, index + 1, self.players)
        return Wave(VERDICT, rounds + 1, (JUDGE,)) if index == rounds else None

    def scores(self, ending: Ending) -> Scores:
        found = super().scores(ending._replace(credence=None))
        if ending.credence is None:
            return found
        own = dict(zip(self.players, ending.credence, strict=True))
        return {
            "persuasion": {seat: p - (1 - p) / 2 for seat, p in own.items()},
            "truth": dict.fromkeys(self.players, ending.credence[ending.label]),
        }


class Dialogue(Debate):
    """Two speakers without a judge; whether they agree in the end is what they earn."""

    name = "test_dialogue"
    symmetric = False
    players = ("speaker_0", "speaker_1")
    judges = ()

    def wave(self, index, speeches, rounds):
        if index < 2 * rounds:
            return Wave(SPEECH, index // 2 + 1, (self.players[index % 2],))
        return None

    def defends(self, seat):
        return None

    def scores(self, ending: Ending) -> Scores:
        last = {speech.seat: speech.text for speech in ending.speeches}
        agreed = float(len(set(last.values())) == 1)
        return {name: dict.fromkeys(self.players, agreed) for name in ("persuasion", "truth")}

    def comparisons(self, ending: Ending) -> tuple[Comparison, ...]:
        return ()


class Chain(Debate):
    """Four pass on a text; only the first has read the passage, each hears the one before."""

    name = "test_chain"
    symmetric = False
    players = ("teller_0", "teller_1", "teller_2", "teller_3")
    judges = ()

    def wave(self, index, speeches, rounds):
        if index < len(self.players):
            return Wave(SPEECH, 1, (self.players[index],))
        return None

    def visible(self, seat, speeches):
        before = self.players[self.players.index(seat) - 1]
        return tuple(s for s in speeches if s.seat == before)

    def reads_passage(self, seat):
        return seat == self.players[0]

    def defends(self, seat):
        return None


ALL = (Consultancy(), ThreeSides(), Dialogue(), Chain())
