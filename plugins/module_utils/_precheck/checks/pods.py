# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Whether calico-node's and csi-node-driver's pods can start on the host: their volumes, before any program runs."""

from typing import Any, Dict, Iterator, List, Optional, Tuple

from ..facts import Facts
from ..host.no_evidence import NoEvidence
from ..rules.declaration import ALWAYS, Judgement, Want, check, fail, ok, warn
from ..upstream import pod_needs
from ..upstream.pod_needs import ANY, BIDIRECTIONAL, DIRECTORY, FILE_OR_CREATE, NODE, Need
from .ports import KUBELET_PORT

KUBELET_DIRECTORY = "/var/lib/kubelet"
"""kubeletVolumePluginPath of the Installation, by default."""
# Nothing can be made in them: directories there are the kernel's.
_KERNELS = ("sysfs", "proc", "cgroup", "cgroup2", "bpf", "securityfs", "debugfs", "tracefs")
# Whether somebody can write there has a check of its own.
_ELSEWHERE = ("cni-bin-dir", "cni-net-dir", "flexvol-driver-host", "var-lib-calico", "var-run-calico", "var-log-calico")


def needs_of(want: Want) -> Tuple[Need, ...]:
    """What the pods ask of the host by these settings."""
    return pod_needs.needs(
        want.calico_version,
        want.dataplane,
        want.cni_bin_dir,
        want.cni_conf_dir,
        want.flexvolume_path,
        KUBELET_DIRECTORY,
    )


def paths_of(want: Want) -> List[str]:
    return list(dict.fromkeys(one.path for one in needs_of(want)))


def _found(facts: Facts, want: Want) -> Iterator[Tuple[Need, Dict[str, Any]]]:
    known = facts["paths"]
    for one in needs_of(want):
        yield one, known[one.path]


def _kubelets(need: Need) -> bool:
    return (need.path + "/").startswith(KUBELET_DIRECTORY + "/")


@check(
    rank=87,
    category="filesystem",
    applies=ALWAYS,
    remedy="mount --make-rshared / and the mount that is named, at each boot and before the container runtime starts",
    source="tigera/operator mounts them Bidirectional (node.go, csi.go); containerd and CRI-O refuse what is on no shared mount:"
    " ensureShared()",
)
def mount_propagation_shared(facts: Facts, want: Want) -> Judgement:
    """What a container mounts for the host reaches it: the mounts that hold such paths are shared."""
    private = []
    for need, path in _found(facts, want):
        if need.propagation != BIDIRECTIONAL:
            continue
        if path["mount"] is None:
            raise NoEvidence(f"the mount of {need.path} is not listed", "make /proc/1/mountinfo readable")
        if not path["mount"]["shared"]:
            private.append((need, path["mount"]["at"]))
    if not private:
        return ok()
    # Without csi-node-driver calico-node is ready all the same.
    grave = [one for one in private if one[0].pod == NODE]
    need, at = (grave or private)[0]
    message = f"path {need.path} is mounted on {at}, which is no shared mount: the pod of {need.pod} does not start"
    observed = ", ".join(dict.fromkeys(f"{one.path} on {where}" for one, where in private))
    return (fail if grave else warn)(message, observed=observed, expected="shared: in /proc/1/mountinfo")


@check(
    rank=116,
    category="filesystem",
    applies=ALWAYS,
    remedy="make that path what the volume asks for, or let it be made: writable, and nothing of another kind there",
    source="kubernetes pkg/volume/hostpath/host_path.go, checkType(); tigera/operator pkg/render/node.go, csi.go",
)
def pod_volumes(facts: Facts, want: Want) -> Judgement:
    """Each path that the pods mount is of the kind that its volume asks for, or can be made."""
    joined = bool(facts["listeners"].get(f"tcp/{KUBELET_PORT}"))
    wrong: List[Tuple[Need, str]] = []
    for need, path in _found(facts, want):
        # The kubelet makes its own directories when it starts, and those below, so these tell nothing that the first does not.
        made = (_kubelets(need) and not joined) or (need.volume == "registration-dir" and path["kind"] is None)
        problem = None if made else _problem(need, path)
        if problem:
            wrong.append((need, problem))
    if not wrong:
        return ok()
    grave = [one for one in wrong if one[0].pod == NODE]
    need, problem = (grave or wrong)[0]
    message = f"the pod of {need.pod} does not start: volume {need.volume} is {problem}"
    observed = "; ".join(f"{one.path}: {what}" for one, what in wrong[:4])
    return (fail if grave else warn)(message, observed=observed, expected=need.type or "anything that is there")


def _problem(need: Need, path: Dict[str, Any]) -> Optional[str]:
    kind = path["kind"]
    expected = "file" if need.type == FILE_OR_CREATE else "directory"
    if need.volume == "xtables-lock" and kind == "directory":
        # var_lib_calico_writable tells of it, and how it came there.
        return None
    if kind is not None:
        return f"a {kind}, and not a {expected}" if need.type != ANY and kind != expected else None
    if need.type == DIRECTORY:
        return "not there, and nobody makes it"
    if path["above_kind"] != "directory":
        return f"not there, and cannot be made: {path['above']} is a {path['above_kind'] or 'link that leads nowhere'}"
    mount = path["mount"] or {}
    if mount.get("type") in _KERNELS:
        return f"not there, and cannot be made in a file system of the kernel's ({mount['type']})"
    if mount.get("read_only") and need.volume not in _ELSEWHERE:
        return f"not there, and {mount['at']} is mounted read-only"
    return None
