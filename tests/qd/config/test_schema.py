from __future__ import annotations

import pytest
from pydantic import ValidationError

from debateqd.qd.config.schema import RunConfig


def test_defaults_resolve_completely():
    config = RunConfig()
    assert config.name == "persuasion-seed0"
    assert config.models.debater == config.models.judge == config.models.mutator == "embedded"
    assert config.debate.objective == "persuasion"


def test_name_follows_objective_and_seed_unless_given():
    assert RunConfig.model_validate({"objective": "truth", "seed": 7}).name == "truth-seed7"
    assert RunConfig.model_validate({"objective": "truth", "name": "mine"}).name == "mine"


def test_roles_without_a_model_get_the_default_one():
    config = RunConfig.model_validate({"models": {"default": "a", "judge": "b"}})
    assert (config.models.debater, config.models.judge, config.models.mutator) == ("a", "b", "a")


def test_it_is_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        RunConfig().seed = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("objective", "weight"), [("persuasion", 0.0), ("truth", 1.0), ("mix", 0.3)]
)
def test_weight_of_truth(objective, weight):
    config = RunConfig.model_validate({"objective": objective, "mix_weight": 0.3})
    assert config.truth_weight == weight


def test_whole_numbers_and_shares_are_told_apart():
    questions = RunConfig.model_validate({"questions": {"train": 10, "test": 0.5}}).questions
    assert isinstance(questions.train, int)
    assert isinstance(questions.test, float)


def test_it_reads_back_from_plain_data():
    config = RunConfig.model_validate(
        {"evolution": {"archive": {"axes": [{"name": "length", "edges": [0, 10, 20]}]}}}
    )
    assert RunConfig.model_validate(config.to_json()) == config
