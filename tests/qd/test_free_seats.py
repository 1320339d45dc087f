"""Nothing above the environment knows how many players there are, or that there is a judge."""

from __future__ import annotations

import io
import json
from itertools import combinations

import pytest
from rich.console import Console

import debate_env
from debate_env.core import protocols
from debate_env.core.settings import DebateSettings
from debate_env.errors import InputError
from debate_env.questions.question import Question, QuestionSet
from debateqd.agents import DebateJob, play_all
from debateqd.agents.models.base import Sampling
from debateqd.agents.models.journal import Journal, JournalledModel
from debateqd.agents.models.registry import make_model
from debateqd.qd.config.schema import RunConfig
from debateqd.qd.debates.matches import Match
from debateqd.qd.debates.plans import EvaluationPlanner, RunPlanner
from debateqd.qd.debates.questions import split_questions
from debateqd.qd.debates.referee import Players, TrainingStoppedError, play_plans
from debateqd.qd.measures.compare import compare_runs
from debateqd.qd.measures.evaluate import Extras, evaluate_run
from debateqd.qd.ratings import make_rating
from debateqd.qd.report.evaluation import comparison_report, run_report
from debateqd.qd.seeds import seed_strategies
from debateqd.qd.store.directory import RunDirectory
from debateqd.qd.store.history import history_of, record
from debateqd.qd.tables.matches import read_matches
from debateqd.qd.training.start import train
from tests.free_seats import ALL, Chain, Consultancy, Dialogue, ThreeSides

SEEDS = seed_strategies()


def shown(report) -> str:
    console = Console(width=110, file=io.StringIO(), record=True)
    console.print(report)
    return console.export_text()


RULES = {protocol.name: protocol for protocol in ALL}


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    monkeypatch.setattr(protocols, "_PROTOCOLS", dict(protocols._PROTOCOLS))
    for protocol in ALL:
        protocols.register_protocol(protocol)


def questions(passages: int = 20) -> QuestionSet:
    """Questions with three answers, the correct one in every place."""
    known = list(debate_env.load_questions(f"synthetic:passages={passages},words=60,questions=1"))
    return QuestionSet(
        Question(
            q.question_id,
            q.passage_id,
            q.passage,
            q.question,
            (*q.answers[: (k := number % 3)], f"none of them {number}", *q.answers[k:]),
            q.label + (q.label >= k),
        )
        for number, q in enumerate(known)
    )


def players(name: str, model=None, **settings) -> Players:
    model = model or make_model("embedded")
    rules = DebateSettings(protocol=name, rounds=2, word_limit=40, **settings)
    return Players(model, model, rules, Sampling(max_tokens=120, temperature=0.7))


def plans(name: str):
    planner = RunPlanner(RULES[name], 5)
    return [
        plan
        for number, question in enumerate(list(questions())[:4])
        for plan in planner.contest("train", 1, question, tuple(SEEDS[number : number + 2]))
    ]


@pytest.mark.parametrize("name", RULES)
def test_debates_are_played_logged_and_read_back(name):
    rules, played = RULES[name], []
    matches = play_plans(plans(name), players(name), lambda *heard: played.append(heard))
    assert [match for match, _ in played] == matches
    for match, speeches in played:
        assert match.kind == ("verdict" if rules.judges else "ended"), match.message
        assert tuple(match.seats) == rules.players
        assert {s.seat for s in speeches} == set(rules.players)
        assert match.speeches == {s: sum(x.seat == s for x in speeches) for s in rules.players}
        assert set(match.tokens) == {*rules.players, *rules.judges}
        assert Match.from_json(json.loads(json.dumps(match.to_json()))) == match
        assert bool(match.comparisons) == bool(rules.judges)


@pytest.mark.parametrize("name", RULES)
def test_every_player_has_every_seat(name):
    seats = RULES[name].players
    for pair in range(0, len(plans(name)), 2):
        one, other = plans(name)[pair : pair + 2]
        assert all(one.seats[s] != other.seats[s] for s in seats)
        assert len({*one.seats.values(), *other.seats.values()}) == 2


@pytest.mark.parametrize("name", RULES)
def test_replies_are_kept_and_not_asked_for_again(name, tmp_path):
    found, delivered = [], []
    for _ in range(2):
        book = Journal(tmp_path / "journal.sqlite", "run")
        model = JournalledModel(make_model("embedded"), book)
        found.append(play_plans(plans(name), players(name, model), lambda match, said: None))
        delivered.append(model.delivery)
        book.close()
    assert found[0] == found[1]
    assert delivered[0]["replayed"] == 0
    assert delivered[1]["replayed"] >= sum(match.calls for match in found[1]) > 0


