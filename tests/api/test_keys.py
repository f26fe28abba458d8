"""Keys of the API: their page, what they open, and when they stop."""

import hashlib
import io
import json
import re
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client as Browser

from convene.api import actions, auth
from convene.events.models import Event
from convene.tenancy import keys
from convene.tenancy.actions import invite
from convene.tenancy.db import tenant_atomic
from convene.tenancy.models import ApiKey, Membership
from convene.tenancy.permissions import Role
from tests.api.caller import Caller, Office
from tests.make import make_member
from tests.outage import superuser, until
from tests.test_logs import lines, written  # noqa: F401  # a fixture

__all__ = ["superuser"]

pytestmark = pytest.mark.usefixtures("db")


class Page:
    """The page of the keys in somebody's browser."""

    def __init__(self, member: Membership):
        self.browser = Browser()
        self.browser.force_login(member.user)
        self.url = f"/t/{member.tenant.slug}/api-keys/"

    def read(self) -> str:
        return " ".join(self.browser.get(self.url).content.decode().split())

    def make(self, **fields: str) -> Any:
        return self.browser.post(self.url, {"name": "PSA", "last_day": ""} | fields)


def only_key(member: Membership) -> ApiKey:
    with tenant_atomic(member.tenant):
        return ApiKey.objects.get()


def text_on(page: str) -> str:
    [text] = re.findall(r"cvn_[0-9a-f]{64}", page)
    return str(text)


def test_a_new_key_is_shown_once_and_opens_the_api():
    office = Office()
    page = Page(office.dana)

    answer = page.make(name="Our PSA")
    shown, later = page.read(), page.read()

    assert (answer.status_code, answer.url) == (303, page.url)
    text = text_on(shown)
    assert Caller(office.dana, text).get("/appointments").status_code == 200
    assert text not in later
    assert "Our PSA" in later
    assert f"<code>{text[:10]}…</code>" in later


def test_of_two_keys_made_by_a_double_click_both_are_shown():
    page = Page(Office().dana)

    page.make()
    page.make()

    shown = page.read()
    assert len(set(re.findall(r"cvn_[0-9a-f]{64}", shown))) == 2
    assert "cvn_" not in re.sub(r"<code>cvn_[0-9a-f]{6}…</code>", "", page.read())


def test_the_page_with_the_new_key_is_kept_by_no_browser():
    page = Page(Office().dana)
    page.make()

    assert "no-store" in page.browser.get(page.url).headers["Cache-Control"]


def test_the_text_of_a_key_is_in_no_table():
    office = Office()
    page = Page(office.dana)
    page.make()
    sessions = [session.get_decoded() for session in Session.objects.all()]

    text = text_on(page.read())

    assert text not in json.dumps(sessions)
    with tenant_atomic(office.tenant):
        digests = list(ApiKey.objects.values_list("digest", flat=True))
        kept = json.dumps([*ApiKey.objects.values(), *Event.objects.values()], default=str)
    assert hashlib.sha256(text.encode()).hexdigest() in digests
    assert text not in kept


def test_a_key_needs_a_name_and_an_end_that_is_to_come():
    page = Page(Office().dana)

    answer = page.make(name="", last_day="2020-01-01")

    assert answer.status_code == 422
    body = answer.content.decode()
    assert "This day is over." in body
    assert 'value="2020-01-01"' in body


def test_a_key_is_good_through_its_last_day_in_the_owners_zone():
    office = Office()
    office.dana.timezone = "America/New_York"
    office.dana.save(update_fields=["timezone"])
    page = Page(office.dana)
    page.make(last_day="2030-06-30")
    assert "good through 30 June 2030" in page.read()
    page.make(last_day="2030-06-30")
    api = Caller(office.dana, text_on(page.read()))

    with time_machine.travel(datetime(2030, 7, 1, 3, 59, tzinfo=UTC), tick=False):
        assert api.get("/appointments").status_code == 200
    with time_machine.travel(datetime(2030, 7, 1, 4, 0, tzinfo=UTC), tick=False):
        assert api.get("/appointments").status_code == 401
        assert "Ended" in Page(office.dana).read()


def test_revoking_asks_first_and_then_the_key_opens_nothing():
    office = Office()
    page, key = Page(office.dana), only_key(office.dana)
    url = f"{page.url}{key.id}/revoke/"

    question = page.browser.get(url).content.decode()
    before = office.api.get("/appointments").status_code
    answer = page.browser.post(url)

    assert "Revoke this key?" in question
    assert (answer.status_code, answer.headers["Location"]) == (303, page.url)
    assert (before, office.api.get("/appointments").status_code) == (200, 401)
    assert "Revoked: “PSA” opens nothing any more." in page.read()


