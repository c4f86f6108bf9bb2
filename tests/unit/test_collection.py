# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for the collection as a whole: its metadata, its licence, the borders between its parts."""

from __future__ import annotations

import ast
import fnmatch
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.calico_ops.rollout.plugins.module_utils._kube.client import VERSION
from ansible_collections.calico_ops.rollout.plugins.module_utils._precheck.options import DEFAULTS, OPTIONS, SETTINGS
from ansible_collections.calico_ops.rollout.plugins.module_utils._rollout.documents import PrecheckSettings

from tests.environment import checkout
from tests.environment.places import CHECKOUT

FILES = [CHECKOUT / name for name in checkout.files()]
MODULES = sorted((CHECKOUT / "plugins" / "modules").glob("*.py"))
LIBRARY = "ansible_collections.calico_ops.rollout.plugins.module_utils"
# What a collection's user gets; everything else stays behind.
SHIPPED = {
    *(
        "CHANGELOG.md",
        "CODE_OF_CONDUCT.md",
        "CONTRIBUTING.md",
        "README.md",
        "REUSE.toml",
        "galaxy.yml",
        "requirements.txt",
    ),
    *("LICENSES", "changelogs", "docs", "extensions", "meta", "playbooks", "plugins", "roles"),
}
# In two parts, or reuse takes this line for a header.
LICENCE = "SPDX-License-" + "Identifier: GPL-3.0-or-later"
COPYRIGHT = "Copyright (c) 2026, The calico_ops.rollout authors"
# A build is kept by the content of its Go sources, so REUSE.toml names the holder of these.
WITHOUT_COPYRIGHT = {".go"}
# Formats without room for a comment, or written by a tool: REUSE.toml speaks for them.
WITHOUT_HEADER = {".json", ".md", ".png", ".mod", ".sum"}


def documentation(module: Path) -> dict[str, Any]:
    for node in ast.parse(module.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "DOCUMENTATION":
            loaded = yaml.safe_load(ast.literal_eval(node.value))
            assert isinstance(loaded, dict)
            return loaded
    raise AssertionError(f"{module.name} has no DOCUMENTATION")


def imports(source: Path) -> Iterator[str]:
    """Every module that a file imports, relative ones resolved within the library."""
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = source.relative_to(CHECKOUT).parts[: -node.level] if node.level else ()
            prefix = ["ansible_collections", "calico_ops", "rollout", *parents] if node.level else []
            module = ".".join([*prefix, *([node.module] if node.module else [])])
            yield module
            yield from (f"{module}.{name.name}" for name in node.names)


def sources(*parts: str) -> list[Path]:
    return sorted(CHECKOUT.joinpath("plugins", *parts).rglob("*.py"))


def test_the_action_group_kube_is_what_the_modules_documentation_says() -> None:
    runtime = yaml.safe_load((CHECKOUT / "meta" / "runtime.yml").read_text(encoding="utf-8"))
    documented = {
        module.stem
        for module in MODULES
        if "calico_ops.rollout._kube" in documentation(module).get("extends_documentation_fragment", [])
    }
    assert set(runtime["action_groups"]["kube"]) == documented


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.stem)
def test_a_module_with_connection_options_says_which_group_sets_them(module: Path) -> None:
    fragments = documentation(module).get("extends_documentation_fragment", [])
    connects = "calico_ops.rollout._kube" in fragments
    assert connects == ("calico_ops.rollout._attributes.kube_group" in fragments)


def test_the_api_server_is_told_the_version_of_the_collection() -> None:
    assert yaml.safe_load((CHECKOUT / "galaxy.yml").read_text(encoding="utf-8"))["version"] == VERSION


def test_only_what_users_need_is_in_the_tarball() -> None:
    ignored = yaml.safe_load((CHECKOUT / "galaxy.yml").read_text(encoding="utf-8"))["build_ignore"]
    tops = {path.relative_to(CHECKOUT).parts[0] for path in FILES}
    shipped = {top for top in tops if not any(fnmatch.fnmatch(top, pattern) for pattern in ignored)}
    assert shipped <= SHIPPED


def test_galaxy_takes_the_metadata() -> None:
    """Its importer refuses an author of more than 64 characters."""
    metadata = yaml.safe_load((CHECKOUT / "galaxy.yml").read_text(encoding="utf-8"))
    assert [author for author in metadata["authors"] if len(author) > 64] == []


def names_licence(head: str, suffix: str) -> bool:
    return LICENCE in head and (COPYRIGHT in head or suffix in WITHOUT_COPYRIGHT)


def test_every_file_names_its_licence_and_who_holds_the_copyright() -> None:
    """As `nox -s license-check` has it: REUSE.toml speaks for the files that are left out here."""
    unnamed = [
        str(path.relative_to(CHECKOUT))
        for path in FILES
        if path.suffix not in WITHOUT_HEADER
        and path.parent != CHECKOUT / "tests" / "sanity"  # ansible-test takes no line that is only a comment
        and path != CHECKOUT / "changelogs" / "changelog.yaml"  # a tool writes it; REUSE.toml speaks for it
        and "LICENSES" not in path.parts
        and path.stat().st_size > 0
        and not names_licence(path.read_text(encoding="utf-8")[:400], path.suffix)
    ]
    assert unnamed == []