def test_a_consultant_is_rated_against_the_question():
    planner = EvaluationPlanner(Consultancy(), 3)
    plan, turned = planner.self_play("elites", SEEDS[:1], list(questions())[:1], 1)
    assert plan.swap != turned.swap  # once for the correct answer, once for another
    matches = play_plans([plan, turned], players("test_consultancy"), lambda match, said: None)
    for match in matches:
        persuasion, truth = match.comparisons
        assert persuasion.rated == truth.rated == ("consultant_0",)
        assert persuasion.opponents == truth.opponents == ()
        assert match.credence is not None
        own, rival = match.credence[:2]
        assert persuasion.score == pytest.approx(own / (own + rival))
        assert persuasion.correct == (1.0 if match.label == 0 else -1.0)
        assert match.share(match.subject, "credence") == persuasion.score
        assert truth.score == match.believed
    assert {match.label == 0 for match in matches} == {True, False}


def test_a_consultants_record_is_against_the_question():
    matches = play_plans(plans("test_consultancy"), players("test_consultancy"), lambda *_: None)
    found = record(SEEDS[0].strategy_id, matches)
    played = [m for m in matches if SEEDS[0].strategy_id in m.players]
    assert all(m.label == 0 for m in played)
    assert found.correct.rate.n == found.overall.rate.n == len(played) > 0
    assert found.wrong is found.neither is found.self_play is None


@pytest.mark.parametrize("name", RULES)
def test_logs_of_other_seats_are_not_rated_as_tables(name, tmp_path):
    matches = play_plans(plans(name), players(name), lambda *_: None)
    path = tmp_path / "matches.jsonl"
    path.write_text("".join(json.dumps(m.to_json()) + "\n" for m in matches))
    for objective in ("persuasion", "truth"):
        with pytest.raises(InputError, match=r"only debates of two players .*seats.*NNNN\.json"):
            read_matches(path, objective=objective)


def test_three_sides_are_compared_in_pairs():
    (match, *_) = play_plans(
        plans("test_three_sides"), players("test_three_sides"), lambda *_: None
    )
    pairs = [c for c in match.comparisons if c.objective == "persuasion"]
    expected = combinations(ThreeSides.players, 2)
    assert [(*c.rated, *c.opponents) for c in pairs] == [*expected]
    assert {c.weight for c in pairs} == {0.5}
    assert sum(c.correct != 0 for c in pairs) == 2  # all pairs that the correct side is in
    (team,) = (c for c in match.comparisons if c.objective == "truth")
    assert team.rated == ThreeSides.players


@pytest.mark.parametrize("name", ["bradley_terry", "elo"])
@pytest.mark.parametrize("protocol", ["test_consultancy", "test_three_sides"])
@pytest.mark.parametrize("truth_weight", [0.0, 0.5, 1.0])
def test_ratings_read_comparisons_and_nothing_else(name, protocol, truth_weight):
    def compared(better: str, other: str, number: int) -> Match:
        seats = RULES[protocol].players
        held = dict.fromkeys(seats, other) | {seats[0]: better}
        alone = len(seats) == 1
        sides = {seat: place for place, seat in enumerate(seats)}
        credence = (0.8, 0.1, 0.1) if better == "s0001" else (0.1, 0.8, 0.1)
        ending = protocols.Ending(0, credence)
        comparisons = RULES[protocol].comparisons(ending)
        return Match(
            match_id=f"{better}{number}",
            pool="",
            generation=1,
            phase="train",
            split="train",
            passage="p",
            question=f"q{number}",
            subject="",
            seats=dict.fromkeys(seats, better) if alone else held,
            sides=sides,
            label=0,
            swap=False,
            seed=1,
            kind="verdict",
            message="",
            credence=credence,
            orders=None,
            bias=None,
            comparisons=comparisons,
            words={},
            speeches={},
            quotes={},
            clipped={},
            tokens={},
            calls=1,
        )

    log = [
        compared(one, other, number)
        for number in range(8)
        for one, other in (("s0001", "s0002"), ("s0002", "s0001"))
    ]
    config = RunConfig.model_validate({"evolution": {"tournament": {"rating": name}}})
    view = make_rating(config.evolution, truth_weight)
    ratings = view.fit(log, {s.strategy_id: s for s in SEEDS}, 1)
    if protocol == "test_three_sides" and truth_weight:
        # Both play in every team, where the judge finds the truth when the winner sits alone.
        assert {"s0001", "s0002"} <= ratings.strategies.keys()
    else:
        assert ratings.strategies["s0001"] > ratings.strategies["s0002"]


