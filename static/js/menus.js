// Menus are <details class="menu">: they open without this file. It closes them again,
// keeps one open at a time, and lets one in a scrolling table leave the table's box.
const openMenus = () => document.querySelectorAll("details.menu[open]");

document.addEventListener("click", (event) => {
  for (const menu of openMenus()) {
    if (!menu.contains(event.target) || event.target.closest(".panel [data-dialog]")) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of openMenus()) {
    menu.open = false;
    menu.querySelector("summary")?.focus();
  }
});

document.addEventListener("toggle", (event) => {
  const menu = event.target;
  if (!menu.matches?.("details.menu") || !menu.open) return;
  for (const other of openMenus()) if (other !== menu) other.open = false;
  if (!menu.closest(".table-wrap")) return;
  const panel = menu.querySelector(".panel");
  const button = menu.querySelector("summary").getBoundingClientRect();
  panel.classList.add("fixed");
  const below = button.bottom + 4;
  const fits = below + panel.offsetHeight < window.innerHeight;
  panel.style.top = `${fits ? below : Math.max(8, button.top - panel.offsetHeight - 4)}px`;
  panel.style.left = `${Math.max(8, button.right - panel.offsetWidth)}px`;
}, true);

// A menu placed by its button does not follow it: scrolling closes it.
document.addEventListener("scroll", (event) => {
  for (const menu of openMenus()) {
    if (menu.closest(".table-wrap") && !menu.contains(event.target)) menu.open = false;
  }
}, true);

// The navigation on narrow screens. Without this file its link works by :target.
document.addEventListener("click", (event) => {
  const rail = document.getElementById("rail");
  if (!rail) return;
  if (event.target.closest("[data-rail-open]")) {
    event.preventDefault();
    rail.classList.add("open");
    rail.querySelector("a, summary, button")?.focus();
  } else if (event.target.closest("[data-rail-close]")) {
    event.preventDefault();
    rail.classList.remove("open");
    if (location.hash === "#rail") history.replaceState(null, "", location.pathname + location.search);
    document.querySelector("[data-rail-open]")?.focus();
  }
});
