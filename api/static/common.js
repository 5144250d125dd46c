// The theme: as the system says, or dark or light by choice, kept in this browser only. And the menu of small screens.
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
    const menu = document.getElementById("menu");
    if (menu) {
      menu.hidden = false;
      document.documentElement.classList.add("has-menu");
      menu.addEventListener("click", () => {
        const open = menu.getAttribute("aria-expanded") === "false";
        menu.setAttribute("aria-expanded", String(open));
        document.documentElement.classList.toggle("menu-open", open);
      });
    }
    button.addEventListener("click", () => {
      localStorage.setItem("theme", order[(order.indexOf(stored()) + 1) % order.length]);
      apply(stored());
      label();
    });
  });
})();