@pytest.mark.parametrize("objective", ["persuasion", "truth", "mix"])
@pytest.mark.parametrize("protocol", ["test_consultancy", "test_three_sides"])
def test_a_run_is_trained_and_evaluated(protocol, objective, tmp_path, monkeypatch):
    settings = RunConfig.model_validate(
        {
            "objective": objective,
            "debate": {"rounds": 1, "protocol": protocol, "word_limit": 40},
            "evolution": {
                "generations": 1,
                "children": 4,
                "tournament": {"debates": 60, "waves": 2},
                "report": {"questions": 2},
            },
        }
    )
    asked = questions()
    monkeypatch.setattr("debateqd.qd.measures.evaluate.load_questions", lambda *_: asked)
    train(settings, tmp_path / "run", questions=split_questions(asked, settings.questions))
    run = RunDirectory.open(tmp_path / "run")
    matches = run.matches()
    assert {tuple(m.seats) for m in matches} == {RULES[protocol].players}
    rated = {s for m in matches for s in m.players}
    assert rated & set(run.generation(1)["ratings"])
    report, _ = evaluate_run(run, splits=("test",), elites=2, extras=Extras(archive_questions=2))
    measured = report["splits"]["test"]
    assert measured["unusable"]["value"] == 0
    assert measured["win_rate"]["n"] > 0
    assert measured["accuracy"]["n"] > 0
    alone = protocol == "test_consultancy"
    assert report["against"] == ("question" if alone else "seeds")
    assert f"win rate against the {report['against']} " in shown(run_report(report))
    if objective == "persuasion":
        compared = compare_runs([run, run], splits=("test",), elites=2)
        assert "What the objective counts" in shown(comparison_report(compared))
    if alone:
        (first, *_) = run.generation(1)["ratings"]
        assert history_of(run, first).records["train"].overall is not None


@pytest.mark.parametrize("rules", [Dialogue(), Chain()], ids=lambda rules: rules.name)
def test_who_is_not_compared_is_not_rated(rules):
    matches = play_plans(plans(rules.name), players(rules.name), lambda match, said: None)
    config = RunConfig.model_validate({"evolution": {"tournament": {"rating": "elo"}}})
    ratings = make_rating(config.evolution, 0.0).fit(matches, {s.strategy_id: s for s in SEEDS}, 1)
    assert ratings.strategies == {}


def test_a_run_in_which_nobody_is_compared_ends(tmp_path):
    settings = RunConfig.model_validate({"debate": {"rounds": 1, "protocol": "test_dialogue"}})
    asked = split_questions(questions(), settings.questions)
    with pytest.raises(TrainingStoppedError, match="'test_dialogue' compares no players"):
        train(settings, tmp_path / "run", questions=asked)


def test_agreement_is_what_two_speakers_earn():
    class Echo:
        def __init__(self) -> None:
            self.earned: list[tuple[str, float, str]] = []

        def act(self, observations):
            return ["the same" for _ in observations]

        def feedback(self, episode_id, reward, seat):
            self.earned.append((episode_id, reward, seat))

    echo = Echo()
    settings = DebateSettings(protocol="test_dialogue")
    (question, *_) = questions()
    agents = dict.fromkeys(Dialogue.players, echo)
    (record,) = play_all([DebateJob("talk", question, agents, 1, settings)])
    assert record.outcome.kind == "ended"
    assert echo.earned == [("talk", 1.0, "speaker_0"), ("talk", 1.0, "speaker_1")]


def test_each_teller_hears_the_one_before():
    class Teller:
        def __init__(self) -> None:
            self.heard: dict[str, tuple[str, bool]] = {}

        def act_as(self, observations, places):
            for observation, place in zip(observations, places, strict=True):
                said = observation["transcript"]
                spoken = [s.seat for s in debate_env.parse_transcript(said)]
                self.heard[place.seat] = ("".join(spoken), bool(observation["passage"]))
            return [f"told by {place.seat}" for place in places]

    teller = Teller()
    (question, *_) = questions()
    agents = dict.fromkeys(Chain.players, teller)
    settings = DebateSettings(protocol="test_chain")
    (record,) = play_all([DebateJob("chain", question, agents, 1, settings)])
    assert [s.text for s in record.speeches] == [f"told by {s}" for s in Chain.players]
    assert teller.heard == {
        "teller_0": ("", True),
        "teller_1": ("teller_0", False),
        "teller_2": ("teller_1", False),
        "teller_3": ("teller_2", False),
    }
