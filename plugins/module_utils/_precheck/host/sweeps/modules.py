# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Which kernel modules are there, and which of them a question to the kernel would load. Reads files only."""

import gzip
import os
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Set, Tuple

from .lines import words
from .root import Root

# Where modprobe reads its configuration; a file in an earlier directory hides one of the same name in a later one.
_CONFIGURATION = (
    "/etc/modprobe.d",
    "/run/modprobe.d",
    "/usr/local/lib/modprobe.d",
    "/usr/lib/modprobe.d",
    "/lib/modprobe.d",
)
# Where the modules of a kernel are: with nearly everybody in the first two. NixOS and Guix have them below the system that was
# booted, and kernel.modprobe names a program that knows.
_TREES = (
    "/lib/modules/{}",
    "/usr/lib/modules/{}",
    "/run/booted-system/kernel-modules/lib/modules/{}",
    "/run/booted-system/kernel/lib/modules/{}",
    "/run/current-system/kernel-modules/lib/modules/{}",
)
# These look in /lib/modules and nowhere else.
_USUAL_MODPROBE = ("/sbin/modprobe", "/usr/sbin/modprobe", "/bin/modprobe", "/usr/bin/modprobe")
_NOTHING = ("/bin/true", "/bin/false", "/usr/bin/true", "/usr/bin/false")
_ON_COMMAND_LINE = ("module_blacklist", "modprobe.blacklist")

LOADED, BUILT_IN, LOADABLE, BLOCKED, FILE_MISSING, ABSENT = (
    "loaded",
    "built in",
    "loadable",
    "blocked",
    "file missing",
    "absent",
)
PRESENT = (LOADED, BUILT_IN)

CONFIG_OPTIONS = (
    "CONFIG_DEBUG_INFO_BTF",
    "CONFIG_IP_SET",
    "CONFIG_IP_SET_HASH_IP",
    "CONFIG_IP_SET_HASH_NET",
    "CONFIG_NETFILTER_NETLINK",
    "CONFIG_NETFILTER_XT_SET",
    "CONFIG_NET_IPIP",
    "CONFIG_NET_SCH_INGRESS",
    "CONFIG_NF_CT_NETLINK",
    "CONFIG_NF_CT_PROTO_SCTP",
    "CONFIG_NF_TABLES",
    "CONFIG_VETH",
    "CONFIG_VXLAN",
    "CONFIG_WIREGUARD",
)


class ModuleTree(NamedTuple):
    """The modules of the running kernel."""

    loaded: Set[str]
    built_in: Set[str]
    files: Dict[str, str]
    """Of modules.dep: module to path of its file."""
    aliases: Dict[str, List[str]]
    """Alias to modules. Those with wildcards belong to hardware and are left out."""
    blocked: Dict[str, str]
    """Module to the file that keeps modprobe from loading it."""

    def would_load(self, requests: Iterable[str]) -> List[str]:
        """Modules that these requests of the kernel lead to and that are not there yet."""
        found: Set[str] = set()
        for request in map(normal, requests):
            named = [request] if request in self.files else []
            found.update(named + self.aliases.get(request, []))
        return sorted(name for name in found if name not in self.loaded and name not in self.built_in)


def normal(name: str) -> str:
    """modprobe takes dash and underscore for the same."""
    return name.replace("-", "_")


def survey(root: Root, release: str, requests: Dict[str, Tuple[str, ...]], names: Iterable[str]) -> Dict[str, Any]:
    """`requests`: what each probe makes the kernel ask for. `names`: modules whose state a check wants to know."""
    loaded = root.read("/proc/modules")
    if loaded is None:
        return {
            "loadable": False,
            "tree": False,
            "none_to_load": True,
            "disabled": True,
            "modprobe": None,
            "would_load": {},
            "states": {},
            "blocked": {},
        }
    folder = _folder(root, release)
    tree = ModuleTree(
        loaded={line.split()[0] for line in loaded.splitlines() if line.strip()},
        built_in=_built_in(root, folder),
        files=_files(root, folder),
        aliases=_aliases(root, folder),
        blocked=_blocked(root),
    )
    would_load = {probe: tree.would_load(asked) for probe, asked in requests.items()}
    concerned = sorted(set(names).union(*would_load.values()))
    modprobe = root.read("/proc/sys/kernel/modprobe")
    visible = bool(tree.files or tree.built_in)
    return {
        "loadable": True,
        "tree": visible,
        "none_to_load": not visible and _none_to_load(root, (modprobe or "").strip()),
        "disabled": root.line("/proc/sys/kernel/modules_disabled") == "1",
        "modprobe": modprobe.strip() if modprobe is not None else None,
        "would_load": {probe: found for probe, found in would_load.items() if found},
        "states": {name: _state(root, folder, tree, name) for name in concerned},
        "blocked": {name: tree.blocked[name] for name in concerned if name in tree.blocked},
    }


