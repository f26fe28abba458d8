"""The worker's jobs around mail."""

from uuid import UUID

from django.db import DatabaseError
from django.utils import timezone
from procrastinate.contrib.django import app

from convene.logs import log
from convene.tenancy.db import is_away, tenant_atomic
from convene.tenancy.models import Tenant

from .delivery import deliver
from .models import OutboxMail


@app.task(name="deliver_mail")
def deliver_mail(tenant_id: str, subject_id: str) -> None:
    """Send what is due about one subject. A wake-up: it may come any number of times."""
    deliver(UUID(tenant_id), UUID(subject_id))


@app.periodic(cron="* * * * *")
@app.task(name="deliver_due_mail", queueing_lock="deliver_due_mail")
def deliver_due_mail(timestamp: int) -> None:
    """Wake up for mails whose turn to be tried again has come, or whose sender died.

    What the database refuses of one subject keeps no other waiting.
    """
    for tenant in Tenant.objects.all():
        with tenant_atomic(tenant):
            due = OutboxMail.objects.due(timezone.now()).order_by("subject_id")
            subjects = list(due.values_list("subject_id", flat=True).distinct())
        for subject_id in subjects:
            try:
                deliver(tenant.id, subject_id)
            except DatabaseError as error:
                if is_away(error):
                    raise  # from all of them
                log.exception("mail.defect", tenant=str(tenant.id), subject=str(subject_id))


@app.periodic(cron="* * * * *")
@app.task(name="retry_stalled_jobs", queueing_lock="retry_stalled_jobs")
async def retry_stalled_jobs(timestamp: int) -> None:
    """Run jobs again whose worker died."""
    for job in await app.job_manager.get_stalled_jobs():
        await app.job_manager.retry_job(job)


@app.periodic(cron="17 3 * * *")
@app.task(name="remove_finished_jobs", queueing_lock="remove_finished_jobs")
async def remove_finished_jobs(timestamp: int) -> None:
    """Forget jobs that ended three days ago."""
    await app.job_manager.delete_old_jobs(nb_hours=72, include_failed=True)
