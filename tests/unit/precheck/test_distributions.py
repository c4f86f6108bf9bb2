# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each distribution's node, with its files as that distribution writes them: its kubelet is seen, and the address it was told."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.host.sweeps import runtime
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.host.sweeps.distributions import (
    DISTRIBUTIONS,
    Distribution,
)
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.host.sweeps.kubelet import kubelet

from tests.unit.precheck.builders import judgement
from tests.unit.precheck.kernels import healthy, knowing
from tests.unit.precheck.trees import tree

IP = "10.0.0.5"
BOTH = "10.0.0.5,fd00::5"
KUBESPRAY = """KUBE_LOG_LEVEL="--v=2"
KUBELET_ADDRESS="--node-ip=10.0.0.5"
KUBELET_HOSTNAME="--hostname-override=node1"

KUBELET_ARGS="--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf \\
--config=/etc/kubernetes/kubelet-config.yaml \\
--kubeconfig=/etc/kubernetes/kubelet.conf \\
--runtime-cgroups=/system.slice/containerd.service \\
  "
KUBELET_CLOUDPROVIDER=""
"""
# As its install.sh writes the unit.
K3S_UNIT = """[Service]
Type=notify
EnvironmentFile=-/etc/default/%N
EnvironmentFile=-/etc/sysconfig/%N
ExecStartPre=-/sbin/modprobe br_netfilter
ExecStart=/usr/local/bin/k3s \\
    server \\
\t'--node-ip' \\
\t'10.0.0.5' \\
\t'--node-external-ip' \\
\t'203.0.113.9' \\
"""
K3S_AGENT_UNIT = """ExecStart=/usr/local/bin/k3s \\
    agent \\
\t'--kubelet-arg' \\
\t'node-ip=10.0.0.5' \\
"""
NIXOS_UNIT = """ExecStart=/nix/store/abc-kubernetes-1.33.1/bin/kubelet --address=0.0.0.0 --node-ip=10.0.0.5 \\
  --kubeconfig=/nix/store/def-kubeconfig
"""
KUBEADM_DROP_IN = """[Service]
Environment="KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf"
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
EnvironmentFile=-/etc/default/kubelet
ExecStart=
ExecStart=/usr/bin/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS
"""
OPENSHIFT_UNIT = """[Service]
ExecStart=/usr/local/bin/kubenswrapper \\
    /usr/bin/kubelet \\
      --config=/etc/kubernetes/kubelet.conf \\
      --node-ip=${KUBELET_NODE_IPS} \\
      --v=${KUBELET_LOG_LEVEL}
"""