CLOCKS = {"monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "process_time", "process_time_ns"}


def clocks(node: ast.AST) -> set[str]:
    """The functions of the module time that are called in it."""
    called = [one.func for one in ast.walk(node) if isinstance(one, ast.Call) and isinstance(one.func, ast.Attribute)]
    return {
        function.attr for function in called if isinstance(function.value, ast.Name) and function.value.id == "time"
    }


def reads_clock(node: ast.AST) -> bool:
    """Reads a clock for intervals, or makes an interval with that of the wall."""
    spans = [one for one in ast.walk(node) if isinstance(one, ast.BinOp) and isinstance(one.op, ast.Sub)]
    return bool(clocks(node) & CLOCKS) or any("time" in clocks(span) for span in spans)


def asserts_on_time(source: str) -> list[int]:
    """Lines that assert how long something took; a slow machine fails them."""
    if not any(name in source for name in (*CLOCKS, "time.time")):
        return []
    tree = ast.parse(source)
    spans = {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.BinOp) and reads_clock(node.value)
        for target in node.targets
        if isinstance(target, ast.Name) and isinstance(node.value.op, ast.Sub)
    }
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Assert)
        and (reads_clock(node.test) or spans & {one.id for one in ast.walk(node.test) if isinstance(one, ast.Name)})
    ]


def test_no_unit_test_asserts_how_long_something_took() -> None:
    """That it ends is shown by the guard of each test, how fast it is by tests/bench."""
    found = {
        path: asserts_on_time(path.read_text(encoding="utf-8")) for path in (CHECKOUT / "tests" / "unit").rglob("*.py")
    }
    assert {str(path.relative_to(CHECKOUT)): lines for path, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    "source",
    [
        "assert time.monotonic() - began < 3",
        "took = time.perf_counter() - began\nassert took < 3",
        "assert time.time() - began < 3",
    ],
)
def test_an_assert_on_time_is_found(source: str) -> None:
    assert asserts_on_time(source) != []


def test_no_file_is_named_after_nothing_in_particular() -> None:
    vague = {"utils", "util", "helpers", "helper", "common", "misc"}
    assert [str(path) for path in FILES if {part.strip("_") for part in (*path.parts, path.stem)} & vague] == []


@pytest.mark.parametrize("source", sources("module_utils", "_rollout"), ids=lambda source: source.stem)
def test_decisions_see_no_clock_no_chance_and_no_network(source: Path) -> None:
    impure = {
        "asyncio",
        "http",
        "io",
        "kubernetes",
        "os",
        "pathlib",
        "random",
        "requests",
        "secrets",
        "socket",
        "subprocess",
    }
    impure |= {"threading", "time", "urllib", "urllib3"}
    found = set(imports(source))
    assert {name.split(".")[0] for name in found} & impure == set()
    assert [name for name in found if name.startswith((f"{LIBRARY}._kube", "ansible.module_utils"))] == []
    # An instant may be written as a date; which instant it is now comes from outside.
    nodes = ast.walk(ast.parse(source.read_text(encoding="utf-8")))
    called = {node.func.attr for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)}
    assert called & {"now", "today", "utcnow"} == set()


@pytest.mark.parametrize(
    "source",
    [source for part in ("_precheck", "_prepare", "_reach") for source in sources("module_utils", part)],
    ids=lambda source: f"{source.parent.name}.{source.stem}",
)
def test_what_travels_to_a_host_needs_only_the_standard_library(source: Path) -> None:
    own = [f"{LIBRARY}.{source.relative_to(CHECKOUT / 'plugins' / 'module_utils').parts[0]}"]
    if "_prepare" in source.parts:
        own.append(f"{LIBRARY}._precheck")
    foreign = {
        name
        for name in imports(source)
        if name.split(".")[0] not in sys.stdlib_module_names and not name.startswith(tuple(own))
    }
    assert foreign == set()


@pytest.mark.parametrize("source", sources("module_utils", "_precheck", "host"), ids=lambda source: source.stem)
def test_no_judgement_travels_to_a_host(source: Path) -> None:
    """Each host compiles what it gets, at each check."""
    inside = f"{LIBRARY}._precheck.host"
    assert [name for name in imports(source) if name.startswith(LIBRARY) and not name.startswith(inside)] == []


def test_the_options_of_host_precheck_are_those_that_are_documented() -> None:
    def described(option: dict[str, Any]) -> dict[str, Any]:
        return {key: option.get(key) for key in ("type", "elements", "choices", "default")}

    documented = documentation(CHECKOUT / "plugins/modules/host_precheck.py")["options"]
    assert {name: described(option) for name, option in documented.items()} == {
        name: described(option) for name, option in OPTIONS.items()
    }