def loaded_now(root: Root) -> List[str]:
    return sorted(line.split()[0] for line in (root.read("/proc/modules") or "").splitlines() if line.strip())


def options(root: Root, release: str) -> Dict[str, str]:
    """The few kernel options that messages name: y, m or n. Empty where the configuration cannot be found."""
    text = root.read("/boot/config-" + release) or root.read(f"/lib/modules/{release}/config")
    if root.exists("/proc/config.gz"):
        with gzip.open(root.at("/proc/config.gz"), "rt", encoding="ascii", errors="replace") as stream:
            text = stream.read()
    if text is None:
        return {}
    lines = "\n" + text
    return {option: _choice(lines, option) for option in CONFIG_OPTIONS}


def _choice(text: str, option: str) -> str:
    at = text.find(f"\n{option}=")
    chosen = text[at + len(option) + 2 : at + len(option) + 3] if at >= 0 else "n"
    return chosen if chosen in ("y", "m") else "n"


def _folder(root: Root, release: str) -> str:
    places = [place.format(release) for place in _TREES]
    return next((place for place in places if root.is_directory(place)), places[0])


def _none_to_load(root: Root, modprobe: str) -> bool:
    """Whether it is sure that the kernel finds no module of its own, although none of the usual places has any.

    It is where the program that the kernel calls is not there, or is a usual one that looks in /lib/modules and finds only other
    kernels' there. Else they may be at a place that is not known here, as NixOS' were.
    """
    if not modprobe:
        return False
    others = root.list("/lib/modules") or root.list("/usr/lib/modules")
    return not root.exists(modprobe) or (modprobe in _USUAL_MODPROBE and bool(others))


def _name(path: str) -> str:
    return normal(os.path.basename(path).partition(".ko")[0])


def _built_in(root: Root, folder: str) -> Set[str]:
    return {_name(line) for line in (root.read(folder + "/modules.builtin") or "").splitlines()}


def _files(root: Root, folder: str) -> Dict[str, str]:
    paths = [line.partition(":")[0] for line in (root.read(folder + "/modules.dep") or "").splitlines() if ":" in line]
    return {_name(path): path for path in paths}


def _aliases(root: Root, folder: str) -> Dict[str, List[str]]:
    found: Dict[str, List[str]] = {}
    for line in (root.read(folder + "/modules.alias") or "").splitlines():
        words = line.split()
        if len(words) == 3 and words[0] == "alias" and "*" not in words[1]:
            found.setdefault(normal(words[1]), []).append(normal(words[2]))
    return found


def _blocked(root: Root) -> Dict[str, str]:
    blocked: Dict[str, str] = {}
    seen: Set[str] = set()
    for folder in _CONFIGURATION:
        for name in root.list(folder):
            if not name.endswith(".conf") or name in seen:
                continue
            seen.add(name)
            path = f"{folder}/{name}"
            for line in words(root.read(path) or ""):
                if (line[0] == "blacklist" and len(line) > 1) or (
                    line[0] == "install" and line[2:3] and line[2] in _NOTHING
                ):
                    blocked[normal(line[1])] = path
    for argument in (root.read("/proc/cmdline") or "").split():
        name, _equals, modules = argument.partition("=")
        if name in _ON_COMMAND_LINE:
            blocked.update((normal(module), "/proc/cmdline") for module in modules.split(","))
    return blocked


def _state(root: Root, folder: str, tree: ModuleTree, name: str) -> str:
    if name in tree.loaded:
        return LOADED
    if name in tree.built_in:
        return BUILT_IN
    path: Optional[str] = tree.files.get(name)
    if path is None:
        return ABSENT
    # The kernel loads by alias all that Calico needs, and modprobe applies its blacklist to an alias.
    if name in tree.blocked:
        return BLOCKED
    file = path if path.startswith("/") else f"{folder}/{path}"
    return LOADABLE if root.exists(file) else FILE_MISSING
