# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the pods ask of a host: held against DaemonSets as an operator rendered them, and each of it has a check that misses it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.checks.pods import needs_of
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.host.sweeps import paths
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.rules.catalogue import CATALOGUE
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.upstream.pod_needs import (
    ANY,
    BIDIRECTIONAL,
    DIRECTORY,
    FILE_OR_CREATE,
    VERSIONS,
    Need,
)

from tests.unit.precheck.builders import judged, judgement, status
from tests.unit.precheck.faults import at_path, disk, on_path
from tests.unit.precheck.kernels import RawFacts, healthy, knowing, want
from tests.unit.precheck.trees import tree

RENDERED: dict[str, Any] = json.loads(
    Path(__file__).with_name("recorded").joinpath("pod_volumes.json").read_text(encoding="utf-8")
)
PLANES = ("iptables", "nftables", "bpf")
NEWEST = VERSIONS[-1]


def rows(version: str, dataplane: str) -> set[tuple[str, str, str, str, str]]:
    """Pod, volume, path, type and propagation, as this project has them."""
    found: dict[tuple[str, str], tuple[str, str, str]] = {}
    for one in needs_of(want(calico_version=version, dataplane=dataplane)):
        before = found.get((one.pod, one.volume), ("", "", ""))
        found[one.pod, one.volume] = (one.path, one.type, one.propagation or before[2])
    return {(*key, *value) for key, value in found.items()}


def rendered(version: str, dataplane: str) -> set[tuple[str, str, str, str, str]]:
    """The same, as the operator renders them."""
    return {
        (one["pod"], one["volume"], one["path"], one["type"], one["propagation"])
        for one in RENDERED["versions"][version]
        if dataplane in one["dataplanes"]
    }


@pytest.mark.parametrize("dataplane", PLANES)
@pytest.mark.parametrize("version", VERSIONS)
def test_the_rows_are_what_the_operator_renders(version: str, dataplane: str) -> None:
    assert rows(version, dataplane) == rendered(version, dataplane)


@pytest.mark.parametrize("dataplane", PLANES)
def test_the_newest_are_those_of_a_running_operator(dataplane: str) -> None:
    assert rendered(NEWEST, dataplane) == {
        (one["pod"], one["volume"], one["path"], one["type"], one["propagation"])
        for one in RENDERED["by_a_running_operator"][dataplane]
    }


def faults(need: Need) -> Iterator[tuple[str, RawFacts]]:
    """Every way in which a host can fail this row, with the facts of a host that does."""
    expected = "file" if need.type == FILE_OR_CREATE else "directory"
    other = "directory" if expected == "file" else "file"
    if need.type != ANY:
        broken = at_path(need.path, kind=other)
        yield f"{need.path} is a {other}", knowing(broken, lock_is_directory=True) if expected == "file" else broken
    if need.volume == "registration-dir":
        # The kubelet makes it whenever it starts: it is missing where the kubelet's directory is another, as the row above finds out.
        return
    if need.type == DIRECTORY:
        yield f"{need.path} is not there", at_path(need.path, kind=None)
    else:
        gone = at_path(need.path, kind=None, read_only=True)
        written = need.path.removesuffix("/nodeagent~uds") + ("/" if need.path.endswith("~uds") else "")
        known = gone["file_systems"]["value"]
        read_only = {**known, written: {**known[written], "read_only": True}} if written in known else known
        state = {**read_only, "/run/calico": {**known["/run/calico"], "read_only": True}}
        yield (
            f"{need.path} cannot be made",
            knowing(gone, file_systems=state if need.path == "/var/run/calico" else read_only),
        )
    if need.propagation == BIDIRECTIONAL:
        yield f"{need.path} is on no shared mount", on_path(need.path, at="/", shared=False)
    if need.writable:
        full = disk("/run", free=0) if "/run/" in need.path else disk("/var/lib", free=0)
        if need.path.startswith(("/var", "/run")):
            yield f"there is no room for {need.path}", full


