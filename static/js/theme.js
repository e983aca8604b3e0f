// Colours at once when another theme is chosen; the form that was sent keeps the choice.
document.addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-theme-form]");
  if (!form || !window.fetch) return;
  event.preventDefault();
  const data = new FormData(form, event.submitter);
  document.documentElement.dataset.theme = data.get("theme");
  for (const button of form.querySelectorAll("button[name=theme]")) {
    button.setAttribute("aria-pressed", String(button.value === data.get("theme")));
  }
  fetch(form.action, { method: "POST", body: data, headers: { "X-Requested-With": "fetch" } });
});