# Distribution, its files, the address and the file that says so.
NODES: list[tuple[str, Mapping[str, str], str | None, str | None]] = [
    (
        "kubeadm",
        {
            "/var/lib/kubelet/config.yaml": "kind: KubeletConfiguration\n",
            "/var/lib/kubelet/kubeadm-flags.env": 'KUBELET_KUBEADM_ARGS="--node-ip=10.0.0.5 --pod-infra-container-image=pause:3.10"\n',
            "/etc/systemd/system/kubelet.service.d/10-kubeadm.conf": KUBEADM_DROP_IN,
        },
        IP,
        "/var/lib/kubelet/kubeadm-flags.env",
    ),
    (
        "kubeadm",
        {
            "/var/lib/kubelet/config.yaml": "",
            # $KUBELET_EXTRA_ARGS comes after kubeadm's own.
            "/var/lib/kubelet/kubeadm-flags.env": 'KUBELET_KUBEADM_ARGS="--node-ip=10.9.9.9"\n',
            "/etc/default/kubelet": "KUBELET_EXTRA_ARGS=--node-ip=10.0.0.5,fd00::5\n# KUBELET_EXTRA_ARGS=--node-ip=10.8.8.8\n",
        },
        BOTH,
        "/etc/default/kubelet",
    ),
    (
        "kubespray",
        {"/etc/kubernetes/kubelet.env": KUBESPRAY, "/etc/kubernetes/kubelet-config.yaml": "address: 10.0.0.5\n"},
        IP,
        "/etc/kubernetes/kubelet.env",
    ),
    (
        "k3s",
        {
            "/var/lib/rancher/k3s/agent/kubelet.kubeconfig": "",
            "/etc/systemd/system/k3s.service": K3S_UNIT,
            "/etc/rancher/k3s/config.yaml": "node-ip: 10.9.9.9\n",
            # What k3s leaves of its own arguments.
            "/proc/77/comm": "k3s-server\n",
            "/proc/77/cmdline": "/usr/local/bin/k3s server\0\0\0",
        },
        IP,
        "/etc/systemd/system/k3s.service",
    ),
    (
        "k3s",
        {
            "/var/lib/rancher/k3s/agent/kubelet.kubeconfig": "",
            "/etc/rancher/k3s/config.yaml": 'token: "x"\nnode-ip: 10.9.9.9\n',
            "/etc/rancher/k3s/config.yaml.d/10-site.yaml": "node-ip:\n  - 10.0.0.5 # LAN\n  - fd00::5\nnode-label:\n  - a=b\n",
        },
        BOTH,
        "/etc/rancher/k3s/config.yaml.d/10-site.yaml",
    ),
    (
        "k3s",
        {
            "/var/lib/rancher/k3s/agent/kubelet.kubeconfig": "",
            "/etc/systemd/system/k3s-agent.service": K3S_AGENT_UNIT,
        },
        IP,
        "/etc/systemd/system/k3s-agent.service",
    ),
    (
        "RKE2",
        {
            "/var/lib/rancher/rke2/agent/kubelet.kubeconfig": "",
            "/etc/rancher/rke2/config.yaml": 'node-ip: [10.9.9.9]\nkubelet-arg:\n  - "max-pods=200"\n  - "node-ip=10.0.0.5"\ncni: calico\n',
        },
        IP,
        "/etc/rancher/rke2/config.yaml",
    ),
    (
        "k0s",
        {
            "/var/lib/k0s/kubelet-config.yaml": "",
            "/etc/systemd/system/k0sworker.service": (
                "ExecStart=/usr/local/bin/k0s worker --kubelet-extra-args=--node-ip=10.0.0.5 --token-file=/etc/k0s/k0stoken\n"
            ),
        },
        IP,
        "/etc/systemd/system/k0sworker.service",
    ),
    (
        "MicroK8s",
        {
            "/var/snap/microk8s/current/args/kubelet": (
                "--kubeconfig=${SNAP_DATA}/credentials/kubelet.config\n--root-dir=${SNAP_COMMON}/var/lib/kubelet\n--node-ip=10.0.0.5\n"
            )
        },
        IP,
        "/var/snap/microk8s/current/args/kubelet",
    ),
    (
        "EKS",
        {
            "/etc/kubernetes/kubelet/kubelet-config.json": "{}",
            "/etc/systemd/system/kubelet.service.d/10-kubelet-args.conf": (
                "[Service]\nEnvironment='KUBELET_ARGS=--node-ip=10.0.0.5 --pod-infra-container-image=x/eks/pause:3.5 --v=2'\n"
            ),
        },
        IP,
        "/etc/systemd/system/kubelet.service.d/10-kubelet-args.conf",
    ),
    (
        "EKS",
        {
            "/etc/kubernetes/kubelet/config.json": "{}",
            "/etc/eks/kubelet/environment": "NODEADM_KUBELET_ARGS=--hostname-override=ip-10-0-0-5.ec2.internal --node-ip=10.0.0.5 --v=2\n",
        },
        IP,
        "/etc/eks/kubelet/environment",
    ),
    (
        "GKE",
        {
            "/home/kubernetes/kubelet-config.yaml": "",
            "/etc/default/kubelet": 'KUBELET_OPTS="--v=2 --cloud-provider=external --node-ip=10.0.0.5 --max-pods=110"\n',
        },
        IP,
        "/etc/default/kubelet",
    ),
    (
        "AKS",
        {
            "/etc/default/kubeletconfig.json": '{"enableServer":true}',
            "/etc/default/kubelet": "KUBELET_FLAGS=--address=0.0.0.0 --cloud-provider=external --node-ip=10.0.0.5\nNETWORK_POLICY=azure\n",
        },
        IP,
        "/etc/default/kubelet",
    ),
    (
        "OpenShift",
        {
            "/etc/kubernetes/kubelet.conf": "kind: KubeletConfiguration\n",
            "/etc/systemd/system/kubelet.service": OPENSHIFT_UNIT,
            "/etc/systemd/system/kubelet.service.d/20-nodenet.conf": (
                '[Service]\nEnvironment="KUBELET_NODE_IP=10.0.0.5" "KUBELET_NODE_IPS=10.0.0.5,fd00::5"\n'
            ),
        },
        BOTH,
        "/etc/systemd/system/kubelet.service.d/20-nodenet.conf",
    ),
    (
        "Talos",
        {
            "/etc/kubernetes/kubelet.yaml": "",
            "/proc/1300/comm": "kubelet\n",
            "/proc/1300/cmdline": "/usr/local/bin/kubelet\0--config=/etc/kubernetes/kubelet.yaml\0--node-ip=10.0.0.5\0",
        },
        IP,
        "the arguments of the kubelet",
    ),
    (
        "Bottlerocket",
        {
            "/etc/kubernetes/kubelet/config": "",
            "/etc/kubernetes/kubelet/env": "NODE_IP=10.0.0.5\nNODE_LABELS=\nNODE_TAINTS=\n",
        },
        IP,
        "/etc/kubernetes/kubelet/env",
    ),
    (
        "Flatcar",
        {
            "/etc/kubernetes/kubeconfig": "",
            "/etc/systemd/system/kubelet.service": "ExecStart=/usr/bin/docker run ghcr.io/poseidon/kubelet \\\n  --node-ip=10.0.0.5 \\\n",
        },
        IP,
        "/etc/systemd/system/kubelet.service",
    ),
    (
        "NixOS",
        {
            "/var/lib/kubernetes/secrets/kubelet-client.pem": "",
            "/etc/systemd/system/kubelet.service": NIXOS_UNIT,
        },
        IP,
        "/etc/systemd/system/kubelet.service",
    ),
]


