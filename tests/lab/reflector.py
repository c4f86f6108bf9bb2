# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""List, then watch, and list again where the watch was cut off."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import urllib3

from tests.lab.api import Api, ApiError

Seen = Callable[[dict[str, Any], bool], None]


class Reflector:
    """Calls seen(object, gone) for every object of a collection as it is now and for each change of it."""

    def __init__(self, api: Api, path: str, seen: Seen) -> None:
        self._api = api
        self._path = path
        self._seen = seen
        self._known: dict[str, dict[str, Any]] = {}

    def run(self) -> None:
        """Does not return."""
        while True:
            try:
                self._follow(self._list())
            except (ApiError, urllib3.exceptions.HTTPError) as error:
                print(f"{self._path}: {error}; listing anew", flush=True)
                time.sleep(0.5)

    def _list(self) -> str:
        answer = self._api.get(self._path)
        present = {raw["metadata"]["uid"]: raw for raw in answer["items"]}
        for uid in self._known.keys() - present.keys():
            self._seen(self._known[uid], True)
        for raw in present.values():
            self._seen(raw, False)
        self._known = present
        return str(answer["metadata"]["resourceVersion"])

    def _follow(self, version: str) -> None:
        while True:
            for kind, raw in self._api.watch(self._path, version):
                if kind == "ERROR":
                    raise ApiError(raw.get("code", 0), raw)
                version = raw["metadata"]["resourceVersion"]
                if kind == "BOOKMARK":
                    continue
                uid = raw["metadata"]["uid"]
                if kind == "DELETED":
                    self._known.pop(uid, None)
                else:
                    self._known[uid] = raw
                self._seen(raw, kind == "DELETED")
