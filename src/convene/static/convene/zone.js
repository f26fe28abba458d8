// A visitor begins with the zone of their machine, if it is one that we know.
const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
const zones = document.querySelector("[name=requester_timezone]");
if ([...(zones?.options ?? [])].some((option) => option.value === timeZone)) zones.value = timeZone;
