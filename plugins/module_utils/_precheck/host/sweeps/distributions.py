# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Where each distribution of Kubernetes keeps its node's files. One row a distribution; every host is searched for all rows.

The name of its system does not decide: kubeadm runs on Flatcar, k3s on NixOS, and kubespray on anything.
"""

from typing import NamedTuple, Tuple


class Distribution(NamedTuple):
    name: str
    kubelet: Tuple[str, ...]
    """Files that are there once the host has a kubelet."""
    arguments: Tuple[str, ...] = ()
    """Files with arguments of the kubelet: units, their drop-ins and environments, lists of flags. A later one has the last word."""
    node_ip: Tuple[str, ...] = ()
    """Variables in these files that hold the node's address, where the arguments refer to them; the first that is set."""
    settings: Tuple[str, ...] = ()
    """YAML with `node-ip` and `kubelet-arg`; beside it a folder of the same name with `.d`."""
    containerd: Tuple[str, ...] = ()
    certificates: Tuple[str, ...] = ()
    sockets: Tuple[str, ...] = ()
    source: str = ""


_DROP_INS = "/etc/systemd/system/kubelet.service.d/"
DISTRIBUTIONS = (
    Distribution(
        "kubeadm",
        kubelet=("/var/lib/kubelet/config.yaml", "/etc/kubernetes/kubelet.conf"),
        # 10-kubeadm.conf: $KUBELET_KUBEADM_ARGS before $KUBELET_EXTRA_ARGS, which Debian and Red Hat keep in different folders.
        arguments=(
            *("/var/lib/kubelet/kubeadm-flags.env", "/etc/default/kubelet", "/etc/sysconfig/kubelet"),
            *(_DROP_INS + "10-kubeadm.conf", _DROP_INS + "20-extra-args.conf"),
        ),
        containerd=("/etc/containerd/config.toml",),
        certificates=("/etc/kubernetes/pki/ca.crt", "/var/lib/kubelet/pki/kubelet-client-current.pem"),
        sockets=("/run/containerd/containerd.sock", "/run/crio/crio.sock", "/run/cri-dockerd.sock"),
        source="kubernetes/release cmd/krel/templates/latest/kubeadm/10-kubeadm.conf",
    ),
    Distribution(
        "kubespray",
        kubelet=("/etc/kubernetes/kubelet-config.yaml", "/etc/kubernetes/kubelet.env"),
        arguments=("/etc/kubernetes/kubelet.env",),
        certificates=("/etc/kubernetes/ssl/ca.crt",),
        source="kubernetes-sigs/kubespray roles/kubernetes/node/templates/kubelet.env.v1beta1.j2: KUBELET_ADDRESS",
    ),
    Distribution(
        "k3s",
        kubelet=("/var/lib/rancher/k3s/agent/kubelet.kubeconfig",),
        # k3s blanks its own arguments (proctitle.SetProcTitle): only the unit still has them.
        arguments=("/etc/systemd/system/k3s.service", "/etc/systemd/system/k3s-agent.service"),
        settings=("/etc/rancher/k3s/config.yaml",),
        containerd=("/var/lib/rancher/k3s/agent/etc/containerd/config.toml",),
        certificates=("/var/lib/rancher/k3s/agent/server-ca.crt",),
        sockets=("/run/k3s/containerd/containerd.sock",),
        source="k3s-io/k3s pkg/cli/cmds/agent.go, pkg/cli/server/server.go, install.sh; docs.k3s.io configuration",
    ),
    Distribution(
        "RKE2",
        kubelet=("/var/lib/rancher/rke2/agent/kubelet.kubeconfig",),
        settings=("/etc/rancher/rke2/config.yaml",),
        containerd=("/var/lib/rancher/rke2/agent/etc/containerd/config.toml",),
        certificates=("/var/lib/rancher/rke2/agent/server-ca.crt",),
        source="docs.rke2.io, configuration file; the kubelet is a process of its own",
    ),
    Distribution(
        "k0s",
        kubelet=("/var/lib/k0s/kubelet.conf", "/var/lib/k0s/kubelet-config.yaml"),
        arguments=("/etc/systemd/system/k0sworker.service", "/etc/systemd/system/k0scontroller.service"),
        containerd=("/etc/k0s/containerd.toml",),
        certificates=("/var/lib/k0s/pki/ca.crt",),
        sockets=("/run/k0s/containerd.sock",),
        source="k0sproject/k0s cmd/worker, --kubelet-extra-args; docs.k0sproject.io",
    ),
    Distribution(
        "MicroK8s",
        kubelet=("/var/snap/microk8s/current/args/kubelet", "/var/snap/microk8s/current/credentials/kubelet.config"),
        arguments=("/var/snap/microk8s/current/args/kubelet",),
        containerd=("/var/snap/microk8s/current/args/containerd.toml",),
        certificates=("/var/snap/microk8s/current/certs/ca.crt",),
        sockets=("/var/snap/microk8s/common/run/containerd.sock",),
        source="canonical/microk8s microk8s-resources/default-args/kubelet",
    ),
    Distribution(
        "EKS",
        kubelet=(
            *("/etc/kubernetes/kubelet/config.json", "/etc/kubernetes/kubelet/kubelet-config.json"),
            "/var/lib/kubelet/kubeconfig",
        ),
        arguments=(_DROP_INS + "10-kubelet-args.conf", "/etc/eks/kubelet/environment"),
        source="awslabs/amazon-eks-ami: bootstrap.sh of AL2; nodeadm/internal/kubelet, NODEADM_KUBELET_ARGS, of AL2023",
    ),
    Distribution(
        "GKE",
        kubelet=("/home/kubernetes/kubelet-config.yaml",),
        arguments=("/etc/default/kubelet",),
        certificates=("/etc/srv/kubernetes/pki/ca-certificates.crt",),
        source="kubernetes/kubernetes cluster/gce/gci/configure-helper.sh, start-kubelet: KUBELET_OPTS",
    ),
    Distribution(
        "AKS",
        kubelet=("/etc/default/kubeletconfig.json", "/var/lib/kubelet/bootstrap-kubeconfig"),
        arguments=("/etc/default/kubelet",),
        certificates=("/etc/kubernetes/certs/ca.crt",),
        source="Azure/AgentBaker parts/linux/cloud-init/artifacts/kubelet.service: KUBELET_FLAGS",
    ),
    Distribution(
        "OpenShift",
        kubelet=("/etc/kubernetes/kubelet.conf",),
        arguments=("/etc/systemd/system/kubelet.service", _DROP_INS + "20-nodenet.conf"),
        node_ip=("KUBELET_NODE_IPS", "KUBELET_NODE_IP"),
        certificates=("/etc/kubernetes/kubelet-ca.crt",),
        source="openshift/baremetal-runtimecfg cmd/runtimecfg/node-ip.go; machine-config-operator templates/*/units/kubelet.service",
    ),
    Distribution(
        "Talos",
        kubelet=("/etc/kubernetes/kubelet.yaml", "/etc/kubernetes/kubeconfig-kubelet"),
        containerd=("/etc/cri/containerd.toml", "/etc/cri/conf.d/cri.toml"),
        source="siderolabs/talos pkg/machinery/constants; its kubelet's arguments are those of the process",
    ),
    Distribution(
        "Bottlerocket",
        kubelet=("/etc/kubernetes/kubelet/config", "/etc/kubernetes/kubelet/kubeconfig"),
        arguments=("/etc/kubernetes/kubelet/env",),
        node_ip=("NODE_IP",),
        source="bottlerocket-os/bottlerocket-core-kit packages/kubernetes-*/kubelet-env and kubelet-exec-start-conf",
    ),
    Distribution(
        "Flatcar",
        kubelet=("/etc/kubernetes/kubeconfig",),
        arguments=("/etc/systemd/system/kubelet.service",),
        source="poseidon/typhoon flatcar-linux/kubernetes/*/butane: the unit has the arguments; else as kubeadm",
    ),
    Distribution(
        "NixOS",
        kubelet=("/var/lib/kubernetes/secrets/kubelet-client.pem",),
        arguments=("/etc/systemd/system/kubelet.service", "/etc/systemd/system/k3s.service"),
        certificates=("/var/lib/kubernetes/secrets/ca.pem",),
        source="NixOS/nixpkgs nixos/modules/services/cluster/kubernetes/kubelet.nix: ExecStart has the arguments",
    ),
)


def every(field: str) -> Tuple[str, ...]:
    """The paths of one column over all rows, each once, in their order."""
    return tuple(dict.fromkeys(path for row in DISTRIBUTIONS for path in getattr(row, field)))
