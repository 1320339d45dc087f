from __future__ import annotations

import importlib
import io
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from debateqd.qd.commands.launch import INTERRUPTED, READER_GONE, guarded, quietly_imported
from tests.repository import ROOT

SLOW = """
import os, signal, sys, time
print("importing", flush=True)
try:
    time.sleep(30)
except BaseException:
    pass  # as extension modules may
"""


def run_slow(folder: Path, source: str) -> tuple[int, str]:
    """Interrupt a command as soon as it has said something; return status and standard error."""
    (folder / "slow_command.py").write_text(source)
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from debateqd.qd.commands.launch import guarded, quietly_imported\n"
            "exit(guarded(lambda: quietly_imported('slow_command').main()))",
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{folder}"},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    error = process.communicate(timeout=600)[1]
    return process.returncode, error


def test_ctrl_c_inside_an_import_is_one_line(tmp_path):
    assert run_slow(tmp_path, SLOW) == (INTERRUPTED, "interrupted\n")


def test_ctrl_c_inside_a_command_is_one_line(tmp_path):
    source = "import time\ndef main():\n    print('on', flush=True)\n    time.sleep(30)\n"
    assert run_slow(tmp_path, source) == (INTERRUPTED, "interrupted\n")


@pytest.mark.parametrize("script", ["train.py", "evaluate.py"])
def test_scripts_are_safe_from_their_first_line_on(script):
    # Whatever takes long to import must come after Ctrl-C is understood.
    shown = subprocess.run(
        [
            sys.executable,
            "-c",
            f"import sys; known = set(sys.modules); import {script[:-3]}; "
            "print(*sorted(set(sys.modules) - known))",
        ],
        cwd=ROOT,
        text=True,
        capture_output=True,
        check=True,
    ).stdout.split()
    packages = {
        "debateqd",
        "debateqd.qd",
        "debateqd.qd.commands",
        "debateqd.qd.lazy",
    }
    assert set(shown) <= {script[:-3], *packages, "debateqd.qd.commands.launch", "__future__"}


@pytest.mark.parametrize("script", ["train.py", "evaluate.py"])
@pytest.mark.parametrize("module", ["click._compat", "numpy"])
def test_a_script_that_is_interrupted_while_it_imports(script, module):
    process = subprocess.Popen(
        [sys.executable, "-X", "importtime", script, "--help"],  # tells of every import on stderr
        cwd=ROOT,
        text=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    assert any(line.split()[-1] == module for line in process.stderr)
    process.send_signal(signal.SIGINT)
    said = [line for line in process.stderr if not line.startswith("import time:")]
    assert (process.wait(timeout=600), said) == (INTERRUPTED, ["interrupted\n"])


def test_ctrl_c_works_as_before_once_the_module_is_there(tmp_path, monkeypatch):
    (tmp_path / "quick_command.py").write_text("def main():\n    return None\n")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    before = signal.getsignal(signal.SIGINT)
    assert quietly_imported("quick_command").main() is None
    assert signal.getsignal(signal.SIGINT) is before


def test_a_status_is_handed_on():
    assert guarded(lambda: 7) == 7


class Gone(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError

    def fileno(self) -> int:
        return os.open(os.devnull, os.O_WRONLY)


def test_a_reader_that_goes_away_from_rich_is_no_error(monkeypatch):
    monkeypatch.setattr(sys, "stdout", Gone())
    assert guarded(lambda: Console().print("said") or 0) == READER_GONE


def test_other_exits_are_handed_on():
    with pytest.raises(SystemExit, match="3"):
        guarded(lambda: sys.exit(3))


@pytest.mark.skipif(os.name != "posix", reason="files are closed by a shell of POSIX")
@pytest.mark.parametrize("closed", [">&-", ">&- 2>&-"])
def test_closed_output_is_no_error(closed):
    command = f"exec {shlex.quote(sys.executable)} -m debateqd {closed}"
    done = subprocess.run(["sh", "-c", command], cwd=ROOT, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(os.name != "posix", reason="a closed pipe looks different elsewhere")
def test_a_reader_that_goes_away_is_no_error():
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "debateqd"],
            cwd=ROOT,
            text=True,
            stdout=writing,
            stderr=subprocess.PIPE,
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (READER_GONE, "")
