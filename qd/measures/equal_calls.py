"""Plays a baseline for as many model calls as a run took: ``debateqd equal-calls --help``.

The baseline is the run's own configuration with the section ``evolution`` of a preset laid over
it, so that nothing else can differ. It plays the number of generations whose calls come nearest to
those of the run; calls of reports are counted in neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from debate_env.errors import InputError
from debateqd.qd.config.loading import Flag, Layers, find_config, override_config, read_yaml
from debateqd.qd.config.schema import RunConfig
from debateqd.qd.debates.models import Models, make_models
from debateqd.qd.debates.questions import RunQuestions, open_questions
from debateqd.qd.store.directory import RunDirectory
from debateqd.qd.tracking.events import Listener
from debateqd.qd.training.planning import plan_run
from debateqd.qd.training.start import resume, train

_OWN = ("generations", "report")
"""Keys of ``evolution`` that stay those of the run."""


def baseline_config(config: RunConfig, preset: str) -> RunConfig:
    """Lay the procedure of a preset over a run's configuration.

    The preset is named, or a file; of its keys only those of ``evolution`` count, without
    ``generations`` and ``report``.

    Raises:
        InputError: The preset cannot be read, or has no section ``evolution``.
    """
    path = find_config(preset)
    procedure = read_yaml(path).get("evolution")
    if not isinstance(procedure, dict):
        raise InputError(f"{path}: has no section evolution, so it is no baseline")
    layers = Layers()
    layers.merge(config.to_json(), "the run's configuration")
    layers.merge({"name": f"{config.name}-{path.stem}"}, str(path))
    taken = {key: value for key, value in procedure.items() if key not in _OWN}
    layers.merge({"evolution": taken}, str(path), whole=0)
    return layers.resolve()


def calls_of(run: RunDirectory) -> int:
    """Return the model calls of a run's finished generations, those of reports left out.

    Raises:
        InputError: No generation is finished.
    """
    done = run.generations()
    if not done:
        raise InputError(f"{run.path}: has finished no generation; let it play first")
    reports = sum(match.calls for match in run.matches() if match.phase == "report")
    return int(run.generation(done[-1])["totals"]["calls"]) - reports


def play_equal(
    config: RunConfig,
    run_dir: Path,
    calls: int,
    *,
    listeners: Sequence[Listener] = (),
    models: Models | None = None,
    questions: RunQuestions | None = None,
) -> dict[str, Any]:
    """Play a run for the generations whose calls come nearest to a number.

    One generation is played in any case. The run is continued as long as another generation would
    bring it nearer. What it ends with is what it would have ended with in one go, but for a report
    wherever it stopped.

    The number of generations in ``config`` is found here; calls of reports are left out of
    ``calls``.
    """
    questions = questions or open_questions(config.questions)
    with ExitStack() as stack:
        made = models or stack.enter_context(closing(make_models(config)))
        given: dict[str, Any] = {"listeners": listeners, "models": made, "questions": questions}
        size = plan_run(config, questions)
        first = size.first * size.calls_per_debate
        count = max(1, (calls - first) // max(1, size.tournament * size.calls_per_debate))
        summary = train(_with_generations(config, count), run_dir, **given)
        while True:
            spent = calls_of(RunDirectory.open(run_dir))
            more = round((calls - spent) * count / max(1, spent - first))
            if more <= 0:
                return summary
            count += more
            summary = resume(run_dir, config=_with_generations(config, count), **given)


def _with_generations(config: RunConfig, count: int) -> RunConfig:
    return override_config(
        config, [Flag("generations", "evolution.generations", count)], "equal calls"
    )
