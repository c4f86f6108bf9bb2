# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. A mirror of a few kinds of objects, kept by list and watch: what happens in the cluster is known without polling."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Callable

from .client import ApiError, Cluster
from .watch import Expired, Watch, watch

MISSING_KIND_PAUSE = 5.0


@dataclass(frozen=True)
class Kind:
    """What a Mirror keeps of one collection."""

    path: str
    query: Mapping[str, Any] | None = None
    trim: Callable[[dict[str, Any]], Any] | None = None
    """Pure; what stays in memory of each object."""
    optional: bool = False
    """The kind may not be installed: it counts as empty until it is."""


class Mirror:
    """The present objects of several kinds, kept by one list and one watch a kind, each in a thread of its own."""

    def __init__(self, cluster: Cluster, kinds: Mapping[str, Kind], deadline: float):
        self._kinds = {name: _KindMirror(cluster, kind, deadline, self._notify) for name, kind in kinds.items()}
        self._deadline = deadline
        self._changed = threading.Condition()
        self._version = 0
        self._seen = 0
        for name, mirror in self._kinds.items():
            threading.Thread(target=mirror.run, name="mirror-" + name, daemon=True).start()

    def objects(self, kind: str) -> list[Any]:
        """Every object of the kind, as trimmed. Waits for the first list; raises what keeps the kind from being read."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._kinds[kind].settled, timeout=max(0.0, self._deadline - time.monotonic())
            )
            return self._kinds[kind].objects()

    def wait_for_change(self, timeout: float) -> bool:
        """Wait until something changed since this last returned; false after `timeout` seconds.

        So a change between two calls of `objects` makes the next call return at once: nothing is slept over.
        """
        with self._changed:
            changed = self._changed.wait_for(lambda: self._version != self._seen, timeout=max(0.0, timeout))
            self._seen = self._version
            return changed

    def wake(self) -> None:
        """As if something had changed."""
        with self._notify():
            pass

    def close(self) -> None:
        for mirror in self._kinds.values():
            mirror.close()

    def __enter__(self) -> Mirror:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @contextlib.contextmanager
    def _notify(self) -> Iterator[None]:
        with self._changed:
            yield
            self._version += 1
            self._changed.notify_all()


_Objects = dict[tuple[str, str], Any]
"""By namespace and name."""


class _KindMirror:
    """One kind's objects. Only its own thread writes them, under the mirror's lock."""

    def __init__(self, cluster: Cluster, kind: Kind, deadline: float, change: Callable[[], Any]):
        self._cluster = cluster
        self._kind = kind
        self._deadline = deadline
        self._change = change
        self._objects: _Objects | None = None
        self._error: Exception | None = None
        self._closed = threading.Event()
        self._watch: Watch | None = None

    @property
    def settled(self) -> bool:
        return self._objects is not None or self._error is not None

    def objects(self) -> list[Any]:
        if self._error is not None:
            raise self._error
        if self._objects is None:
            raise ApiError(0, "NoAnswer", f"GET {self._kind.path}: no list within the time given.")
        return list(self._objects.values())

    def run(self) -> None:
        try:
            while not self._closed.is_set() and time.monotonic() < self._deadline:
                try:
                    self._follow(*self._listed())
                except Expired:
                    continue
                except ApiError as error:
                    if error.status != 404 or not self._kind.optional:
                        raise
                    self._replace({})
                    self._closed.wait(min(MISSING_KIND_PAUSE, max(0.0, self._deadline - time.monotonic())))
        except Exception as error:  # noqa: BLE001 - whatever ends the thread must reach whoever asks for the objects
            with self._change():
                self._error = error

    def close(self) -> None:
        self._closed.set()
        if self._watch is not None:
            self._watch.close()

    def _listed(self) -> tuple[_Objects, str]:
        items, resource_version = self._cluster.list_all(self._kind.path, query=self._kind.query, trim=self._keyed)
        return self._replace(dict(items)), resource_version

    def _follow(self, objects: _Objects, resource_version: str) -> None:
        self._watch = watch(self._cluster, self._kind.path, resource_version, self._deadline, query=self._kind.query)
        if self._closed.is_set():
            return
        for event, item in self._watch:
            key, kept = self._keyed(item)
            with self._change():
                if event == "DELETED":
                    objects.pop(key, None)
                else:
                    objects[key] = kept

    def _replace(self, objects: _Objects) -> _Objects:
        """What is kept from now on: what was kept before where nothing differs, so that nobody is woken."""
        if self._objects is not None and self._objects == objects:
            return self._objects
        with self._change():
            self._objects = objects
        return objects

    def _keyed(self, item: dict[str, Any]) -> tuple[tuple[str, str], Any]:
        metadata = item["metadata"]
        kept = item if self._kind.trim is None else self._kind.trim(item)
        return (metadata.get("namespace", ""), metadata["name"]), kept
