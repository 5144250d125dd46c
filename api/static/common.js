// The theme: as the system says, or dark or light by choice. Kept in this browser only.
(() => {
  "use strict";
  const order = ["system", "dark", "light"];
  const stored = () => localStorage.getItem("theme") || "system";
  const apply = (theme) => {
    if (theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
  };
  apply(stored());
  document.addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    const label = () => { button.textContent = `Theme: ${stored()}`; };
    button.hidden = false;
    label();
    button.addEventListener("click", () => {
      localStorage.setItem("theme", order[(order.indexOf(stored()) + 1) % order.length]);
      apply(stored());
      label();
    });
  });
})();
