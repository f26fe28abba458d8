// The calendar as a grid, where there is room for one. The list in the page says the same, and
// stays on phones, without scripts, and when anything here fails.
//
// All times are what the clock on the member's wall shows: the server computes them, and this
// browser's own zone has no say. So no Date of ours is ever read by it.
const root = document.getElementById("grid");
const sheet = () => document.getElementById("sheet").dataset; // what is looked at
const whose = () => document.getElementById("whose");
const locale = document.documentElement.lang === "en" ? "en-GB" : document.documentElement.lang;
const dialog = document.getElementById("move");
let calendar;
let asked; // the fields of the move that the dialog is about
const VIEWS = { week: "timeGridWeek", day: "timeGridDay", team: "resourceTimeGridDay" };

const wide = matchMedia("(min-width: 48rem)");
wide.addEventListener("change", drawOnce);
drawOnce();

function drawOnce() {
  if (calendar || !wide.matches) return;
  try {
    draw();
    root.dataset.drawn = "";
  } catch (error) {
    showList(error);
  }
}

// Another day, view or technician: the bar and the list came from the server, and the grid follows.
let drawn = sheet().calendar;
document.addEventListener("htmx:after:swap", () => {
  if (sheet().calendar === drawn) return;
  drawn = sheet().calendar;
  document.title = sheet().title;
  document.getElementById("schedule_said").textContent = sheet().title;
  if (!calendar) return;
  calendar.setOption("resources", columns());
  calendar.setOption("view", VIEWS[sheet().view]);
  calendar.setOption("date", sheet().day);
  calendar.refetchEvents();
});

// A week is wider than a tablet. It begins where today is in sight.
function showToday() {
  const [days, head] = [root.querySelector(".ec-main"), root.querySelector(".ec-col-head.ec-today")];
  const hidden = head?.getBoundingClientRect().right - days?.getBoundingClientRect().right;
  if (hidden > 0) days.scrollLeft += hidden;
}

function showList(error) {
  console.error(error);
  root.dataset.failed = "";
}

function draw() {
  calendar = EventCalendar.create(root, {
    view: VIEWS[sheet().view],
    date: sheet().day,
    timeZone: root.dataset.offset, // for the line of the present alone
    locale,
    firstDay: 1,
    loading: (isLoading) => root.setAttribute("aria-busy", isLoading),
    slotEventOverlap: false, // a title under another one cannot be read
    columnWidth: "minmax(8.25rem, 1fr)",
    headerToolbar: { start: "", center: "", end: "" },
    resources: columns(),
    eventSources: [{ events: fetchItems }],
    eventFilter: ({ event, view }) => belongs(event, view.type),
    eventContent: ({ event, timeText }) => content(event, timeText),
    eventDidMount: ({ el, event }) => prepare(el, event),
    eventAllUpdated: dropTableRoles,
    datesSet: showToday,
    eventClick: ({ event }) => open(event.extendedProps.url),
    dateClick: ({ dateStr, allDay, resource }) =>
      enterBusyTime(dateStr, shift(dateStr, allDay ? { days: 1 } : { seconds: 3600 }), allDay, resource),
    eventStartEditable: false, // only what says so itself can be moved
    eventDurationEditable: false,
    selectable: true,
    select: ({ startStr, endStr, allDay, resource }) =>
      enterBusyTime(startStr, endStr, allDay, resource),
    eventDrop: ({ event, delta, newResource, revert }) => {
      const { start, end } = event.extendedProps;
      askToMove(event, shift(start, delta), shift(end, delta), newResource, revert);
    },
    eventResize: ({ event, startDelta, endDelta, revert }) => {
      const { start, end } = event.extendedProps;
      askToMove(event, shift(start, startDelta), shift(end, endDelta), undefined, revert);
    },
    nowIndicator: true,
    slotDuration: "00:30",
    snapDuration: "00:15",
    slotHeight: 32,
    slotMinTime: "07:00",
    slotMaxTime: "19:00",
    flexibleSlotTimeLimits: { eventFilter: () => true },
    allDayContent: root.dataset.allDay,
    dayHeaderFormat: { weekday: "short", day: "numeric", month: "short" },
    slotLabelFormat: { hour: "2-digit", minute: "2-digit" },
    eventTimeFormat: { hour: "2-digit", minute: "2-digit" },
  });
}

