// Toasts leave after six seconds, unless somebody points at or stands in them; errors stay.
const watch = (toast) => {
  if (toast.dataset.watched) return;
  toast.dataset.watched = "yes";
  if (toast.classList.contains("bad")) return;
  let timer;
  const start = () => { timer = setTimeout(() => toast.remove(), 6000); };
  const stop = () => clearTimeout(timer);
  toast.addEventListener("pointerenter", stop);
  toast.addEventListener("pointerleave", start);
  toast.addEventListener("focusin", stop);
  toast.addEventListener("focusout", start);
  start();
};

document.addEventListener("DOMContentLoaded", () => {
  const box = document.getElementById("toasts");
  if (!box) return;
  const watchAll = () => box.querySelectorAll(".toast").forEach(watch);
  watchAll();
  new MutationObserver(watchAll).observe(box, { childList: true });
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-dismiss]")) event.target.closest(".toast")?.remove();
});
