# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plain configuration is read as the `kubernetes` client reads it, without importing it; what is not plain is left to the client."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.connection import POOL_ATTRIBUTES, Connection
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.plain import plain_settings, pool_of
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


PLAIN: dict[str, tuple[Raw, Raw]] = {
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


def by_the_client(file: str, context: str | None = None) -> Configuration:
    settings = Configuration()
    loader = KubeConfigLoader(config_dict=KubeConfigMerger(file).config, active_context=context, config_base_path=None)
    loader.load_and_set(settings)
    return settings


def essence(settings: Any) -> Raw:
    """What a connection is made of; files by their content, as those with data get a random name."""
    values = {name: getattr(settings, name, None) for name in POOL_ATTRIBUTES}
    values.update({name: Path(values[name]).read_bytes() for name in FILES if values[name]})
    return {**values, "proxy": settings.proxy, "api_key": settings.api_key}


of_today = pytest.mark.skipif(
    not hasattr(Configuration(), "keep_alive"), reason="compared with a client of today: older ones know fewer keys"
)


@of_today
@pytest.mark.parametrize("name", PLAIN)
def test_a_plain_kubeconfig_says_to_us_what_it_says_to_the_client(folder: Path, name: str) -> None:
    file = written(folder, *PLAIN[name])
    ours = plain_settings(file, None)
    assert ours is not None
    assert essence(ours) == essence(by_the_client(file))


@of_today
@pytest.mark.parametrize("name", PLAIN)
def test_connections_are_opened_as_the_client_opens_them(folder: Path, name: str) -> None:
    file = written(folder, *PLAIN[name])
    settings = plain_settings(file, None)
    assert settings is not None
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


def test_a_dictionary_is_read_as_a_file_is(folder: Path) -> None:
    file = written(folder, {"certificate-authority-data": CA}, {"token": "t-1"})
    assert plain_settings(yaml.safe_load(Path(file).read_text()), None) == plain_settings(file, None)


def test_the_context_asked_for_is_the_one_that_is_read() -> None:
    config = kubeconfig("https://127.0.0.1:6443", token="t-1")
    config["users"].append({"name": "other", "user": {"token": "t-2"}})
    config["contexts"].append({"name": "other", "context": {"cluster": "c", "user": "other"}})
    settings = plain_settings(config, "other")
    assert settings is not None
    assert settings.api_key == {"BearerToken": "Bearer t-2"}


NOT_PLAIN: dict[str, tuple[Raw, Raw]] = {
    "exec plugin": ({}, {"exec": {"command": "aws"}}),
    "provider": ({}, {"auth-provider": {"name": "oidc"}}),
    "password": ({}, {"username": "joe", "password": "secret"}),
    "a key of a later version": ({"something-new": True}, {"token": "t-1"}),
    "CA that is not there": ({"certificate-authority": "pki/nowhere"}, {"token": "t-1"}),
    "CA that is no base64": ({"certificate-authority-data": "a"}, {"token": "t-1"}),
    "empty token": ({}, {"token": ""}),
    "token that is a number": ({}, {"token": 12345}),
    "token file that is not there": ({}, {"tokenFile": "pki/nowhere"}),
    "no server": ({"server": None}, {"token": "t-1"}),
}


@pytest.mark.parametrize("name", NOT_PLAIN)
def test_what_is_not_plain_is_left_to_the_client(folder: Path, name: str) -> None:
    assert plain_settings(written(folder, *NOT_PLAIN[name]), None) is None


@pytest.mark.parametrize(
    "change",
    [
        {"current-context": None},
        {"current-context": "nowhere"},
        {"contexts": [{"name": "x", "context": {"cluster": "nowhere", "user": "u"}}]},
        {"contexts": [{"name": "x", "context": {"cluster": "c"}}]},
        {"users": None},
        {"users": [{"name": "u", "user": None}]},
        {"users": [{"name": "u", "user": {"token": "a"}}, {"name": "u", "user": {"token": "b"}}]},
        {"clusters": "c"},
    ],
)
def test_mistakes_are_left_to_the_client_to_explain(change: Raw) -> None:
    assert plain_settings({**kubeconfig("https://127.0.0.1:6443", token="t-1"), **change}, None) is None


@pytest.mark.parametrize("content", ["", "- a list", "a: b: c", "\0"])
def test_a_file_that_is_no_kubeconfig_is_left_to_the_client(tmp_path: Path, content: str) -> None:
    (tmp_path / "config").write_text(content)
    assert plain_settings(str(tmp_path / "config"), None) is None


def test_several_files_are_left_to_the_client(folder: Path) -> None:
    file = written(folder, {}, {"token": "t-1"})
    assert plain_settings(f"{file}:{file}", None) is None


def test_a_client_key_is_for_this_user_alone(folder: Path) -> None:
    settings = plain_settings(written(folder, *PLAIN["client certificate"]), None)
    assert settings is not None
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


def test_a_kubeconfig_that_is_plain_no_longer_goes_on_with_the_client(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(yaml.safe_dump(kubeconfig("http://127.0.0.1:9", token="old")))
    connection = Connection({"kubeconfig": str(file)})
    first = connection.access()
    file.write_text(yaml.safe_dump(kubeconfig("http://127.0.0.1:9", username="joe", password="secret")))
    second = connection.renewed(first)
    assert second is not None
    assert second.headers["Authorization"].startswith("Basic ")


CONNECT = """
import json, os, sys
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.connection import Connection
Connection(json.loads(sys.argv[1])).access()
print(json.dumps("kubernetes" in sys.modules))
"""


def imports_the_client(auth: Raw, tmp_path: Path, **variables: str) -> bool:
    env = {**os.environ, "HOME": str(tmp_path), **variables}
    done = subprocess.run(
        [sys.executable, "-c", CONNECT, json.dumps(auth)], env=env, capture_output=True, text=True, check=True
    )
    imported: bool = json.loads(done.stdout)
    return imported


BY_NAME = {"host": "https://127.0.0.1:6443", "api_key": "t-1"}


def test_the_client_is_not_imported_for_a_plain_configuration(folder: Path) -> None:
    file = written(folder, {"certificate-authority-data": CA}, {"token": "t-1"})
    assert not imports_the_client({"kubeconfig": file}, folder)
    assert not imports_the_client({}, folder, KUBECONFIG=file)
    assert not imports_the_client(BY_NAME, folder)


def test_the_client_is_not_imported_for_a_proxy(folder: Path) -> None:
    file = written(folder, {"certificate-authority-data": CA}, {"token": "t-1"})
    assert not imports_the_client({"kubeconfig": file}, folder, HTTPS_PROXY="http://127.0.0.1:3128")
    assert not imports_the_client({"kubeconfig": file, "proxy": "http://127.0.0.1:3128"}, folder)
    assert not imports_the_client(BY_NAME, folder, https_proxy="http://127.0.0.1:3128")
