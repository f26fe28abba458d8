"""A new key in front: secrets are sealed with it, and the old key can go."""

import io

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.test import override_settings

from convene.tenancy.db import tenant_atomic
from convene_teams.models import MicrosoftProfile
from ee.tests.make_teams import make_profile
from tests.make import make_tenant

pytestmark = pytest.mark.usefixtures("db")

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


def test_after_resealing_the_old_key_can_go() -> None:
    tenant = make_tenant()
    with override_settings(CONVENE_SECRET_KEYS=[OLD]):
        make_profile(tenant, secret="the client secret")

    with override_settings(CONVENE_SECRET_KEYS=[NEW, OLD]):
        call_command("reseal_secrets", stdout=io.StringIO())

    with override_settings(CONVENE_SECRET_KEYS=[NEW]), tenant_atomic(tenant):
        assert MicrosoftProfile.objects.get().unseal_secret() == "the client secret"


def test_a_secret_whose_key_is_lost_is_named_and_the_others_are_done() -> None:
    tenant, other = make_tenant(), make_tenant()
    with override_settings(CONVENE_SECRET_KEYS=[OLD]):
        make_profile(tenant)
    with override_settings(CONVENE_SECRET_KEYS=[NEW]):
        make_profile(other)
        out, err = io.StringIO(), io.StringIO()
        with pytest.raises(CommandError, match="1 cannot be read"):
            call_command("reseal_secrets", stdout=out, stderr=err)

    assert out.getvalue() == "1 sealed with the newest key.\n"
    assert err.getvalue().startswith(f"{tenant.slug}: ")


def test_the_doctor_names_the_secrets_whose_key_is_lost() -> None:
    tenant, other = make_tenant(), make_tenant()
    with override_settings(CONVENE_SECRET_KEYS=[OLD]):
        make_profile(tenant)
    said = io.StringIO()

    with override_settings(CONVENE_SECRET_KEYS=[NEW]):
        make_profile(other)
        with pytest.raises(SystemExit) as ended:
            call_command("doctor", stdout=said)

    [about] = [line for line in said.getvalue().splitlines() if "client secret" in line]
    assert ended.value.code == 1
    assert about.startswith("wrong  The client secret of ")
    assert f"({tenant.slug}) cannot be read" in about
