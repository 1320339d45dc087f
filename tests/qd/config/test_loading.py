from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import reduce
from pathlib import Path
from typing import Any, cast, get_origin

import pytest
from pydantic import BaseModel

from debate_env.core import protocols
from debate_env.core.protocols import Simultaneous
from debate_env.core.settings import DebateSettings
from debate_env.errors import InputError
from debateqd.agents.yaml_text import dump_yaml, parse_yaml
from debateqd.qd.config.loading import (
    Flag,
    dump_config,
    load_config,
    nest,
    parse_config,
    preset_names,
)
from debateqd.qd.config.schema import RunConfig
from tests.repository import ROOT

CONFIGS = ROOT / "configs"


def test_presets_are_found():
    assert {"default", "smoke", "paper"} <= set(preset_names())


def test_the_default_preset_states_the_defaults():
    assert load_config("default") == RunConfig()


def test_the_default_preset_lists_every_key():
    def keys(text: str) -> list[str]:
        return re.findall(r"^ *(?:- )?(\w+):", text, re.MULTILINE)

    listed = set(keys((CONFIGS / "default.yaml").read_text()))
    assert set(keys(dump_config(RunConfig()))) - {"edges"} <= listed


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda p: p.stem)
def test_every_line_of_a_preset_is_documented(path):
    lines = path.read_text().splitlines()
    bare = [
        line
        for number, line in enumerate(lines)
        if re.match(r" *(- )?\w+: *\S", line)  # sets a value
        and "#" not in line
        and not lines[number - 1].strip().startswith("#")
        and not re.match(r" *(initial|base|scale|score|selection|report|test): ", line)
    ]
    assert bare == []
    assert load_config(path.stem).version == 1


def test_layers_override_each_other(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("seed: 1\ndebate:\n  rounds: 3\n  word_limit: 70\n")
    flags = [Flag("--rounds", "debate.rounds", 4), Flag("--seed", "seed", 5)]
    config = load_config(str(file), flags, ["seed=6", "tracking.tags=[a, b]"])
    assert (config.seed, config.debate.rounds, config.debate.word_limit) == (6, 4, 70)
    assert config.tracking.tags == ("a", "b")
    assert config.debate.protocol == "simultaneous"
    config = load_config("default", (), ["models.temperature=1e-1", "evolution.children=1e2"])
    assert (config.models.temperature, config.evolution.children) == (0.1, 100)
    with pytest.raises(InputError, match=r"^--set seed: 1_0 could mean several things; write"):
        load_config("default", (), ["seed=1_0"])


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("evolution:\n  tournament:\n    roundz: 3\n", ["evolution.tournament.roundz", "'rounds'"]),
        ("evolution:\n  children: many\n", ["evolution.children", "'many'", "a whole number"]),
        ("objective: trth\n", ["objective", "did you mean 'truth'"]),
        ("questions:\n  train: -1\n", ["questions.train", "-1", "greater than or equal to 0"]),
        ("seed: true\n", ["seed", "True", "a whole number"]),
        ("debate: 3\n", ["debate", "a section with protocol"]),
        ("name: a/b\n", ["name", "letters, digits"]),
        ("debate:\n  protocol: seqential\n", ["debate.protocol", "did you mean 'sequential'"]),
        ("debate:\n  protocol: 3\n", ["debate.protocol", "3 is not allowed", "text"]),
        ("evolution:\n  archive:\n    axes:\n    - nam: x\n", ["axes.0.nam", "'name'"]),
        ("evolution:\n  archive:\n    axes:\n    - edges: [1]\n", ["axes.0.name", "required"]),
        ("seed: 1\nseed: 2\n", ["line 2", "given twice"]),
        ("name: 7\n", ["name", "7 is not allowed; allowed: text, in quotation marks where"]),
        ("seed: 010\n", ["line 1: 010 could mean", "write 10"]),
        ("models:\n  temperature: .inf\n", ["line 2: .inf could mean", "finite number"]),
        ("questions:\n  truncate_passages: yes\n", ["line 2: yes could mean", "write true"]),
        ("seed: [1\n", ["line", "not valid YAML"]),
        ("- a\n", ["must hold 'key: value' lines"]),
    ],
)
def test_mistakes_in_a_file_are_one_line(tmp_path, text, parts):
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    with pytest.raises(InputError) as error:
        load_config(str(file))
    message = str(error.value)
    assert "\n" not in message
    for part in [str(file), *parts]:
        assert part in message


