// Keys for whoever goes through many requests. Each of them only moves the focus or opens what a
// click would open; nothing is decided by one key.
const KEYS = {
  j: () => step(1),
  k: () => step(-1),
  a: () => document.getElementById("approve")?.focus(),
  d: () => document.getElementById("id_reason")?.focus(),
  "/": () => document.getElementById("q")?.select(),
  "?": () => keys.showModal(),
};
const keys = document.getElementById("keys");
const on = document.getElementById("keys_on");
const OFF = "convene.keys.off";

keys.querySelector("button").addEventListener("click", () => keys.close());

// Who speaks to their computer, or presses keys by mistake, switches them off.
on.checked = !localStorage.getItem(OFF);
on.addEventListener("change", () =>
  on.checked ? localStorage.removeItem(OFF) : localStorage.setItem(OFF, "1"),
);

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
  if (keys.open || !on.checked) return;
  // A letter means nothing to a switch, where somebody is who overrules a conflict.
  if (event.target.closest("input:not([type=checkbox]), select, textarea")) return;
  const act = KEYS[event.key];
  if (!act) return;
  event.preventDefault(); // the letter is not typed where the focus goes
  act();
});

document.addEventListener("click", (event) => {
  if (event.target.closest("#keys_open")) keys.showModal();
  if (!event.target.closest("a[href='#id_reason']")) return;
  event.preventDefault(); // a link to a field puts the cursor into it
  KEYS.d();
});

// What somebody typed stays with its request while they look at others. Once a request is decided,
// its forms never come again.
const TYPED = "#approval [name=internal_notes], #decline [name=reason]";
const draftOf = (field) => `convene.draft.${field.form.getAttribute("action")}`;

document.addEventListener("input", ({ target }) => {
  if (target.matches(TYPED)) sessionStorage.setItem(draftOf(target), target.value);
});

function putBack() {
  for (const field of document.querySelectorAll(TYPED))
    field.value ||= sessionStorage.getItem(draftOf(field)) ?? "";
}

function rows() {
  return [...document.querySelectorAll("#queue a")];
}

function chosen(all) {
  return all.findIndex((row) => row.hasAttribute("aria-current"));
}

function step(by) {
  const all = rows();
  all[Math.max(chosen(all) + by, 0)]?.click();
}

// The row that is open, and the keys that lead to its neighbours.
function mark(open) {
  const all = rows();
  for (const row of open ? all : []) row.removeAttribute("aria-current");
  open?.setAttribute("aria-current", "true");
  const at = chosen(all);
  all.forEach((row, index) => {
    const key = { [at + 1]: "j", [at - 1]: "k" }[index];
    if (key) row.setAttribute("aria-keyshortcuts", key);
    else row.removeAttribute("aria-keyshortcuts");
  });
  document.getElementById("keys_open")?.removeAttribute("hidden");
  const list = document.querySelector(".split-queue");
  if (at < 0 || !list) return;
  const [row, frame] = [all[at].getBoundingClientRect(), list.getBoundingClientRect()];
  if (row.top < frame.top) list.scrollTop -= frame.top - row.top;
  if (row.bottom > frame.bottom) list.scrollTop += row.bottom - frame.bottom;
}

// A request was swapped in: the page is called as it is, and is read from its heading on.
document.addEventListener("htmx:after:swap", ({ detail }) => {
  putBack();
  const row = detail.ctx.sourceElement;
  if (!row.closest("#queue")) {
    mark();
    return;
  }
  const part = document.getElementById("chosen");
  document.title = part.dataset.title;
  document.getElementById("notices").replaceChildren(); // they were about another one
  mark(row);
  part.querySelector("h2").focus();
});

putBack();
mark();
