# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. The events of a collection, over as many watch requests as it takes."""

from __future__ import annotations

import contextlib
import json
import os
import random
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

from .client import ApiError, Cluster

try:
    from urllib3.exceptions import HTTPError
except ImportError:  # client.connected() reports the missing library
    HTTPError = Exception  # type: ignore[assignment,misc]

WATCH_SECONDS = (240, 300)
"""How long one watch request lasts at most; the server ends it, so that load spreads again over several API servers."""
GRACE = 15.0
"""Seconds that the end may be late before the connection counts as dead."""
RECONNECT_PAUSE = 0.5
CHUNK = 65536


class Expired(Exception):
    """The resourceVersion is too old: events between it and now are lost, list again."""


class Watch:
    """Events of one collection from a resourceVersion on, over as many requests as it takes, until the deadline or `close`."""

    def __init__(
        self,
        cluster: Cluster,
        path: str,
        resource_version: str,
        deadline: float,
        query: Mapping[str, Any] | None = None,
    ):
        self.resource_version = resource_version
        self._cluster = cluster
        self._path = path
        self._query = dict(query or {})
        self._deadline = deadline
        self._closed = threading.Event()
        self._response: Any = None

    def __iter__(self) -> Iterator[tuple[str, dict[str, Any]]]:
        while not self._closed.is_set():
            remaining = self._deadline - time.monotonic()
            if remaining <= 0:
                return
            began = time.monotonic()
            yield from self._one_request(remaining)
            # If a server ends each watch at once, the next one must not follow in a tight loop.
            if time.monotonic() - began < RECONNECT_PAUSE:
                self._closed.wait(min(RECONNECT_PAUSE, max(0.0, self._deadline - time.monotonic())))

    def close(self) -> None:
        """End the iteration, also when another thread is waiting for the next event in it."""
        self._closed.set()
        response = self._response
        if response is not None:
            _interrupt(response)

    def _one_request(self, remaining: float) -> Iterator[tuple[str, dict[str, Any]]]:
        seconds = max(1, int(min(remaining, random.uniform(*WATCH_SECONDS))))
        query = {
            **self._query,
            "watch": "1",
            "allowWatchBookmarks": "true",
            "resourceVersion": self.resource_version,
            "timeoutSeconds": seconds,
        }
        # The server ends the watch in time; where it does not, silence does.
        silence = min(seconds + GRACE, remaining + 1)
        try:
            with self._cluster.stream(self._path, query, deadline=self._deadline, read_timeout=silence) as response:
                self._response = response
                if self._closed.is_set():
                    return
                for line in _lines(response):
                    if self._closed.is_set() or time.monotonic() >= self._deadline:
                        return
                    event = json.loads(line)
                    kind, item = event["type"], event["object"]
                    if kind == "ERROR":
                        _raise(self._path, item)
                    self.resource_version = item["metadata"]["resourceVersion"]
                    if kind != "BOOKMARK":
                        yield kind, item
        except ApiError as error:
            if error.status == 410:
                raise Expired(str(error)) from error
            if error.status == 0 and (self._closed.is_set() or time.monotonic() >= self._deadline):
                return
            raise
        except (HTTPError, OSError, ValueError):
            # The connection broke, maybe in the middle of a line: the next request goes on after the last whole event.
            return
        finally:
            self._response = None


def watch(
    cluster: Cluster, path: str, resource_version: str, deadline: float, *, query: Mapping[str, Any] | None = None
) -> Watch:
    """Iterate over (type, object) after `resource_version` until `deadline` (monotonic).

    Bookmarks are handled inside; Expired when the server no longer has the events since then.
    """
    return Watch(cluster, path, resource_version, deadline, query)


def _lines(response: Any) -> Iterator[bytes]:
    rest = b""
    for chunk in response.stream(CHUNK, decode_content=True):
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            if line:
                yield line


def _raise(path: str, status: dict[str, Any]) -> None:
    code = int(status.get("code") or 0)
    message = f"WATCH {path}: {status.get('message') or status}"
    raise ApiError(code or 500, status.get("reason") or "Unknown", message, status.get("details"))


def _interrupt(response: Any) -> None:
    """Wake the thread that reads this response; closing it from here would wait for that thread.

    urllib3 has a method for that from 2.3 on. A second descriptor of the same socket does it with every version, TLS or not.
    """
    # A response that ended meanwhile has no descriptor; http.client of Python 3.12 and older says so by an AttributeError.
    with contextlib.suppress(OSError, ValueError, AttributeError), socket.socket(fileno=os.dup(response.fileno())) as same:
        same.shutdown(socket.SHUT_RDWR)
