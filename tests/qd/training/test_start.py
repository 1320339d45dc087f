"""The loop with a stand-in model: what it does, what it leaves, and what it never touches."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from debate_env.errors import InputError
from debateqd.qd.config.loading import Flag, override_config
from debateqd.qd.config.schema import RunConfig
from debateqd.qd.debates.models import Models
from debateqd.qd.debates.questions import RunQuestions, split_questions
from debateqd.qd.debates.referee import TrainingStoppedError
from debateqd.qd.store.directory import RunDirectory
from debateqd.qd.tracking.events import (
    GenerationFinished,
    GenerationStats,
    Listener,
    Progress,
    RunFinished,
    RunStarted,
)
from debateqd.qd.tracking.wandb import generation_metrics
from debateqd.qd.training.start import resume, train
from tests.qd.stand_ins import StandIn, question_set

UNSTABLE = {"telemetry.jsonl", "events.log"}


def config(objective: str = "persuasion", **evolution: Any) -> RunConfig:
    settings: dict[str, Any] = {
        "generations": 2,
        "children": 6,
        "tournament": {"debates": 80, "waves": 2},
        "report": {"questions": 3},
    }
    for key, value in evolution.items():
        settings[key] = {**settings.get(key, {}), **value} if isinstance(value, dict) else value
    return RunConfig.model_validate(
        {
            "objective": objective,
            "debate": {"rounds": 1},
            "models": {"default": "stand-in"},
            "evolution": settings,
        }
    )


def questions(settings: RunConfig) -> RunQuestions:
    return split_questions(question_set(), settings.questions)


def play(
    settings: RunConfig, run_dir: Path, model: StandIn | None = None, *listeners: Listener
) -> dict[str, Any]:
    model = model or StandIn()
    return train(
        settings,
        run_dir,
        listeners=listeners,
        models=Models(model, model, model),
        questions=questions(settings),
    )


def again(run_dir: Path, model: StandIn | None = None, **options: Any) -> dict[str, Any]:
    model = model or StandIn()
    settings = RunDirectory.open(run_dir).config
    if (generations := options.pop("generations", None)) is not None:
        flag = Flag("--generations", "evolution.generations", generations)
        options["config"] = override_config(settings, [flag], "config.yaml")
    options.setdefault("questions", questions(settings))
    return resume(run_dir, models=Models(model, model, model), **options)


def contents(run_dir: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(run_dir)): path.read_bytes()
        for path in sorted(run_dir.rglob("*"))
        if path.is_file() and path.name not in UNSTABLE
    }


class Watcher(Listener):
    def __init__(self) -> None:
        self.events: list[Any] = []

    def run_started(self, event: RunStarted) -> None:
        self.events.append(event)

    def progressed(self, event: Progress) -> None:
        self.events.append(event)

    def generation_finished(self, event: GenerationFinished) -> None:
        self.events.append(event)

    def run_finished(self, event: RunFinished) -> None:
        self.events.append(event)

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run_dir = tmp_path_factory.mktemp("runs") / "done"
    play(config(), run_dir)
    return run_dir


def test_a_run_leaves_what_the_format_says(done):
    names = set(contents(done))
    assert names == {
        "config.yaml",
        "questions.json",
        "strategies.jsonl",
        "matches.jsonl",
        "archive.json",
        "summary.json",
        "journal.sqlite",
        *(f"generations/{g:04d}.json" for g in range(3)),
        *(f"transcripts/{g:04d}.jsonl.gz" for g in range(3)),
    }
    run = RunDirectory.open(done)
    asked = config().to_json()
    asked["models"]["verdict"]["method"] = "probabilities"  # what auto stands for with this model
    assert run.config.to_json() == asked
    assert run.generations() == [0, 1, 2]
    known = run.strategies()
    assert list(known) == [f"s{n:04d}" for n in range(len(known))]
    assert sum(not s.parents for s in known.values()) == 35
    assert all(p in known for s in known.values() for p in s.parents)
    for match in (matches := run.matches())[:: len(matches) // 7]:
        speeches = run.transcript(match)
        assert [s.seat for s in speeches] == ["debater_0", "debater_1"]
    assert len({m.match_id for m in matches}) == len(matches)


def test_the_same_run_gives_the_same_bytes(done, tmp_path):
    play(config(), tmp_path / "other")
    assert contents(tmp_path / "other") == contents(done)


def test_another_seed_gives_another_run(done, tmp_path):
    settings = RunConfig.model_validate({**config().to_json(), "seed": 1, "name": "x"})
    play(settings, tmp_path / "other")
    assert contents(tmp_path / "other")["matches.jsonl"] != contents(done)["matches.jsonl"]


def test_batch_size_changes_nothing(done, tmp_path):
    data = config().to_json()
    data["models"]["max_open"] = 3
    play(RunConfig.model_validate(data), tmp_path / "other")
    other, here = contents(tmp_path / "other"), contents(done)
    assert {n: b for n, b in other.items() if n != "config.yaml"} == {
        n: b for n, b in here.items() if n != "config.yaml"
    }


@pytest.mark.parametrize("objective", ["persuasion", "truth", "mix"])
def test_every_pairing_is_played_in_both_seats_on_the_same_question(objective, tmp_path):
    play(config(objective, generations=1), tmp_path / "run")
    for phase in ("train", "selection", "report"):
        played = [m for m in RunDirectory.open(tmp_path / "run").matches() if m.phase == phase]
        duels = {(m.question, tuple(m.seats.values()), m.generation) for m in played if not m.alone}
        assert all((q, (b, a), g) in duels for q, (a, b), g in duels)
        assert played


@pytest.mark.parametrize("phase", ["train", "selection", "report"])
def test_matches_stay_within_their_split_and_nobody_reads_the_test(done, phase):
    run = RunDirectory.open(done)
    splits = run.questions().splits
    used = {m.question for m in run.matches() if m.phase == phase}
    assert used
    assert used <= set(splits[phase])
    assert not used & set(splits["test"])


def test_no_request_holds_a_test_passage(tmp_path):
    model, settings = StandIn(), config(generations=1)
    play(settings, tmp_path / "run", model)
    text = "\n".join(m.content for request in model.seen for m in request.messages)
    dealt = questions(settings)
    assert dealt.test
    assert not [p for p in dealt.test.passages.values() if p in text]
    assert [p for p in dealt.train.passages.values() if p in text]


@pytest.mark.long
def test_evolution_gains_where_there_is_something_to_gain(tmp_path):
    for objective, least in (("persuasion", 0.1), ("truth", 0.0)):
        settings = config(objective, generations=6, children=14, report={"questions": 12})
        model, dealt = StandIn(), split_questions(question_set(60), settings.questions)
        models = Models(model, model, model)
        summary = train(settings, tmp_path / objective, models=models, questions=dealt)
        assert summary["gain"][objective]["clusters"] == 8
        assert summary["gain"][objective]["low"] > least


def test_a_challenger_replaces_only_what_it_is_probably_better_than(done):
    run = RunDirectory.open(done)
    decided = replaced = 0
    for number in run.generations()[1:]:
        data = run.generation(number)
        won = set()
        for decision in data["decisions"]:
            better, said = decision["better"], decision["decision"]
            assert (said == "accept") == (better > 0.5)
            assert (said == "reject") == (better < 0.3)
            decided += 1
            if said == "accept":
                won.add((decision["challenger"], decision["incumbent"]))
        for event in data["events"]:
            if event["kind"] == "replaced":
                assert (event["strategy_id"], event["other"]) in won
                replaced += 1
        waiting = {e["strategy_id"] for c in data["archive"]["cells"] for e in c["challengers"]}
        assert set(data["waiting"]) == waiting
    assert decided >= replaced > 0


def test_the_papers_procedure_decides_by_rating_alone(tmp_path):
    settings = config(
        archive={"kind": "slots", "keep_per_family": 3},
        parents={"rule": "best_of_family"},
        selection={"rule": "rating"},
        tournament={
            "debates": None,
            "pairings": {"swiss": 1},
            "rating": "elo",
            "elo": {"memory": "inherit"},
        },
        mutation={"operators": {"rewrite": 1.0}},
    )
    play(settings, tmp_path / "run")
    run = RunDirectory.open(tmp_path / "run")
    assert not [m for m in run.matches() if m.phase == "selection"]
    stats = run.generation(2)["stats"]
    assert stats["players"] == 35
    assert stats["children"] == 14
    assert run.archive()["heat_map"]["axis"] == "slot"
    assert all(None not in row for row in run.archive()["heat_map"]["values"])


def test_strategies_may_debate_themselves_for_truth(tmp_path):
    play(config("truth", tournament={"teams": "self"}), tmp_path / "run")
    played = [m for m in RunDirectory.open(tmp_path / "run").matches() if m.phase != "report"]
    assert all(m.alone for m in played)
    counts = Counter(m.players[0] for m in played if not m.generation)
    assert len(counts) == 35
    assert sum(counts.values()) == 80


def test_a_report_does_not_play_again_what_is_known(done):
    reports = [m for m in RunDirectory.open(done).matches() if m.phase == "report"]
    debates = {(tuple(m.seats.values()), m.question) for m in reports}
    assert len(debates) == len(reports)


def test_listeners_see_the_run_and_cannot_end_it(tmp_path, caplog):
    class Faulty(Listener):
        def generation_finished(self, event: GenerationFinished) -> None:
            raise RuntimeError("no disk")

    watcher = Watcher()
    summary = play(config(), tmp_path / "run", None, Faulty(), watcher)
    started, finished = watcher.of(RunStarted), watcher.of(RunFinished)
    assert [e.status for e in finished] == ["finished"]
    assert finished[0].summary == summary
    assert (started[0].generations, started[0].first_generation, started[0].simulation) == (
        2,
        0,
        False,
    )
    generations = watcher.of(GenerationFinished)
    assert [e.stats.generation for e in generations] == [0, 1, 2]
    assert {e.phase for e in watcher.of(Progress)} == {"mutation", "train", "selection", "report"}
    assert all(0 <= e.done <= e.total for e in watcher.of(Progress))
    last = generations[-1]
    assert last.stats.tokens["judge"].prompt > 0
    assert last.elites[0].rating == last.stats.best_rating
    assert all(row.lineage[-1] == row.strategy_id for row in last.elites)
    assert sum(v is not None for row in last.heat_map.values for v in row) == len(last.elites)
    assert "Faulty failed in generation_finished" in caplog.text


def test_stats_read_back(done):
    assert RunDirectory.open(done).stats(2).generation == 2
    data = RunDirectory.open(done).generation(2)["stats"]
    assert json.loads(json.dumps(GenerationStats.from_json(data).to_json())) == data
    assert GenerationStats.from_json({**data, "win_rate": None}).win_rate is None
    older = {key: value for key, value in data.items() if key != "rating_effects"}
    assert GenerationStats.from_json(older).rating_effects == {}


@pytest.mark.parametrize("objective", ["persuasion", "truth", "mix"])
def test_the_win_rate_of_every_generation_is_in_the_log(objective, tmp_path):
    watcher = Watcher()
    summary = play(config(objective), tmp_path / "run", None, watcher)
    matches = RunDirectory.open(tmp_path / "run").matches()
    reports = [m for m in matches if m.phase == "report" and not m.alone]
    for event in watcher.of(GenerationFinished):
        stats = event.stats
        won, panel = [], set()
        for champion in stats.champions:
            for m in reports:
                if m.generation > stats.generation:
                    continue
                # Every debate with a seed that is no champion of this generation is one of its.
                if champion in m.players and not set(m.players) <= set(stats.champions):
                    won.append(m.share(champion, "win"))
                    panel.add(m.players)
        assert panel
        assert all((b, a) in panel for a, b in panel)
        assert stats.win_rate is not None
        assert stats.win_rate.n == 3 * len(stats.champions)
        assert stats.win_rate.low <= stats.win_rate.value <= stats.win_rate.high
        # Where no champion met another one, and none was another's opponent in an earlier report.
        if len(won) == 2 * stats.win_rate.n and not stats.generation:
            assert stats.win_rate.value == pytest.approx(sum(won) / len(won))
        assert generation_metrics(event)["win_rate"] == stats.win_rate.value
        assert (
            set(stats.gain)
            == {
                "persuasion": {"persuasion"},
                "truth": {"truth"},
                "mix": {"persuasion", "truth", "mix"},
            }[objective]
        )
    assert summary["win_rate"]["value"] == stats.win_rate.value


def test_champions_that_meet_each_other_meet_once(tmp_path):
    settings = config(generations=0, report={"questions": 99})
    sizes = {"train": 4, "selection": 4, "report": 40, "test": 4}
    # With this seed two champions are each other's opponents on two questions.
    dealing = {**settings.questions.model_dump(), **sizes}
    data = {**settings.to_json(), "seed": 5, "questions": dealing}
    settings = RunConfig.model_validate(data)
    dealt = split_questions(question_set(40), settings.questions)
    model, watcher = StandIn(), Watcher()
    train(
        settings,
        tmp_path / "run",
        models=Models(model, model, model),
        questions=dealt,
        listeners=[watcher],
    )
    run = RunDirectory.open(tmp_path / "run")
    matches = run.matches()
    chosen = set(run.generation(0)["stats"]["champions"])
    reports = [m for m in matches if m.phase == "report"]
    assert len(reports) == 2 * len(chosen) * len(dealt.report) - 4
    assert len({m.match_id for m in matches}) == len(matches)
    # Both count the debates between them.
    assert run.generation(0)["stats"]["win_rate"]["n"] == len(chosen) * len(dealt.report)
    done = [e.done for e in watcher.of(Progress) if e.phase == "report"]
    assert done == list(range(1, watcher.of(Progress)[-1].total + 1))


def test_totals_add_up(done):
    run = RunDirectory.open(done)
    totals = run.summary()["totals"]
    stats = [run.generation(g)["stats"] for g in run.generations()]
    assert totals["debates"] == len(run.matches()) == sum(s["debates"] for s in stats)
    assert totals["calls"] == sum(s["calls"] for s in stats)
    assert totals["tokens"]["judge"]["prompt"] == sum(m.tokens["judge_0"][0] for m in run.matches())


# --- going on ------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.03, 0.3, 0.5, 0.7, 0.95])
def test_an_interrupted_run_ends_with_the_same_bytes(done, tmp_path, share):
    counter = StandIn()
    play(config(), tmp_path / "counted", counter)
    broken, run_dir = StandIn(stop_at=int(share * counter.calls)), tmp_path / "run"
    watcher = Watcher()
    with pytest.raises(KeyboardInterrupt):
        play(config(), run_dir, broken, watcher)
    assert [e.status for e in watcher.of(RunFinished)] == ["interrupted"]
    assert not (run_dir / "summary.json").exists()
    again(run_dir)
    assert contents(run_dir) == contents(done)


def test_torn_files_of_an_uncommitted_generation_are_cut_off(done, tmp_path):
    run_dir = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        play(config(), run_dir, StandIn(stop_at=500))
    with (run_dir / "matches.jsonl").open("a") as file:
        file.write('{"v": 1, "id": "to')
    (run_dir / "transcripts" / "0009.jsonl.gz").write_bytes(b"\x1f\x8b")
    (run_dir / "generations" / ".0009.json.tmp").write_text("{")
    again(run_dir)
    assert contents(run_dir) == contents(done)


def test_a_finished_run_may_go_on(done, tmp_path):
    play(config(generations=1), tmp_path / "run")
    again(tmp_path / "run", generations=2)
    assert contents(tmp_path / "run") == contents(done)
    with pytest.raises(InputError, match="already finished generation 2"):
        again(tmp_path / "run", generations=1)
    again(tmp_path / "run")
    assert contents(tmp_path / "run") == contents(done)


def test_changed_questions_are_refused(tmp_path):
    settings = config(generations=0)
    play(settings, tmp_path / "run")
    other = split_questions(question_set(21), settings.questions)
    with pytest.raises(InputError, match=r"not those .* began with \(content hash"):
        again(tmp_path / "run", questions=other)


def test_questions_dealt_out_differently_are_refused_as_that(tmp_path):
    settings = config(generations=0)
    play(settings, tmp_path / "run")
    moved = settings.questions.model_copy(update={"split_seed": 1})
    with pytest.raises(InputError, match=r"the splits are not those") as error:
        again(tmp_path / "run", questions=split_questions(question_set(), moved))
    assert "report, selection, test, train differ" in str(error.value)
    assert "hash" not in str(error.value)
    one = split_questions(question_set(), settings.questions)
    named = dataclasses.replace(one, source="synthetic")
    with pytest.raises(InputError, match=r"source in config.yaml is 'synthetic'"):
        again(tmp_path / "run", questions=named)


def test_a_directory_is_never_overwritten(done):
    before = contents(done)
    with pytest.raises(InputError, match="exists already; continue it with --resume"):
        play(config(), done)
    assert contents(done) == before


# --- failures ------------------------------------------------------------------------------------


def test_too_many_unusable_verdicts_end_the_run_with_an_example(tmp_path):
    watcher = Watcher()
    with pytest.raises(
        TrainingStoppedError, match=r"of generation 0 .*the engine is down"
    ) as error:
        play(config(), tmp_path / "run", StandIn(broken=1), watcher)
    assert "\n" not in str(error.value)
    assert [e.status for e in watcher.of(RunFinished)] == ["failed"]


def test_unusable_verdicts_are_counted_and_skipped(tmp_path):
    class Moody(StandIn):
        """Its judge fails on one question in four."""

        def _reply(self, request):
            user = request.messages[1].content
            if "house 1" in user and "part 0" in user and request.choices is not None:
                self.calls += 1
                return type(super()._reply(request))("", "error", error="down")
            return super()._reply(request)

    summary = play(
        config(limits={"unusable_share": 1.0}, tournament={"debates": 120}),
        tmp_path / "run",
        Moody(),
    )
    lost = [m for m in RunDirectory.open(tmp_path / "run").matches() if not m.usable]
    assert lost
    assert summary["totals"]["unusable"] == len(lost)
    assert all(m.credence is None and m.right is None for m in lost)
