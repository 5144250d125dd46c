// The queue, kept up to date by server-sent events; arrow keys move, Enter opens.
(() => {
  "use strict";
  const list = document.getElementById("queue");
  const live = document.getElementById("live");
  const sound = document.getElementById("sound");
  const announce = document.getElementById("announce");
  const known = new Set([...list.querySelectorAll("a")].map((link) => link.pathname));
  const title = document.title;
  let audio = null;

  const time = (iso) => `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`;
  const make = (tag, name, text) => {
    const element = document.createElement(tag);
    if (name) element.className = name;
    if (text) element.textContent = text;
    return element;
  };
  // As macros.html says them.
  const notes = { weak: ", weak match: another state read", "region-not-read": ", state not read: check it" };
  const line = (hit) => {
    const path = `/hits/${hit.id}`;
    const fresh = !known.has(path);
    const item = make("li", `hit ${hit.severity}${hit.state === "pending" ? "" : " done"}${fresh ? " new" : ""}`);
    const link = make("a");
    link.href = path;
    const what = make("span", "what");
    const state = hit.state === "pending" ? "UNVERIFIED" : hit.state;
    what.append(
      make("strong", "", hit.camera),
      make("span", "", state + (notes[hit.kind] || "") + (hit.held ? ", on hold" : "")),
    );
    const times = make("span", "times");
    times.append(make("span", "", `seen ${time(hit.captured)}`), make("span", "", `kept until ${time(hit.deadline)}`));
    link.append(make("span", "badge", hit.severity), what, times);
    item.append(link);
    known.add(path);
    return { item, fresh };
  };

  // One tone for each severity: higher and more often is more urgent.
  const tones = { urgent: [880, 3], high: [660, 2], routine: [440, 1] };
  const play = (severity) => {
    if (!audio) return;
    const [pitch, times] = tones[severity];
    for (let n = 0; n < times; n += 1) {
      const tone = audio.createOscillator();
      const volume = audio.createGain();
      const start = audio.currentTime + n * 0.35;
      tone.frequency.value = pitch;
      volume.gain.setValueAtTime(0.2, start);
      volume.gain.exponentialRampToValueAtTime(0.001, start + 0.3);
      tone.connect(volume).connect(audio.destination);
      tone.start(start);
      tone.stop(start + 0.3);
    }
  };
  sound.hidden = false;
  sound.addEventListener("click", () => {
    audio = audio ? (audio.close(), null) : new AudioContext();
    sound.setAttribute("aria-pressed", String(Boolean(audio)));
    sound.textContent = audio ? "Sound is on" : "Sound is off";
    play("routine");
  });

  const show = (hits) => {
    const focused = document.activeElement && document.activeElement.pathname;
    const lines = hits.map(line);
    list.replaceChildren(...lines.map(({ item }) => item));
    for (const link of list.querySelectorAll("a")) if (link.pathname === focused) link.focus();
    const waiting = hits.filter((hit) => hit.state === "pending").length;
    document.title = waiting ? `(${waiting}) ${title}` : title;
    document.getElementById("count").textContent = hits.length;
    document.getElementById("empty").hidden = hits.length > 0;
    const news = hits.filter((hit, place) => lines[place].fresh && hit.state === "pending");
    if (news.length) {
      announce.textContent = `${news.length} new, ${news[0].severity}: ${news[0].camera}, unverified`;
      play(news[0].severity);
    }
  };

  const source = new EventSource("/queue/events");
  source.addEventListener("open", () => { live.textContent = "Live"; });
  source.addEventListener("error", () => { live.textContent = "Connection lost, trying again"; });
  source.addEventListener("queue", (event) => show(JSON.parse(event.data)));
  source.addEventListener("ended", () => { source.close(); location.assign("/sign-in"); });

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
