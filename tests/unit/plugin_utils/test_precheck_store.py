# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Results of prechecks on the controller's disk."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ansible")

from ansible_collections.calico_ops.rollout.plugins.plugin_utils import _precheck_store

RECORD: Any = {"kind": "PrecheckRecord", "host": "rack/1 edge"}


def test_what_is_kept_is_found_again_whatever_the_host_is_called(tmp_path: Path) -> None:
    _precheck_store.keep(str(tmp_path / "new"), RECORD)
    assert _precheck_store.kept(str(tmp_path / "new"), "rack/1 edge") == RECORD
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["rack%2F1%20edge.json"]


def test_what_is_kept_of_nodes_is_found_together_and_apart_from_hosts(tmp_path: Path) -> None:
    assert _precheck_store.all_kept(str(tmp_path / "nowhere"), "node/") == {}
    for host in ("node/u-1", "node/u-2", "node-3"):
        _precheck_store.keep(str(tmp_path), {**RECORD, "host": host})
    (tmp_path / "node%2Fu-2.json").write_text("{half of")
    found = _precheck_store.all_kept(str(tmp_path), "node/")
    assert found == {"node/u-1": {**RECORD, "host": "node/u-1"}, "node/u-2": None}


def test_only_the_user_can_read_it(tmp_path: Path) -> None:
    _precheck_store.keep(str(tmp_path / "new"), RECORD)
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "new", *(tmp_path / "new").iterdir())]
    assert modes == [0o700, 0o600]


def test_what_cannot_be_read_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "h.json").write_text("{half of")
    assert _precheck_store.kept(str(tmp_path), "h") is None
    assert _precheck_store.kept(str(tmp_path), "other") is None


def test_what_is_forgotten_is_gone(tmp_path: Path) -> None:
    _precheck_store.keep(str(tmp_path), RECORD)
    _precheck_store.forget(str(tmp_path), "rack/1 edge")
    _precheck_store.forget(str(tmp_path), "never there")
    assert list(tmp_path.iterdir()) == []


def test_a_write_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        _precheck_store.keep(str(tmp_path), {**RECORD, "precheck": object()})
    assert list(tmp_path.iterdir()) == []


def test_the_checks_are_named_by_their_code(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def code() -> str:
        _precheck_store.code.cache_clear()
        return _precheck_store.code()

    now = code()
    assert (now, len(now)) == (code(), 64)
    for folder in ("modules", "module_utils/_precheck/checks"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "modules" / "host_precheck.py").write_text("")
    monkeypatch.setattr(_precheck_store, "_PLUGINS", tmp_path)
    before = code()
    (tmp_path / "module_utils" / "_precheck" / "checks" / "new.py").write_text("")
    assert len({now, before, code()}) == 3
