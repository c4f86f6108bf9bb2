# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Credentials that run out, on a real API server: an exec plugin hands out tokens that live for a few seconds.

The plugin is a program that signs ServiceAccount tokens with the lab's own key. The API server grants a minute's leeway, which the
tokens take into account, and remembers for ten seconds that it accepted a token.
"""

from __future__ import annotations

import base64
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube import watch as watching
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.client import NODES, ApiError, Cluster
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.connection import Access, Connection
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.watch import watch

from tests.lab.access import collection_account
from tests.lab.lab import Lab

LIFE = 4
LEEWAY = 60
SERVER_MEMORY = 10

PLUGIN = """
import base64, json, sys, time
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

key_file, runs, server, namespace, name, uid, life, claimed = sys.argv[1:]
def part(content):
    return base64.urlsafe_b64encode(content).rstrip(b"=")
now = int(time.time())
account = {"namespace": namespace, "serviceaccount": {"name": name, "uid": uid}}
claims = {"iss": server, "aud": [server], "sub": f"system:serviceaccount:{namespace}:{name}", "iat": now, "nbf": now,
          "exp": now + int(life), "kubernetes.io": account}
signed = part(json.dumps({"alg": "ES256", "typ": "JWT"}).encode()) + b"." + part(json.dumps(claims).encode())
with open(key_file, "rb") as file:
    key = serialization.load_pem_private_key(file.read(), None)
r, s = utils.decode_dss_signature(key.sign(signed, ec.ECDSA(hashes.SHA256())))
token = signed + b"." + part(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
with open(runs, "a") as file:
    file.write(token.decode() + "\\n")
expiry = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now + int(claimed)))
json.dump({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
           "status": {"token": token.decode(), "expirationTimestamp": expiry}}, sys.stdout)
"""


class ShortLived:
    """A kubeconfig with that plugin, and the tokens that it handed out."""

    def __init__(self, lab: Lab, directory: Path, claimed: int) -> None:
        account = collection_account()
        accounts = f"/api/v1/namespaces/{account.namespace}/serviceaccounts"
        uid = lab.admin.get(f"{accounts}/{account.name}")["metadata"]["uid"]
        program, self._runs = directory / "plugin.py", directory / "runs"
        program.write_text(PLUGIN)
        key = lab.directory / "pki" / "service-account.key"
        arguments = [
            program,
            key,
            self._runs,
            lab.admin.server,
            account.namespace,
            account.name,
            uid,
            LIFE - LEEWAY,
            claimed,
        ]
        user = {
            "exec": {
                "apiVersion": "client.authentication.k8s.io/v1",
                "command": sys.executable,
                "args": [str(argument) for argument in arguments],
                "interactiveMode": "Never",
            }
        }
        self.config = yaml.safe_load(lab.kubeconfig.read_text())
        self.config["users"][0]["user"] = user
        self.ca = directory / "ca.crt"
        self.ca.write_bytes(base64.b64decode(self.config["clusters"][0]["cluster"]["certificate-authority-data"]))
        self.refused = 0

    def connection(self, monkeypatch: pytest.MonkeyPatch) -> Connection:
        connection = Connection({"kubeconfig": self.config})
        renewed = connection.renewed

        def counted(access: Access) -> Access | None:
            self.refused += 1
            return renewed(access)

        monkeypatch.setattr(connection, "renewed", counted)
        return connection

    def tokens(self) -> list[str]:
        return self._runs.read_text().split()

    def wait_until_refused(self, lab: Lab, token: str) -> None:
        cluster = Cluster(Connection({"host": lab.admin.server, "api_key": token, "ca_cert": str(self.ca)}))
        deadline = time.monotonic() + LIFE + SERVER_MEMORY + 5
        while time.monotonic() < deadline:
            try:
                cluster.request("GET", NODES)
            except ApiError as error:
                if error.status == 401:
                    return
                raise
            time.sleep(0.5)
        raise AssertionError("the API server still takes the expired token")


def test_a_token_is_renewed_before_it_expires(cluster: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plugin = ShortLived(cluster, tmp_path, claimed=LIFE)
    api = Cluster(plugin.connection(monkeypatch))
    end = time.monotonic() + 2 * LIFE
    while time.monotonic() < end:
        api.request("GET", NODES)
        time.sleep(0.5)
    plugin.wait_until_refused(cluster, plugin.tokens()[0])
    api.request("GET", NODES)
    assert 3 <= len(plugin.tokens()) <= 6
    assert plugin.refused == 0


def test_a_token_that_expires_unannounced_is_renewed_when_it_is_refused(
    cluster: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin = ShortLived(cluster, tmp_path, claimed=3600)
    api = Cluster(plugin.connection(monkeypatch))
    api.request("GET", NODES)
    plugin.wait_until_refused(cluster, plugin.tokens()[0])
    api.request("GET", NODES)
    assert plugin.refused == 1
    assert len(plugin.tokens()) == 2


def test_a_watch_outlives_its_token_and_misses_nothing(
    cluster: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "WATCH_SECONDS", (2, 2))
    plugin = ShortLived(cluster, tmp_path, claimed=3600)
    api = Cluster(plugin.connection(monkeypatch))
    _nodes, version = api.list_all(NODES)
    events = iter(watch(api, NODES, version, time.monotonic() + 60))
    seen: list[Any] = []

    def see(name: str) -> None:
        cluster.add_node(name)
        while name not in seen:
            kind, node = next(events)
            if kind == "ADDED":
                seen.append(node["metadata"]["name"])

    see("n-0")
    plugin.wait_until_refused(cluster, plugin.tokens()[0])
    cluster.add_node("n-1")  # while nobody may be watching
    see("n-2")
    assert seen == ["n-0", "n-1", "n-2"]
    assert plugin.refused >= 1