@pytest.mark.parametrize(
    ("name", "files", "address", "said_by"), NODES, ids=[f"{one[0]}-{number}" for number, one in enumerate(NODES)]
)
def test_the_kubelet_of_each_distribution_is_seen_with_the_address_it_was_told(
    tmp_path: Path, name: str, files: Mapping[str, str], address: str | None, said_by: str | None
) -> None:
    found = kubelet(tree(tmp_path, files))
    assert (found["installed"], found["node_ip"], found["said_by"]) == (True, address, said_by)
    assert name in found["distributions"]


def test_every_row_of_the_table_has_a_recorded_node() -> None:
    assert {one[0] for one in NODES} == {row.name for row in DISTRIBUTIONS}


@pytest.mark.parametrize("row", DISTRIBUTIONS, ids=lambda row: row.name)
def test_each_file_that_tells_of_a_kubelet_tells_of_it_alone(tmp_path: Path, row: Distribution) -> None:
    assert row.source
    for number, path in enumerate(row.kubelet):
        found = kubelet(tree(tmp_path / str(number), {path: ""}))
        assert found["installed"]
        assert row.name in found["distributions"]
        assert found["node_ip"] is None


@pytest.mark.parametrize("row", [row for row in DISTRIBUTIONS if row.containerd], ids=lambda row: row.name)
def test_the_runtimes_own_directories_are_read_where_the_distribution_keeps_them(
    tmp_path: Path, row: Distribution
) -> None:
    for number, path in enumerate(row.containerd):
        root = tree(tmp_path / str(number), {path: '[plugins.x.cni]\n  bin_dir = "/opt/cni/bin"\n'})
        assert [(one["file"], one["bin_dirs"]) for one in runtime.runtime_cni(root)] == [(path, ["/opt/cni/bin"])]


def process(*arguments: str, pid: int = 900, comm: str = "kubelet") -> dict[str, str]:
    return {f"/proc/{pid}/comm": f"{comm}\n", f"/proc/{pid}/cmdline": "".join(f"{one}\0" for one in arguments)}


KUBEADM = dict(NODES[0][1])


