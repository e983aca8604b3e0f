// What htmx needs from us: errors that no fragment answers become a notice that stays.
const notice = (text) => {
  const template = document.getElementById("notice-template");
  const box = document.getElementById("toasts");
  if (!template || !box) return;
  const toast = template.content.firstElementChild.cloneNode(true);
  toast.querySelector("[data-text]").textContent = text;
  box.append(toast);
};

document.addEventListener("htmx:responseError", (event) => {
  const id = event.detail.xhr.getResponseHeader("X-Request-Id");
  const text = "That did not work. Load the page again and repeat it.";
  notice(id ? `${text} (request ${id.slice(0, 12)})` : text);
});
// A refusal in words, sent along by the server (`HX-Trigger: {"notice": {"text": …}}`).
document.addEventListener("notice", (event) => notice(event.detail.text));
document.addEventListener("htmx:sendError", () => {
  notice("The server did not answer. Nothing was changed; try again in a moment.");
});

// `data-autosubmit`: a choice in this field sends its form.
document.addEventListener("change", (event) => {
  if (event.target.matches?.("[data-autosubmit]")) event.target.form?.requestSubmit();
});