// Technicians as columns, and one for what still needs a technician.
function columns() {
  const chosen = whose();
  const people = [...chosen.options].filter(
    (option) => option.value && (!chosen.value || option.selected),
  );
  const all = people.map((option) => ({ id: option.value, title: option.text }));
  if (!chosen.value) all.unshift({ id: root.dataset.nobody, title: root.dataset.nobodyLabel });
  return all;
}

async function fetchItems({ startStr, endStr }) {
  const range = { start: startStr.slice(0, 10), end: endStr.slice(0, 10) };
  const query = new URLSearchParams({ ...range, technician: whose().value });
  try {
    const answer = await fetch(`${root.dataset.items}?${query}`);
    if (answer.redirected) location.reload(); // signed out
    const { events } = await answer.json();
    showColumns(events);
    return events;
  } catch (error) {
    showList(error);
    return [];
  }
}

// Who neither works nor has anything to do needs no column, once anybody has hours of work.
function showColumns(events) {
  const counts = ({ classNames }) => !classNames.includes("is-off");
  const used = new Set(events.filter(counts).flatMap((event) => event.resourceIds));
  const known = events.some(({ display }) => display === "background");
  const shown = columns().filter(({ id }) => used.has(id) || (!known && id !== root.dataset.nobody));
  if (shown.length) calendar.setOption("resources", shown);
}

// Hours of work, and who is off, are there twice: for each column, and of everybody together.
function belongs(event, view) {
  const inColumns = view.startsWith("resource");
  const isTwice = event.display === "background" || event.classNames.includes("is-off");
  return !isTwice || inColumns === event.resourceIds.length > 0;
}

function prepare(element, event) {
  if (!event.extendedProps.url)
    for (const name of ["role", "tabindex"]) element.removeAttribute(name); // it opens nothing
  if (event.display === "background") return;
  const { who, start, end } = event.extendedProps;
  const hours = event.allDay ? "" : `${start.slice(11, 16)}–${end.slice(11, 16)}`;
  // where there is no room for all of it
  element.title = [event.title, who, hours].filter(Boolean).join(", ");
}

// Event Calendar calls itself a table, but its cells are empty and its events lie over it: whoever
// listens would hear a table of nothing. As buttons in their order, with their day, events make sense.
function dropTableRoles() {
  const roles = ["table", "rowgroup", "row", "cell", "columnheader"];
  const parts = root.querySelectorAll(roles.map((role) => `[role=${role}]`).join());
  for (const part of parts)
    for (const name of ["role", "aria-colindex", "aria-colspan"]) part.removeAttribute(name);
}

function content(event, timeText) {
  if (event.display === "background") return undefined;
  const isObvious = sheet().view === "team" || whose().value;
  const words = [
    ["visually-hidden", `${day(event.extendedProps.start)} ${event.title}`],
    ["ec-event-title", event.extendedProps.what ?? event.title], // the pattern says the rest
    ["", isObvious ? "" : event.extendedProps.who],
    ["ec-event-time", event.allDay ? "" : timeText],
  ].filter(([, text]) => text);
  return { domNodes: words.flatMap(([name, text]) => [span(name, text), " "]) };
}

function span(name, text) {
  const element = document.createElement("span");
  element.className = name;
  element.textContent = text;
  if (name === "ec-event-title") element.ariaHidden = "true"; // it is heard with its day
  return element;
}

function open(url) {
  if (url) location.assign(`${url}?${new URLSearchParams({ calendar: sheet().calendar })}`);
}

// The form for a time that somebody pointed at.
function enterBusyTime(start, end, allDay, resource) {
  const others = root.dataset.only && resource && resource.id !== root.dataset.nobody;
  if (others && resource.id !== root.dataset.only) return; // the form would take it for one's own
  const url = new URL(sheet().newBusy, location.href);
  for (const [name, value] of Object.entries(busyFields(start, end, allDay)))
    url.searchParams.set(name, value);
  if (resource && resource.id !== root.dataset.nobody)
    url.searchParams.set("technician", resource.id);
  location.assign(url);
}

