# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.calico_ops.rollout.plugins.doc_fragments import _kube, _writes
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.options import (
    AUTH_OPTIONS,
    WRITE_OPTIONS,
    auth_from,
    secrets_of,
)

yaml = pytest.importorskip("yaml")
kubernetes_core = pytest.importorskip("ansible_collections.kubernetes.core.plugins.module_utils.args_common")
kubernetes_core_client = pytest.importorskip("ansible_collections.kubernetes.core.plugins.module_utils.k8s.client")


def plain(options: dict[str, Any]) -> dict[str, Any]:
    """An argument spec with its defaults written out."""
    return {
        name: {
            "type": option.get("type", "str"),
            "elements": option.get("elements"),
            "aliases": sorted(option.get("aliases", ())),
            "no_log": option.get("no_log"),
            "default": option.get("default"),
            "options": plain(option.get("options") or {}),
        }
        for name, option in options.items()
    }


def test_the_connection_options_are_those_of_kubernetes_core() -> None:
    assert plain(AUTH_OPTIONS) == plain(kubernetes_core.AUTH_ARG_SPEC)


@pytest.mark.parametrize(("fragment", "options"), [(_kube, AUTH_OPTIONS), (_writes, WRITE_OPTIONS)])
def test_the_manual_has_every_shared_option_as_it_is(fragment: Any, options: dict[str, Any]) -> None:
    manual = yaml.safe_load(fragment.ModuleDocFragment.DOCUMENTATION)["options"]
    assert {
        name: (o["type"], o.get("elements"), o.get("aliases", []), o.get("default")) for name, o in manual.items()
    } == {name: (o["type"], o.get("elements"), o.get("aliases", []), o.get("default")) for name, o in options.items()}


ENVIRONMENT = {
    "K8S_AUTH_KUBECONFIG": "/a/kubeconfig",
    "K8S_AUTH_CONTEXT": "a-context",
    "K8S_AUTH_HOST": "https://api.example.com:6443",
    "K8S_AUTH_API_KEY": "a-token",
    "K8S_AUTH_USERNAME": "a-user",
    "K8S_AUTH_PASSWORD": "a-password",
    "K8S_AUTH_VERIFY_SSL": "False",
    "K8S_AUTH_SSL_CA_CERT": "/a/ca.crt",
    "K8S_AUTH_CERT_FILE": "/a/client.crt",
    "K8S_AUTH_KEY_FILE": "/a/client.key",
    "K8S_AUTH_PROXY": "http://proxy:3128",
    "K8S_AUTH_NO_PROXY": "localhost",
    "K8S_AUTH_PROXY_HEADERS_PROXY_BASIC_AUTH": "me:proxy-password",
    "K8S_AUTH_PROXY_HEADERS_BASIC_AUTH": "me:basic-password",
    "K8S_AUTH_PROXY_HEADERS_USER_AGENT": "an-agent",
    "K8S_AUTH_PERSIST_CONFIG": "yes",
    "K8S_AUTH_IMPERSONATE_USER": "somebody",
    "K8S_AUTH_IMPERSONATE_GROUPS": "one,two",
}
BY_OPTION_NAME = {
    "K8S_AUTH_VALIDATE_CERTS": "no",
    "K8S_AUTH_CA_CERT": "/b/ca.crt",
    "K8S_AUTH_CLIENT_CERT": "/b/client.crt",
    "K8S_AUTH_CLIENT_KEY": "/b/client.key",
}


@pytest.mark.parametrize("environment", [ENVIRONMENT, BY_OPTION_NAME, {**ENVIRONMENT, **BY_OPTION_NAME}])
def test_the_environment_is_read_as_kubernetes_core_reads_it(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    theirs = kubernetes_core_client._create_auth_spec()
    expected = {option: theirs.get(name) or None for name, option in kubernetes_core.AUTH_ARG_MAP.items()}
    headers = kubernetes_core_client._create_headers()
    expected["impersonate_user"] = headers.get("Impersonate-User")
    expected["impersonate_groups"] = headers.get("Impersonate-Group")
    ours = {name: value or None for name, value in auth_from({}).items()}
    assert ours == expected


def test_an_option_that_is_null_falls_back_to_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("K8S_AUTH_HOST", "https://api.example.com:6443")
    assert auth_from({"host": None})["host"] == "https://api.example.com:6443"


def test_an_option_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("K8S_AUTH_VERIFY_SSL", "true")
    assert auth_from({"validate_certs": False})["validate_certs"] is False


def test_every_secret_of_the_options_is_known_for_masking() -> None:
    kubeconfig = {
        "users": [
            {"name": "a", "user": {"token": "t-1", "client-key-data": "k-1", "password": "p-1"}},
            {"name": "b", "user": {"auth-provider": {"config": {"id-token": "i-1", "refresh-token": "r-1"}}}},
            {"name": "c", "user": {"exec": {"env": [{"name": "VAULT_TOKEN", "value": "v-1"}]}}},
            {"name": "d", "user": {"exec": {"env": [{"name": "AWS_PROFILE", "value": "default"}]}}},
        ]
    }
    auth = {"api_key": "a-1", "password": "p-2", "proxy_headers": {"proxy_basic_auth": "me:x", "user_agent": "agent"}}
    assert secrets_of({**auth, "kubeconfig": kubeconfig}) == {
        "a-1", "p-2", "me:x", "t-1", "k-1", "p-1", "i-1", "r-1", "v-1",
    }  # fmt: skip
