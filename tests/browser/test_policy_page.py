# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

from ansible_collections.calico_ops.rollout.plugins.plugin_utils._policy_page import policy_page

from tests.browser.chromium import Chromium
from tests.unit.rollout.policy.data_plane import ALWAYS, Fault, having
from tests.unit.rollout.policy.reports import reported

NODES = ["edge-1", "edge-2", "edge-3"]
HOSTILE = '</style><script>document.title="owned"</script><img src=x onerror="document.title=\'owned\'">'


class Shown(HTMLParser):
    """The page's title, its elements by tag, the marks of the picture by look, and the bars of rows by look."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.title = ""
        self.tags: list[str] = []
        self.marks: list[str] = []
        self.bars: list[str] = []
        self._inside = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._inside = tag
        look = dict(attrs).get("class") or ""
        if tag == "a":
            self.marks.append(look.removeprefix("mark "))
        elif tag == "rect":
            self.bars.append(look)

    def handle_data(self, data: str) -> None:
        if self._inside == "title" and "svg" not in self.tags:
            self.title += data.strip()


def shown(chromium: Chromium, page: Path) -> Shown:
    return Shown(chromium.document(page))


def test_each_row_is_a_mark_between_two_nodes_and_a_bar_a_phase(chromium: Chromium, page: Path) -> None:
    report = reported(NODES)
    page.write_text(policy_page(report), encoding="utf-8")
    seen = shown(chromium, page)
    assert seen.title == "Network policy: proven, in force on 3 of 3 nodes"
    assert seen.marks == ["right"] * len(report["rows"])
    assert seen.bars == ["right"] * len(report["rows"]) * 4


def test_what_is_wrong_stands_out_beside_what_was_expected(chromium: Chromium, page: Path) -> None:
    report = reported(NODES, [Fault("edge-2", having(direction="ingress"), open=ALWAYS)])
    page.write_text(policy_page(report), encoding="utf-8")
    seen = shown(chromium, page)
    wrong = sum(not fate["ok"] for row in report["rows"] for fate in row["fates"])
    assert seen.marks.count("open") == 5
    assert (seen.bars.count("open"), seen.bars.count("expected")) == (wrong, wrong)


def test_a_hole_is_a_notch_in_a_bar(chromium: Chromium, page: Path) -> None:
    report = reported(NODES, [Fault("edge-2", open=(1.5, 1.7))])
    page.write_text(policy_page(report), encoding="utf-8")
    seen = shown(chromium, page)
    own = [row for row in report["rows"] if row["node"] == "edge-2"]
    assert (seen.bars.count("open"), seen.bars.count("expected")) == (len(own), 0)


def test_what_a_hostile_cluster_says_is_shown_and_never_run(chromium: Chromium, page: Path) -> None:
    report = reported([HOSTILE, "b"], silent={HOSTILE: HOSTILE})
    report["image"] = report["namespace"] = HOSTILE
    report["foreign_policies"] = report["limits"] = [HOSTILE]
    page.write_text(policy_page(report), encoding="utf-8")
    seen = shown(chromium, page)
    assert seen.title.startswith("Network policy")
    assert not {"img", "script"} & {*seen.tags}


def test_the_policy_of_the_page_runs_no_script(chromium: Chromium, page: Path) -> None:
    """Should escaping ever fail, the browser still refuses."""
    html = policy_page(reported(NODES)).replace("</main>", '</main><script>document.title = "owned"</script>')
    page.write_text(html, encoding="utf-8")
    assert shown(chromium, page).title.startswith("Network policy")


def test_the_page_asks_for_nothing_but_itself(chromium: Chromium, page: Path) -> None:
    page.write_text(policy_page(reported(NODES)), encoding="utf-8")
    assert chromium.requests(page) == []


def test_the_page_looks_different_in_the_dark(chromium: Chromium, page: Path, tmp_path: Path) -> None:
    page.write_text(policy_page(reported(NODES)), encoding="utf-8")
    light, dark = tmp_path / "light.png", tmp_path / "dark.png"
    chromium.screenshot(page, light)
    chromium.screenshot(page, dark, dark=True)
    assert len(light.read_bytes()) > 20_000
    assert light.read_bytes() != dark.read_bytes()
