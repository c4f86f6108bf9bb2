# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. How the `kubernetes` client loads a configuration, and loads it again.

The client reads every configuration, plain ones too. A reader of our own for plain kubeconfigs spared a module 0.47 of 0.81 seconds of
CPU and 18 of 52 MiB, which the import of the client costs (medians of 10, client 37 on Python 3.13). A rollout calls its module every 10
to 25 seconds, so that is at most a twentieth of one core, and nobody waits longer for a batch. It did not pay for a second reader.
"""

from __future__ import annotations

import base64
import copy
import inspect
import json
import logging
import os
import threading
from typing import Any, Callable

from .._rollout.errors import RolloutError
from .kubeconfig_fields import read_fields, refuse_without_cluster_info, refuse_without_credential, token_file_content

try:
    import yaml
    from kubernetes import config as kubernetes_config
    from kubernetes.client import Configuration
    from kubernetes.config.exec_provider import ExecProvider
    from kubernetes.config.kube_config import ConfigNode, KubeConfigLoader, KubeConfigMerger
except ImportError as missing:
    MISSING_LIBRARY: ImportError | None = missing
else:
    MISSING_LIBRARY = None

Load = Callable[[bool], "tuple[Configuration, float | None]"]
"""Loads the settings, with the instant when their credential expires. It is told whether the server refused the last one."""

LOAD_SECONDS = 60.0
"""For an exec plugin or an OIDC provider to answer; one that waits for somebody at a terminal never does."""


def loader_for(auth: dict[str, Any]) -> tuple[Load, bool]:
    """How to load this configuration, in kubernetes.core's order, and whether loading it again may give another credential."""
    if auth.get("host") and (
        auth.get("api_key")
        or (auth.get("username") and auth.get("password"))
        or (auth.get("client_cert") and auth.get("client_key"))
    ):
        return _load_nothing, False
    if not auth.get("kubeconfig") and not auth.get("context") and _in_cluster():
        return _load_in_cluster, True
    source = auth.get("kubeconfig") or os.environ.get("KUBECONFIG", "~/.kube/config")
    return _KubeconfigLoader(auth, source), not auth.get("api_key")


def _load_nothing(refused: bool) -> tuple[Configuration, None]:
    """The options given by name are all there is."""
    settings = Configuration()
    settings.proxy = None
    return settings, None


def _in_cluster() -> bool:
    try:
        _load_in_cluster(False)
    except kubernetes_config.ConfigException:
        return False
    return True


def _load_in_cluster(refused: bool) -> tuple[Configuration, float | None]:
    settings = Configuration()
    # Reads the token file anew: the kubelet replaces it long before it expires.
    kubernetes_config.load_incluster_config(client_configuration=settings)
    settings.proxy = None  # newer clients take it from the environment, as proxies does for all of them
    return settings, None


def gives_cluster_info() -> bool:
    """Whether the client passes the cluster to an exec plugin that wants it. Its ExecProvider does from version 32 on."""
    return "cluster" in inspect.signature(ExecProvider).parameters


