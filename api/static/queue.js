// The queue's lines, drawn anew from each event of the line (console.js), as queue.html draws them; arrow keys move.
(() => {
  "use strict";
  const list = document.getElementById("queue");
  const empty = document.getElementById("empty");
  const wanted = list.dataset;
  let items = [];

  const make = (tag, name, text) => {
    const element = document.createElement(tag);
    if (name) element.className = name;
    if (text) element.textContent = text;
    return element;
  };
  // As api/core/local_time.py says it.
  const span = (seconds) => {
    if (seconds < 60) return `${Math.max(0, Math.floor(seconds))} s`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
    if (seconds < 172800) return `${Math.floor(seconds / 3600)} h`;
    return `${Math.floor(seconds / 86400)} days`;
  };
  const ages = (item, now) => `${span(now - Date.parse(item.captured) / 1000)} ago, ${span(Date.parse(item.deadline) / 1000 - now)} left`;
  const line = (item, fresh) => {
    const entry = make("li", `hit ${item.severity}${item.tab === "waiting" ? "" : " done"}${fresh ? " new" : ""}`);
    const link = make("a");
    link.href = `/hits/${item.id}`;
    const what = make("span", "what");
    what.append(make("strong", "", item.place), `, ${item.camera}`);
    const age = make("span", "age", now ? ages(item, now) : "");
    age.dataset.item = item.id;
    link.append(make("span", "badge", item.severity), what, make("span", "about", `${item.purpose}: ${item.note}`), age, make("span", "times", item.seen));
    entry.append(link);
    return entry;
  };
  const takes = (item) => (!wanted.severity || item.severity === wanted.severity)
    && (!wanted.camera || item.camera === wanted.camera);
  let now = 0;           // the service's time in seconds, as it last said it and as the page has counted on

  document.addEventListener("queue", (event) => {
    items = event.detail.hits;
    const fresh = new Set(event.detail.fresh.map((hit) => hit.id));
    const here = items.filter((item) => item.tab === wanted.tab);
    const shown = here.filter(takes);
    const focused = document.activeElement && document.activeElement.pathname;
    list.replaceChildren(...shown.map((item) => line(item, fresh.has(item.id))));
    for (const link of list.querySelectorAll("a")) if (link.pathname === focused) link.focus();
    document.getElementById("count").textContent = shown.length;
    for (const count of document.querySelectorAll("[data-tab-count]")) count.textContent = items.filter((item) => item.tab === count.dataset.tabCount).length;
    document.getElementById("hidden-count").textContent = here.length - shown.length;
    document.getElementById("hiding").hidden = here.length === shown.length;
    empty.hidden = here.length > 0 || wanted.tab !== "waiting";
    document.getElementById("no-outcome").hidden = here.length > 0 || wanted.tab === "waiting";
  });

  // Each line's age counts on; an empty list says why it is empty: nothing waits, or nothing can be known.
  document.addEventListener("line", (event) => {
    const { said, dead, silence, heard } = event.detail;
    if (!heard && !dead) return;
    if (said) {
      now = event.detail.now;
      for (const age of list.querySelectorAll(".age[data-item]")) {
        const item = items.find((one) => one.id === age.dataset.item);
        if (item) age.textContent = ages(item, now);
      }
    }
    document.getElementById("asof").textContent = dead ? `Not live: the list is as it was ${silence}` : `Live, heard ${silence}`;
    const all = said && said.cameras > 0 && said.online === said.cameras && !said.list_old;
    const eyes = said ? `${said.online} of ${said.cameras} cameras are online` : "";
    let words = `Nothing waits. ${eyes}.`;
    if (dead) words = "Not known: the connection is lost, and hits may be waiting.";
    else if (!all) words = `Nothing is here, but hits may be missing: ${eyes}${said.list_old ? ", and the hot list is too old or missing" : ""}.`;
    if (empty.textContent !== words) empty.textContent = words;
  });

  for (const choice of document.querySelectorAll(".choose select")) choice.addEventListener("change", () => choice.form.submit());
  document.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    const links = [...list.querySelectorAll("a")];
    if (!links.length || event.target.closest("input, select, textarea, dialog")) return;
    const step = event.key === "ArrowDown" ? 1 : -1;
    const at = links.indexOf(document.activeElement);
    links[Math.min(Math.max(at + step, 0), links.length - 1)].focus();
    event.preventDefault();
  });
})();
