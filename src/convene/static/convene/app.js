// A form that was sent says so in words and cannot be sent twice.
document.addEventListener("submit", (event) => {
  const button = event.submitter;
  if (!button || event.defaultPrevented) return;
  if (button.formTarget) return; // the answer goes to a frame, and this page stays
  const busy = button.dataset.busy;
  // after this turn, so that the button's own value is still sent
  setTimeout(() => {
    button.disabled = true;
    if (busy) button.textContent = busy;
  });
});

// What somebody typed and did not send is for their eyes: it goes when they sign out, in all tabs,
// and when somebody else has signed in here.
const DRAFT = "convene.draft.";
const PERSON = "convene.person";
const tabs = new BroadcastChannel("convene.signed-out");

function forgetDrafts() {
  for (const key of Object.keys(sessionStorage))
    if (key.startsWith(DRAFT)) sessionStorage.removeItem(key);
}

const { person } = document.body.dataset;
if (person && sessionStorage.getItem(PERSON) !== person) {
  forgetDrafts();
  sessionStorage.setItem(PERSON, person);
}
document.addEventListener("submit", ({ target }) => {
  if (!target.matches("[data-signs-out]")) return;
  forgetDrafts();
  tabs.postMessage("");
});
tabs.addEventListener("message", forgetDrafts);

// Where we are is in sight, also where the places are more than fit.
for (const here of document.querySelectorAll("nav > [aria-current]"))
  here.parentElement.scrollLeft = here.offsetLeft - here.parentElement.clientWidth / 3;

// What just happened is read out first, and the keyboard goes on from there: the first wrong field,
// else what the page has to say.
const news =
  document.querySelector("[aria-invalid=true]") ?? document.querySelector("[data-news]");
news?.focus();

// A page from the browser's cache would show the button as it was left.
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});
