"""The worker's jobs around appointments."""

from django.utils import timezone
from procrastinate.contrib.django import app

from . import reminders


@app.periodic(cron="* * * * *")
@app.task(name="remind_of_appointments", queueing_lock="remind_of_appointments")
def remind_of_appointments(timestamp: int) -> None:
    """Add the reminders that are due to the outbox. A minute that was missed is made up for."""
    reminders.remind_all(timezone.now())
