# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""etcd, kube-apiserver, kube-controller-manager, kube-scheduler and kwok of one lab, all of them on loopback."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import urllib3
import yaml

from tests.lab import audit
from tests.lab.api import Api, ApiError
from tests.lab.errors import LabError
from tests.lab.faults import KUBELET_GONE
from tests.lab.pki import Pki, write_kubeconfig
from tests.lab.pods.names import REAL_KUBELET
from tests.lab.processes import Daemons
from tests.lab.stages import Readiness, write_kwok_configuration

PORTS = ["apiserver", "etcd", "etcd-peer"]

# kwok renews a lease four times in its duration. At 160 s a thousand nodes cost 25 writes a second instead of a
# hundred. The controller manager is more patient by far: on a machine that is busy with other things a lease comes late,
# and no node of the lab ever loses its kubelet.
_LEASE_SECONDS = 160
_NODE_GRACE_SECONDS = 600


@dataclass(frozen=True)
class ControlPlane:
    """How the processes are started; the order in which they end is Lab's."""

    directory: Path
    ports: dict[str, int]
    programs: dict[str, Path]
    pki: Pki
    daemons: Daemons

    @property
    def server(self) -> str:
        return f"https://127.0.0.1:{self.ports['apiserver']}"

    @property
    def audit_log(self) -> Path:
        return self.directory / "audit.log"

    def start_api(self, collection_user: str) -> None:
        """etcd and the API server, whose audit log also holds what that user reads; returns at once."""
        policy = self.directory / "audit-policy.yaml"
        policy.write_text(yaml.safe_dump(audit.policy(collection_user), sort_keys=False))
        self.audit_log.touch(mode=0o600)
        self.daemons.start("etcd", self._etcd())
        self.daemons.start("kube-apiserver", self._apiserver(policy))

    def wait_for_api(self, admin: Api, seconds: float = 90) -> None:
        deadline = time.monotonic() + seconds
        answer: object = "nothing yet"
        while time.monotonic() < deadline:
            self.daemons.require_alive("etcd")
            self.daemons.require_alive("kube-apiserver")
            try:
                admin.get("/readyz")
                return
            except (ApiError, urllib3.exceptions.HTTPError) as error:
                if isinstance(error, ApiError) and error.status == 401:
                    raise LabError(f"the API server does not know its own lab's admin: {error}") from error
                answer = error
            time.sleep(0.1)
        raise LabError(
            f"the API server is not ready after {seconds:.0f} s ({answer}): {self.daemons.log('kube-apiserver')}"
        )

    def start_controllers(self) -> None:
        for name, pair in (
            ("controller-manager", self.pki.controller_manager),
            ("scheduler", self.pki.scheduler),
        ):
            write_kubeconfig(self.directory / f"{name}.kubeconfig", self.server, self.pki.ca, f"lab-{name}", pair)
        self.daemons.start("kube-controller-manager", self._controller_manager())
        self.daemons.start("kube-scheduler", self._scheduler())

    def start_kwok(self, kubeconfig: Path, readiness: Readiness) -> None:
        configuration = self.directory / "kwok.yaml"
        write_kwok_configuration(configuration, readiness)
        self.daemons.start(
            "kwok",
            [
                self.programs["kwok"],
                f"--kubeconfig={kubeconfig}",
                f"--config={configuration}",
                f"--manage-nodes-with-label-selector=!{KUBELET_GONE},!{REAL_KUBELET}",
                f"--node-lease-duration-seconds={_LEASE_SECONDS}",
                "--cidr=10.244.0.0/16",
            ],
            # Its default configuration lies in HOME: a lab has none but its own.
            env={"HOME": str(self.directory)},
        )

    def _etcd(self) -> list[str | Path]:
        client = f"https://127.0.0.1:{self.ports['etcd']}"
        peer = f"https://127.0.0.1:{self.ports['etcd-peer']}"
        certificates = [
            f"--cert-file={self.pki.etcd.certificate}",
            f"--key-file={self.pki.etcd.key}",
            f"--trusted-ca-file={self.pki.etcd_ca}",
            "--client-cert-auth",
        ]
        return [
            self.programs["etcd"],
            "--name=lab",
            f"--data-dir={self.directory / 'etcd'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=lab={peer}",
            *certificates,
            *(f"--peer-{option.removeprefix('--')}" for option in certificates),
            "--unsafe-no-fsync",  # a lab's data is worth nothing after a power cut
            "--log-level=warn",
        ]

    def _apiserver(self, policy: Path) -> list[str | Path]:
        pki = self.pki
        return [
            self.programs["kube-apiserver"],
            "--bind-address=127.0.0.1",
            f"--secure-port={self.ports['apiserver']}",
            f"--cert-dir={pki.directory}",
            f"--tls-cert-file={pki.server.certificate}",
            f"--tls-private-key-file={pki.server.key}",
            f"--client-ca-file={pki.ca}",
            f"--etcd-servers=https://127.0.0.1:{self.ports['etcd']}",
            f"--etcd-cafile={pki.etcd_ca}",
            f"--etcd-certfile={pki.etcd.certificate}",
            f"--etcd-keyfile={pki.etcd.key}",
            f"--service-account-issuer={self.server}",
            f"--service-account-key-file={pki.service_account_public}",
            f"--service-account-signing-key-file={pki.service_account_key}",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--kubelet-preferred-address-types=InternalIP",  # as kubeadm; a lab's node has no name that a DNS knows
            f"--kubelet-client-certificate={pki.admin.certificate}",
            f"--kubelet-client-key={pki.admin.key}",
            "--endpoint-reconciler-type=none",  # loopback is no address that an Endpoints object may hold
            "--authorization-mode=RBAC",
            "--anonymous-auth=false",
            "--allow-privileged=true",
            f"--audit-policy-file={policy}",
            f"--audit-log-path={self.audit_log}",
            "--audit-log-maxsize=4096",
            "--profiling=false",
        ]

    def _controller_manager(self) -> list[str | Path]:
        return [
            self.programs["kube-controller-manager"],
            f"--kubeconfig={self.directory / 'controller-manager.kubeconfig'}",
            f"--service-account-private-key-file={self.pki.service_account_key}",
            f"--root-ca-file={self.pki.ca}",
            "--use-service-account-credentials=true",
            "--leader-elect=false",
            "--secure-port=0",
            f"--node-monitor-grace-period={_NODE_GRACE_SECONDS}s",
            "--kube-api-qps=300",
            "--kube-api-burst=600",
            "--profiling=false",
        ]

    def _scheduler(self) -> list[str | Path]:
        return [
            self.programs["kube-scheduler"],
            f"--kubeconfig={self.directory / 'scheduler.kubeconfig'}",
            "--leader-elect=false",
            "--secure-port=0",
            "--kube-api-qps=300",
            "--kube-api-burst=600",
            "--profiling=false",
        ]
