// Copyright (c) 2026, The calico_ops.rollout authors
// SPDX-License-Identifier: GPL-3.0-or-later
// Search and filter. What is chosen stands in the address (#q=edge&show=fail), so that a view can be sent to somebody.
(() => {
  "use strict";
  const search = document.getElementById("search");
  const buttons = [...document.querySelectorAll("[data-show]")];
  const items = [...document.querySelectorAll("[data-gravity]")];
  let show = "all";

  for (const share of document.querySelectorAll("[data-share]")) share.style.flexGrow = share.dataset.share;

  const matches = (item, words) =>
    (show === "all" || item.dataset.gravity.split(" ").includes(show)) &&
    words.every((word) => item.dataset.text.includes(word));

  const tell = (id, selector) => {
    const label = document.getElementById(id);
    if (!label) return;
    const all = [...document.querySelectorAll(selector)];
    label.textContent = `${all.filter((item) => !item.hidden).length} of ${all.length}`;
  };

  const apply = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const item of items) item.hidden = !matches(item, words);
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.show === show));
    tell("hosts-shown", "#hosts tbody tr");
    tell("remedies-shown", "#remedies .card");
    for (const section of document.querySelectorAll("section.cards")) {
      section.hidden = [...section.querySelectorAll(".card")].every((card) => card.hidden);
    }
  };

  const remember = () => {
    const chosen = new URLSearchParams();
    if (search.value) chosen.set("q", search.value);
    if (show !== "all") chosen.set("show", show);
    history.replaceState(null, "", chosen.toString() ? `#${chosen}` : location.pathname + location.search);
  };

  const recall = () => {
    const chosen = new URLSearchParams(location.hash.slice(1));
    search.value = chosen.get("q") || "";
    const wanted = chosen.get("show");
    show = buttons.some((button) => button.dataset.show === wanted) ? wanted : "all";
    apply();
  };

  search.addEventListener("input", () => { apply(); remember(); });
  for (const button of buttons) button.addEventListener("click", () => { show = button.dataset.show; apply(); remember(); });
  document.getElementById("theme").addEventListener("click", () => {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });
  window.addEventListener("hashchange", recall);
  recall();
})();