@pytest.mark.parametrize(
    ("arguments", "address"),
    [
        (("/usr/bin/kubelet", "--node-ip=10.7.7.7"), "10.7.7.7"),
        (("/usr/bin/kubelet", "--node-ip", "10.7.7.7", "--v=2"), "10.7.7.7"),
        # The last one counts.
        (("/usr/bin/kubelet", "--node-ip=10.6.6.6", "--node-ip=10.7.7.7"), "10.7.7.7"),
        # It was told none: the files are of another start.
        (("/usr/bin/kubelet", "--v=2"), None),
        (("/usr/bin/kubelet", "--node-ips=10.7.7.7", "--no--node-ip=10.7.7.7"), None),
    ],
)
def test_what_runs_counts_before_what_its_files_say(
    tmp_path: Path, arguments: tuple[str, ...], address: str | None
) -> None:
    assert kubelet(tree(tmp_path, {**KUBEADM, **process(*arguments)}))["node_ip"] == address


def test_a_kubelet_of_a_node_in_a_container_is_not_the_hosts(tmp_path: Path) -> None:
    """kind and k3d have PID namespaces of their own."""
    root = tree(
        tmp_path, {**KUBEADM, **process("kubelet", "--node-ip=172.18.0.2"), **process("init", pid=1, comm="systemd")}
    )
    for pid, namespace in (("1", "pid:[4026531836]"), ("900", "pid:[4026532999]")):
        (tmp_path / f"proc/{pid}/ns").mkdir()
        (tmp_path / f"proc/{pid}/ns/pid").symlink_to(namespace)
    assert kubelet(root)["node_ip"] == IP
    (tmp_path / "proc/900/ns/pid").unlink()
    (tmp_path / "proc/900/ns/pid").symlink_to("pid:[4026531836]")
    assert kubelet(root)["node_ip"] == "172.18.0.2"


@pytest.mark.parametrize(("pids", "address"), [("900\t7", IP), ("900", "172.18.0.2")])
def test_without_root_its_pids_tell_a_kubelet_in_a_container(tmp_path: Path, pids: str, address: str) -> None:
    """Where a process's namespace leads may be read by root alone; NSpid by everybody."""
    status = {"/proc/900/status": f"Name:\tkubelet\nPid:\t900\nNSpid:\t{pids}\nVmPeak:\t1 kB\n"}
    root = tree(tmp_path, {**KUBEADM, **process("kubelet", "--node-ip=172.18.0.2"), **status})
    assert kubelet(root)["node_ip"] == address


def test_arguments_that_wait_for_a_kubelet_are_read_before_the_host_joins(tmp_path: Path) -> None:
    found = kubelet(tree(tmp_path, {"/etc/default/kubelet": "KUBELET_EXTRA_ARGS=--node-ip=10.0.0.5\n"}))
    assert (found["installed"], found["node_ip"]) == (False, IP)


def test_files_of_a_distribution_that_is_not_here_do_not_speak_for_the_one_that_is(tmp_path: Path) -> None:
    left = {"/etc/rancher/k3s/config.yaml": "node-ip: 10.9.9.9\n"}
    assert kubelet(tree(tmp_path / "with", {**KUBEADM, **left}))["node_ip"] == IP
    bare = {"/var/lib/kubelet/config.yaml": "", **left}
    assert kubelet(tree(tmp_path / "without", bare))["node_ip"] is None


def test_a_host_without_a_kubelet_has_none(tmp_path: Path) -> None:
    nothing: dict[str, Any] = {"installed": False, "node_ip": None, "said_by": None, "distributions": []}
    assert kubelet(tree(tmp_path)) == nothing
    # A variable that nobody filled in is no address.
    unit = {"/etc/systemd/system/kubelet.service": OPENSHIFT_UNIT}
    assert kubelet(tree(tmp_path / "unit", unit)) == nothing


def test_the_finding_names_the_file_that_told_the_kubelet() -> None:
    told = {"installed": True, "node_ip": "10.9.9.9", "said_by": "/etc/kubernetes/kubelet.env"}
    found = judgement("kubelet_alive_and_ip", knowing(healthy(), kubelet=told))
    assert (found.status, found.expected) == ("fail", "10.9.9.9 (/etc/kubernetes/kubelet.env)")
    both = judgement("kubelet_alive_and_ip", knowing(healthy(), kubelet={**told, "node_ip": BOTH}))
    assert both.status == "ok"
