# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. What travels to a host: the sources of the package `host`."""

import sys
from typing import Any, Dict

from .host import in_cluster

# By importing it, this process has loaded all of the package.
_PACKAGE = in_cluster.__name__.rpartition(".")[0]


def sources() -> Dict[str, str]:
    """Each module's text by its path from the package's parent, as host/gather.py.

    Texts come from the modules' own loaders: in a module that runs on a controller they lie in the zip file that Ansible made of it.
    """
    loaded = sorted(name for name in sys.modules if name == _PACKAGE or name.startswith(_PACKAGE + "."))
    return {_path(name): _text(name) for name in loaded}


def _path(name: str) -> str:
    inside = "host" + name[len(_PACKAGE) :]
    return inside.replace(".", "/") + ("/__init__.py" if hasattr(sys.modules[name], "__path__") else ".py")


def _text(name: str) -> str:
    module: Any = sys.modules[name]
    return str(module.__loader__.get_data(module.__file__).decode("utf-8"))
