# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Requests to the Kubernetes API: raw JSON on fixed paths.

A typed model costs two to five times the CPU and discovery a request per API group; the paths that the collection uses are known.
"""

from __future__ import annotations

import contextlib
import json
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Callable
from urllib.parse import urlencode

from ansible.module_utils.basic import missing_required_lib
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import ClusterAddress, ClusterName
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.errors import RolloutError

from .client_library import MISSING_LIBRARY
from .connection import Access, Connection
from .options import auth_from, secrets_of
from .retry import Patience

try:
    import urllib3
    from urllib3._collections import HTTPHeaderDict
    from urllib3.exceptions import HTTPError
except ImportError:  # connected() reports the missing library
    HTTPError = Exception  # type: ignore[assignment,misc]

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

VERSION = "0.1.0"
USER_AGENT = "calico-ops-rollout/" + VERSION

KUBE_SYSTEM = "/api/v1/namespaces/kube-system"
"""A namespace that lives as long as its cluster: its UID identifies the cluster."""
NODES = "/api/v1/nodes"
METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

PAGE = 500
TIMEOUT = 30.0
"""Seconds that a request may take, repetitions included, unless the caller says otherwise."""
ANSWER_TIMEOUT = 36.0
"""Seconds in which a write is answered. A webhook may take 30 of them, and the API server itself gives up after 34 (its
`requestTimeoutUpperBound`). A shorter wait would never learn which webhook it was."""
CONNECT_TIMEOUT = 10.0
HALF_A_SECOND = 0.5
"""A Date is cut off to the second."""
LIST_RESTARTS = 3
WATCHES = 8
"""Connections for a mirror's watches, beside those for writes."""

# These may take effect twice with the same result. JSON patch and POST may not.
REPEATABLE_METHODS = frozenset(("GET", "PUT", "DELETE"))
REPEATABLE_PATCHES = frozenset(
    ("application/merge-patch+json", "application/strategic-merge-patch+json", "application/apply-patch+yaml")
)


class ApiError(RolloutError):
    """The API server's refusal, or no answer from it (status 0)."""

    def __init__(
        self, status: int, reason: str, message: str, details: Mapping[str, Any] | None = None, said: str | None = None
    ):
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message
        self.details = dict(details or {})
        self.said = message if said is None else said
        """The API server's own words, without the request."""

    @property
    def is_passing(self) -> bool:
        """The same request may go through a moment later: nobody answered, or who answers is overloaded, restarts, or misses a webhook."""
        return self.status < 400 or self.status >= 500 or self.status in (408, 409, 429)

    @property
    def forbids_dry_run(self) -> bool:
        """A webhook with side effects refused the dry run alone: whether the real write goes through, nobody has said.

        As `callHook` and `callAttrMutatingHook` answer in apiserver's admission/plugin/webhook/{validating,mutating}/dispatcher.go: 400
        where `sideEffects` is Some or Unknown, and 500 where an object older than that field has none.
        """
        return (self.status == 400 and "does not support dry run" in self.said) or (
            self.status == 500 and "Webhook SideEffects is nil" in self.said
        )


