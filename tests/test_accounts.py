"""Signing in: invited people only, slowly for guessers, and mails through the worker."""

import re
from datetime import timedelta
from email.utils import parseaddr
from hashlib import sha256

import pytest
import structlog
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.test import Client as Browser
from django.utils import timezone

from convene.accounts.models import AccountMail, User
from convene.accounts.tasks import forget_what_is_over, send_account_mail
from convene.clients.actions import Refused, invite_contact
from convene.tenancy.models import Membership, Tenant
from convene.tenancy.permissions import Role
from tests.make import PASSWORD, make_client, make_contact, make_member, make_tenant
from tests.postbox import postbox, text_of

pytestmark = pytest.mark.usefixtures("db")

LOGIN = "/accounts/login/"


def sign_in(browser: Browser, email: str, password: str = PASSWORD):
    return browser.post(LOGIN, {"login": email, "password": password})


def test_a_member_signs_in_and_lands_in_their_msp():
    member = make_member(make_tenant(slug="northwind"))
    browser = Browser()

    sign_in(browser, member.user.email)

    assert browser.get("/").headers["Location"] == "/t/northwind/today/"


@pytest.mark.parametrize("path", [LOGIN, "/accounts/password/reset/"])
def test_an_address_is_called_as_everywhere_and_no_field_repeats_its_label(path):
    page = Browser().get(path).content.decode()

    assert "E-mail address</label>" in page
    assert "placeholder" not in page


def test_who_has_signed_in_is_named_in_the_frame_alone():
    member = make_member(make_tenant(slug="northwind"), "Dana Weber")
    browser = Browser()

    sign_in(browser, member.user.email)

    page = browser.get("/", follow=True).content.decode()
    assert page.count("Dana Weber") == 1
    assert "alert-success" not in page


def test_a_client_lands_in_the_portal():
    member = make_member(make_tenant(slug="northwind"), role=Role.CLIENT)
    browser = Browser()

    sign_in(browser, member.user.email)

    assert browser.get("/").headers["Location"] == "/portal/northwind/"


def test_people_in_several_msps_choose_one():
    member = make_member(make_tenant("Northwind IT"))
    Membership.objects.create(tenant=make_tenant("Fabrikam"), user=member.user, role=Role.ADMIN)
    browser = Browser()
    sign_in(browser, member.user.email)

    page = browser.get("/").content.decode()

    assert page.index("Fabrikam") < page.index("Northwind IT")


def test_a_closed_membership_is_no_way_in():
    member = make_member(make_tenant(), active=False)
    browser = Browser()
    sign_in(browser, member.user.email)

    assert browser.get(f"/t/{member.tenant.slug}/requests/").status_code == 404


def test_nobody_signs_up():
    answer = Browser().post(
        "/accounts/signup/", {"email": "x@y.example", "password1": "Some long words 7"}
    )

    assert answer.status_code == 200
    assert "invite" in answer.content.decode()
    assert not User.objects.filter(email="x@y.example").exists()


def test_whoever_guesses_passwords_is_stopped_even_with_the_right_one():
    member = make_member(make_tenant())
    browser = Browser()
    for _ in range(5):
        sign_in(browser, member.user.email, "wrong")

    answer = sign_in(browser, member.user.email)

    assert answer.status_code == 200
    assert "Too many failed login attempts" in answer.content.decode()


def test_guessing_is_in_the_log_without_what_was_typed():
    email = "dana@northwind.example"
    with structlog.testing.capture_logs() as lines:
        for _ in range(6):
            sign_in(Browser(), f" {email.title()}", "a secret of somebody")

    events = [line["event"] for line in lines]
    assert (events.count("sign_in.failed"), events.count("sign_in.locked")) == (5, 1)
    assert {line["account"] for line in lines if line["event"].startswith("sign_in")} == {
        sha256(email.encode()).hexdigest()[:12]
    }
    assert {line["ip"] for line in lines if line["event"].startswith("sign_in")} == {"127.0.0.1"}
    assert "dana" not in str(lines).lower()
    assert "secret" not in str(lines)


def test_after_signing_out_the_browser_forgets_what_it_showed():
    member = make_member(make_tenant())
    browser = Browser()
    sign_in(browser, member.user.email)

    page = browser.get(f"/t/{member.tenant.slug}/requests/")
    answer = browser.post("/accounts/logout/")

    assert page.headers["Cache-Control"] == "private, no-cache"
    assert answer.headers["Clear-Site-Data"] == '"cache"'


def test_nobody_can_have_convene_write_to_an_address_all_day():
    for _ in range(7):
        answer = Browser().post("/accounts/password/reset/", {"email": "nobody@x.example"})

    assert answer.status_code == 429
    assert AccountMail.objects.count() == 5


def test_a_mail_that_no_server_took_is_forgotten_with_its_link():
    old = AccountMail.objects.create(to="nope@x.example", subject="Old", body="a link")
    AccountMail.objects.filter(id=old.id).update(created_at=timezone.now() - timedelta(days=4))
    young = AccountMail.objects.create(to="yes@x.example", subject="Young", body="a link")
    browser = Browser()
    sign_in(browser, make_member(make_tenant()).user.email)
    Session.objects.update(expire_date=timezone.now() - timedelta(days=1))

    forget_what_is_over(timestamp=0)

    assert list(AccountMail.objects.all()) == [young]
    assert not Session.objects.exists()


