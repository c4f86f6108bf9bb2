# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is applied to a fresh API server, and the kubeconfigs of everybody who talks to it without being its admin."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.lab import ready_operator
from tests.lab.api import Api, ApiError
from tests.lab.errors import LabError
from tests.lab.pki import Pki, write_kubeconfig
from tests.lab.places import LAB_SOURCES, REPOSITORY

RBAC = REPOSITORY / "docs" / "reference" / "rbac.yaml"
_IDENTITIES = LAB_SOURCES / "manifests" / "identities.yaml"
REAL_PODS = LAB_SOURCES / "manifests" / "real-pods.yaml"
_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_TOKEN_SECONDS = 30 * 24 * 3600


@dataclass(frozen=True)
class Account:
    """A ServiceAccount."""

    namespace: str
    name: str

    @property
    def user(self) -> str:
        return f"system:serviceaccount:{self.namespace}:{self.name}"


KWOK = Account("lab", "kwok")
NODE_AGENT = Account("lab", "node-agent")
KUBELET = Account("lab", "kubelet")
OPERATOR = Account("tigera-operator", "tigera-operator")


def collection_account() -> Account:
    """The account that docs/reference/rbac.yaml makes for the collection."""
    objects = yaml.safe_load(RBAC.read_text())["items"]
    accounts = [each["metadata"] for each in objects if each["kind"] == "ServiceAccount"]
    if len(accounts) != 1:
        raise LabError(f"{RBAC} holds {len(accounts)} ServiceAccounts, not one")
    return Account(accounts[0]["namespace"], accounts[0]["name"])


def collection_namespaces() -> set[str]:
    """The namespaces that docs/reference/rbac.yaml makes."""
    objects = yaml.safe_load(RBAC.read_text())["items"]
    return {each["metadata"]["name"] for each in objects if each["kind"] == "Namespace"}


def crds(directory: Path) -> list[Path]:
    """Files and folders of CRDs, each over the one before: our own, or those of a ready operator; then what LAB_CRDS names."""
    program, named = ready_operator.program(), os.environ.get("LAB_CRDS")
    found: list[Path] = []
    if program is not None:
        found.append(directory / "operator-crds.yaml")
        ready_operator.write_crds(program, found[0])
    if named:
        found.append(Path(named).resolve())
        if not found[-1].is_dir():
            raise LabError(f"LAB_CRDS={named} is no folder of CRDs: name one, or unset it")
    return found or [LAB_SOURCES / "crds"]


def apply_manifests(kubectl: Path, kubeconfig: Path, directory: Path, admin: Api, more: Sequence[Path] = ()) -> None:
    """CRDs, identities and the collection's role, as a user would: with kubectl."""
    first, *others = crds(directory)
    for manifests in ([_IDENTITIES, RBAC, first, *more], *([each] for each in others)):
        _apply(kubectl, kubeconfig, directory / "kubectl-cache", manifests)
    _wait_for_crds(admin)


def _apply(kubectl: Path, kubeconfig: Path, cache: Path, manifests: Sequence[Path]) -> None:
    command: list[str | Path] = [
        kubectl,
        f"--kubeconfig={kubeconfig}",
        f"--cache-dir={cache}",
        "apply",
        "--server-side",
        *(f"--filename={path}" for path in manifests),
    ]
    environment = {**os.environ, "KUBERC": "off"}  # whoever runs this may have preferences in their home
    outcome = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    if outcome.returncode != 0:
        raise LabError(f"kubectl apply failed:\n{outcome.stderr.strip()}")


def write_account_kubeconfig(path: Path, account: Account, server: str, pki: Pki, admin: Api) -> None:
    answer = admin.create(
        f"/api/v1/namespaces/{account.namespace}/serviceaccounts/{account.name}/token",
        {"spec": {"expirationSeconds": _TOKEN_SECONDS}},
    )
    write_kubeconfig(path, server, pki.ca, account.name, token=answer["status"]["token"])


def _wait_for_crds(admin: Api, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while pending := [crd["metadata"]["name"] for crd in admin.list(_CRDS) if not _is_served(crd["spec"], admin)]:
        if time.monotonic() > deadline:
            raise LabError(f"CRDs not served after {seconds:.0f} s: {', '.join(pending)}")
        time.sleep(0.1)


def _is_served(spec: dict[str, Any], admin: Api) -> bool:
    version = next(version["name"] for version in spec["versions"] if version["served"])
    try:
        admin.get(f"/apis/{spec['group']}/{version}/{spec['names']['plural']}", limit=1)
    except ApiError as error:
        # 404 until it is established, then 429 for as long as its storage is made ready.
        if error.status in (404, 429):
            return False
        raise
    return True