ASPECTS = [
    pytest.param(need, what, facts, id=f"{version}-{what}")
    for version in (VERSIONS[0], NEWEST)
    for need in needs_of(want(calico_version=version, dataplane="bpf"))
    for what, facts in faults(need)
]


@pytest.mark.parametrize(("need", "what", "facts"), ASPECTS)
def test_each_row_has_a_check_that_misses_it(need: Need, what: str, facts: RawFacts) -> None:
    told = [
        one.id
        for one, found in judged(facts, dataplane="bpf", calico_version=need.until)
        if found.status in ("warn", "fail")
    ]
    well = [
        one.id
        for one, found in judged(healthy(), dataplane="bpf", calico_version=need.until)
        if found.status in ("warn", "fail")
    ]
    assert set(told) - set(well), what


def test_a_port_of_the_pods_has_a_check() -> None:
    """calico-node and Typha share the host's network: a port that somebody has is no pod's."""
    known = {one.id for one in CATALOGUE}
    assert {RENDERED["ports"][port] for port in RENDERED["ports"]} <= known


def test_the_message_says_what_the_container_runtime_says() -> None:
    found = judgement("mount_propagation_shared", on_path("/sys/fs", at="/sys", shared=False))
    assert found.message == (
        "path /sys/fs is mounted on /sys, which is no shared mount: the pod of calico-node does not start"
    )


def test_without_csi_node_driver_calico_node_is_ready_all_the_same() -> None:
    both = on_path("/var/lib/kubelet", at="/", shared=False)
    found = judgement("mount_propagation_shared", both)
    assert (found.status, found.observed) == ("warn", "/var/lib/kubelet on /")


def test_a_host_without_flex_volumes_is_not_asked_for_their_directory() -> None:
    facts = at_path("/usr/libexec/kubernetes/kubelet-plugins/volume/exec/nodeagent~uds", kind="file")
    assert status("pod_volumes", facts) == "fail"
    assert status("pod_volumes", facts, flexvolume_path="") == "ok"


MOUNTINFO = """\
21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
22 21 0:5 / /proc rw,nosuid shared:12 - proc proc rw
23 21 0:6 / /sys rw,nosuid - sysfs sysfs rw
24 21 0:22 / /run rw,nosuid shared:7 - tmpfs tmpfs rw
25 24 0:30 / /run rw - tmpfs tmpfs ro
26 21 8:3 / /var/lib/kubelet\\040x rw master:3 - xfs /dev/sda3 rw
"""


def test_a_path_is_told_with_the_mount_that_holds_it(tmp_path: Path) -> None:
    root = tree(tmp_path, {"/proc/1/mountinfo": MOUNTINFO, "/run/xtables.lock": "", "/sys/fs/x": ""})
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "run").symlink_to("/run")
    found = paths.survey(
        root, ["/var/run/calico", "/run/xtables.lock", "/sys/fs", "/var/lib/kubelet", "/var/run/xtables.lock/x"]
    )
    over = {"at": "/run", "read_only": True, "shared": False, "type": "tmpfs"}
    sys = {"at": "/sys", "read_only": False, "shared": False, "type": "sysfs"}
    top = {"at": "/", "read_only": False, "shared": True, "type": "ext4"}
    assert found == {
        "/var/run/calico": {"kind": None, "above": "/run", "above_kind": "directory", "mount": over},
        "/run/xtables.lock": {"kind": "file", "above": "/run/xtables.lock", "above_kind": "file", "mount": over},
        "/sys/fs": {"kind": "directory", "above": "/sys/fs", "above_kind": "directory", "mount": sys},
        "/var/lib/kubelet": {"kind": None, "above": "/var", "above_kind": "directory", "mount": top},
        "/var/run/xtables.lock/x": {"kind": None, "above": "/run/xtables.lock", "above_kind": "file", "mount": over},
    }


def test_links_that_lead_round_and_round_end(tmp_path: Path) -> None:
    root = tree(tmp_path, {"/proc/1/mountinfo": MOUNTINFO})
    (tmp_path / "a").symlink_to("/b")
    (tmp_path / "b").symlink_to("../a")
    assert paths.survey(root, ["/a/x"])["/a/x"]["kind"] is None