// As the form has it: whole days end on their last day, not on the midnight after it.
function busyFields(start, end, allDay) {
  const last = allDay ? shift(end, { days: -1 }) : end;
  return {
    first_day: start.slice(0, 10),
    last_day: last.slice(0, 10) === start.slice(0, 10) ? "" : last.slice(0, 10),
    from_time: allDay ? "" : start.slice(11, 16),
    to_time: allDay ? "" : end.slice(11, 16),
    timezone: root.dataset.zone,
  };
}

// Asks once. The answer is the form's that a person could have filled in: the server decides, and
// shows the calendar as it is then. Whatever closes the question leaves everything where it was.
function askToMove(event, start, end, resource, revert) {
  const { move, check, told = "", technician, busy, moments, ...before } = event.extendedProps;
  if (start === before.start && end === before.end && !resource) return;
  if (resource?.id === root.dataset.nobody) {
    revert();
    return;
  }
  const fields = {
    technician: resource?.id ?? technician,
    ...moments, // for whoever is given something at the second of two times that read the same
    ...(check ? finalFields(start) : { title: busy, ...busyFields(start, end, event.allDay) }),
  };
  const form = dialog.querySelector("form");
  form.action = move;
  document.getElementById("move_calendar").value = sheet().calendar;
  document.getElementById("move_fields").replaceChildren(...Object.entries(fields).map(hidden));
  document.getElementById("move_question").textContent = question(event, start, end, resource);
  document.getElementById("move_told").textContent = told;
  dialog.onclose = revert;
  dialog.showModal();
  showObstacles(check, fields);
}

document.getElementById("move_no").addEventListener("click", () => dialog.close());

function question(event, start, end, resource) {
  const words = document.getElementById("move_question").dataset;
  const when = event.allDay ? day(start) : `${day(start)}, ${start.slice(11, 16)}`;
  const until = !event.allDay && event.extendedProps.busy ? `–${end.slice(11, 16)}` : "";
  return (resource ? words.give : words.move)
    .replace("{when}", when + until)
    .replace("{who}", resource?.title);
}

function day(wall) {
  const format = { weekday: "short", day: "numeric", month: "short", timeZone: "UTC" };
  return new Intl.DateTimeFormat(locale, format).format(Date.parse(`${wall}Z`));
}

// The same sentences as beside the form of the appointment, with the switch to do it all the same.
// Nothing is sent before they are there: a refusal would leave the calendar.
async function showObstacles(check, fields) {
  const place = document.getElementById("move_check");
  const submit = dialog.querySelector("[type=submit]");
  place.replaceChildren();
  submit.hidden = false;
  submit.disabled = Boolean(check);
  asked = fields;
  if (!check) return;
  const sentences = await textOf(`${check}?${new URLSearchParams(fields)}`);
  // Somebody may have closed the question meanwhile, and asked another one.
  if (!dialog.open || asked !== fields) return;
  place.innerHTML = sentences;
  const tick = place.querySelector("[name=anyway]");
  if (tick) tick.required = true;
  submit.hidden = place.querySelector("[data-final]") !== null;
  submit.disabled = false;
  if (!submit.hidden) (tick ?? submit).focus();
}

// Nothing if there is no answer: the server judges what is sent in any case.
async function textOf(address) {
  try {
    const answer = await fetch(address);
    return answer.ok && !answer.redirected ? await answer.text() : "";
  } catch {
    return "";
  }
}

function hidden([name, value]) {
  const input = document.createElement("input");
  Object.assign(input, { type: "hidden", name, value });
  return input;
}

function finalFields(start) {
  return {
    final_date: start.slice(0, 10),
    final_time: start.slice(11, 16),
    final_timezone: root.dataset.zone,
  };
}

// Some time later on the same wall, where no hour is skipped.
function shift(wall, { days = 0, seconds = 0 } = {}) {
  const at = Date.parse(`${wall.slice(0, 19)}Z`) + (days * 86400 + seconds) * 1000;
  return new Date(at).toISOString().slice(0, 19);
}
