"""``convene reseal_secrets``: after a new key was put in front of CONVENE_SECRET_KEYS."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from convene.sealed import CannotUnseal
from convene.tenancy.db import tenant_atomic
from convene.tenancy.models import Tenant
from convene_teams.models import MicrosoftProfile


class Command(BaseCommand):
    help = "Seal all stored client secrets with the newest key, so that the old one can go."

    def handle(self, **options: Any) -> None:
        done, lost = 0, 0
        for tenant in Tenant.objects.all():
            with tenant_atomic(tenant):
                for profile in MicrosoftProfile.objects.select_for_update():
                    try:
                        profile.seal_secret(profile.unseal_secret())
                    except CannotUnseal as error:
                        self.stderr.write(f"{tenant.slug}: {profile.display_name}: {error}")
                        lost += 1
                        continue
                    profile.save(update_fields=["sealed_secret"])
                    done += 1
        self.stdout.write(f"{done} sealed with the newest key.")
        if lost:
            raise CommandError(f"{lost} cannot be read; enter those client secrets again.")
