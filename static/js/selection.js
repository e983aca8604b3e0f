// Rows chosen for a bulk act: the bar appears, counts, and can be cleared.
const rows = () => [...document.querySelectorAll("input[data-select]")];

const show = () => {
  const bar = document.querySelector("[data-bulk]");
  if (!bar) return;
  const chosen = rows().filter((box) => box.checked).length;
  bar.hidden = chosen === 0;
  const count = bar.querySelector("[data-count]");
  if (count) count.textContent = String(chosen);
  const all = document.querySelector("[data-select-all]");
  if (all) {
    all.checked = chosen > 0 && chosen === rows().length;
    all.indeterminate = chosen > 0 && chosen < rows().length;
  }
};

const setAll = (checked) => {
  for (const box of rows()) box.checked = checked;
  show();
};

document.addEventListener("change", (event) => {
  if (event.target.matches?.("[data-select-all]")) setAll(event.target.checked);
  else if (event.target.matches?.("[data-select]")) show();
});
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-clear-selection]")) setAll(false);
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && rows().some((box) => box.checked) && !document.querySelector("dialog[open]")) setAll(false);
});
document.addEventListener("DOMContentLoaded", show);
document.addEventListener("htmx:afterSettle", show);

// A filter over a long list that is on the page already (the permission picker).
document.addEventListener("input", (event) => {
  const input = event.target.closest?.("[data-filter]");
  if (!input) return;
  const wanted = input.value.trim().toLowerCase();
  for (const item of document.querySelectorAll(`${input.dataset.filter} [data-text]`)) {
    item.hidden = wanted !== "" && !item.dataset.text.toLowerCase().includes(wanted);
  }
});
