"""Runs whose archive rests on labels, centroids, or a descriptor of one's own."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from debate_env.errors import InputError
from debateqd.agents.models.base import Reply, Request, Usage
from debateqd.agents.prompts import LETTERS, listed_ways, shown_speeches, task_of
from debateqd.qd.archive.axes import Labels
from debateqd.qd.config.schema import RunConfig
from debateqd.qd.debates.referee import TrainingStoppedError
from debateqd.qd.descriptors.clusters import fit_centroids
from debateqd.qd.descriptors.embedding import HashingEmbedder
from debateqd.qd.descriptors.labelling import OUTCOMES, UNREADABLE
from debateqd.qd.seeds import FAMILIES
from debateqd.qd.store.directory import RunDirectory
from debateqd.qd.tracking.console import generation_line
from debateqd.qd.tracking.events import GenerationFinished, Listener
from debateqd.qd.tracking.wandb import generation_metrics
from debateqd.qd.training.checks import check_names
from debateqd.qd.training.planning import describe_plan, plan_run
from tests.qd.stand_ins import StandIn, number
from tests.qd.training.test_start import again, config, contents, play, questions

VOTES = {"votes": 3}


class Recorder(Listener):
    """Keeps what it is told of finished generations."""

    def __init__(self) -> None:
        self.finished: list[GenerationFinished] = []

    def generation_finished(self, event: GenerationFinished) -> None:
        self.finished.append(event)


class Reader(StandIn):
    """Labels by the power that speeches boast of; seeds boast of none and are told stories."""

    def __init__(self, answer: str = "", **options: Any) -> None:
        super().__init__(**options)
        self.answer = answer
        self.labelled = 0

    def _reply(self, request: Request) -> Reply:
        if task_of(request.messages) != "label":
            return super()._reply(request)
        self.calls += 1
        if self.stop_at is not None and self.calls >= self.stop_at:
            raise KeyboardInterrupt
        self.labelled += 1
        user = request.messages[1].content
        power = max(number(speech, "power") for speech in shown_speeches(user))
        found = LETTERS[listed_ways(user).index(FAMILIES[int(power) % len(FAMILIES)])]
        return Reply(self.answer or found, usage=Usage(100, 1))


def labelled(**labels: Any):
    axes = [{"name": "labelled_family"}, {"name": "length", "edges": [0, 9, 300]}]
    return config(archive={"axes": axes, "labels": VOTES | labels})


def generation(run_dir: Path, n: int) -> dict[str, Any]:
    return RunDirectory.open(run_dir).generation(n)


def test_every_new_strategy_is_labelled_once_by_what_it_says(tmp_path):
    model, watcher = Reader(), Recorder()
    summary = play(labelled(), tmp_path / "run", model, watcher)
    run = RunDirectory.open(tmp_path / "run")
    strategies = run.strategies()
    cells = set()
    asked = 0
    for n in range(3):
        data = generation(tmp_path / "run", n)
        asked += data["stats"]["labels"]["strategies"]
        for cell in data["archive"]["cells"]:
            entry = cell["elite"]
            own = strategies[entry["strategy_id"]]
            said = FAMILIES[int(number(own.text, "power")) % len(FAMILIES)]
            assert entry["behaviour"]["labelled_family"] == said
            assert entry["behaviour"]["family"] == own.family
            counts = data["behaviour"][entry["strategy_id"]]["counts"]["labelled_family"]
            assert counts == [3 * (outcome == said) for outcome in OUTCOMES]
            cells.add(said)
    assert len(cells) > 1
    # Who sat out the only round of a tournament has said nothing yet.
    assert len(strategies) - 3 <= asked <= len(strategies) == summary["strategies"]
    assert model.labelled == 3 * asked
    first, second = generation(tmp_path / "run", 0)["stats"], watcher.finished[1].stats
    heard = speakers(tmp_path / "run")
    assert (first["labels"]["strategies"], first["labels"]["votes"]) == (heard, 3 * heard)
    assert first["labels"]["families"] == {"rationality": heard}  # seeds boast of nothing
    assert heard - 5 <= first["labels"]["drifted"] < heard
    assert second.tokens["mutator"].prompt >= 100 * second.labels["votes"] > 0


def speakers(run_dir: Path) -> int:
    """Count the strategies that debated in generation 0."""
    matches = RunDirectory.open(run_dir).matches()
    played = [m for m in matches if m.phase != "report" and not m.generation]
    return len({strategy for match in played for strategy in match.players})


def test_labels_are_paid_for_and_planned(tmp_path):
    models = {"default": "stand-in", "journal": False}  # which would answer equal verdicts itself
    settings = RunConfig.model_validate({**labelled().to_json(), "models": models})
    play(settings, tmp_path / "run", model := Reader())
    assert sum(generation(tmp_path / "run", n)["stats"]["calls"] for n in range(3)) == model.calls
    plan = plan_run(settings, questions(settings))
    assert plan.labels == 3 * (35 + 2 * 6) >= model.labelled
    assert plan.calls >= model.calls
    assert f"{plan.labels} for labels" in describe_plan(settings, questions(settings), plan)
    assert plan_run(config(), questions(settings)).labels == 0


def test_a_run_with_labels_is_resumed_byte_for_byte(tmp_path):
    settings = labelled()
    play(settings, tmp_path / "whole", whole := Reader())
    for stop in (whole.calls // 3, whole.calls - 20):
        run_dir = tmp_path / f"cut{stop}"
        with pytest.raises(KeyboardInterrupt):
            play(settings, run_dir, Reader(stop_at=stop))
        again(run_dir, Reader())
        assert contents(run_dir) == contents(tmp_path / "whole")


def test_votes_that_cannot_be_read_are_reported(tmp_path):
    class Mumbling(Reader):
        def _reply(self, request: Request) -> Reply:
            reply = super()._reply(request)
            unread = task_of(request.messages) == "label" and self.labelled % 3 == 0
            return dataclasses.replace(reply, text="hm") if unread else reply

    watcher = Recorder()
    play(labelled(), tmp_path / "run", Mumbling(), watcher)
    finished = watcher.finished[0]
    heard = speakers(tmp_path / "run")
    assert finished.stats.labels["unreadable"] == heard
    assert finished.stats.labels["agreement"]["value"] == pytest.approx(2 / 3)
    shown = f"labels agree 67 %  unreadable {heard}/{3 * heard}"
    assert shown in generation_line(finished)
    assert generation_metrics(finished)["labels/unreadable"] == heard
    (cell,) = {tuple(c["cell"]) for c in generation(tmp_path / "run", 0)["archive"]["cells"]}
    assert cell[0] == 0
    assert UNREADABLE not in str(generation(tmp_path / "run", 0)["archive"])


def test_a_labeller_that_says_nothing_readable_stops_the_run(tmp_path):
    with pytest.raises(TrainingStoppedError, match=r"none of \d+ votes .* check models\.mutator"):
        play(labelled(), tmp_path / "run", Reader("none of them"))


@pytest.mark.parametrize("attribute", ["questions", "Questions", "configured"])
def test_a_descriptor_of_ones_own_is_measured_and_resumed(tmp_path, attribute):
    own = {"name": f"tests.qd.descriptors.test_every_descriptor:{attribute}", "edges": [0, 1, 2]}
    settings = config(archive={"axes": [{"name": "family"}, own]})
    play(settings, tmp_path / "whole")
    data = generation(tmp_path / "whole", 2)
    assert data["archive"]["axes"][1] == {"name": "questions", "edges": [0, 1, 2]}
    assert all(cell["elite"]["behaviour"]["questions"] == 0 for cell in data["archive"]["cells"])
    with pytest.raises(KeyboardInterrupt):
        play(settings, tmp_path / "cut", StandIn(stop_at=200))
    again(tmp_path / "cut")
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")


def test_a_descriptor_that_is_none_is_found_before_a_run_begins(tmp_path):
    own = {"name": "tests.qd.descriptors.test_every_descriptor:HERE", "edges": [0, 1]}
    with pytest.raises(InputError, match=r"evolution\.archive\.axes\.0\.name: .* no descriptor"):
        check_names(config(archive={"axes": [own]}))


def centred(path: Path, k: int = 2, seed: int = 0):
    texts = [f"I argue: {word} {n}." for word in ("power=1 honesty=2", "Build a") for n in "abc"]
    fit_centroids(HashingEmbedder(), texts, k, seed).write(path)
    axes = [{"name": "embedding_cluster"}]
    return config(archive={"axes": axes, "embedding": {"centroids": str(path)}})


def test_centroids_decide_cells_and_belong_to_the_run(tmp_path):
    path = tmp_path / "centroids.json"
    play(centred(path), tmp_path / "run")
    (axis,) = generation(tmp_path / "run", 2)["archive"]["axes"]
    assert isinstance(Labels(**{**axis, "labels": tuple(axis["labels"])}), Labels)
    assert axis["catch_all"] == "out_of_range"
    again(tmp_path / "run", generations=3)
    path.unlink()
    centred(path, k=3)
    with pytest.raises(InputError, match="axes are not those that this run began with"):
        again(tmp_path / "run", generations=4)
    path.unlink()
    with pytest.raises(InputError, match=r"centroids\.json: cannot be read"):
        again(tmp_path / "run", generations=4)


def test_what_is_out_of_range_is_said(tmp_path):
    watcher = Recorder()
    narrow = [{"name": "length", "edges": [0, 1, 2]}]
    summary = play(config(archive={"axes": narrow}), tmp_path / "run", StandIn(), watcher)
    heard = speakers(tmp_path / "run")
    assert watcher.finished[0].stats.outside == {"length": heard}
    assert f"out of range length {heard}" in generation_line(watcher.finished[0])
    assert generation_metrics(watcher.finished[0])["archive/outside/length"] == heard
    assert summary["out_of_range"]["length"] >= heard > 20
    (line,) = summary["warnings"]
    assert line.startswith("out of range: length lay ")
    stored = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert stored["warnings"] == [line]
    wide = play(config(), tmp_path / "wide")
    assert wide["warnings"] == []
