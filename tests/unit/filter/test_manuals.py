# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each filter has a manual beside its file, whatever other filters that file holds."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import pytest

pytest.importorskip("ansible")

import yaml

from tests.environment.places import CHECKOUT

FOLDER = CHECKOUT / "plugins" / "filter"
FILTERS: dict[str, Any] = {
    name: function
    for source in sorted(FOLDER.glob("*.py"))
    for name, function in importlib.import_module(
        f"ansible_collections.calico_ops.rollout.plugins.filter.{source.stem}"
    )
    .FilterModule()
    .filters()
    .items()
}


@pytest.mark.parametrize("name", sorted(FILTERS))
def test_a_filters_manual_has_its_name_and_its_arguments(name: str) -> None:
    documented = yaml.safe_load((FOLDER / f"{name}.yml").read_text(encoding="utf-8"))["DOCUMENTATION"]
    options = {option: told for option, told in documented["options"].items() if option != "_input"}
    _input, *arguments = inspect.signature(FILTERS[name]).parameters.values()
    assert documented["name"] == name
    assert set(options) == {argument.name for argument in arguments}
    for argument in arguments:
        told = options[argument.name]
        assert bool(told.get("required")) == (argument.default is argument.empty), argument.name
        if argument.default not in (argument.empty, None, ()):
            assert told["default"] == argument.default, argument.name


def test_no_manual_is_left_without_its_filter() -> None:
    assert {manual.stem for manual in FOLDER.glob("*.yml")} == set(FILTERS)
