// The line to the service, on every page of a reviewer: what it last said and how long ago, and an alarm when it is silent.
(() => {
  "use strict";
  const SILENT = 20;      // seconds without a heartbeat after which nothing shown is believed
  const PATIENCE = 15;    // seconds that one attempt to connect may take
  const LONGEST = 30;     // seconds between attempts, at most
  const WARN = 300;       // seconds before a session ends that it is said
  const AGAIN = 30;       // seconds between two sounds of one alarm
  const by = (id) => document.getElementById(id);
  const here = location.pathname.match(/^\/hits\/([0-9a-f-]{36})/);
  const plain = document.title;
  let stage = null;       // how far the hit of this page was when the page came
  let source = null;
  let tries = 0;
  let said = null;        // the last heartbeat
  let begun = now();      // when this page began to listen
  let heard = null;       // when the last heartbeat came
  let attempt = now();
  let due = 0;
  let alarmed = -Infinity;
  let warned = -Infinity;
  let over = false;
  let acting = false;     // a form of this page is on its way: what changes now is one's own act
  document.addEventListener("submit", () => { acting = true; });

  // A clock that a step of the wall clock cannot slow, and that sleep cannot stop.
  function now() { return { steady: performance.now(), wall: Date.now() }; }
  function since(moment) {
    return Math.max(performance.now() - moment.steady, Date.now() - moment.wall) / 1000;
  }
  function ago(seconds) {
    if (seconds < 60) return `${Math.floor(seconds)} s ago`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
    if (seconds < 172800) return `${Math.floor(seconds / 3600)} h ago`;
    return `${Math.floor(seconds / 86400)} days ago`;
  }
  function put(id, text, bad) {
    if (by(id).textContent !== text) by(id).textContent = text;
    by(id).classList.toggle("bad", bad);
  }

  function connect() {
    if (source) source.close();
    attempt = now();
    due = Infinity;
    source = new EventSource(here ? `/queue/events?hit=${here[1]}` : "/queue/events");
    source.addEventListener("hit", (event) => { taken(JSON.parse(event.data)); });
    source.addEventListener("heartbeat", (event) => {
      said = JSON.parse(event.data);
      heard = now();
      tries = 0;
      draw();
    });
    source.addEventListener("queue", (event) => { news(JSON.parse(event.data)); });
    source.addEventListener("ended", unwatched);
    source.addEventListener("error", lost);
  }
  function lost() {
    const refused = source && source.readyState === EventSource.CLOSED;
    again();
    if (refused) {
      const asking = new AbortController();
      fetch("/queue/events", { redirect: "manual", signal: asking.signal })
        .then((answer) => { asking.abort(); if (answer.type === "opaqueredirect") unwatched(); })
        .catch(() => {});
    }
  }
  function again() {
    if (source) source.close();
    source = null;
    due = performance.now() + 1000 * Math.min(LONGEST, 2 ** tries);
    tries += 1;
  }

  // What waits, and what of it is new since this tab last looked, whatever page it was on.
  function news(hits) {
    const every = hits.flatMap((item) => item.hits);
    const kept = sessionStorage.getItem("known");
    const known = new Set(kept === null ? every : JSON.parse(kept));
    const waiting = hits.filter((item) => item.tab === "waiting");
    const fresh = waiting.filter((item) => item.hits.some((hit) => !known.has(hit)));
    sessionStorage.setItem("known", JSON.stringify(every));
    by("waits").firstElementChild.textContent = waiting.length ? `Queue: ${waiting.length} waiting` : "Queue: nothing waits";
    by("waits").classList.toggle("bad", waiting.some((hit) => hit.severity === "urgent"));
    document.title = waiting.length ? `(${waiting.length}) ${plain}` : plain;
    if (fresh.length) {
      by("announce").textContent = `${fresh.length} new, ${fresh[0].severity}: ${fresh[0].camera}, unverified`;
      Sound.play(fresh[0].severity);
    }
    document.dispatchEvent(new CustomEvent("queue", { detail: { hits, fresh } }));
  }

  // Who else is at this page's hit, and whether somebody has taken it further than this page shows.
  function taken(hit) {
    if (acting) return;
    if (stage === null) stage = hit.stage;
    const moved = hit.stage !== stage;
    const who = hit.readers.map((one) => `${one.name} is reading this: opened ${one.minutes} min ago.`);
    const words = moved ? ["Somebody else has taken this hit further. What you see here is no longer how it stands."] : who;
    by("taken").replaceChildren(...words.map((text) => { const line = document.createElement("p"); line.textContent = text; return line; }));
    if (moved) {
      const link = document.createElement("a");
      link.href = hit.stage === "gone" ? "/queue" : `/hits/${here[1]}`;
      link.textContent = hit.stage === "gone" ? "It has been destroyed: to the queue" : "Show it as it is now";
      by("taken").append(link);
      for (const button of document.querySelectorAll("main form button")) button.disabled = true;
    }
    by("taken").hidden = !words.length;
  }

  function draw() {
    const silence = since(heard || begun);
    const dead = silence >= SILENT;
    document.documentElement.classList.toggle("dead", dead);
    if (dead) put("line", heard ? `NOT LIVE: last heard ${ago(silence)}` : `NOT LIVE: nothing heard for ${Math.floor(silence)} s`, true);
    else if (heard) put("line", `Live, heard ${ago(silence)}`, false);
    if (said) facts(silence, dead);
    alarm(dead, silence);
    if (said) leaving(said.session.seconds - silence);
    document.dispatchEvent(new CustomEvent("line", { detail: { said, dead, silence: ago(silence), heard: Boolean(heard), now: said ? Date.parse(said.at) / 1000 + silence : 0 } }));
  }
  function facts(silence, dead) {
    const was = dead ? "Last known: " : "";
    const word = said.heard === null ? "a unit was never heard" : `heard ${ago(said.heard + silence)}`;
    put("cameras", `${was}Cameras: ${said.online} of ${said.cameras} online, ${word}`, said.cameras === 0 || said.online < said.cameras);
    put("hotlist", said.list_age === null ? `${was}Hot list: none` : `${was}Hot list: ${ago(said.list_age + silence)}`, said.list_old);
    put("lasthit", said.last_hit === null ? `${was}Last hit: none so far` : `${was}Last hit: ${ago(said.last_hit + silence)}`, false);
  }
  function alarm(dead, silence) {
    const bell = by("alarm");
    if (dead && bell.hidden) bell.textContent = "NOT LIVE. The connection to the service is lost: new hits do not reach you. It is being tried again. Use another way to watch, and tell whoever keeps the service.";
    bell.hidden = !dead;
    if (!dead) { alarmed = -Infinity; return; }
    document.title = `NOT LIVE · ${plain}`;
    if (silence - alarmed < AGAIN) return;
    alarmed = silence;
    Sound.play("dead");
  }
  function leaving(seconds) {
    const show = seconds <= WARN && seconds > 0;
    by("leaving").hidden = !show;
    if (!show) { warned = -Infinity; return; }
    const minutes = Math.floor(seconds / 60);
    const left = minutes ? `${minutes} min` : `${Math.floor(seconds)} s`;
    const why = said.session.stays ? "because nothing was done here" : "because twelve hours are over. Sign in again now to go on watching";
    by("stay").hidden = !said.session.stays;
    const words = `You will be signed out in ${left}, ${why}.`;
    if (by("leaving-words").textContent !== words) by("leaving-words").textContent = words;
    if (-seconds - warned < AGAIN) return;
    warned = -seconds;
    Sound.play("high");
  }
  by("stay").addEventListener("click", () => {
    fetch("/session/stay", { method: "POST", redirect: "manual" }).then((answer) => {
      if (answer.type === "opaqueredirect") unwatched();
      else if (answer.ok) { by("leaving").hidden = true; connect(); }
    }).catch(() => {});
  });

  // A form with something typed in it and not sent: it is sent with the next sign-in's page, and comes back after it.
  function unsent() {
    const typed = (field) => field.matches("input:not([type=hidden]), textarea") && field.value !== field.defaultValue;
    return [...by("main").querySelectorAll("form")].find((form) => [...form.elements].some(typed));
  }

  // Signed out: nothing of a hit stays on the screen, and the page says loudly that nobody watches here.
  function unwatched() {
    if (over) return;
    over = true;
    if (source) source.close();
    const page = by("unwatched").content.cloneNode(true);
    page.querySelector("time").textContent = new Date().toLocaleTimeString();
    const work = unsent();
    by("main").replaceChildren(page);
    if (work) {
      work.hidden = true;
      by("main").append(work);
      by("again").addEventListener("click", (event) => { event.preventDefault(); work.submit(); });
    }
    for (const id of ["strip", "alarm", "leaving"]) by(id).hidden = true;
    for (const element of document.querySelectorAll("header nav, header #menu, header .me a, header .me form")) element.remove();
    document.documentElement.classList.remove("dead");
    document.title = "NOT WATCHING · hitonly";
    Sound.play("dead");
    const loud = setInterval(() => Sound.play("dead"), 10000);
    by("hush").addEventListener("click", () => { clearInterval(loud); by("hush").hidden = true; });
    by("again").focus();
  }

  function tick() {
    if (over) return;
    const silence = since(heard || begun);
    if (source && silence >= SILENT && since(attempt) >= PATIENCE) again();
    if (performance.now() >= due) connect();
    draw();
  }
  connect();
  setInterval(tick, 1000);
})();