class Cluster:
    """One cluster's API. Threads share it."""

    def __init__(self, connection: Connection):
        self._connection = connection
        self.requests = 0
        """How many were sent. Watches are not counted, nor is what is sent again."""
        self._counting = threading.Lock()
        self._dated: tuple[str, float] | None = None
        """The Date of the newest answer that had one, and when it came (monotonic)."""

    def now(self) -> float:
        """The API server's clock, in seconds since the epoch, to about a second: what the instants in its objects are compared with.

        This machine's, where no answer told.
        """
        date, came = self._dated or ("", 0.0)
        try:
            told = parsedate_to_datetime(date).timestamp()
        except (TypeError, ValueError, IndexError):
            return time.time()
        return told + HALF_A_SECOND + (time.monotonic() - came)

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        content_type: str = "application/json",
        accept: str | None = None,
        timeout: float | None = None,
        retry_conflicts: bool = False,
    ) -> dict[str, Any]:
        """Send one request and return the parsed answer; ApiError when the server refuses it.

        :param timeout: seconds for everything, repetitions included
        :param retry_conflicts: 409 is passing (no precondition was sent), so repeat it
        """
        with self._counting:
            self.requests += 1
        deadline = time.monotonic() + (TIMEOUT if timeout is None else timeout)
        repeatable = method in REPEATABLE_METHODS or content_type in REPEATABLE_PATCHES
        response = self._send(
            method,
            path,
            query=query,
            body=None if body is None else json.dumps(body, separators=(",", ":")).encode(),
            headers={
                "Accept": accept or "application/json",
                **({} if body is None else {"Content-Type": content_type}),
            },
            patience=Patience.until(deadline, repeatable=repeatable, conflicts=retry_conflicts),
            read_timeout=ANSWER_TIMEOUT if timeout is None and method != "GET" else None,
        )
        if response.status >= 400 or response.status in (301, 302, 303, 307, 308):
            raise _refusal(method, path, response.status, response.reason, response.data)
        return _parsed(method, path, response.data)

    def text(self, path: str, *, query: Mapping[str, Any] | None = None, timeout: float | None = None) -> str:
        """A body that is no JSON, such as a container's log."""
        deadline = time.monotonic() + (TIMEOUT if timeout is None else timeout)
        response = self._send(
            "GET",
            path,
            query=query,
            body=None,
            headers={"Accept": "text/plain, */*"},
            patience=Patience.until(deadline, repeatable=True),
        )
        if response.status >= 300:
            raise _refusal("GET", path, response.status, response.reason, response.data)
        return str(response.data.decode("utf-8", "replace"))

    def get_or_none(self, path: str, *, timeout: float | None = None) -> dict[str, Any] | None:
        """The object, or null where there is none; also where its kind is not installed."""
        try:
            return self.request("GET", path, timeout=timeout)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def list_all(
        self,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        metadata_only: bool = False,
        trim: Callable[[dict[str, Any]], Any] | None = None,
    ) -> tuple[list[Any], str]:
        """Every item of a list, fetched in pages, and the list's resourceVersion.

        :param trim: applied to each item as its page arrives, so that only what it keeps stays in memory
        """
        for restart in range(LIST_RESTARTS):
            try:
                return self._list_once(path, query or {}, METADATA_LIST if metadata_only else None, trim)
            except ApiError as error:
                # The snapshot behind the continue token was compacted away; a new list begins a new snapshot.
                if error.status != 410 or restart == LIST_RESTARTS - 1:
                    raise
        raise AssertionError("unreachable")

    def node_metadata(self, query: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """The metadata of every Node: a twentieth of the full objects."""
        return self.list_all(NODES, query=query, metadata_only=True, trim=_named_metadata)[0]

    @contextlib.contextmanager
    def stream(self, path: str, query: Mapping[str, Any], *, deadline: float, read_timeout: float) -> Iterator[Any]:
        """The body of a watch, as it comes. The request is repeated until the API server answers, up to the deadline."""
        response = self._send(
            "GET",
            path,
            query=query,
            body=None,
            headers={"Accept": "application/json"},
            patience=Patience.until(deadline, repeatable=True, connect=None),
            read_timeout=read_timeout,
            preload=False,
        )
        try:
            if response.status >= 300:
                raise _refusal("GET", path, response.status, response.reason, response.read())
            yield response
        finally:
            response.close()

    def address(self) -> ClusterAddress:
        return self._connection.access().cluster

    def name(self) -> ClusterName:
        address = self.address()
        return ClusterName(
            context=address["context"], name=address["name"], server=address["server"], uid=self._identity()
        )

    def _identity(self) -> str | None:
        try:
            namespace = self.get_or_none(KUBE_SYSTEM)
        except ApiError as error:
            if error.status != 403:
                raise
            return None
        return None if namespace is None else str(namespace["metadata"]["uid"])

    def close(self) -> None:
        self._connection.close()

    def _list_once(
        self, path: str, query: Mapping[str, Any], accept: str | None, trim: Callable[[dict[str, Any]], Any] | None
    ) -> tuple[list[Any], str]:
        items: list[Any] = []
        token = None
        while True:
            page = self.request("GET", path, query={**query, "limit": PAGE, "continue": token}, accept=accept)
            # The API server answers null, not an empty list, for metadata of no object at all.
            found = page["items"] or []
            items.extend(found if trim is None else map(trim, found))
            metadata = page["metadata"]
            token = metadata.get("continue")
            if not token:
                return items, metadata["resourceVersion"]

    def _send(self, method: str, path: str, *, headers: dict[str, str], **sending: Any) -> Any:
        access = self._connection.access()
        response = self._send_with(access, method, path, headers, **sending)
        if response.status == 401:
            renewed = self._connection.renewed(access)
            if renewed is not None:
                response.drain_conn()
                response.release_conn()
                response = self._send_with(renewed, method, path, headers, **sending)
        return response

    def _send_with(
        self,
        access: Access,
        method: str,
        path: str,
        headers: dict[str, str],
        *,
        query: Mapping[str, Any] | None,
        body: bytes | None,
        patience: Patience,
        read_timeout: float | None = None,
        preload: bool = True,
    ) -> Any:
        url = access.host + path
        if query:
            given = [(name, value) for name, value in query.items() if value is not None]
            url += "?" + urlencode(given)
        if read_timeout is None:
            read_timeout = max(1.0, patience.deadline - time.monotonic())
        try:
            response = access.pool.request(
                method,
                url,
                body=body,
                headers=_all_headers(access.headers, headers),
                retries=patience,
                redirect=False,
                timeout=urllib3.Timeout(connect=min(CONNECT_TIMEOUT, read_timeout), read=read_timeout),
                preload_content=preload,
            )
        except HTTPError as error:
            raise ApiError(0, "NoAnswer", _no_answer(method, path, access.host, error)) from error
        date = response.headers.get("Date")
        if date:
            self._dated = (date, time.monotonic())
        return response


@contextlib.contextmanager
def connected(module: AnsibleModule) -> Iterator[Cluster]:
    """The cluster that a module's auth options name. What goes wrong inside ends the module with a message for the user."""
    if MISSING_LIBRARY is not None:
        _fail_without_library(module, MISSING_LIBRARY)
    auth = auth_from(module.params)
    module.no_log_values.update(secrets_of(auth))
    size = int(module.params.get("concurrency") or 0) + WATCHES
    try:
        cluster = Cluster(Connection(auth, pool_size=size, on_secret=module.no_log_values.add))
        try:
            yield cluster
        finally:
            cluster.close()
    except ApiError as error:
        module.fail_json(msg=str(error), status=error.status, reason=error.reason)
    except RolloutError as error:
        module.fail_json(msg=str(error))


@contextlib.contextmanager
def connected_if_possible(module: AnsibleModule) -> Iterator[tuple[Cluster | None, str]]:
    """The same for what can do without a cluster: None, and why, where none answers. One attempt, with a short timeout."""
    if MISSING_LIBRARY is not None:
        yield None, f"the Python library kubernetes is not installed for {sys.executable}"
        return
    auth = auth_from(module.params)
    module.no_log_values.update(secrets_of(auth))
    try:
        cluster = Cluster(Connection(auth, pool_size=WATCHES, on_secret=module.no_log_values.add))
    except RolloutError as error:
        yield None, str(error)
        return
    try:
        why = ""
        try:
            cluster.request("GET", "/version", timeout=CONNECT_TIMEOUT)
        except ApiError as error:
            # A refusal for lack of permission is an answer too.
            why = "" if error.status in (401, 403) else error.message
        yield (None, why) if why else (cluster, "")
    finally:
        cluster.close()


def _fail_without_library(module: AnsibleModule, cause: Exception) -> None:
    required = missing_required_lib("kubernetes", url="https://pypi.org/project/kubernetes/")
    module.fail_json(msg=required, exception=str(cause))


def _named_metadata(item: dict[str, Any]) -> dict[str, Any]:
    metadata = item["metadata"]
    return {
        key: metadata.get(key) or empty
        for key, empty in (("name", ""), ("uid", ""), ("labels", {}), ("annotations", {}))
    }


def _all_headers(access: Mapping[str, Any], own: Mapping[str, str]) -> Any:
    if not any(isinstance(value, list) for value in access.values()):
        return {**own, "User-Agent": USER_AGENT, **access}  # a plain dictionary costs a third of the other
    headers = HTTPHeaderDict({**own, "User-Agent": USER_AGENT})
    for name, value in access.items():
        for one in value if isinstance(value, list) else [value]:
            headers.add(name, one)
    return headers


def _parsed(method: str, path: str, data: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(data)
    except ValueError as error:
        raise _not_json(method, path) from error
    if not isinstance(parsed, dict):
        raise _not_json(method, path)
    return parsed


def _not_json(method: str, path: str) -> ApiError:
    message = f"{method} {path}: the answer is not a JSON object. Is this the address of an API server?"
    return ApiError(0, "NotJSON", message)


def _refusal(method: str, path: str, code: int, phrase: str | None, data: bytes) -> ApiError:
    try:
        status = json.loads(data)
    except ValueError:
        status = {}
    if not isinstance(status, dict) or status.get("kind") != "Status":
        status = {}
    reason = status.get("reason") or phrase or "Unknown"
    said = status.get("message") or data.decode("utf-8", "replace").strip()[:300] or reason
    hint = f" {_HINTS[code]}" if code in _HINTS else ""
    return ApiError(
        code,
        reason,
        f"{method} {path}: {code} {reason}: {said}{hint}",
        status.get("details"),
        f"{code} {reason}: {said}",
    )


_HINTS = {
    401: "The credential was not accepted; see `kubeconfig`, `host` and `api_key`.",
    403: "docs/reference/rbac.yaml has the role that the collection needs.",
}


def _no_answer(method: str, path: str, host: str, error: Exception) -> str:
    cause = getattr(error, "reason", None) or error
    return f"{method} {path}: no answer from {host}: {cause}"
