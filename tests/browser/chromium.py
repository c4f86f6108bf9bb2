# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Chromium without a screen, for pages that lie on this machine."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.environment import system_packages
from tests.environment.places import cache

PACKAGE = "chromium"
SECONDS = 60.0
# Nothing of its own is fetched, and no host is ever looked up.
QUIET = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars"),
    *("--disable-quic", "--disable-background-networking", "--disable-component-update", "--disable-sync"),
    "--host-resolver-rules=MAP * ~NOTFOUND",
)

# A request as Chromium logs its start. What the browser asks for on its own account has no origin behind it.
_STARTED = re.compile(r'"initiator":"([^"]*)".*?"url":"([^"]*)"')


@dataclass(frozen=True)
class Chromium:
    profile: Path

    def document(self, page: Path, view: str = "") -> str:
        """The page's HTML after its script has run; `view` is the part of the address behind the `#`."""
        return self._run("--dump-dom", _address(page, view))

    def screenshot(self, page: Path, picture: Path, view: str = "", dark: bool = False, height: int = 1000) -> None:
        """A PNG, 1280 pixels wide."""
        scheme = f"--blink-settings=preferredColorScheme={0 if dark else 1}"
        self._run(scheme, f"--window-size=1280,{height}", f"--screenshot={picture}", _address(page, view))

    def requests(self, page: Path) -> list[str]:
        """The address of everything that the page made the browser ask the network for. The browser's own calls home are left out."""
        log = self.profile / "network.json"
        self._run(f"--log-net-log={log}", "--dump-dom", _address(page, ""))
        started = _STARTED.findall(log.read_text(encoding="utf-8", errors="replace"))
        return sorted(address for initiator, address in started if initiator != "not an origin")

    def _run(self, *arguments: str) -> str:
        command = [PACKAGE, *QUIET, f"--user-data-dir={self.profile}", *arguments]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=True)
        return ended.stdout


def installed() -> None:
    """Chromium is there, installed if need be; SetupError says what to install where apt is not."""
    if shutil.which(PACKAGE) is None:
        system_packages.install([PACKAGE], "pages are looked at in a browser", cache() / "logs" / "chromium.log")


def _address(page: Path, view: str) -> str:
    return page.resolve().as_uri() + (f"#{view}" if view else "")
