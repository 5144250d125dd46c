// Shortcuts of a reviewer's pages. A button or link with `data-key` is pressed by that key; `?` lists them all.
(() => {
  "use strict";
  const help = document.getElementById("keys-help");
  const on = document.getElementById("keys-on");
  const wanted = () => localStorage.getItem("keys") !== "off";
  const show = () => { on.checked = wanted(); if (!help.open) help.showModal(); };
  const places = { n: "/queue/next", q: "/queue" };

  on.addEventListener("change", () => localStorage.setItem("keys", on.checked ? "on" : "off"));
  const button = document.getElementById("keys");
  button.hidden = false;
  button.addEventListener("click", show);

  document.addEventListener("keydown", (event) => {
    // A key that is held down would run through page after page, and confirm what nobody looked at.
    if (event.key === "Enter" && event.repeat) { event.preventDefault(); return; }
    if (event.ctrlKey || event.altKey || event.metaKey || event.repeat || help.open) return;
    const region = document.getElementById("region");
    if (event.key === "/" && region && event.target.name === "plate") {
      event.preventDefault();
      region.focus();
      return;
    }
    // Browsers do not send a form by Enter from a list of choices.
    if (event.key === "Enter" && region && event.target === region) {
      event.preventDefault();
      region.form.requestSubmit(region.form.querySelector("button.primary"));
      return;
    }
    const typing = event.target.closest("textarea, select, input:not([type=checkbox], [type=range], [type=radio])");
    if (typing || !wanted()) return;
    const named = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
    if (event.key === "?") show();
    else if (named && !named.disabled) named.click();
    else if (places[event.key]) location.assign(places[event.key]);
    else return;
    event.preventDefault();
  });

  // A confirmed hit as text for the radio or the dispatch system.
  const copy = document.getElementById("copy");
  if (copy) copy.addEventListener("click", () => {
    const text = document.getElementById("dispatch").textContent;
    const said = document.getElementById("copied");
    navigator.clipboard.writeText(text).then(
      () => { said.textContent = "Copied."; },
      () => {
        getSelection().selectAllChildren(document.getElementById("dispatch"));
        said.textContent = "The browser does not allow copying. The text is selected: copy it by hand.";
      },
    );
  });
})();