def test_administrators_see_and_revoke_everybodys_keys_and_others_their_own():
    office = Office()
    admin = make_member(office.tenant, "Greta", Role.ADMIN)
    key = only_key(office.dana)
    of_dana = f"{key.id}/revoke/"

    seen_by_tom = Page(office.tom).read()
    refused = Page(office.tom).browser.post(Page(office.tom).url + of_dana)
    seen_by_admin = Page(admin).read()
    Page(admin).browser.post(Page(admin).url + of_dana)

    assert "No keys yet" in seen_by_tom
    assert refused.status_code == 403
    assert "Dana ·" in seen_by_admin
    assert office.api.get("/appointments").status_code == 401


def test_making_and_revoking_are_recorded():
    office = Office()
    admin = make_member(office.tenant, "Greta", Role.ADMIN)
    key = only_key(office.dana)

    actions.revoke_key(key.id, by=admin)
    actions.revoke_key(key.id, by=admin)

    with tenant_atomic(office.tenant):
        recorded = list(
            Event.objects.filter(subject_id=key.id).values_list("kind", "actor_name", "before")
        )
    facts = {"name": "PSA", "start": key.start, "of": "Dana"}
    assert recorded == [("API_KEY_MADE", "Dana", {}), ("API_KEY_REVOKED", "Greta", facts)]


def test_of_two_who_revoke_a_key_at_once_one_has_done_it(superuser):
    office = Office()
    admin = make_member(office.tenant, "Greta", Role.ADMIN)
    key = only_key(office.dana)
    waits = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = %s"
    database = connection.settings_dict["NAME"]

    def revoke() -> None:
        actions.revoke_key(key.id, by=admin)
        connection.close()

    other = threading.Thread(target=revoke)
    with tenant_atomic(office.tenant):
        ApiKey.objects.select_for_update().get().delete()
        other.start()
        until(lambda: superuser.execute(waits, [database]).fetchone())
    other.join()

    with tenant_atomic(office.tenant):
        assert not Event.objects.filter(kind="API_KEY_REVOKED").exists()


def test_who_is_invited_again_has_the_keys_that_nobody_revoked():
    office = Office()
    Membership.objects.filter(id=office.dana.id).update(active=False)
    away = office.api.get("/appointments").status_code

    invite(office.tenant, email=office.dana.user.email, name="Dana", role=Role.DISPATCHER)

    assert (away, office.api.get("/appointments").status_code) == (401, 200)


def test_the_way_to_the_keys_is_in_the_menu_of_each_page_but_not_of_a_clients():
    office = Office()
    client = make_member(office.tenant, role=Role.CLIENT)

    def own_page(member: Membership, begin: str) -> str:
        return Page(member).browser.get(f"/{begin}/{office.tenant.slug}/me/").content.decode()

    assert f'href="/t/{office.tenant.slug}/api-keys/"' in own_page(office.tom, "t")
    assert "Choose your time zone" in own_page(client, "portal")
    assert "api-keys" not in own_page(client, "portal")


def test_the_last_use_is_shown():
    office = Office()
    with time_machine.travel(datetime(2026, 12, 1, 9, 30, 40, tzinfo=UTC), tick=False):
        office.api.get("/appointments")

    assert "last used 1 December 2026, 09:30" in Page(office.dana).read()


@pytest.mark.parametrize(
    "end",
    [
        lambda office: Membership.objects.filter(id=office.dana.id).update(active=False),
        lambda office: Membership.objects.filter(id=office.dana.id).update(role=Role.CLIENT),
        lambda office: type(office.dana.user).objects.update(is_active=False),
    ],
    ids=["membership", "role", "person"],
)
def test_a_key_dies_with_its_owners_place(end):
    office = Office()
    before = office.api.get("/appointments").status_code

    end(office)

    assert (before, office.api.get("/appointments").status_code) == (200, 401)


