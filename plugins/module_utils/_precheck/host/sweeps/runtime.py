# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""PRIVATE. Container runtime, kubelet, certificates, names: what a host has that is, or will be, a node."""

import base64
import calendar
import re
import socket
import time
from typing import Any, Dict, List, Optional, Tuple

from ..no_evidence import NoEvidence
from .distributions import every
from .lines import words
from .root import Root

# Validity of an X.509 certificate: two UTCTimes in a row, or two GeneralizedTimes.
_VALIDITY = rb"\x17\x0d(\d{12})Z\x17\x0d(\d{12})Z|\x18\x0f(\d{14})Z\x18\x0f(\d{14})Z"


def runtime_sockets(root: Root) -> Dict[str, Optional[str]]:
    """Each socket of a container runtime that is there: null when it takes a connection, else why not. Nothing is said over it."""
    return {path: _refusal(root.at(path)) for path in every("sockets") if root.exists(path)}


def _refusal(path: str) -> Optional[str]:
    asking = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    asking.settimeout(2.0)
    try:
        asking.connect(path)
        return None
    except OSError as error:
        return error.strerror or str(error)
    finally:
        asking.close()


def runtime_cni(root: Root) -> List[Dict[str, Any]]:
    """Where each container runtime's configuration looks for CNI plugins and their configuration; null where it does not say."""
    found = []
    for path in every("containerd"):
        text = root.read(path)
        if text is not None:
            directories = re.search(r"^\s*bin_dirs\s*=\s*\[(.*?)\]", text, re.MULTILINE | re.DOTALL)
            found.append(
                _settings(path, text, directories.group(1) if directories else _value(text, "bin_dir"), "conf_dir")
            )
    crio = ["/etc/crio/crio.conf", *("/etc/crio/crio.conf.d/" + name for name in root.list("/etc/crio/crio.conf.d"))]
    for path in crio:
        text = root.read(path)
        if text is not None:
            directories = re.search(r"^\s*plugin_dirs\s*=\s*\[(.*?)\]", text, re.MULTILINE | re.DOTALL)
            found.append(_settings(path, text, directories.group(1) if directories else None, "network_dir"))
    return found


def _settings(path: str, text: str, directories: Optional[str], configuration: str) -> Dict[str, Any]:
    listed = re.findall(r"[\"']([^\"']+)[\"']", directories) if directories else []
    where = re.findall(r"[\"']([^\"']+)[\"']", _value(text, configuration) or "")
    return {
        "file": path,
        "bin_dirs": [one.rstrip("/") for one in listed],
        "conf_dir": where[0].rstrip("/") if where else None,
    }


def _value(text: str, key: str) -> Optional[str]:
    found = re.search(rf"^\s*{key}\s*=\s*([\"'][^\"']*[\"'])", text, re.MULTILINE)
    return found.group(1) if found else None


def certificates(root: Root) -> List[Dict[str, Any]]:
    """From when to when the cluster's certificates on this host are valid, in seconds since the epoch."""
    found = []
    for path in every("certificates"):
        period = validity(root.read(path) or "")
        if period:
            found.append({"file": path, "from": period[0], "until": period[1]})
    return found


def validity(text: str) -> Optional[Tuple[int, int]]:
    body = text.partition("-----BEGIN CERTIFICATE-----")[2].partition("-----END")[0]
    if not body:
        return None
    found = re.search(_VALIDITY, base64.b64decode("".join(body.split())))
    if not found:
        return None
    begin, end = (found.group(1), found.group(2)) if found.group(1) else (found.group(3), found.group(4))
    return _instant(begin), _instant(end)


def _instant(raw: bytes) -> int:
    text = raw.decode("ascii")
    if len(text) == 12:
        text = ("19" if text[:2] >= "50" else "20") + text
    return calendar.timegm(time.strptime(text, "%Y%m%d%H%M%S"))


def names(root: Root) -> Dict[str, Any]:
    """Name servers, and whether systemd-resolved has the real ones beside its own stub."""
    servers = [
        line[1] for line in words(root.read("/etc/resolv.conf") or "") if line[0] == "nameserver" and len(line) > 1
    ]
    return {"servers": servers, "resolved": root.exists("/run/systemd/resolve/resolv.conf")}


def speaks_tls(endpoint: str, timeout: float) -> Optional[str]:
    """None when the endpoint takes a TCP connection and agrees on TLS, else why not. The certificate is not verified."""
    try:
        # Expensive, and rarely needed.
        import ssl
    except ImportError as error:
        raise NoEvidence(f"this Python has no TLS: {error}", "name another by ansible_python_interpreter") from error
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    host, _colon, port = endpoint.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout) as connection:
            context.wrap_socket(connection).close()
        return None
    except ssl.SSLError as error:
        return f"what is there does not speak TLS ({error.reason or error})"
    except OSError as error:
        return error.strerror or str(error)


def ssh_ports(root: Root) -> List[int]:
    paths = [
        "/etc/ssh/sshd_config",
        *("/etc/ssh/sshd_config.d/" + name for name in root.list("/etc/ssh/sshd_config.d")),
    ]
    text = "\n".join(filter(None, map(root.read, paths)))
    return sorted(
        {int(line[1]) for line in words(text) if line[0].lower() == "port" and line[1:] and line[1].isdigit()}
    ) or [22]
