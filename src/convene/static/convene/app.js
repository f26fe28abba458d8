// A form that was sent says so in words and cannot be sent twice.
document.addEventListener("submit", (event) => {
  const button = event.submitter;
  if (!button || event.defaultPrevented) return;
  const busy = button.dataset.busy;
  // after this turn, so that the button's own value is still sent
  setTimeout(() => {
    button.disabled = true;
    if (busy) button.textContent = busy;
  });
});

// A page from the browser's cache would show the button as it was left.
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});
