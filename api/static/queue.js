// The queue's lines, drawn anew from each event of the line (console.js); arrow keys move, Enter opens.
(() => {
  "use strict";
  const list = document.getElementById("queue");
  const empty = document.getElementById("empty");

  const time = (iso) => `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`;
  const make = (tag, name, text) => {
    const element = document.createElement(tag);
    if (name) element.className = name;
    if (text) element.textContent = text;
    return element;
  };
  // As macros.html says them.
  const notes = { weak: ", weak match: another state read", "region-not-read": ", state not read: check it" };
  const line = (hit, fresh) => {
    const item = make("li", `hit ${hit.severity}${hit.state === "pending" ? "" : " done"}${fresh ? " new" : ""}`);
    const link = make("a");
    link.href = `/hits/${hit.id}`;
    const what = make("span", "what");
    const state = hit.state === "pending" ? "UNVERIFIED" : hit.state;
    what.append(
      make("strong", "", hit.camera),
      make("span", "", state + (notes[hit.kind] || "") + (hit.held ? ", on hold" : "")
        + (hit.doubted ? ", needs a second reader" : "")),
    );
    const times = make("span", "times");
    times.append(make("span", "", `seen ${time(hit.captured)}`), make("span", "", `kept until ${time(hit.deadline)}`));
    link.append(make("span", "badge", hit.severity), what, times);
    item.append(link);
    return item;
  };

  document.addEventListener("queue", (event) => {
    const { hits, fresh } = event.detail;
    const focused = document.activeElement && document.activeElement.pathname;
    list.replaceChildren(...hits.map((hit) => line(hit, fresh.includes(hit))));
    for (const link of list.querySelectorAll("a")) if (link.pathname === focused) link.focus();
    document.getElementById("count").textContent = hits.length;
    empty.hidden = hits.length > 0;
  });

  // An empty list says why it is empty: nothing waits, or nothing can be known.
  document.addEventListener("line", (event) => {
    const { said, dead, silence, heard } = event.detail;
    if (!heard && !dead) return;
    document.getElementById("asof").textContent = dead ? `Not live: the list is as it was ${silence}` : `Live, heard ${silence}`;
    const all = said && said.cameras > 0 && said.online === said.cameras && !said.list_old;
    const eyes = said ? `${said.online} of ${said.cameras} cameras are online` : "";
    let words = `Nothing waits. ${eyes}.`;
    if (dead) words = "Not known: the connection is lost, and hits may be waiting.";
    else if (!all) words = `Nothing is here, but hits may be missing: ${eyes}${said.list_old ? ", and the hot list is too old or missing" : ""}.`;
    if (empty.textContent !== words) empty.textContent = words;
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    const links = [...list.querySelectorAll("a")];
    if (!links.length || event.target.closest("input, select, textarea")) return;
    const step = event.key === "ArrowDown" ? 1 : -1;
    const at = links.indexOf(document.activeElement);
    links[Math.min(Math.max(at + step, 0), links.length - 1)].focus();
    event.preventDefault();
  });
})();