@pytest.mark.parametrize(
    "assignment",
    [
        "models.openai.extra_body.api_key=hunter2",
        "models.openai.extra_body=hunter2",
        "models.openai.extra_body=[hunter2",
        "models.openai.key_variable=hunter-2",
        "models.openai.base_urls=http://bob:hunter2@host/v1",
        "models.overrides={judge: {extra_body: {secret: hunter2}}}",
    ],
)
def test_keys_in_assignments_are_refused_and_not_shown(assignment):
    assignments = ["models.default=openai:x", "models.judge=openai:x", assignment]
    with pytest.raises(InputError, match=r"^--set models") as info:
        load_config("default", assignments=assignments)
    assert "hunter" not in str(info.value)


def test_mistakes_name_the_layer_that_made_them():
    with pytest.raises(InputError, match=r"^--rounds: debate.rounds: 0"):
        load_config("default", [Flag("--rounds", "debate.rounds", 0)])
    with pytest.raises(InputError, match=r"^--set debate.rounds=x: debate.rounds: 'x'"):
        load_config("default", (), ["debate.rounds=x"])
    with pytest.raises(InputError, match="write it as"):
        load_config("default", (), ["debate.rounds"])
    with pytest.raises(InputError, match="did you mean 'smoke'"):
        load_config("smoek")
    with pytest.raises(InputError, match=r"no/such.yaml: no such file"):
        load_config("no/such.yaml")


def test_a_file_that_is_not_text(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="UTF-8"):
        load_config(str(file))


@pytest.mark.parametrize("preset", ["default", "smoke", "paper"])
def test_a_dumped_configuration_reads_back(tmp_path, preset):
    config = load_config(preset, [Flag("--seed", "seed", 3)])
    (tmp_path / "config.yaml").write_text(dump_config(config))
    assert parse_config(tmp_path / "config.yaml") == config


def test_a_registered_protocol_may_be_named(monkeypatch):
    class OneReader(Simultaneous):
        name = "test_one_reader"

    monkeypatch.setattr(protocols, "_PROTOCOLS", dict(protocols._PROTOCOLS))
    with pytest.raises(InputError, match="allowed: sequential, simultaneous"):
        load_config("default", (), ["debate.protocol=test_one_reader"])
    protocols.register_protocol(OneReader())
    config = load_config("default", (), ["debate.protocol=test_one_reader"])
    assert config.debate.protocol == "test_one_reader"


@pytest.mark.parametrize("text", ["# empty", "seed: 3\n"])
def test_a_stored_configuration_has_a_version(tmp_path, text):
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match="has no version, so that it is no stored configuration"):
        parse_config(path)
    load_config(str(path))  # a file of the user's own may leave anything out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("debate:\n  word_limt: 3\n", "debate.word_limt: unknown key; did you mean 'word_limit'?"),
        ("debate:\n  objective: truth\n", "debate.objective: 'truth' is not allowed; set 'obj"),
        ("models:\n  verdict:\n    votes: 0\n", "models.verdict.votes: 0 is not allowed; allowed"),
        ("models:\n  prices:\n    m: {prompt: 1}\n", "models.prices.m.completion: this key is req"),
        ("models:\n  prices:\n    m: {prmpt: 1}\n", "models.prices.m.prmpt: unknown key; did you"),
        ("budget:\n  calls: -1\n", "budget.calls: -1 is not allowed; allowed: a whole number or"),
        ("debate:\n  rounds: 2.5\n", "debate.rounds: 2.5 is not allowed; allowed: a whole number"),
        ("1: 2\n", "1: unknown key; allowed: budget, debate"),
    ],
)
def test_settings_of_other_packages_are_sections_like_all_others(tmp_path, text, message):
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(InputError) as error:
        load_config(str(tmp_path / "mine.yaml"))
    assert str(error.value).startswith(f"{tmp_path / 'mine.yaml'}: {message}")


def test_debates_have_the_objective_of_the_run():
    config = load_config("default", (), ["objective=mix", "mix_weight=0.25", "debate.rounds=3"])
    assert config.debate == DebateSettings(objective="mix", mix_weight=0.25, rounds=3)
    assert "objective" not in config.to_json()["debate"]
    assert RunConfig(objective="truth", debate=DebateSettings()).debate.objective == "truth"


