"""A mutation run: would the tests notice a fault in one of 18 core modules?

    python ci/mutants.py FOLDER [MODULE ...]

Cosmic Ray makes the mutants, 25 of each module, drawn by a fixed seed; no two are at one place
where there are places enough. All happens in a copy of the working tree, ``FOLDER/tree``, so that
no other process meets a mutant. Sessions stay in ``FOLDER``: a run that was stopped goes on, and
``cr-report`` reads them. Ends with the survivors' differences, and status 1 above 5 %.
"""

from __future__ import annotations

import ast
import os
import random
import shlex
import shutil
import subprocess
import sys
import time
from importlib.util import cache_from_source
from pathlib import Path

from cosmic_ray.commands.init import init
from cosmic_ray.config import serialize_config
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator
from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import TestOutcome, WorkerOutcome, WorkItem, WorkResult

SEED = "mutants-1"
EACH = 25
MOST = 0.05
"""Share of the mutants that may survive."""

PYTEST = (
    "-m pytest -x -q -o addopts= -m 'not long and not fresh and not real_model' "
    "-p no:cacheprovider -p _hypothesis_pytestplugin --hypothesis-seed=0"
)
"""Other plug-ins would take as long to load as the tests to run."""

SAME = ("_Is_Eq", "_IsNot_NotEq", "_Eq_Is", "_NotEq_IsNot")
"""Operators that change nothing about None, small numbers and names."""

_CORE = "tests/debate_env/core/test_"
_QUESTIONS = "tests/debate_env/questions/test_"
MODULES: dict[str, tuple[str, str]] = {
    "quotes": ("debate_env/core/quotes.py", _CORE + "quotes.py tests/test_patterns.py"),
    "rewards": ("debate_env/core/rewards.py", _CORE + "rewards.py"),
    "episode": ("debate_env/core/episode.py", "tests/debate_env/core"),
    "splitting": (
        "debate_env/questions/splitting.py",
        _QUESTIONS + "splitting.py " + _QUESTIONS + "question.py",
    ),
    "verdicts": ("agents/verdicts.py", "tests/agents/test_verdicts.py tests/agents/test_judge.py"),
    "replies": ("agents/replies.py", "tests/agents/test_replies.py"),
    "keys": ("agents/models/journal/keys.py", "tests/agents/models/journal/test_keys.py"),
    "errors": ("agents/models/openai/errors.py", "tests/agents/models/openai/test_errors.py"),
    "acceptance": ("qd/selection/acceptance.py", "tests/qd/selection/test_acceptance.py"),
    "selection": (
        "qd/selection/choice.py qd/selection/tournament.py",
        "tests/qd/selection/test_choice.py tests/qd/selection/test_tournament.py",
    ),
    "archive": ("qd/archive/grid.py", "tests/qd/archive"),
    "statistics": ("qd/statistics.py", "tests/qd/test_statistics.py"),
    "elo": ("qd/ratings/elo.py", "tests/qd/ratings/test_elo.py"),
    "bradley_terry": (
        "qd/ratings/bradley_terry.py qd/ratings/design.py",
        "tests/qd/ratings/test_bradley_terry.py tests/qd/ratings",
    ),
    "laplace": ("qd/ratings/laplace.py", "tests/qd/ratings/test_laplace.py tests/qd/ratings"),
    "leaks": ("qd/mutation/leaks.py", "tests/qd/mutation/test_leaks.py"),
    "contests": (
        "qd/debates/counting.py qd/debates/plans.py qd/selection/pairing.py",
        "tests/qd/debates tests/qd/selection/test_pairing.py",
    ),
    "generalisation": (
        "qd/measures/generalisation.py",
        "tests/qd/measures/test_generalisation.py",
    ),
}
"""Files of a module, and the tests that speak for it, the closest first."""


