// Copy buttons: `data-copy="#id"` copies that element's text or value.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  event.preventDefault();
  const source = document.querySelector(button.dataset.copy);
  const text = source?.value ?? source?.textContent ?? "";
  try {
    await navigator.clipboard.writeText(text.trim());
  } catch {
    // No clipboard outside of a secure context: select it, so that Ctrl-C does the rest.
    if (source?.select) source.select();
    else if (source) getSelection().selectAllChildren(source);
    return;
  }
  const label = button.querySelector("[data-copy-label]");
  if (!label || button.dataset.copied) return;
  const before = label.textContent;
  button.dataset.copied = "yes";
  label.textContent = button.dataset.copiedLabel || "Copied";
  setTimeout(() => {
    label.textContent = before;
    delete button.dataset.copied;
  }, 2000);
});