class _KubeconfigLoader:
    """Keeps the client's loader, because an OIDC provider may accept a refresh token once only and the loader holds the next one."""

    def __init__(self, auth: dict[str, Any], source: str | dict[str, Any]):
        self._auth = auth
        self._source = source
        self._read()

    def _read(self) -> None:
        auth, source = self._auth, self._source
        persister = None
        try:
            if isinstance(source, dict):
                self._config = ConfigNode("kubeconfig", copy.deepcopy(source))
            else:
                merger = KubeConfigMerger(source)
                if merger.config is None:
                    raise RolloutError(
                        f"No kubeconfig at {source}, and this is not a pod of the cluster. Give `kubeconfig`, or "
                        "`host` and `api_key` (K8S_AUTH_KUBECONFIG, or K8S_AUTH_HOST and K8S_AUTH_API_KEY)."
                    )
                self._config = merger.config
                persister = merger.save_changes if auth.get("persist_config") else None
            self._loader = KubeConfigLoader(
                config_dict=self._config,
                active_context=auth.get("context"),
                config_base_path=None,
                config_persister=persister,
            )
            self._context = str(auth.get("context") or self._config["current-context"])
            self._user, self._folder = self._find_user(self._context)
            self._fields = read_fields(self._find_cluster(self._context), self._user)
            refuse_without_cluster_info(self._user, gives_cluster_info())
        except (kubernetes_config.ConfigException, yaml.YAMLError, OSError, ValueError) as error:
            raise RolloutError(f"The kubeconfig cannot be used: {error}") from error

    def __call__(self, refused: bool) -> tuple[Configuration, float | None]:
        if refused and not self._user.keys() & {"exec", "auth-provider"}:
            # A token that stands in the file: it may have been replaced there.
            self._read()
        elif refused:
            self._expire_id_token()
        settings = Configuration()
        try:
            with _LoggedErrors() as complaints:
                self._load_in_time(settings)
        except (kubernetes_config.ConfigException, OSError, ValueError, KeyError) as error:
            raise RolloutError(f"The kubeconfig cannot be used: {error}") from error
        if "exec" in self._user and not settings.api_key and not settings.cert_file:
            why = "; ".join(complaints.messages) or "no token and no certificate in its answer"
            plugin = self._user["exec"].get("command")
            raise RolloutError(f"The exec plugin {plugin!r} of the kubeconfig gave no credential: {why}")
        if not settings.api_key and not settings.cert_file:
            refuse_without_credential(self._user)
        settings.context = self._context
        settings.cluster = self._config["contexts"].get_with_name(self._context)["context"].safe_get("cluster")
        settings.proxy, settings.tls_server_name = self._fields.proxy, self._fields.tls_server_name
        settings.impersonation = self._fields.impersonation
        newer = token_file_content(self._user, self._folder) if "token" in self._user else None
        if newer and "auth-provider" not in self._user:
            settings.api_key = {"BearerToken": "Bearer " + newer}
        expiry = getattr(self._loader, "expiry", None)
        return settings, expiry.timestamp() if expiry is not None else None

    def _load_in_time(self, settings: Configuration) -> None:
        # The client waits for a plugin without limit. A thread of our own, for an executor would wait for it at exit.
        outcome: list[Exception | None] = []

        def load() -> None:
            try:
                self._loader.load_and_set(settings)
            except Exception as error:  # noqa: BLE001 - raised again below, in the caller's thread
                outcome.append(error)
            else:
                outcome.append(None)

        thread = threading.Thread(target=load, name="load-credentials", daemon=True)
        thread.start()
        thread.join(LOAD_SECONDS)
        if not outcome:
            raise RolloutError(
                f"The kubeconfig's credentials were not there within {LOAD_SECONDS:g} seconds. Does its exec plugin "
                f"{self._user.get('exec', {}).get('command')!r} wait for a log-in?"
            )
        if outcome[0] is not None:
            raise outcome[0]

    def _find_user(self, context: str) -> tuple[dict[str, Any], str]:
        """The user, and the folder of the file that has it."""
        name = self._config["contexts"].get_with_name(context)["context"].safe_get("user")
        if not name or not self._config.safe_get("users"):
            return {}, ""
        user = self._config["users"].get_with_name(name, safe=True)
        found = user["user"].value if user and user.safe_get("user") else {}
        return found, os.path.dirname(os.path.abspath(user.path)) if user and user.path else ""

    def _find_cluster(self, context: str) -> dict[str, Any]:
        name = self._config["contexts"].get_with_name(context)["context"]["cluster"]
        cluster: dict[str, Any] = self._config["clusters"].get_with_name(name)["cluster"].value
        return cluster

    def _expire_id_token(self) -> None:
        """Make the loader fetch a new OIDC token although the old one is not expired by this machine's clock."""
        provider = self._user.get("auth-provider") or {}
        if provider.get("name") == "oidc" and provider.get("config", {}).get("refresh-token"):
            expired = base64.urlsafe_b64encode(json.dumps({"exp": 1}).encode()).decode().rstrip("=")
            provider["config"]["id-token"] = "e30." + expired + ".refused"


class _LoggedErrors(logging.Handler):
    """The client's loader logs what went wrong with an exec plugin instead of raising it."""

    def __init__(self) -> None:
        super().__init__(level=logging.ERROR)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())

    def __enter__(self) -> _LoggedErrors:
        logging.getLogger().addHandler(self)
        return self

    def __exit__(self, *exception: object) -> None:
        logging.getLogger().removeHandler(self)
