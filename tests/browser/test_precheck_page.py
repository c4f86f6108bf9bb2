# Copyright (c) 2026, The calico_ops.rollout authors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

from ansible_collections.calico_ops.rollout.plugins.plugin_utils._precheck_page import precheck_page

from tests.browser.chromium import Chromium
from tests.fleets import fleet_report
from tests.unit.rollout.builders import answer, check

HOSTILE = '</script><script>document.title="owned"</script><img src=x onerror="document.title=\'owned\'">'


class Shown(HTMLParser):
    """Hosts and remedies that the page shows, its title, and its elements by tag."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.hosts: list[str] = []
        self.remedies: list[str] = []
        self.title = ""
        self.tags: list[str] = []
        self._inside: list[str] = []
        self._hidden_row = False
        self._hidden_card = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append(tag)
        self._inside.append("rowhead" if tag == "th" and given.get("scope") == "row" else tag)
        if tag == "tr":
            self._hidden_row = "hidden" in given
        if tag == "article":
            self._hidden_card = "hidden" in given

    def handle_endtag(self, tag: str) -> None:
        if self._inside:
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        where = self._inside[-1] if self._inside else ""
        if where == "rowhead" and not self._hidden_row:
            self.hosts.append(data)
        elif where == "h3" and not self._hidden_card:
            self.remedies.append(data)
        elif where == "title":
            self.title += data


def shown(chromium: Chromium, page: Path, view: str = "") -> Shown:
    return Shown(chromium.document(page, view))


def test_every_host_is_shown_the_worst_first(chromium: Chromium, page: Path) -> None:
    page.write_text(precheck_page(fleet_report(20)), encoding="utf-8")
    seen = shown(chromium, page)
    assert seen.title == "Calico prechecks: 18 of 20 hosts can run calico-node"
    assert (seen.hosts[:3], len(seen.hosts)) == (["edge-7", "edge-14", "edge-11"], 20)


def test_a_search_in_the_address_leaves_the_hosts_and_remedies_that_match(chromium: Chromium, page: Path) -> None:
    page.write_text(precheck_page(fleet_report(20)), encoding="utf-8")
    seen = shown(chromium, page, "q=edge+firewall")
    assert (seen.hosts, len(seen.remedies)) == (["edge-11"], 1)
    assert "trusted zone" in seen.remedies[0]


def test_a_choice_in_the_address_leaves_the_hosts_that_failed(chromium: Chromium, page: Path) -> None:
    page.write_text(precheck_page(fleet_report(20)), encoding="utf-8")
    assert shown(chromium, page, "show=fail").hosts == ["edge-7", "edge-14"]
    assert shown(chromium, page, "show=fail&q=edge-14").hosts == ["edge-14"]
    assert len(shown(chromium, page, "show=passed").hosts) == 18
    assert len(shown(chromium, page, "show=nonsense").hosts) == 20


def test_a_host_that_stays_outside_for_another_host_is_among_those_that_failed(chromium: Chromium, page: Path) -> None:
    twins = {name: answer(name) for name in ("twin-1", "twin-2", "wide")}
    for name, facts in (
        ("twin-1", {"address": "10.0.2.15"}),
        ("twin-2", {"address": "10.0.2.15"}),
        ("wide", {"mtu": 9000}),
    ):
        twins[name]["precheck"]["facts"].update(facts)
    page.write_text(precheck_page(fleet_report(20, **twins)), encoding="utf-8")
    assert shown(chromium, page, "show=fail").hosts == ["edge-7", "edge-14", "twin-1", "twin-2"]
    assert shown(chromium, page, "show=warn").hosts == ["edge-11", "wide"]
    assert shown(chromium, page, "q=between+hosts").hosts == ["twin-1", "twin-2", "wide"]


def test_what_a_hostile_host_says_is_shown_and_never_run(chromium: Chromium, page: Path) -> None:
    hostile = answer("evil", [check(status="fail", message=HOSTILE, remedy=HOSTILE, observed=HOSTILE)], os_id=HOSTILE)
    page.write_text(precheck_page(fleet_report(3, **{HOSTILE: hostile})), encoding="utf-8")
    seen = shown(chromium, page)
    assert seen.title.startswith("Calico prechecks")
    assert HOSTILE in seen.hosts
    assert "img" not in seen.tags
    assert seen.tags.count("script") == 1


def test_the_policy_of_the_page_runs_no_script_but_its_own(chromium: Chromium, page: Path) -> None:
    """Should escaping ever fail, the browser still refuses."""
    html = precheck_page(fleet_report(3)).replace("</main>", '</main><script>document.title = "owned"</script>')
    page.write_text(html, encoding="utf-8")
    assert shown(chromium, page).title.startswith("Calico prechecks")


def test_the_page_asks_for_nothing_but_itself(chromium: Chromium, page: Path) -> None:
    page.write_text('<img src="http://picture.example/x.png">', encoding="utf-8")
    assert chromium.requests(page) == ["http://picture.example/x.png"]
    page.write_text(precheck_page(fleet_report(20)), encoding="utf-8")
    assert chromium.requests(page) == []


def test_the_page_looks_different_in_the_dark(chromium: Chromium, page: Path, tmp_path: Path) -> None:
    page.write_text(precheck_page(fleet_report(20)), encoding="utf-8")
    light, dark = tmp_path / "light.png", tmp_path / "dark.png"
    chromium.screenshot(page, light)
    chromium.screenshot(page, dark, dark=True)
    assert light.read_bytes().startswith(b"\x89PNG")
    assert len(light.read_bytes()) > 20_000
    assert light.read_bytes() != dark.read_bytes()