def test_only_the_library_for_the_cluster_speaks_http() -> None:
    speakers = {"http", "kubernetes", "requests", "urllib3"}
    outside = [
        str(source.relative_to(CHECKOUT))
        for source in sources()
        if "_kube" not in source.parts and {name.split(".")[0] for name in imports(source)} & speakers
    ]
    assert outside == []


def test_nothing_rests_on_the_private_code_of_another_collection() -> None:
    foreign = {
        name
        for source in sources()
        for name in imports(source)
        if name.startswith("ansible_collections.") and not name.startswith("ansible_collections.calico_ops.rollout")
    }
    assert foreign == set()


def test_a_node_is_checked_for_the_same_calico_as_a_host() -> None:
    def options(entry: str, module: str) -> Iterator[dict[str, Any]]:
        loaded = yaml.safe_load((CHECKOUT / "roles/precheck/tasks" / entry).read_text(encoding="utf-8"))
        tasks = [task for outer in loaded for task in outer.get("block", [outer])]
        yield from (task[f"calico_ops.rollout.{module}"] for task in tasks if f"calico_ops.rollout.{module}" in task)

    (host,) = options("main.yml", "host_precheck")
    (node,) = options("nodes.yml", "node_precheck")
    both = ("settings", "overrides")
    assert {name: host[name] for name in both} == {name: node[name] for name in both}
    # Those of one host, of how long its result counts, and what the report decides: no setting is named twice.
    assert set(host) - set(both) == {"node_name", "max_age", "cache_dir", "fail_on"}


def test_a_setting_is_declared_once_and_every_place_that_names_it_names_all() -> None:
    """The table is Want; a role's manual, its variables and the document cannot be made from it, and so are held against it."""
    variables = yaml.safe_load((CHECKOUT / "roles/precheck/vars/main.yml").read_text(encoding="utf-8"))
    specs = yaml.safe_load((CHECKOUT / "roles/precheck/meta/argument_specs.yml").read_text(encoding="utf-8"))
    options = specs["argument_specs"]["main"]["options"]
    assert variables["precheck_settings_overrides"] == {
        name: f"{{{{ precheck_{name} | default(omit) }}}}" for name in DEFAULTS
    }
    for name, option in SETTINGS.items():
        told = options[f"precheck_{name}"]
        kind = "path" if told["type"] == "path" else option["type"]
        assert (told["type"], told.get("choices"), told.get("elements")) == (
            *(kind, option.get("choices")),
            option.get("elements"),
        ), name
    assert set(PrecheckSettings.__annotations__) == set(DEFAULTS)


# -- the house: which package may import which; anything else is a wall

BASE = {"errors", "documents", "text", "kubernetes"}
MAY_IMPORT = {
    "_kube": {"_rollout/errors", "_rollout/documents"},
    "_cluster": {"_kube", "_precheck", "_rollout/*"},
    "_precheck": set(),
    "_prepare": {"_precheck"},
    "_reach": set(),
    "_rollout/errors": set(),
    "_rollout/documents": {"_rollout/errors"},
    "_rollout/text": {"_rollout/errors", "_rollout/documents"},
    "_rollout/kubernetes": {"_rollout/errors", "_rollout/documents", "_rollout/text"},
    **{
        f"_rollout/{package}": {f"_rollout/{other}" for other in {*BASE, *others}}
        for package, others in {
            "calico_node": set(),
            "calico_settings": set(),
            "operator": {"calico_node"},
            "observation": {"calico_node", "operator"},
            "policy": {"calico_node"},
            "evidence": {"calico_settings"},
            "reach": set(),
            "plan": {"calico_node", "operator", "evidence"},
            "reducer": {"calico_node", "operator", "evidence", "plan", "policy"},
            "status": {"calico_node", "operator", "evidence", "plan", "policy"},
            "pages": {"evidence", "plan", "policy", "reach"},
        }.items()
    },
}


def package_of(parts: Sequence[str]) -> str:
    """A package of module_utils, `_rollout` by its rooms; the path is below module_utils."""
    if parts[0] == "_rollout" and len(parts) > 1:
        return f"_rollout/{parts[1].removesuffix('.py')}"
    return parts[0]


def test_a_package_imports_only_what_lies_below_it() -> None:
    root = CHECKOUT / "plugins" / "module_utils"
    through_the_wall = set()
    for source in sources("module_utils"):
        own = package_of(source.relative_to(root).parts)
        for name in imports(source):
            if not name.startswith(f"{LIBRARY}."):
                continue
            other = package_of(name[len(LIBRARY) + 1 :].split("."))
            allowed = MAY_IMPORT[own] | {own, "_rollout"}
            if other not in allowed and not (other.startswith("_rollout/") and "_rollout/*" in allowed):
                through_the_wall.add(f"{source.relative_to(root)} -> {name[len(LIBRARY) + 1 :]}")
    assert through_the_wall == set()


def test_the_map_of_the_packages_names_those_that_are_there() -> None:
    root = CHECKOUT / "plugins" / "module_utils"
    assert {package_of(source.relative_to(root).parts) for source in sources("module_utils")} == set(MAY_IMPORT)
