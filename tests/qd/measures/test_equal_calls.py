from __future__ import annotations

from pathlib import Path

import pytest

from debate_env.errors import InputError
from debateqd.qd.config.loading import load_config
from debateqd.qd.config.schema import RunConfig
from debateqd.qd.debates.models import Models
from debateqd.qd.debates.questions import split_questions
from debateqd.qd.measures.equal_calls import baseline_config, calls_of, play_equal
from debateqd.qd.store.directory import RunDirectory
from debateqd.qd.training.start import train
from tests.qd.running import equal_calls as main
from tests.qd.stand_ins import StandIn, question_set

PRESETS = ("static-gen", "best-of-n", "random-acceptance", "single-population", "paper")


def small(**evolution: object) -> RunConfig:
    return RunConfig.model_validate(
        {
            "seed": 3,
            "debate": {"rounds": 1},
            "models": {"journal": False},
            "evolution": {"generations": 4, "children": 6, "report": {"questions": 2}, **evolution},
        }
    )


@pytest.mark.parametrize("preset", PRESETS)
def test_nothing_but_the_procedure_differs(preset):
    config = load_config("smoke", assignments=["seed=9", "evolution.report.every=0"])
    made = baseline_config(config, preset)
    assert made.name == f"persuasion-seed9-{preset}"
    unchanged = {"name": made.name, "evolution": made.evolution}
    assert config.model_copy(update=unchanged) == made
    assert made.evolution != config.evolution
    assert made.evolution.generations == config.evolution.generations
    assert made.evolution.report == config.evolution.report
    expected = load_config(["smoke", preset]).evolution
    if preset != "paper":  # which brings a report and generations of its own
        assert made.evolution == expected.model_copy(update={"report": made.evolution.report})


def test_a_preset_without_a_procedure_is_refused(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("seed: 1\n")
    with pytest.raises(InputError, match="no section evolution"):
        baseline_config(small(), str(file))


@pytest.mark.parametrize("budget", [1, 2000, 4000])
def test_calls_come_as_near_as_whole_generations_can(tmp_path: Path, budget):
    config = small(parents={"rule": "seeds"})
    model = StandIn()
    questions = split_questions(question_set(), config.questions)
    models = Models(model, model, model)
    summary = play_equal(config, tmp_path / "run", budget, models=models, questions=questions)
    run = RunDirectory.open(tmp_path / "run")
    spent, count = calls_of(run), summary["generations"]
    assert run.generations() == list(range(count + 1))
    assert not model.closed
    if budget > spent or count > 1:
        each = (spent - 204 * 4) / count
        assert abs(spent - budget) <= each
    else:
        assert count == 1


def test_it_ends_like_a_run_in_one_go(tmp_path: Path):
    model = StandIn()
    models = Models(model, model, model)
    config = small()
    questions = split_questions(question_set(), config.questions)
    found = play_equal(config, tmp_path / "a", 2000, models=models, questions=questions)
    whole = config.model_copy(
        update={
            "evolution": config.evolution.model_copy(update={"generations": found["generations"]})
        }
    )
    train(whole, tmp_path / "b", models=models, questions=questions)
    for name in ("strategies.jsonl", "matches.jsonl", "archive.json", "config.yaml"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_the_command(tmp_path: Path, capsys):
    config = load_config(
        "smoke", assignments=["questions.source='synthetic:passages=20,words=100'"]
    )
    train(config, tmp_path / "ours")
    assert main([str(tmp_path / "ours"), "static-gen"]) == 0
    said = capsys.readouterr().out
    assert f"{tmp_path / 'ours-static-gen'}: " in said
    ours, other = (RunDirectory.open(tmp_path / n) for n in ("ours", "ours-static-gen"))
    assert 0.5 < calls_of(other) / calls_of(ours) < 1.5
    assert {s.operator for s in other.strategies().values()} == {"seed", "static"}
    assert main([str(tmp_path / "ours"), "statc-gen"]) == 2
    assert "did you mean 'static-gen'" in capsys.readouterr().err
    assert main([str(tmp_path), "static-gen"]) == 2
