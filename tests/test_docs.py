"""Every command and code block of the documentation runs.

Blocks run in order, page by page, in a copy of the repository: ``bash`` blocks by a shell,
``python`` blocks by the interpreter, ``yaml`` blocks as a configuration file. Blocks under
``<!-- setup -->`` make the environment itself; continuous integration runs those.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.repository import ROOT

PAGES = sorted(
    [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")],
    key=lambda page: page.name,
)
COPIED = (
    "debate_env",
    "debateqd",
    "agents",
    "qd",
    "configs",
    "examples",
    "benchmarks",
    "docs",
    "tests",
)
# Whole runs, up to a minute each; continuous integration executes them too.
LONG = {
    *("README.md", "baselines.md", "commands.md", "descriptors.md", "evolution.md", "extending.md"),
    *("measures.md", "models.md", "ratings.md"),
}
BLOCK = re.compile(r"^(<!-- setup -->\n)?```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
# Lint needs tools that only developers install, and the suite must not run itself.
NOT_HERE = re.compile(r"^(pytest|ruff|mypy)\b")


class Block(NamedTuple):
    setup: bool
    language: str
    body: str


def blocks(page: Path) -> list[Block]:
    return [Block(bool(s), lang, body) for s, lang, body in BLOCK.findall(page.read_text())]


@pytest.fixture(scope="session")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository whose runs disturb nobody."""
    room = tmp_path_factory.mktemp("repository")
    for name in COPIED:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, room / name, ignore=ignored, symlinks=True)
    for path in ROOT.iterdir():
        if path.is_file() and path.suffix in (".py", ".md", ".toml"):
            shutil.copy(path, room / path.name)
    return room


def run(command: list[str], cwd: Path) -> None:
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(cwd),
        "WANDB_MODE": "offline",
    }
    done = subprocess.run(
        command,
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )
    assert done.returncode == 0, f"{command[-1]}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, id=page.name, marks=pytest.mark.long if page.name in LONG else ())
        for page in PAGES
    ],
)
def test_every_block_runs(page: Path, copy: Path, tmp_path: Path) -> None:
    for block in blocks(page):
        if block.setup or block.language in ("text", "mermaid", ""):
            continue
        if block.language == "bash":
            commands = [line for line in block.body.splitlines() if not NOT_HERE.match(line)]
            run(["bash", "-euo", "pipefail", "-c", "\n".join(commands)], copy)
        elif block.language == "python":
            run([sys.executable, "-c", block.body], copy)
        elif block.language == "yaml":
            config = tmp_path / "block.yaml"
            config.write_text(block.body)
            script = str(copy / "train.py")
            run([sys.executable, script, "--config", str(config), "--dry-run"], copy)
        else:
            pytest.fail(f"{page.name}: a block in an unknown language: {block.language!r}")


def test_the_readme_sets_up_in_two_commands() -> None:
    setup = [b.body.strip() for b in blocks(ROOT / "README.md") if b.setup]
    assert len(setup) == 2
    assert all("\n" not in command for command in setup)
    assert setup[0].endswith("pip install -e . && python train.py --objective persuasion")
    assert setup[1].endswith('pip install -e ".[test]" && pytest')


def test_links_between_pages_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target} does not exist"
