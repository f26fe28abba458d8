// Light or dark as the system says. Loaded before the first paint, so that nothing flashes.
const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => {
  document.documentElement.dataset.bsTheme = dark.matches ? "dark" : "light";
};
dark.addEventListener("change", follow);
follow();

// Going back to a page that htmx changed reads it anew; htmx itself listens too late for whoever
// goes back twice.
addEventListener("popstate", ({ state }) => {
  if (state?.htmx) location.reload();
});