def test_mails_about_signing_in_come_from_the_domain_of_the_sender():
    mail = AccountMail.objects.create(to="yes@x.example", subject="S", body="B")

    with postbox() as box:
        send_account_mail(mail_id=str(mail.id))

    domain = parseaddr(settings.CONVENE_MAIL_FROM)[1].rpartition("@")[2]
    assert box.messages[0]["Message-ID"] == f"<{mail.id}@{domain}>"


def test_a_forgotten_password_is_set_anew_through_a_mail_from_the_worker():
    member = make_member(make_tenant())

    Browser().post("/accounts/password/reset/", {"email": member.user.email})

    mail = AccountMail.objects.get()
    with postbox() as box:
        send_account_mail(mail_id=str(mail.id))
    assert AccountMail.objects.count() == 0
    set_password(text_of(box.messages[0]), "A much better one 7")
    assert "_auth_user_id" in sign_in_and_session(member.user.email, "A much better one 7")


def set_password(mail: str, password: str) -> None:
    """Follow the link of a mail and set a password there."""
    link = re.search(r"https?://[^/]+(/accounts/\S+)", mail)
    assert link is not None
    browser = Browser()
    form = browser.get(link.group(1), follow=True)
    path = form.redirect_chain[-1][0]
    browser.post(path, {"password1": password, "password2": password})


def sign_in_and_session(email: str, password: str):
    browser = Browser()
    sign_in(browser, email, password)
    return browser.session


def test_asking_for_an_unknown_address_looks_the_same():
    member = make_member(make_tenant())

    known = Browser().post("/accounts/password/reset/", {"email": member.user.email})
    unknown = Browser().post("/accounts/password/reset/", {"email": "nobody@x.example"})

    assert (known.status_code, known.headers["Location"]) == (
        unknown.status_code,
        unknown.headers["Location"],
    )


def test_a_tenant_is_founded_and_its_admin_invited_by_one_command():
    call_command(
        "create_tenant",
        "northwind",
        name="Northwind IT",
        timezone="Europe/Berlin",
        email="desk@northwind.example",
        admin_email="Ada@northwind.example",
        admin_name="Ada",
    )

    assert Membership.objects.get().role == Role.ADMIN
    set_password(AccountMail.objects.get().body, "A first good one 7")
    assert "_auth_user_id" in sign_in_and_session("ada@northwind.example", "A first good one 7")


def test_a_tenant_needs_a_real_zone_and_a_free_name():
    make_tenant(slug="northwind")
    options = {"email": "d@n.example", "admin_email": "a@n.example", "admin_name": "Ada"}

    with pytest.raises(CommandError, match="Unknown time zone: Mars"):
        call_command("create_tenant", "new", name="N", timezone="Mars", **options)
    with pytest.raises(CommandError, match="already exists"):
        call_command("create_tenant", "northwind", name="N", timezone="UTC", **options)
    assert Tenant.objects.count() == 1


@pytest.mark.parametrize(
    ("admin", "field"),
    [
        ({"admin_email": "nope", "admin_name": "Ada"}, "email"),
        ({"admin_email": "a@n.example", "admin_name": ""}, "name"),
        ({"admin_email": "a@n.example", "admin_name": "A" * 101}, "name"),
    ],
)
def test_a_tenant_is_not_founded_without_an_admin_who_can_be_written_to(admin, field):
    options = {"name": "N", "timezone": "UTC", "email": "d@n.example"} | admin

    with pytest.raises(CommandError, match=rf"^{field}: "):
        call_command("create_tenant", "northwind", **options)

    assert not Tenant.objects.exists()
    assert not User.objects.exists()


def test_an_invitation_needs_an_address():
    make_tenant(slug="northwind")

    with pytest.raises(CommandError, match=r"^email: "):
        call_command("invite", "northwind", "not an address", name="Ada", role="admin")


def test_inviting_a_member_again_changes_their_role():
    member = make_member(make_tenant(slug="northwind"), role=Role.TECHNICIAN)

    call_command("invite", "northwind", member.user.email, name="Any", role="admin")

    member.refresh_from_db()
    assert member.role == Role.ADMIN
    assert "password/reset" not in AccountMail.objects.get().body


def test_who_leaves_is_out_at_once_and_an_invitation_lets_them_in_again():
    tom = make_member(make_tenant(slug="northwind"), role=Role.TECHNICIAN)
    browser = Browser()
    browser.force_login(tom.user)
    today = "/t/northwind/today/"
    assert browser.get(today).status_code == 200

    call_command("close_membership", "northwind", tom.user.email.upper())

    assert browser.get(today).status_code == 404
    call_command("invite", "northwind", tom.user.email, name="Any", role="technician")
    assert browser.get(today).status_code == 200


def test_only_a_member_can_leave():
    make_tenant(slug="northwind")
    stranger = make_member(make_tenant())

    with pytest.raises(CommandError, match="Nobody at"):
        call_command("close_membership", "northwind", stranger.user.email)
    with pytest.raises(CommandError, match="no tenant called southwind"):
        call_command("close_membership", "southwind", stranger.user.email)


def test_a_contact_is_invited_to_the_portal():
    tenant = make_tenant()
    contact = make_contact(make_client(tenant), "Carla", email="carla@client.example")

    contact = invite_contact(tenant, contact.id, by=make_member(tenant))

    assert contact.membership.role == Role.CLIENT
    assert AccountMail.objects.get().to == "carla@client.example"


def test_a_colleague_is_not_made_a_client_by_an_invitation():
    tenant = make_tenant()
    dana = make_member(tenant)
    contact = make_contact(make_client(tenant), email=dana.user.email)

    with pytest.raises(Refused, match="one of your colleagues"):
        invite_contact(tenant, contact.id, by=dana)
