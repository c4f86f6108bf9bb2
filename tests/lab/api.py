# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small JSON client of the lab's API server, for tests, for the lab itself and for the node agent."""

from __future__ import annotations

import base64
import json
import os
import ssl
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import urllib3
import yaml

MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"

Query = Mapping[str, "str | int | bool"]


class ApiError(Exception):
    """The API server said no."""

    def __init__(self, status: int, body: Any) -> None:
        details = body if isinstance(body, dict) else {}
        self.status = status
        self.reason = str(details.get("reason", ""))
        self.body = body
        super().__init__(f"{status} {self.reason}: {details.get('message', body)}")


class Api:
    """Requests by path: `api.get("/api/v1/nodes/w-1")`. Objects are plain dictionaries."""

    def __init__(self, kubeconfig: Path, connections: int = 16) -> None:
        document = yaml.safe_load(kubeconfig.read_text())
        cluster = document["clusters"][0]["cluster"]
        user = document["users"][0]["user"]
        context = ssl.create_default_context(cadata=_decoded(cluster["certificate-authority-data"]))
        self._headers = {"Accept": "application/json", "User-Agent": "calico-ops-lab"}
        if "token" in user:
            self._headers["Authorization"] = f"Bearer {user['token']}"
        else:
            _load_pair(context, _decoded(user["client-certificate-data"]), _decoded(user["client-key-data"]))
        self.server: str = cluster["server"]
        self._pool = urllib3.PoolManager(
            maxsize=connections, ssl_context=context, retries=urllib3.Retry(0, connect=2), timeout=30
        )

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        content_type: str = "application/json",
        query: Query | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        response = self._pool.request(
            method,
            self._url(path, query),
            body=None if body is None else json.dumps(body),
            headers={**self._headers, "Content-Type": content_type, **(headers or {})},
        )
        answer = _parsed(response.data)
        if response.status >= 400:
            raise ApiError(response.status, answer)
        return answer

    def get(self, path: str, **query: str | int | bool) -> Any:
        return self.request("GET", path, query=query)

    def get_or_none(self, path: str, **query: str | int | bool) -> Any:
        try:
            return self.get(path, **query)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def list(self, path: str, **query: str | int | bool) -> list[Any]:
        items: list[Any] = self.get(path, **query)["items"]
        return items

    def create(self, path: str, body: Any, **query: str | int | bool) -> Any:
        return self.request("POST", path, body, query=query)

    def replace(self, path: str, body: Any, **query: str | int | bool) -> Any:
        return self.request("PUT", path, body, query=query)

    def patch(self, path: str, body: Any, content_type: str = MERGE, **query: str | int | bool) -> Any:
        return self.request("PATCH", path, body, content_type=content_type, query=query)

    def delete(self, path: str, **query: str | int | bool) -> Any:
        """Delete one object, or a whole collection where the path names one; what is gone already is fine."""
        try:
            return self.request("DELETE", path, query=query)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def watch(self, path: str, resource_version: str, seconds: int = 300) -> Iterator[tuple[str, Any]]:
        """The events since that version, bookmarks and errors included, until the server ends the watch."""
        query: Query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": seconds,
        }
        response = self._pool.request(
            "GET",
            self._url(path, query),
            headers=self._headers,
            preload_content=False,
            timeout=urllib3.Timeout(connect=5, read=seconds + 10),
        )
        try:
            if response.status >= 400:
                raise ApiError(response.status, _parsed(response.data))
            pending = b""
            for chunk in response.stream(65536):
                *lines, pending = (pending + chunk).split(b"\n")
                for line in lines:
                    event = json.loads(line)
                    yield event["type"], event["object"]
        finally:
            response.close()

    def _url(self, path: str, query: Query | None) -> str:
        return f"{self.server}{path}?{urlencode(query)}" if query else f"{self.server}{path}"


def _parsed(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return data.decode(errors="replace")


def _decoded(data: str) -> str:
    return base64.b64decode(data).decode()


def _load_pair(context: ssl.SSLContext, certificate: str, key: str) -> None:
    # The ssl module takes a client certificate from a file only.
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "pair.pem")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(certificate + key)
        context.load_cert_chain(path)
