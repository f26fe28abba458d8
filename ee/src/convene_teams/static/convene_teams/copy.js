// A text that is there to be copied gets a button that does it, where the browser lets us.
if (navigator.clipboard) {
  for (const button of document.querySelectorAll("[data-teams-copy]")) {
    const label = button.textContent;
    button.hidden = false;
    button.addEventListener("click", async () => {
      const text = button.closest(".teams-script").querySelector("pre").textContent;
      await navigator.clipboard.writeText(text);
      button.textContent = button.dataset.teamsCopy;
      setTimeout(() => { button.textContent = label; }, 2000);
    });
  }
}
