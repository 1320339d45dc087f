"""What is distributed, and a checkout without links."""

from __future__ import annotations

import shutil
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.distribution.rooms import Base, run
from tests.repository import ROOT


def listed(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.mark.fresh
def test_the_top_level_of_the_wheel(base: Base) -> None:
    names = listed(base.wheel)
    tops = {name.split("/")[0] for name in names}
    metadata = base.wheel.name.replace("-py3-none-any.whl", ".dist-info")
    assert tops == {"debate_env", "debateqd", metadata}
    presets = {name for name in names if name.endswith(".yaml")}
    assert presets == {f"debateqd/qd/presets/{p.name}" for p in (ROOT / "configs").iterdir()}
    for package in ("agents", "qd", "debate_env"):
        within = package if package == "debate_env" else f"debateqd/{package}"
        modules = {str(p.relative_to(ROOT / package)) for p in (ROOT / package).rglob("*.py")}
        assert modules == {
            name.removeprefix(f"{within}/")
            for name in names
            if name.startswith(f"{within}/") and name.endswith(".py")
        }


@pytest.mark.fresh
def test_a_wheel_from_the_source_distribution_holds_the_same(base: Base, tmp_path: Path) -> None:
    run([base.bin / "python", "-m", "hatchling", "build", "-t", "sdist", "-d", tmp_path], ROOT)
    (source,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        archive.extractall(tmp_path, filter="data")
    unpacked = tmp_path / source.name.removesuffix(".tar.gz")
    run([base.bin / "python", "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path], unpacked)
    (wheel,) = tmp_path.glob("*.whl")
    assert listed(wheel) == listed(base.wheel)


def test_a_checkout_without_links_works(tmp_path: Path) -> None:
    for name in ("debate_env", "agents", "qd", "configs"):
        shutil.copytree(ROOT / name, tmp_path / name)
    (tmp_path / "debateqd").mkdir()
    for name in ("debateqd/__init__.py", "train.py", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    command = ["train.py", "--config", "smoke", "--run-dir", "run", "--wandb", "disabled"]
    assert "Results: run" in run([sys.executable, *command], tmp_path)
    where = "import debateqd.agents, debateqd.qd; print(debateqd.agents.__file__)"
    found = run([sys.executable, "-c", where], tmp_path).strip()
    assert found == str(tmp_path / "agents" / "__init__.py")
    twin = "try:\n  import debateqd.debate_env\nexcept ImportError as error:\n  print(error)"
    said = run([sys.executable, "-c", twin], tmp_path).strip()
    assert said == "import debate_env, not debateqd.debate_env"