def test_a_key_of_another_tenant_is_as_unknown_as_one_that_never_was():
    ours, theirs = Office(), Office()
    slug = theirs.tenant.slug

    answers = [
        Caller(ours.dana, ours.api.key, slug=slug).get("/appointments"),
        Caller(ours.dana, "cvn_" + "0" * 64, slug=slug).get("/appointments"),
        Caller(ours.dana, ours.api.key, slug="nobody").get("/appointments"),
    ]

    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1
    assert len({answer.headers["WWW-Authenticate"] for answer in answers}) == 1


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic ZGFuYTpzZWNyZXQ=", "Bearer  cvn_ü", "cvn_abc"]
)
def test_without_a_key_nothing_opens_and_the_answer_says_what_is_needed(header):
    office = Office()

    answer = office.api.browser.get(
        f"{office.api.begin}/appointments", headers={"Authorization": header}
    )

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="Convene"')
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_session_opens_nothing():
    office = Office()
    office.api.key = ""
    office.api.browser.force_login(office.dana.user)

    assert office.api.get("/appointments").status_code == 401
    assert office.approve().status_code == 401


def test_a_key_has_so_many_calls_a_minute_and_other_keys_have_theirs(monkeypatch):
    monkeypatch.setattr(keys, "CALLS_A_MINUTE", 3)
    office = Office()
    other = Caller(office.dana)
    minute = datetime(2026, 12, 1, 9, 30, 40, tzinfo=UTC)

    with time_machine.travel(minute, tick=False):
        answers = [office.api.get("/technicians") for _ in range(4)]
        others = other.get("/technicians").status_code
    with time_machine.travel(minute + timedelta(seconds=20), tick=False):
        next_minute = office.api.get("/technicians").status_code

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[-1].headers["Retry-After"] == "20"
    assert answers[-1].headers["Content-Type"] == "application/problem+json"
    assert (others, next_minute) == (200, 200)


def test_calls_that_come_together_are_counted_exactly(monkeypatch):
    monkeypatch.setattr(keys, "CALLS_A_MINUTE", 3)
    office = Office()

    assert called_together(office.api) == [200] * 3 + [429] * 5


def called_together(caller: Caller) -> list[int]:
    """The statuses of eight calls at once, sorted."""
    statuses = []

    def call() -> None:
        statuses.append(caller.get("/technicians").status_code)
        connection.close()

    with time_machine.travel(datetime(2026, 12, 1, 9, 30, 40, tzinfo=UTC), tick=False):
        threads = [threading.Thread(target=call) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return sorted(statuses)


def test_whoever_tries_keys_is_stopped_and_a_good_key_from_there_still_works():
    office = Office()
    stranger = Caller(office.dana, "cvn_" + "0" * 64)

    with time_machine.travel(datetime(2026, 12, 1, 9, 30, 40, tzinfo=UTC), tick=False):
        answers = [stranger.get("/technicians") for _ in range(31)]

    statuses = [answer.status_code for answer in answers]
    assert answers[-1].headers["Retry-After"] == "20"
    assert statuses == [401] * 30 + [429]
    with time_machine.travel(datetime(2026, 12, 1, 9, 30, 50, tzinfo=UTC), tick=False):
        assert office.api.get("/technicians").status_code == 200


def test_keys_that_are_tried_together_are_counted_exactly(monkeypatch):
    monkeypatch.setattr(auth, "REFUSED_A_MINUTE", 3)
    stranger = Caller(Office().dana, "cvn_" + "0" * 64)

    assert called_together(stranger) == [401] * 3 + [429] * 5


def test_a_refused_key_is_a_line_of_the_log_without_the_key(written):  # noqa: F811
    office = Office()
    text = "cvn_" + "0123456789abcdef" * 4

    Caller(office.dana, text).get(f"/appointments/{text}")
    Caller(office.dana, text).get("/appointments")

    [refused] = [line for line in lines(written) if line["event"] == "api_key.refused"]
    assert refused["key"] == hashlib.sha256(text.encode()).hexdigest()[:12]
    assert refused["ip"] == "127.0.0.1"
    assert "0123456789abcdef" not in written.getvalue()


def test_the_log_says_who_called(written: io.StringIO):  # noqa: F811
    office = Office()

    office.api.get("/technicians")

    [finished] = [line for line in lines(written) if line["event"] == "request_finished"]
    assert finished["user_id"] == str(office.dana.user_id)


def test_a_key_of_another_tenant_cannot_be_given_a_member_of_ours():
    ours, theirs = Office(), Office()
    ours.dana.tenant = theirs.tenant

    with pytest.raises(Exception, match="api_keys"):
        actions.make_key(ours.dana, name="Smuggled", ends_at=None)
