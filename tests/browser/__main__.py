# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m tests.browser`: take the picture of the precheck page that the documentation shows."""

from __future__ import annotations

import tempfile
from pathlib import Path

from ansible_collections.calico_ops.rollout.plugins.plugin_utils._precheck_page import precheck_page

from tests.browser.chromium import Chromium, installed
from tests.environment.places import CHECKOUT
from tests.fleets import fleet_report

PICTURE = CHECKOUT / "docs" / "images" / "precheck.png"


def main() -> None:
    installed()
    PICTURE.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as directory:
        page = Path(directory, "precheck.html")
        page.write_text(precheck_page(fleet_report(100)), encoding="utf-8")
        Chromium(Path(directory)).screenshot(page, PICTURE, view="q=edge-1", height=1150)


if __name__ == "__main__":
    main()
