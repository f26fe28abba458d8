"""``convene worker``: runs the jobs; one process is enough."""

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand

from convene.tenancy.guard import refuse_powerful_role


class Command(BaseCommand):
    help = "Run the jobs: send mails and what else is due. Ends at Ctrl-C or SIGTERM."

    def handle(self, **options: Any) -> None:
        refuse_powerful_role()
        call_command("procrastinate", "worker", concurrency=4, delete_jobs="successful")
