"""``convene worker``: runs the jobs; one process is enough."""

import asyncio
import signal
import time
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from procrastinate.contrib.django import app
from procrastinate.contrib.django.utils import connector_params
from procrastinate.exceptions import ConnectorException
from procrastinate.psycopg_connector import PsycopgConnector

from convene.logs import log
from convene.tenancy.db import AWAY
from convene.tenancy.guard import refuse_powerful_role

LONGEST_PAUSE = 30  # seconds


class Command(BaseCommand):
    help = "Run the jobs: send mails and what else is due. Ends at Ctrl-C or SIGTERM."

    def handle(self, **options: Any) -> None:
        """Go on when the database was away, until somebody ends it."""
        # SIGTERM is Ctrl-C: at once while we wait, after the jobs that run while they do.
        signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
        pause = 1
        with suppress(KeyboardInterrupt):
            while True:
                try:
                    refuse_powerful_role()
                    pause = 1
                    asyncio.run(_run_jobs())
                    reason = "a connection was lost"  # procrastinate has said which
                except (*AWAY, ConnectorException) as error:
                    reason = _why_away(error)
                log.warning("worker.database_away", reason=reason, pause=pause)
                time.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)


async def _run_jobs() -> None:
    """Returns or raises when it cannot go on; is cancelled by Ctrl-C."""
    connector = PsycopgConnector(kwargs=connector_params(), timeout=settings.DATABASE_PATIENCE)
    with app.replace_connector(connector) as running:
        async with running.open_async():
            try:
                await running.run_worker_async(
                    concurrency=4, delete_jobs="successful", install_signal_handlers=False
                )
            except ConnectorException:
                me = asyncio.current_task()
                if me and me.cancelling():  # ended while the database was away
                    raise asyncio.CancelledError from None
                raise


def _why_away(error: Exception) -> str:
    """What the database's client said, if it is about the connection; raises all else again."""
    said = error.__cause__ if isinstance(error, ConnectorException) else error
    if not isinstance(said, AWAY):
        raise error
    return str(said)
