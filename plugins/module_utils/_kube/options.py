# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Options that the modules share: how to reach the API, and how fast to write.

Names, types, aliases and environment variables of the first are kubernetes.core's, so that an AWX credential works as it is.
As there, an option that is null falls back to its environment variable: that is why this is no `fallback` of the spec.
"""

from __future__ import annotations

import os
from typing import Any

PROXY_HEADERS_OPTIONS: dict[str, dict[str, Any]] = {
    "proxy_basic_auth": {"type": "str", "no_log": True},
    "basic_auth": {"type": "str", "no_log": True},
    "user_agent": {"type": "str"},
}

AUTH_OPTIONS: dict[str, dict[str, Any]] = {
    "kubeconfig": {"type": "raw"},
    "context": {"type": "str"},
    "host": {"type": "str"},
    "api_key": {"type": "str", "no_log": True},
    "username": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "validate_certs": {"type": "bool", "aliases": ["verify_ssl"]},
    "ca_cert": {"type": "path", "aliases": ["ssl_ca_cert"]},
    "client_cert": {"type": "path", "aliases": ["cert_file"]},
    "client_key": {"type": "path", "aliases": ["key_file"]},
    "proxy": {"type": "str"},
    "no_proxy": {"type": "str"},
    "proxy_headers": {"type": "dict", "options": PROXY_HEADERS_OPTIONS},
    "persist_config": {"type": "bool"},
    "impersonate_user": {"type": "str"},
    "impersonate_groups": {"type": "list", "elements": "str"},
}

AUTH_CONSTRAINTS: dict[str, Any] = {}
"""Keyword arguments of AnsibleModule that go with AUTH_OPTIONS; kubernetes.core has none for them either."""

WRITE_OPTIONS: dict[str, dict[str, Any]] = {
    "rate": {"type": "float", "default": 50.0},
    "concurrency": {"type": "int", "default": 16},
}


def auth_from(params: dict[str, Any]) -> dict[str, Any]:
    """The values of AUTH_OPTIONS, completed from the environment."""
    auth = {name: _value(params, name, option) for name, option in AUTH_OPTIONS.items()}
    if params.get("proxy_headers") is None:
        auth["proxy_headers"] = _proxy_headers_from_environment() or None
    return auth


def secrets_of(auth: dict[str, Any]) -> set[str]:
    """Every secret in the values of AUTH_OPTIONS, those inside a kubeconfig given as a dictionary included."""
    found = {auth.get("api_key"), auth.get("password")}
    headers = auth.get("proxy_headers") or {}
    found.update(headers.get(name) for name, option in PROXY_HEADERS_OPTIONS.items() if option.get("no_log"))
    found.update(_kubeconfig_secrets(auth.get("kubeconfig")))
    return {secret for secret in found if secret}


def _value(params: dict[str, Any], name: str, option: dict[str, Any]) -> Any:
    if params.get(name) is not None:
        return params[name]
    for variable in (name, *option.get("aliases", ())):
        text = os.environ.get("K8S_AUTH_" + variable.upper())
        if text:
            return _converted(text, option.get("type"))
    return None


def _converted(text: str, kind: str | None) -> Any:
    if kind == "bool":
        return text.lower() not in ("0", "false", "no")
    if kind == "list":
        return [item for item in text.split(",") if item]
    if kind == "path":
        return os.path.expanduser(os.path.expandvars(text))
    return text


def _proxy_headers_from_environment() -> dict[str, str]:
    values = {name: os.environ.get("K8S_AUTH_PROXY_HEADERS_" + name.upper()) for name in PROXY_HEADERS_OPTIONS}
    return {name: value for name, value in values.items() if value}


_SECRET_KEYS = frozenset(
    ("token", "password", "client-key-data", "id-token", "refresh-token", "access-token", "client-secret", "secret")
)


def _names_a_secret(variable: str) -> bool:
    return any(word in variable.upper() for word in ("TOKEN", "SECRET", "PASSWORD", "ACCESS_KEY", "API_KEY"))


def _kubeconfig_secrets(value: Any) -> set[str]:
    found: set[str] = set()
    if isinstance(value, dict):
        for key, inner in value.items():
            if isinstance(inner, str):
                if key in _SECRET_KEYS:
                    found.add(inner)
            elif key == "env" and isinstance(inner, list):
                # Environment of an exec plugin. Only what its name calls a secret: masking AWS_PROFILE=default would mask
                # the word "default" in every message.
                found.update(
                    item["value"] for item in inner if isinstance(item, dict) and _names_a_secret(item.get("name", ""))
                )
            else:
                found |= _kubeconfig_secrets(inner)
    elif isinstance(value, list):
        for inner in value:
            found |= _kubeconfig_secrets(inner)
    return found
