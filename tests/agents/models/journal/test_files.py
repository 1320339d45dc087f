"""The journal knows where it lies, and keeps beside it what runs have spent."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from debate_env.errors import InputError
from debateqd.agents.models.journal import Journal, JournalError
from debateqd.agents.models.journal.files import (
    Spending,
    file_system,
    folder_lock,
    network_file_system,
    read_spending,
    spending_path,
    write_spending,
)

MOUNTS = r"""
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 27 0:40 / /home rw,relatime shared:2 master:1 - nfs4 server:/home rw,vers=4.2
31 30 0:41 / /home/scratch rw - xfs /dev/sdb rw
32 27 0:42 / /home/with\040space rw - cifs //server/share rw
33 27 0:43 / /over rw - nfs server:/over rw
34 33 0:44 / /over rw - tmpfs tmpfs rw
35 27 0:45 / /ssh rw - fuse.sshfs user@server:/ rw
36 27 0:46 / /layers rw - fuse.fuse-overlayfs fuse-overlayfs rw
a line that nobody understands
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/etc/x", "ext4"),
        ("/home/x/y.sqlite", "nfs4"),
        ("/homeless/x", "ext4"),
        ("/home/scratch/x", "xfs"),
        ("/home/scratched/x", "nfs4"),
        ("/home/with space/x", "cifs"),
        ("/over/x", "tmpfs"),
        ("/ssh/x", "fuse.sshfs"),
    ],
)
def test_the_longest_mount_point_names_the_file_system(path, kind):
    assert file_system(Path(path), MOUNTS) == kind


def test_without_mounts_nothing_is_known():
    assert file_system(Path("/x"), "") == ""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/home/x", "nfs4"),
        ("/home/with space/x", "cifs"),
        ("/ssh/x", "fuse.sshfs"),
        ("/etc/x", None),
        ("/over/x", None),
        ("/layers/x", None),
    ],
)
def test_network_file_systems_are_told_from_local_ones(tmp_path, path, kind):
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS)
    assert network_file_system(Path(path), mounts) == kind


@pytest.mark.parametrize(
    "name", ["nfs", "smb3", "smbfs", "lustre", "gpfs", "beegfs", "ceph", "9p", "fuse.gcsfuse"]
)
def test_file_systems_of_clusters_are_known(tmp_path, name):
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"1 0 0:1 / / rw - {name} source rw\n")
    assert network_file_system(Path("/x"), mounts) == name


def test_every_file_system_is_local_where_mounts_are_not_listed(tmp_path):
    assert network_file_system(tmp_path, tmp_path / "nothing") is None


NAMES = st.text(st.characters(exclude_categories=()), min_size=1, max_size=6)
SPENDING = st.builds(
    Spending,
    st.dictionaries(
        NAMES,
        st.dictionaries(NAMES, st.dictionaries(NAMES, st.integers(1, 2**62)).map(Counter)),
    ),
    st.dictionaries(NAMES, st.floats(0, 1e9)),
)


@given(SPENDING)
@settings(  # each waits for the disk
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
def test_spending_is_read_as_it_was_written(tmp_path_factory, spending):
    path = tmp_path_factory.mktemp("spending") / "j.sqlite"
    write_spending(path, Spending({"other": {"m": Counter(requests=1)}}))
    write_spending(path, spending)
    write_spending(path.with_name("another.sqlite"), Spending(seconds={"r": 1.0}))
    assert read_spending(path) == spending
    assert [file.name for file in path.parent.iterdir()] == ["telemetry.jsonl"]


def test_no_file_means_nothing_spent(tmp_path):
    assert not read_spending(tmp_path / "j.sqlite")


def line(**fields):
    return json.dumps({"event": "journal_spending", "journal": "j.sqlite", **fields})


@pytest.mark.parametrize(
    "content",
    [line(), line(spent={}), line(spent={"r": 1}, seconds={}), line(spent={}, seconds={"r": "x"})],
)
def test_damaged_spending_is_one_clear_error(tmp_path, content):
    path = tmp_path / "j.sqlite"
    spending_path(path).write_text(content)
    with pytest.raises(InputError, match=r"telemetry\.jsonl.*cannot be read"):
        read_spending(path)


@pytest.mark.parametrize(
    "torn", ["", "[]", "\x00", '{"event": "generation"}', line(spent={}, seconds={})[:-5]]
)
def test_other_and_torn_lines_of_telemetry_are_passed_over(tmp_path, torn):
    path = tmp_path / "j.sqlite"
    spending = Spending(seconds={"r": 2.5})
    spending_path(path).write_text(torn)
    assert not read_spending(path)
    write_spending(path, spending)
    assert read_spending(path) == spending
    with spending_path(path).open("a") as file:
        file.write(torn)
    assert read_spending(path) == spending


def test_a_folder_is_locked_for_one_at_a_time(tmp_path):
    with (
        folder_lock(tmp_path, 0.05),
        pytest.raises(BlockingIOError),
        folder_lock(tmp_path, 0.05),
    ):
        pytest.fail("both have it")
    with folder_lock(tmp_path, 0.05):
        pass
    with pytest.raises(JournalError, match="another process holds it"), folder_lock(tmp_path, 0):
        Journal(tmp_path / "j.sqlite", patience=0.05)
