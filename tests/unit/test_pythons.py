# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What talks to a cluster runs on Python 3.9, whichever the controller's is; and the manual says which core reaches which Python."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import ansible
import pytest
from ansible.release import __version__ as core

from tests.environment.places import CHECKOUT, NAME, NAMESPACE, collection_in
from tests.pythons import OLDEST_REACHED, python

FLOOR = "3.9"
PLUGINS = CHECKOUT / "plugins"
PAGE = CHECKOUT / "docs" / "reference" / "python-versions.md"
# What Ansible starts on a host, and what goes with it. The rest of the plugins is loaded by the controller, which is never as old.
ON_HOSTS = sorted([*PLUGINS.glob("modules/*.py"), *PLUGINS.glob("module_utils/**/*.py")])
COMPILE = "import sys\nfor name in sys.argv[1:]: compile(open(name, encoding='utf-8').read(), name, 'exec')"
IMPORT = """
import importlib, json, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
print(json.dumps([list(sys.version_info[:2]), sorted(sys.modules)]))
"""


def named(path: Path) -> str:
    name = ".".join(path.relative_to(CHECKOUT).with_suffix("").parts)
    return f"ansible_collections.{NAMESPACE}.{NAME}.{name}".replace(".__init__", "")


@pytest.fixture
def nothing_but_ansible(tmp_path: Path) -> Path:
    """A path to import from that holds Ansible and the collection, and no library that a host need not have."""
    (tmp_path / "ansible").symlink_to(Path(ansible.__file__).parent)
    collection_in(tmp_path).parent.mkdir(parents=True)
    collection_in(tmp_path).symlink_to(CHECKOUT)
    return tmp_path


def test_every_plugin_compiles_on_the_oldest_python() -> None:
    files = [str(path) for path in PLUGINS.rglob("*.py")]
    done = subprocess.run([python(FLOOR), "-c", COMPILE, *files], capture_output=True, text=True, check=False)
    assert done.stderr == ""


def test_every_module_is_imported_on_the_oldest_python_without_a_library(nothing_but_ansible: Path) -> None:
    done = subprocess.run(
        [python(FLOOR), "-c", IMPORT, *(named(path) for path in ON_HOSTS)],
        env={**os.environ, "PYTHONPATH": str(nothing_but_ansible)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    version, loaded = json.loads(done.stdout)
    assert version == [3, 9]
    assert not {"kubernetes", "urllib3", "yaml"} & set(loaded)


def test_the_manual_says_which_core_reaches_which_python() -> None:
    rows = re.findall(r"^\| (2\.\d+) \|.*\| (3\.\d+) to 3\.\d+ \|", PAGE.read_text(), re.MULTILINE)
    assert dict(rows) == OLDEST_REACHED


def test_the_running_core_reaches_what_the_manual_says() -> None:
    source = (Path(ansible.__file__).parent / "module_utils" / "basic.py").read_text()
    found = re.search(r"_PY3?_MIN = .*\((\d), (\d+)\)", source)
    assert found
    assert OLDEST_REACHED[".".join(core.split(".")[:2])] == "{}.{}".format(*found.groups())
