"""Strategies of a finished or running experiment, brought back as agents.

Only two open text files of the run directory are read: ``strategies.jsonl`` and ``config.yaml``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from debate_env.errors import InputError, nearest
from debate_env.questions.files import read_text
from debateqd.agents.debater import DEBATER_SAMPLING, StrategyDebater
from debateqd.agents.models.base import ChatModel, Sampling
from debateqd.agents.models.options import options_for
from debateqd.agents.models.registry import make_model
from debateqd.agents.yaml_text import parse_yaml


def from_archive(
    run_dir: str | Path, strategy_id: str, model: ChatModel | None = None
) -> StrategyDebater:
    """Turn a stored strategy (``"s0042"``) of a run back into an agent.

    The debater model of the run speaks for it, unless another is given.
    """
    folder = Path(run_dir)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such run directory; give the directory that train.py made")
    text = _strategy(folder / "strategies.jsonl", strategy_id)
    models = _models(folder / "config.yaml")
    if model is None:
        spec = models.get("debater") or models.get("default") or "embedded"
        model = make_model(str(spec), **options_for(str(spec), "debater", models))
    return StrategyDebater(model, text, sampling=_sampling(models, folder), name=strategy_id)


def _strategy(path: Path, strategy_id: str) -> str:
    known = []
    # Split on "\n" only: strategy texts may hold other line separators.
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
            name, text = entry["id"], entry["text"]
        except (ValueError, KeyError, TypeError):
            raise InputError(
                f"{path}, line {number}: not a strategy; a line is a JSON object with 'id' and "
                "'text'"
            ) from None
        if name == strategy_id:
            if not isinstance(text, str):
                raise InputError(f"{path}, line {number}, field 'text': must be a string")
            return text
        known.append(str(name))
    shown = known if len(known) <= 60 else [*known[:30], *known[-30:]]
    raise InputError(f"{path}: no strategy '{strategy_id}'; {nearest(strategy_id, shown)}")


def _models(path: Path) -> Mapping[str, Any]:
    config = parse_yaml(read_text(path), str(path))
    models = config.get("models", {}) if isinstance(config, Mapping) else None
    if not isinstance(models, Mapping):
        raise InputError(f"{path}: must be a mapping whose 'models' is a mapping")
    return models


def _sampling(models: Mapping[str, Any], folder: Path) -> Sampling:
    found: dict[str, Any] = {}
    kinds: dict[str, type] = {"max_tokens": int, "temperature": float, "top_p": float}
    for name, kind in kinds.items():
        value = models.get(name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InputError(f"{folder / 'config.yaml'}, models.{name}: {value!r} is no number")
        found[name] = kind(value)
    return replace(DEBATER_SAMPLING, **found)
