"""``convene doctor``: whether all that Convene needs is right; it changes and sends nothing."""

import smtplib
import sys
from collections.abc import Callable
from datetime import timedelta
from importlib.metadata import version
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import WARNING, run_checks
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import get_connection
from django.core.management.base import BaseCommand
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Max
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateWorker

from convene.collected import refuse_old_files
from convene.plugins import Plugin
from convene.tenancy.guard import refuse_powerful_role

SIGN_OF_LIFE = timedelta(minutes=1)  # a worker gives one every ten seconds


class Wrong(Exception):
    """Something is not as it must be; the message says what, and what to do."""


class Command(BaseCommand):
    help = "Say whether settings, files, mail server, database, tables and worker are right."
    requires_system_checks = ()

    def handle(self, **options: Any) -> None:
        """Exit code 1 if anything is wrong."""
        is_well = all([self._say(look) for look in (_settings, _files, _mail_server)])
        try:
            is_well &= all([self._say(look) for look in (_role, _tables, _plugins, _worker)])
        except DatabaseError as error:
            self.stdout.write(f"wrong  The database does not answer: {error}")
            is_well = False
        if not is_well:
            sys.exit(1)

    def _say(self, look: Callable[[], str]) -> bool:
        try:
            self.stdout.write(f"right  {look()}")
        except (Wrong, ImproperlyConfigured) as error:
            self.stdout.write(f"wrong  {error}")
            return False
        return True


def _settings() -> str:
    """What cannot be meant has stopped this command already."""
    found = run_checks(include_deployment_checks=not settings.DEVELOPMENT)
    serious = [one for one in found if one.level >= WARNING and not one.is_silenced()]
    if serious:
        raise Wrong(" ".join(f"{one.msg} ({one.id})" for one in serious))
    return f"The settings and keys can be used; this is convene {version('convene')}."


def _files() -> str:
    refuse_old_files()
    if not settings.STATIC_ROOT:
        return "Development serves files for browsers from where they are."
    return "The files for browsers are those of this version."


def _mail_server() -> str:
    """Connect, encrypt and sign in as before each mail."""
    where = f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}"
    server = get_connection()
    try:
        server.open()
    except (OSError, smtplib.SMTPException) as error:
        raise Wrong(
            f"The mail server {where} cannot be used: {error} (CONVENE_SMTP_URL)."
        ) from None
    finally:
        server.close()
    signed_in = " and lets us sign in" if settings.EMAIL_HOST_USER else ""
    return f"The mail server {where} answers{signed_in}."


def _role() -> str:
    refuse_powerful_role()
    return "The database answers, and its role may not look behind the walls between MSPs."


def _tables() -> str:
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        raise Wrong(
            f"The tables are of an older version: {len(missing)} changes are missing. Run convene"
            " migrate as the owner."
        )
    return "The tables are those of this version."


def _plugins() -> str:
    plugins = [one for one in apps.get_app_configs() if isinstance(one, Plugin)]
    if found := [sentence for plugin in plugins for sentence in plugin.examine()]:
        raise Wrong(" ".join(found))
    names = ", ".join(str(plugin.verbose_name) for plugin in plugins)
    return f"All is well with {names}." if names else "No plugin is installed."


def _worker() -> str:
    last = ProcrastinateWorker.objects.aggregate(at=Max("last_heartbeat"))["at"]
    if last is None or last < timezone.now() - SIGN_OF_LIFE:
        since = f" since {last:%Y-%m-%d %H:%M} UTC" if last else ""
        raise Wrong(f"No worker runs{since}, and no mail leaves. Start convene worker.")
    return "A worker runs."
