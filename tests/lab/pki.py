# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates and keys of one lab, and the kubeconfig files that carry them."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path

import trustme
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

SERVER_NAMES = ("127.0.0.1", "localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "10.96.0.1")

# Nobody checks a client's address, but without a name trustme marks the empty list critical, which Go refuses.
CLIENT_NAMES = ("localhost",)


@dataclass(frozen=True)
class Pair:
    certificate: Path
    key: Path


class Pki:
    """Two authorities: one for the API, one for etcd, so that no API client can talk to etcd."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.ca = directory / "ca.crt"
        self.etcd_ca = directory / "etcd-ca.crt"
        self.server = self._pair("apiserver")
        self.etcd = self._pair("etcd")
        self.admin = self._pair("admin")
        self.controller_manager = self._pair("controller-manager")
        self.scheduler = self._pair("scheduler")
        self.service_account_key = directory / "service-account.key"
        self.service_account_public = directory / "service-account.pub"

    def create(self) -> None:
        self.directory.mkdir(mode=0o700, parents=True)
        authority = trustme.CA(organization_name="calico-ops lab")
        authority.cert_pem.write_to_path(self.ca)
        etcd_authority = trustme.CA(organization_name="calico-ops lab etcd")
        etcd_authority.cert_pem.write_to_path(self.etcd_ca)

        self._issue(authority, self.server, "kube-apiserver", "calico-ops lab", *SERVER_NAMES)
        self._issue(etcd_authority, self.etcd, "etcd", "calico-ops lab", "127.0.0.1", "localhost")
        self._issue(authority, self.admin, "lab-admin", "system:masters", *CLIENT_NAMES)
        self._issue(
            authority, self.controller_manager, "system:kube-controller-manager", "calico-ops lab", *CLIENT_NAMES
        )
        self._issue(authority, self.scheduler, "system:kube-scheduler", "calico-ops lab", *CLIENT_NAMES)
        self._service_account_pair()

    def _pair(self, name: str) -> Pair:
        return Pair(self.directory / f"{name}.crt", self.directory / f"{name}.key")

    def _issue(self, authority: trustme.CA, pair: Pair, user: str, group: str, *names: str) -> None:
        issued = authority.issue_cert(*names, common_name=user, organization_name=group)
        pair.certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        _write_private(pair.key, issued.private_key_pem.bytes())

    def _service_account_pair(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        _write_private(
            self.service_account_key,
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ),
        )
        self.service_account_public.write_bytes(
            key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        )


def write_kubeconfig(path: Path, server: str, ca: Path, user: str, pair: Pair | None = None, token: str = "") -> None:
    """A kubeconfig that needs no other file."""
    credentials = (
        {"client-certificate-data": _data(pair.certificate), "client-key-data": _data(pair.key)}
        if pair
        else {"token": token}
    )
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "lab", "cluster": {"server": server, "certificate-authority-data": _data(ca)}}],
        "users": [{"name": user, "user": credentials}],
        "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": user}}],
        "current-context": "lab",
    }
    _write_private(path, yaml.safe_dump(document, sort_keys=False).encode())


def _data(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def _write_private(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)
