# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections are opened as the `kubernetes` client of today opens them, and a kubeconfig is read anew where that can help."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.client_library import loader_for
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.connection import Connection
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.pool import pool_of
from kubernetes.client import Configuration
from kubernetes.client.rest import RESTClientObject
from kubernetes.config.kube_config import KubeConfigLoader, KubeConfigMerger

from tests.unit.kube.fake_api import Reply, fake_api, script
from tests.unit.kube.test_connection import kubeconfig

Raw = dict[str, Any]
FILES = ("ssl_ca_cert", "cert_file", "key_file")
CA = base64.b64encode(b"-----BEGIN CERTIFICATE-----\nca\n").decode()


@pytest.fixture(autouse=True)
def _no_proxy_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pki").mkdir()
    for name in ("ca.crt", "me.crt", "me.key", "token"):
        (tmp_path / "pki" / name).write_text(f"content of {name}\n")
    return tmp_path


KUBECONFIGS: dict[str, tuple[Raw, Raw]] = {
    "token": ({}, {"token": "t-1"}),
    "token and CA": ({"certificate-authority-data": CA}, {"token": "t-1"}),
    "client certificate": (
        {"certificate-authority-data": CA},
        {
            "client-certificate-data": base64.b64encode(b"me").decode(),
            "client-key-data": base64.b64encode(b"key").decode(),
        },
    ),
    "files beside the kubeconfig": (
        {"certificate-authority": "pki/ca.crt"},
        {"client-certificate": "pki/me.crt", "client-key": "pki/../pki/me.key", "tokenFile": "pki/token"},
    ),
    "data before files": (
        {"certificate-authority": "pki/nowhere", "certificate-authority-data": CA},
        {"token": "t-1", "tokenFile": "pki/nowhere"},
    ),
    "no verification": ({"insecure-skip-tls-verify": True}, {"token": "t-1"}),
    "verification said": ({"insecure-skip-tls-verify": False}, {"token": "t-1"}),
    "another server name": ({"tls-server-name": "kubernetes.default"}, {"token": "t-1"}),
    "proxy": ({"proxy-url": "http://proxy:3128"}, {"token": "t-1"}),
    "no compression": ({"disable-compression": True}, {"token": "t-1"}),
    "slash at the end": ({"server": "https://10.0.0.1:6443/"}, {"token": "t-1"}),
    "path in the server": ({"server": "https://rancher/k8s/clusters/c-1"}, {"token": "t-1"}),
    "plain HTTP": ({"server": "http://127.0.0.1:8001", "certificate-authority-data": CA}, {"token": "t-1"}),
    "extensions": ({"extensions": [{"name": "minikube", "extension": {}}]}, {"token": "t-1", "extensions": []}),
    "nobody": ({}, {"extensions": []}),
}


def written(folder: Path, cluster: Raw, user: Raw) -> str:
    config = kubeconfig("https://127.0.0.1:6443", **user)
    config["clusters"][0]["cluster"].update(cluster)
    file = folder / "config"
    file.write_text(yaml.safe_dump(config))
    return str(file)


def loaded(file: str) -> Any:
    load, _renewable = loader_for({"kubeconfig": file})
    return load(False)[0]


def by_the_client(file: str) -> Configuration:
    settings = Configuration()
    loader = KubeConfigLoader(config_dict=KubeConfigMerger(file).config, config_base_path=None)
    loader.load_and_set(settings)
    return settings


of_today = pytest.mark.skipif(
    not hasattr(Configuration(), "keep_alive"), reason="compared with a client of today: older ones know fewer keys"
)


@of_today
@pytest.mark.parametrize("name", KUBECONFIGS)
def test_connections_are_opened_as_the_client_opens_them(folder: Path, name: str) -> None:
    file = written(folder, *KUBECONFIGS[name])
    settings = loaded(file)
    ours = dict(pool_of(settings, 7, settings.proxy, {}).connection_pool_kw)
    configuration = by_the_client(file)
    configuration.connection_pool_maxsize, configuration.keep_alive = 7, True
    theirs = dict(RESTClientObject(configuration).pool_manager.connection_pool_kw)
    for options in (ours, theirs):
        for key in ("ca_certs", "cert_file", "key_file"):
            options[key] = options[key] and Path(options[key]).read_bytes()
        options["cert_reqs"] = {"CERT_REQUIRED": 2, "CERT_NONE": 0}.get(options["cert_reqs"], options["cert_reqs"])
        options.pop("ca_cert_data", None)
    assert ours == theirs


def test_a_client_key_is_for_this_user_alone(folder: Path) -> None:
    settings = loaded(written(folder, *KUBECONFIGS["client certificate"]))
    assert settings.key_file is not None
    assert Path(settings.key_file).stat().st_mode & 0o077 == 0


def test_a_kubeconfig_that_is_written_anew_is_read_anew_when_the_server_refuses_its_token(tmp_path: Path) -> None:
    file = tmp_path / "config"
    with fake_api(script(Reply())) as api:
        file.write_text(yaml.safe_dump(kubeconfig(api.url, token="old")))
        connection = Connection({"kubeconfig": str(file)})
        first = connection.access()
        file.write_text(yaml.safe_dump(kubeconfig(api.url, token="new")))
        second = connection.renewed(first)
    assert first.headers["Authorization"] == "Bearer old"
    assert second is not None
    assert second.headers["Authorization"] == "Bearer new"
