// The calendar as a grid, where there is room for one. The list in the page says the same, and
// stays on phones, without scripts, and when anything here fails.
//
// All times here are what the clock on the member's wall shows: the server computes them, and this
// browser's own zone has no say. So no Date of ours is ever read by it.
const root = document.getElementById("grid");
const filter = document.getElementById("filter");
const locale = document.documentElement.lang === "en" ? "en-GB" : document.documentElement.lang;
const VIEWS = { week: "timeGridWeek", day: "timeGridDay", team: "resourceTimeGridDay" };

filter.addEventListener("change", () => filter.requestSubmit());

if (matchMedia("(min-width: 48rem)").matches) {
  try {
    draw();
    root.dataset.drawn = "";
  } catch (error) {
    console.error(error);
  }
}

function draw() {
  EventCalendar.create(root, {
    view: VIEWS[root.dataset.view],
    date: root.dataset.day,
    timeZone: root.dataset.offset, // for the line of the present alone
    locale,
    firstDay: 1,
    headerToolbar: { start: "", center: "", end: "" },
    resources: columns(),
    eventSources: [{ events: fetchItems }],
    eventFilter: ({ event, view }) => belongs(event, view.type),
    eventContent: ({ event, timeText }) => content(event, timeText),
    eventClick: ({ event }) => open(event.extendedProps.url),
    dateClick: ({ dateStr, allDay, resource }) =>
      enterBusyTime(dateStr, shift(dateStr, allDay ? { days: 1 } : { seconds: 3600 }), allDay, resource),
    selectable: true,
    select: ({ startStr, endStr, allDay, resource }) =>
      enterBusyTime(startStr, endStr, allDay, resource),
    nowIndicator: true,
    slotDuration: "00:30",
    snapDuration: "00:15",
    slotHeight: 28,
    slotEventOverlap: false,
    slotMinTime: "07:00",
    slotMaxTime: "19:00",
    views: { resourceTimeGridDay: { columnWidth: "minmax(8rem, 1fr)" } },
    flexibleSlotTimeLimits: { eventFilter: () => true },
    allDayContent: root.dataset.allDay,
    dayHeaderFormat: { weekday: "short", day: "numeric", month: "short" },
    slotLabelFormat: { hour: "2-digit", minute: "2-digit" },
    eventTimeFormat: { hour: "2-digit", minute: "2-digit" },
  });
}

// Technicians as columns, and one for what still needs a technician.
function columns() {
  const chosen = filter.elements.technician;
  const people = [...chosen.options].filter(
    (option) => option.value && (!chosen.value || option.selected),
  );
  const all = people.map((option) => ({ id: option.value, title: option.text }));
  if (!chosen.value) all.unshift({ id: root.dataset.nobody, title: root.dataset.nobodyLabel });
  return all;
}

async function fetchItems({ startStr, endStr }) {
  const range = { start: startStr.slice(0, 10), end: endStr.slice(0, 10) };
  const query = new URLSearchParams({ ...range, technician: filter.elements.technician.value });
  const answer = await fetch(`${root.dataset.items}?${query}`);
  if (answer.redirected) location.reload(); // signed out
  if (answer.redirected || !answer.ok) throw new Error(answer.statusText);
  return (await answer.json()).events;
}

// Hours of work are there twice: for each column, and of everybody together.
function belongs(event, view) {
  const columns = view.startsWith("resource");
  return event.display !== "background" || columns === event.resourceIds.length > 0;
}

function content(event, timeText) {
  if (event.display === "background") return undefined;
  const words = [
    ["ec-event-title", event.title],
    ["", root.dataset.view === "team" ? "" : event.extendedProps.who],
    ["ec-event-time", event.allDay ? "" : timeText],
  ].filter(([, text]) => text);
  return { domNodes: words.flatMap(([name, text]) => [span(name, text), " "]) };
}

function span(name, text) {
  const element = document.createElement("span");
  element.className = name;
  element.textContent = text;
  return element;
}

function open(url) {
  if (url) location.assign(`${url}?${new URLSearchParams({ calendar: root.dataset.calendar })}`);
}

// The form for a time that somebody pointed at.
function enterBusyTime(start, end, allDay, resource) {
  const url = new URL(root.dataset.newBusy, location.href);
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
  };
}

// Some time later on the same wall, where no hour is skipped.
function shift(wall, { days = 0, seconds = 0 }) {
  const at = Date.parse(`${wall.slice(0, 19)}Z`) + (days * 86400 + seconds) * 1000;
  return new Date(at).toISOString().slice(0, 19);
}
