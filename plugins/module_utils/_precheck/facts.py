# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Facts of a host as plain JSON, so that fixtures of foreign kernels replay through the checks.

A fact is one of
  {"value": ...}            it was found
  {"errno": n, "text": s}   the kernel refused; text says at which step and why
  {"unexercised": [names]}  not asked, because asking would load these kernel modules
  {"lost": reason}          there is no answer. "cause" names what took others away too
"""

import errno
import os
from typing import Any, Dict, List, NamedTuple, Optional

from .host.no_evidence import NeedsBecome, NoEvidence

# Netlink's ipset replies use numbers above errno (IPSET_ERR_PRIVATE = 4096, include/uapi/linux/netfilter/ipset/ip_set.h).
_IPSET_ERRORS = {
    4097: "IPSET_ERR_PROTOCOL",
    4098: "IPSET_ERR_FIND_TYPE",
    4099: "IPSET_ERR_MAX_SETS",
    4100: "IPSET_ERR_BUSY",
    4101: "IPSET_ERR_EXIST_SETNAME2",
    4102: "IPSET_ERR_TYPE_MISMATCH",
    4103: "IPSET_ERR_EXIST",
    4104: "IPSET_ERR_INVALID_CIDR",
    4105: "IPSET_ERR_INVALID_NETMASK",
    4106: "IPSET_ERR_INVALID_FAMILY",
}
IPSET_ERR_FIND_TYPE = 4098


class Answer(NamedTuple):
    """The kernel's answer to one probe."""

    errno: int
    text: str
    value: Any
    unexercised: List[str]

    @property
    def granted(self) -> bool:
        return self.errno == 0 and not self.unexercised

    def __str__(self) -> str:
        name = errno_name(self.errno)
        return f"{name} ({self.text})" if self.text else name


class Facts:
    """All facts of a host. Reading one that is not there raises NoEvidence, so a check never guesses."""

    def __init__(self, raw: Dict[str, Dict[str, Any]]) -> None:
        self.raw = raw

    def __getitem__(self, name: str) -> Any:
        fact = self._found(name)
        if "value" not in fact:
            reason = f"{name} could not be read: {_refusal(fact)}"
            raise NoEvidence(reason, "make it readable, then check again", cause=name)
        return fact["value"]

    def get(self, name: str, default: Any = None) -> Any:
        """For messages and remedies only: a judgement must not rest on a default."""
        return self.raw.get(name, {}).get("value", default)

    def answer(self, name: str) -> Answer:
        fact = self._found(name)
        return Answer(fact.get("errno", 0), fact.get("text", ""), fact.get("value"), fact.get("unexercised", []))

    def _found(self, name: str) -> Dict[str, Any]:
        fact = self.raw.get(name)
        if fact is None:
            raise NoEvidence(f"{name} was not asked for", "report this as a fault of the collection")
        if "lost" in fact:
            reason = f"{fact['lost']} ({name})"
            raise NoEvidence(reason, fact.get("remedy") or "check again", cause=fact.get("cause") or name)
        # A refusal for want of privilege says nothing about the kernel's abilities.
        if fact.get("errno") in (errno.EPERM, errno.EACCES):
            raise NeedsBecome(f"needs become ({_capability(name)}): {name} was refused with {_refusal(fact)}")
        return fact


def _capability(name: str) -> str:
    """What the kernel wants for a question of this area."""
    if name.startswith("bpf."):
        return "CAP_BPF, before kernel 5.8 CAP_SYS_ADMIN"
    if name == "complaints":
        return "CAP_SYSLOG"
    return "CAP_NET_RAW" if name.startswith("legacy.") else "CAP_NET_ADMIN" if "." in name else "CAP_DAC_READ_SEARCH"


def errno_name(number: Optional[int]) -> str:
    if not number:
        return "no error"
    if number in _IPSET_ERRORS:
        return _IPSET_ERRORS[number]
    if number == errno.EOPNOTSUPP:
        # Python knows the number as ENOTSUP; everybody else who writes about the kernel does not.
        return f"EOPNOTSUPP, {os.strerror(number)}"
    if number in errno.errorcode:
        return f"{errno.errorcode[number]}, {os.strerror(number)}"
    return f"error {number}"


def _refusal(fact: Dict[str, Any]) -> str:
    text = f" ({fact['text']})" if fact.get("text") else ""
    return f"{errno_name(fact.get('errno'))}{text}"
