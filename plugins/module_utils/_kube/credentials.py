# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Who loads a configuration: this collection where it is plain, else the `kubernetes` client."""

from __future__ import annotations

import os
from types import ModuleType
from typing import TYPE_CHECKING, Any, Callable, Union

from .._rollout.errors import RolloutError
from .plain import Settings, plain_settings

if TYPE_CHECKING:
    from kubernetes.client import Configuration

    AnySettings = Union[Settings, Configuration]
    Load = Callable[[bool], "tuple[AnySettings, float | None]"]


class LibraryMissing(RolloutError):
    """The `kubernetes` client is not installed where the module runs."""


def client_library() -> ModuleType:
    """What needs the client, imported when it does."""
    from . import client_library

    if client_library.MISSING_LIBRARY is not None:
        raise LibraryMissing(str(client_library.MISSING_LIBRARY))
    return client_library


def loader_for(auth: dict[str, Any]) -> tuple[Load, bool]:
    """How to load this configuration, in kubernetes.core's order, and whether loading it again may give another credential.

    A load knows whether the server refused the last credential.
    """
    if auth.get("host") and (
        auth.get("api_key")
        or (auth.get("username") and auth.get("password"))
        or (auth.get("client_cert") and auth.get("client_key"))
    ):
        return _load_nothing, False
    if not auth.get("kubeconfig") and not auth.get("context") and _in_cluster():
        return client_library().load_in_cluster, True
    return _KubeconfigLoader(auth), not auth.get("api_key")


def _load_nothing(refused: bool) -> tuple[Settings, None]:
    """The options given by name are all there is."""
    return Settings(), None


def _in_cluster() -> bool:
    # Kubernetes sets it in every pod, and without it the client would say no as well.
    return bool(os.environ.get("KUBERNETES_SERVICE_HOST")) and client_library().in_cluster()


class _KubeconfigLoader:
    """Reads a kubeconfig for as long as it is plain; from then on it is the client's."""

    def __init__(self, auth: dict[str, Any]):
        self._auth = auth
        self._source = auth.get("kubeconfig") or os.environ.get("KUBECONFIG", "~/.kube/config")
        self._read = self._plain()
        self._client: Load | None = None if self._read else self._by_client()

    def __call__(self, refused: bool) -> tuple[AnySettings, float | None]:
        if self._client is None:
            settings, self._read = self._read or self._plain(), None
            if settings is not None:
                return settings, None
            self._client = self._by_client()
        return self._client(refused)

    def _plain(self) -> Settings | None:
        return plain_settings(self._source, self._auth.get("context"))

    def _by_client(self) -> Load:
        loader: Load = client_library().KubeconfigLoader(self._auth, self._source)
        return loader