def copy_tree(folder: Path) -> None:
    """Copy what git knows or would add, links as links."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.check_output(listed, text=True)  # noqa: S603
    for name in filter(os.path.lexists, names.split("\0")[:-1]):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)  # a link to a folder would be followed
        shutil.copy2(name, target, follow_symlinks=False)


def is_mutant(item: WorkItem, sources: dict[str, str]) -> bool:
    """Tell whether a change makes another program: not for an annotation, nor no program at all."""
    (spec,) = item.mutations
    if spec.operator_name.endswith(SAME):
        return False
    source = sources[str(spec.module_path)]
    changed = mutate_code(source, get_operator(spec.operator_name)(), spec.occurrence)
    try:
        return bool(changed) and _without_types(changed) != _without_types(source)
    except SyntaxError:
        return False


def _without_types(source: str) -> str:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        for name in ("annotation", "returns"):
            if getattr(node, name, None) is not None:
                setattr(node, name, None)
    return ast.dump(tree)


def sample(database: WorkDB, module: str, sources: dict[str, str]) -> None:
    """Leave ``EACH`` mutants pending: one of every place first, then second ones."""
    items = sorted(
        database.work_items,
        key=lambda i: [
            (str(s.module_path), s.start_pos, s.end_pos, s.operator_name, s.occurrence)
            for s in i.mutations
        ],
    )
    random.Random(f"{SEED} {module}").shuffle(items)
    seen: dict[object, int] = {}
    ranked: list[tuple[int, int]] = []
    for number, item in enumerate(items):
        place = (item.mutations[0].module_path, item.mutations[0].start_pos)
        ranked.append((seen.get(place, 0), number))
        seen[place] = seen.get(place, 0) + 1
    kept: list[str] = []
    for _, number in sorted(ranked):
        if len(kept) < EACH and is_mutant(items[number], sources):
            kept.append(items[number].job_id)
    skipped = [item.job_id for item in items if item.job_id not in kept]
    database.set_multiple_results(skipped, WorkResult(WorkerOutcome.SKIPPED))


def run(folder: Path, module: str) -> tuple[int, list[str]]:
    """Test the mutants of a module; return how many there are, and the survivors' differences."""
    tree, session = folder / "tree", folder / f"{module}.sqlite"
    paths = [Path(path) for path in MODULES[module][0].split()]
    tests = f"{shlex.quote(sys.executable)} {PYTEST} {MODULES[module][1]}"
    environment = os.environ | {
        "PYTHONPATH": str(tree),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    if not session.exists():
        for path in paths:
            shutil.copy2(path, tree / path)
        begun = time.monotonic()
        subprocess.run(shlex.split(tests), cwd=tree, env=environment, check=True)  # noqa: S603
        config = {
            "module-path": [str(path) for path in paths],
            "excluded-modules": [],
            "test-command": tests,
            "timeout": 20 + 4 * (time.monotonic() - begun),
            "distributor": {"name": "local"},
        }
        session.with_suffix(".toml").write_text(serialize_config(config))
        part = session.with_suffix(".part")
        with use_db(part) as database:
            init(paths, database, {})
            sample(database, module, {str(path): path.read_text() for path in paths})
        part.rename(session)
    for path in paths:  # what the tests of the original have compiled
        Path(cache_from_source(str(tree / path))).unlink(missing_ok=True)
    execute = ["-m", "cosmic_ray.cli", "exec", f"../{module}.toml", f"../{module}.sqlite"]
    subprocess.run([sys.executable, *execute], cwd=tree, env=environment, check=True)  # noqa: S603
    with use_db(session) as database:
        tested = [r for _, r in database.completed_work_items if r.test_outcome is not None]
    lived = [r.diff or "" for r in tested if r.test_outcome == TestOutcome.SURVIVED]
    return len(tested), lived


def main(folder: Path, names: list[str]) -> int:
    """Run the modules named, or all, and show what survived."""
    copy_tree(folder / "tree")
    total, lived = 0, 0
    for name in names or MODULES:
        count, survivors = run(folder, name)
        total, lived = total + count, lived + len(survivors)
        print(f"== {name}: {len(survivors)} of {count} survive", *survivors, sep="\n", flush=True)
    print(f"{lived} of {total} mutants survive: {lived / total:.1%}")
    return int(lived > MOST * total)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve(), sys.argv[2:]))
