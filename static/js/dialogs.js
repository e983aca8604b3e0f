// Dialogs. `data-open="#id"` shows one of the page. `data-dialog` on a link fetches the
// linked form page as a fragment into the shared dialog; without this file the link leads
// to the same form as a page of its own.
const shared = () => document.getElementById("dialog");

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-open]");
  if (opener) {
    event.preventDefault();
    document.querySelector(opener.dataset.open)?.showModal();
    return;
  }
  const closer = event.target.closest("[data-close]");
  if (closer && closer.closest("dialog")) {
    event.preventDefault();
    closer.closest("dialog").close();
    return;
  }
  const link = event.target.closest("a[data-dialog]");
  const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey;
  if (link && plain && window.htmx && shared()) {
    event.preventDefault();
    shared().returnFocus = link.closest("details.menu")?.querySelector("summary") || link;
    htmx.ajax("GET", link.href, { target: "#dialog", swap: "innerHTML" });
  }
});

document.addEventListener("htmx:afterSwap", (event) => {
  const dialog = shared();
  if (event.detail.target !== dialog || !dialog.firstElementChild) return;
  if (!dialog.open) dialog.showModal();
  const wanted = dialog.querySelector("[aria-invalid=true], [autofocus]");
  (wanted || dialog.querySelector(".body input:not([type=hidden]), .body select, .body textarea, footer button"))?.focus();
});

document.addEventListener("close", (event) => {
  if (event.target !== shared()) return;
  event.target.returnFocus?.focus?.();
  event.target.replaceChildren();
}, true);

// A typed confirmation: the button wakes when the text is the wanted one. The server
// compares as well.
const compare = (input) => {
  const button = input.form?.querySelector("[data-confirm-button]");
  if (button) button.disabled = input.value.trim() !== input.dataset.confirm;
};
document.addEventListener("input", (event) => {
  if (event.target.matches?.("[data-confirm]")) compare(event.target);
});
const prepare = (root) => root.querySelectorAll("[data-confirm]").forEach(compare);
document.addEventListener("DOMContentLoaded", () => {
  prepare(document);
  document.querySelectorAll("dialog[data-show]").forEach((dialog) => dialog.showModal());
});
document.addEventListener("htmx:afterSettle", (event) => prepare(event.detail.elt));
