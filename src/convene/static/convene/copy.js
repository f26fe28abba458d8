// A text that is there to be copied gets a button that does it, where the browser lets us.
if (navigator.clipboard) {
  for (const button of document.querySelectorAll("[data-copied]")) {
    const label = button.textContent;
    button.hidden = false;
    button.addEventListener("click", async () => {
      const text = button.closest(".copy").querySelector(".copy-text").textContent;
      await navigator.clipboard.writeText(text);
      button.textContent = button.dataset.copied;
      setTimeout(() => { button.textContent = label; }, 2000);
    });
  }
}
