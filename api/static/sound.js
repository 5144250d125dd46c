// Sounds: the choice is kept for the shift, over every page of this tab, and is forgotten with the tab.
const Sound = (() => {
  "use strict";
  // Pitch in hertz, and how often: higher and more often is more urgent. A dead line sounds like nothing else.
  const tones = { urgent: [880, 3], high: [660, 2], routine: [440, 1], dead: [220, 4], test: [520, 1] };
  let context = null;
  const wanted = () => sessionStorage.getItem("sound") === "on";
  const start = () => {
    context = context || new AudioContext();
    return context.state === "running" ? Promise.resolve() : context.resume();
  };
  const play = (name) => {
    if (!wanted() || !context || context.state !== "running") return;
    const [pitch, times] = tones[name];
    for (let n = 0; n < times; n += 1) {
      const tone = context.createOscillator();
      const volume = context.createGain();
      const begin = context.currentTime + n * 0.35;
      tone.frequency.value = pitch;
      volume.gain.setValueAtTime(0.2, begin);
      volume.gain.exponentialRampToValueAtTime(0.001, begin + 0.3);
      tone.connect(volume).connect(context.destination);
      tone.start(begin);
      tone.stop(begin + 0.3);
    }
    document.dispatchEvent(new CustomEvent("tone", { detail: name }));
  };
  // A browser may want a key or a click on each new page before it makes a sound: the first one starts it.
  const wake = () => { if (wanted()) start().then(label); };
  const label = () => {
    const silent = wanted() && (!context || context.state !== "running");
    document.getElementById("sound").textContent = wanted() ? "Turn sound off" : "Turn sound on";
    document.getElementById("tone").hidden = !wanted();
    document.getElementById("strip").classList.toggle("silent", silent);
    document.getElementById("tone").textContent = silent ? "No sound yet: press any key" : "Play a test tone";
  };
  document.addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("sound");
    button.hidden = false;
    button.addEventListener("click", () => {
      sessionStorage.setItem("sound", wanted() ? "off" : "on");
      if (wanted()) start().then(() => { label(); play("test"); });
      label();
    });
    document.getElementById("tone").addEventListener("click", () => start().then(() => { label(); play("test"); }));
    for (const act of ["keydown", "pointerdown"]) document.addEventListener(act, wake, { capture: true });
    label();
    wake();
  });
  return { play };
})();