ENGINES = ("models.judge=openai:x", "models.debater=vllm:y")
MAPPINGS: dict[str, dict[str, Any]] = {  # every mapping of free keys, and two entries for each
    "evolution.tournament.pairings": {"swiss": 0.25, "parent": 0.75},
    "evolution.mutation.operators": {"static": 0.5, "own:Shorten": 0.125},
    "models.overrides": {"judge": {"attempts": 2}, "debater": {"dtype": "float32"}},
    "models.overrides.judge": {"attempts": 3, "timeout": 7.5},
    "models.prices": {
        "openai:x": {"prompt": 1.0, "completion": 2.0, "cached_prompt": 0.5},
        "y": {"prompt": 3.0, "completion": 4.0, "cached_prompt": 0.5},
    },
    "models.vllm.extra": {"enforce_eager": True, "swap_space": 2},
    "models.vllm.chat_template_kwargs": {"enable_thinking": False, "effort": "low"},
    "models.openai.extra_body": {"top_k": 20, "min_p": 0.25},
}


def assign(path: str, value: object) -> str:
    return f"{path}={json.dumps(value)}"  # JSON is YAML


def held(config: RunConfig, path: str) -> dict[str, Any]:
    found: Any = config.to_json()
    for part in path.split("."):
        found = found.get(part, {})
    return cast("dict[str, Any]", found)


def mappings_of(section: type[BaseModel], path: str = "") -> Iterator[str]:
    for name, field in section.model_fields.items():
        kind = field.annotation
        if get_origin(kind) is dict:
            yield path + name
        elif isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from mappings_of(kind, f"{path}{name}.")


def test_the_table_has_every_mapping_of_the_schema():
    assert {*mappings_of(RunConfig)} == {*MAPPINGS} - {"models.overrides.judge"}


@pytest.mark.parametrize("preset", ["default", "smoke", "paper", "static-gen"])
@pytest.mark.parametrize("path", MAPPINGS)
def test_a_key_changes_that_key_alone(tmp_path, preset, path):
    """Whatever is below, defaults, a preset or an assignment, and whatever gives the key."""
    for (key, value), other in zip(MAPPINGS[path].items(), [*MAPPINGS[path]][::-1], strict=True):
        for lower in (ENGINES, (*ENGINES, assign(path, {other: MAPPINGS[path][other]}))):
            below = load_config(preset, assignments=lower)
            assert lower == ENGINES or other in held(below, path)
            wanted = held(below, path) | {key: value}
            changed = load_config(preset, assignments=[*lower, assign(f"{path}.{key}", value)])
            assert held(changed, path) == wanted
            assert changed.evolution.archive == below.evolution.archive

            (tmp_path / "below.yaml").write_text(dump_config(below))
            (tmp_path / "above.yaml").write_text(json.dumps(nest(path.split("."), {key: value})))
            files = [str(tmp_path / "below.yaml"), str(tmp_path / "above.yaml")]
            assert load_config(files) == changed


@pytest.mark.parametrize("path", MAPPINGS)
def test_a_mapping_in_braces_is_the_whole_of_it(tmp_path, path):
    first, second = ({key: value} for key, value in MAPPINGS[path].items())
    config = load_config("default", (), [*ENGINES, assign(path, first), assign(path, second)])
    assert {k: v for k, v in held(config, path).items() if v != 0.0} == second
    (tmp_path / "stored.yaml").write_text(dump_config(config))
    assert load_config(str(tmp_path / "stored.yaml")) == config


def test_a_section_in_braces_changes_the_keys_it_names():
    config = load_config("smoke", (), ["evolution.tournament={waves: 3, elo: {k: 24.0}}"])
    assert (config.evolution.tournament.debates, config.evolution.tournament.waves) == (60, 3)
    assert config.evolution.tournament.elo.scale == 400.0


@pytest.mark.parametrize("lost", ["seed", "questions.columns", "evolution.archive.axes"])
def test_a_stored_configuration_that_lost_a_key_is_damaged(tmp_path: Path, lost: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(dump_config(RunConfig()))
    assert parse_config(path) == RunConfig()
    data = parse_yaml(path.read_text(), "file")
    *sections, key = lost.split(".")
    del reduce(dict.__getitem__, sections, data)[key]
    path.write_text(dump_yaml(data))
    with pytest.raises(InputError, match=f"'{lost}' is missing, so that the file is damaged"):
        parse_config(path)
