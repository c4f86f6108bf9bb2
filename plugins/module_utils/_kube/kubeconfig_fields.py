# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Fields of a kubeconfig that the `kubernetes` client ignores without a message. They are read here, or refused by name.

What each version reads: KubeConfigLoader in its config/kube_config.py, ExecProvider in its config/exec_provider.py. Compared with
clientcmd of client-go (tools/clientcmd/client_config.go and validation.go), by which kubectl goes:

- proxy-url: from 37 on.
- tls-server-name: from 28 on.
- exec.provideClusterInfo: from 32 on.
- exec.interactiveMode: never; who waits for a terminal is waited for.
- as, as-uid, as-groups, as-user-extra: never, so the request is made as the administrator and not as whom it was to be made.
- token beside tokenFile: never the file, which kubectl prefers and which is newer.
- auth-provider of another name than the client knows: never, so the request is anonymous.
- disable-compression: never; nothing is compressed on our connections anyway.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from .._rollout.errors import RolloutError

IMPERSONATION = ("as", "as-uid", "as-groups", "as-user-extra")
_UNESCAPED = "!#$&'*+-.^_`|~"
"""What a header's name may hold beside letters and digits; the rest is escaped (client-go, round_trippers.go, headerKeyEscape)."""


@dataclass(frozen=True)
class Fields:
    proxy: str | None = None
    tls_server_name: str | None = None
    impersonation: dict[str, Any] = field(default_factory=dict)
    """Headers; a list has one for each entry."""


def read_fields(cluster: Mapping[str, Any], user: Mapping[str, Any]) -> Fields:
    """RolloutError if the connection would differ from what the file says."""
    _refuse_a_terminal(user)
    return Fields(
        proxy=_text(cluster, "proxy-url"),
        tls_server_name=_text(cluster, "tls-server-name"),
        impersonation=_impersonation(user),
    )


def token_file_content(user: Mapping[str, Any], folder: str) -> str | None:
    """What is in tokenFile, which wins over a token beside it; null where there is none that can be read."""
    name = user.get("tokenFile")
    if not isinstance(name, str) or not name:
        return None
    try:
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            return file.read().strip() or None
    except (OSError, ValueError):
        return None


def refuse_without_cluster_info(user: Mapping[str, Any], client_gives_it: bool) -> None:
    plugin = user.get("exec")
    if isinstance(plugin, Mapping) and plugin.get("provideClusterInfo") and not client_gives_it:
        raise RolloutError(
            f"The exec plugin {plugin.get('command')!r} of the kubeconfig wants the cluster's address (provideClusterInfo). "
            "This version of the Python library kubernetes does not pass it on: install version 32 or newer where the "
            "module runs."
        )


def refuse_without_credential(user: Mapping[str, Any]) -> None:
    """For a user whose credential the client did not find."""
    provider = user.get("auth-provider")
    if isinstance(provider, Mapping):
        raise RolloutError(
            f"The auth-provider {provider.get('name')!r} of the kubeconfig gave no credential: this version of the "
            "Python library kubernetes does not know it, or it lacks what it needs. Use an exec plugin in its place "
            "(kubelogin for Azure, gke-gcloud-auth-plugin for Google), or `api_key`."
        )


def _refuse_a_terminal(user: Mapping[str, Any]) -> None:
    plugin = user.get("exec")
    if isinstance(plugin, Mapping) and plugin.get("interactiveMode") == "Always":
        raise RolloutError(
            f"The exec plugin {plugin.get('command')!r} of the kubeconfig needs a terminal (interactiveMode: Always), "
            "and a module has none. Log in beforehand and use a plugin that answers from what it kept, or give "
            "`api_key`."
        )


def _impersonation(user: Mapping[str, Any]) -> dict[str, Any]:
    if not user.get("as"):
        given = [name for name in IMPERSONATION if user.get(name)]
        if given:
            raise RolloutError(
                f"The kubeconfig has {', '.join(given)} without `as`: nobody can be impersonated by that. Name the "
                "user in `as`."
            )
        return {}
    headers: dict[str, Any] = {"Impersonate-User": str(user["as"])}
    if user.get("as-uid"):
        headers["Impersonate-Uid"] = str(user["as-uid"])
    if user.get("as-groups"):
        headers["Impersonate-Group"] = [str(group) for group in user["as-groups"]]
    for key, values in (user.get("as-user-extra") or {}).items():
        headers["Impersonate-Extra-" + quote(str(key), safe=_UNESCAPED)] = [str(value) for value in values]
    return headers


def _text(cluster: Mapping[str, Any], key: str) -> str | None:
    value = cluster.get(key)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise RolloutError(f"The kubeconfig cannot be used: {key} of its cluster is no text.")
    return value
