// Shortcuts: `?` shows them, `/` searches, `g` and a letter goes to a page. They can be
// switched off in the list itself (WCAG 2.1.4), kept in this browser.
const OFF = "steward.shortcuts.off";
const off = () => { try { return localStorage.getItem(OFF) === "yes"; } catch { return false; } };
let armed = 0;

const typing = (element) => element.closest?.("input, textarea, select, [contenteditable], dialog[open]");

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (typing(event.target) || off()) return;
  if (event.key === "?") {
    document.getElementById("shortcuts")?.showModal();
  } else if (event.key === "/") {
    const search = document.querySelector("main input[type=search]");
    if (!search) return;
    event.preventDefault();
    search.focus();
  } else if (event.key === "g") {
    armed = Date.now();
  } else if (Date.now() - armed < 1500) {
    armed = 0;
    const link = document.querySelector(`[data-go="${CSS.escape(event.key)}"]`);
    if (link) link.click();
  }
});

document.addEventListener("DOMContentLoaded", () => {
  const box = document.getElementById("shortcuts-on");
  if (!box) return;
  box.checked = !off();
  box.addEventListener("change", () => {
    try { localStorage.setItem(OFF, box.checked ? "no" : "yes"); } catch { /* no storage: on */ }
  });
});
