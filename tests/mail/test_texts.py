"""An MSP's own words for its mails: written, tried, sent, and never in the way of a mail."""

import re
from email.message import EmailMessage
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext

from convene.appointments import actions, letters
from convene.appointments.variables import MATTER
from convene.events.models import Event
from convene.mail import kinds
from convene.mail.actions import TEXT_CHANGED, TEXT_GIVEN_UP
from convene.mail.delivery import deliver
from convene.mail.handlebars import variables
from convene.mail.kinds import MailKind
from convene.mail.models import MailText
from convene.mail.templates import Template
from convene.mail.texts import missing
from convene.tenancy.db import tenant_atomic
from convene.tenancy.models import Tenant
from convene.tenancy.permissions import Role
from tests.make import make_member, make_portal_contact, make_request, make_tenant
from tests.postbox import Postbox, html_of, postbox, text_of

pytestmark = pytest.mark.usefixtures("db")

DECLINED = letters.KINDS[letters.DECLINED]
CONFIRMED = letters.KINDS[letters.APPROVED_CLIENT]
HTML = "<p>No, {{recipientName}}: {{declineReason}}</p>\n"
TEXT = "No, {{recipientName}}: {{declineReason}}\n"
OWN = Template(subject="Sorry about {{serviceName}}\n", html=HTML, text=TEXT)


@pytest.fixture
def box():
    with postbox() as box:
        yield box


class Settings:
    """The texts as somebody of an MSP sees them."""

    def __init__(self, role: Role = Role.ADMIN) -> None:
        self.tenant = make_tenant("Northwind IT", slug="northwind")
        self.member = make_member(self.tenant, "Greta Holm", role)
        self.browser = Browser()
        self.browser.force_login(self.member.user)

    def url(self, kind: MailKind | None = None, page: str = "") -> str:
        base = f"/t/{self.tenant.slug}/settings/mails/texts/"
        return f"{base}{kind.name}/{page}" if kind else base

    def read(self, kind: MailKind | None = None, page: str = "") -> str:
        return " ".join(self.browser.get(self.url(kind, page)).content.decode().split())

    def save(self, kind: MailKind, template: Template, page: str = "", **more: Any) -> Any:
        form = {"subject": template.subject, "html": template.html, "text": template.text}
        # as browsers send what stands in a form
        typed = {name: value.rstrip().replace("\n", "\r\n") for name, value in form.items()}
        return self.browser.post(self.url(kind, page), typed | more)

    def saved(self) -> dict[str, Template]:
        with tenant_atomic(self.tenant):
            return {row.kind: row.template for row in MailText.objects.all()}


def put(tenant: Tenant, kind: MailKind, template: Template) -> None:
    """As if it had been saved, by an older Convene perhaps."""
    with tenant_atomic(tenant):
        MailText.objects.create(
            kind=kind.name, subject=template.subject, html=template.html, text=template.text
        )


def decline(tenant: Tenant, box: Postbox, reason: str = "A holiday") -> EmailMessage:
    """The mail that tells a client of it."""
    contact = make_portal_contact(tenant)
    request = make_request(tenant, contact=contact)
    actions.decline_appointment_request(tenant, request.id, by=make_member(tenant), reason=reason)
    deliver(tenant.id, request.id)
    [message] = box.to(contact.email)
    return message


def subject_of(message: EmailMessage) -> str:
    return str(message["Subject"]).strip()


# Sending


def test_a_mail_says_what_the_msp_wrote_in_the_frame_of_all_mails(box):
    settings = Settings()
    settings.save(DECLINED, OWN)

    message = decline(settings.tenant, box, "A <b>holiday</b> & more")

    assert subject_of(message).startswith("Sorry about Service")
    assert ": A <b>holiday</b> & more\r\n" in text_of(message)
    assert "A &lt;b&gt;holiday&lt;/b&gt; &amp; more</p>" in html_of(message)
    assert "Northwind IT" in html_of(message)


def test_what_one_msp_wrote_no_other_sends(box):
    Settings().save(DECLINED, OWN)

    message = decline(make_tenant(), box)

    assert subject_of(message).startswith("Declined: ")


@pytest.mark.parametrize(
    "broken",
    [
        Template(subject="{{#if", html=HTML, text=TEXT),
        Template(subject="", html=HTML, text=TEXT),
        Template(subject="Hi", html="<script>alert(1)</script>", text=TEXT),
        Template(subject="Hi", html=HTML, text="{{#if isUpdate}}Only then{{/if}}"),
        Template(subject="Hi", html="{{#each a}}" * 30, text=TEXT),
        Template(subject="Hi", html="x" * 70_000, text=TEXT),
    ],
)
def test_a_text_that_fails_stops_no_mail_and_is_in_the_log(box, caplog, broken):
    tenant = make_tenant()
    put(tenant, DECLINED, broken)

    message = decline(tenant, box)

    assert "mail.text_failed" in caplog.text

    assert subject_of(message).startswith("Declined: ")
    assert "A holiday" in text_of(message)


def test_what_an_msp_writes_is_cleaned_as_ever(box):
    settings = Settings()
    hostile = (
        '<p onclick="x()" style="position:fixed;color:red">{{declineReason}}</p><script>x</script>'
    )
    settings.save(DECLINED, Template(subject="No", html=hostile, text=TEXT))

    html = html_of(decline(settings.tenant, box))

    assert '<p style="color:red">A holiday</p>' in html
    assert "<script>" not in html


def test_sending_asks_once_for_the_msps_words(box):
    tenant = make_tenant()
    with CaptureQueriesContext(connection) as captured:
        decline(tenant, box)

    assert sum('"mail_texts"' in query["sql"] for query in captured) == 1


# Writing


def test_a_text_is_ours_until_another_one_is_saved():
    settings = Settings()
    assert "Convene's text is sent" in unescape(settings.read(DECLINED))

    assert settings.save(DECLINED, DECLINED.ours).status_code == 303
    assert settings.saved() == {}
    assert settings.save(DECLINED, OWN).status_code == 303

    assert settings.saved() == {DECLINED.name: OWN}
    page = settings.read(DECLINED)
    assert "Your text is sent." in page
    assert "Sorry about {{serviceName}}" in page
    with tenant_atomic(settings.tenant):
        [event] = Event.objects.filter(kind=TEXT_CHANGED)
    assert (event.actor, event.after) == (settings.member, {"kind": DECLINED.name})


def test_no_text_of_ours_becomes_theirs_by_being_saved_unchanged():
    settings = Settings()
    for kind in kinds.all_kinds():
        assert settings.save(kind, kind.ours).status_code == 303

    assert settings.saved() == {}


def test_every_text_of_ours_can_be_saved_with_a_word_more():
    settings = Settings()
    for kind in kinds.all_kinds():
        ours = kind.ours
        changed = Template(subject=f"Hello! {ours.subject}", html=ours.html, text=ours.text)

        assert settings.save(kind, changed).status_code == 303

    assert settings.saved().keys() == letters.KINDS.keys()
    assert "Your text lacks" not in settings.read()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"html": "<p>\n{{recipientNam}}</p>"}, "Line 2: There is no variable “recipientNam”. Did"),
        ({"text": "{{#if isUpdate}}\nx"}, "Line 1: This block is never closed."),
        ({"subject": "{{#if isUpdate}}Updated{{/if}}"}, "The subject or the text of the mail is"),
        ({"html": "<script>alert(1)</script>"}, "The subject or the text of the mail is empty."),
        ({"subject": ""}, "This field is required."),
        ({"html": "x" * 70_000}, "The template is longer than 64 kB."),
        ({"text": "{{> other}}"}, "Line 1: A mail cannot include other templates."),
    ],
)
def test_a_text_that_cannot_be_sent_is_refused_in_words_and_stays_typed(changes, sentence):
    settings = Settings()
    draft = Template(**vars(OWN) | changes)

    answer = settings.save(DECLINED, draft)

    page = unescape(answer.content.decode())
    assert answer.status_code == 422
    assert sentence in page
    assert draft.text.strip() in page.replace("\r\n", "\n")
    assert settings.saved() == {}


def test_back_to_our_text_asks_first_and_keeps_in_the_log_what_it_was():
    settings = Settings()
    settings.save(DECLINED, OWN)

    assert "Your text of “Request declined” is removed." in settings.read(DECLINED, "ours/")
    assert settings.saved()
    assert settings.browser.post(settings.url(DECLINED, "ours/")).status_code == 303

    assert settings.saved() == {}
    with tenant_atomic(settings.tenant):
        [event] = Event.objects.filter(kind=TEXT_GIVEN_UP)
    assert event.actor == settings.member
    assert event.before["html"] == HTML


def test_beside_their_own_text_people_read_what_ours_says_now():
    settings = Settings()
    assert "as of the release that you run" not in settings.read(DECLINED)

    settings.save(DECLINED, OWN)

    page = unescape(settings.read(DECLINED))
    assert "as of the release that you run" in page
    assert DECLINED.ours.subject.strip() in page


def test_every_variable_is_listed_with_what_it_means():
    page = unescape(Settings().read(DECLINED))

    for variable in DECLINED.variables:
        assert f"<code>{variable.name}</code>" in page
        assert str(variable.meaning) in page


# The list


def test_the_list_says_whose_text_each_mail_says():
    settings = Settings()
    settings.save(DECLINED, OWN)

    page = unescape(settings.read())

    assert page.count("Convene's text</span>") == len(letters.KINDS) - 1
    assert page.count("Your text</span>") == 1
    assert "Greta Holm, " in page


def test_the_list_takes_as_many_queries_for_nine_texts_as_for_one():
    settings = Settings()

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            settings.read()
        return len(captured)

    put(settings.tenant, DECLINED, OWN)
    few = queries()
    for kind in kinds.all_kinds():
        if kind != DECLINED:
            put(settings.tenant, kind, OWN)

    assert queries() == few


def test_a_dispatcher_reads_the_list_and_changes_nothing():
    settings = Settings(Role.DISPATCHER)

    assert "Only administrators can change this." in settings.read()
    assert f'href="{settings.url(DECLINED)}"' not in settings.read()
    assert settings.save(DECLINED, OWN).status_code == 403


def test_a_kind_that_does_not_exist_is_no_page():
    settings = Settings()

    assert settings.browser.get(f"{settings.url()}appointment-unheard-of/").status_code == 404


# What is missing


def test_what_matters_is_in_our_own_texts():
    in_ours = {
        name
        for kind in letters.KINDS.values()
        for name in variables(kind.ours.html) & variables(kind.ours.text)
    }

    assert in_ours >= MATTER


@pytest.mark.parametrize(
    "name",
    [letters.APPROVED_CLIENT, letters.ASSIGNED, letters.RESCHEDULED, letters.REMINDER],
)
def test_a_text_without_the_join_link_is_marked_where_ours_has_it(name):
    kind = letters.KINDS[name]
    html = kind.ours.html.replace("onlineMeetingUrl", "reference")
    template = Template(subject=kind.ours.subject, html=html, text=kind.ours.text)

    [found] = missing(kind, template)

    assert found.variable.name == "onlineMeetingUrl"
    assert (found.in_html, found.in_text) == (True, False)


def test_a_text_that_leaves_out_what_matters_is_marked_in_the_list_and_on_its_page():
    settings = Settings()
    bare = Template(subject="No", html="<p>No.</p>", text=TEXT)

    assert settings.save(DECLINED, bare).status_code == 303

    warning = re.search(r"alert-warning.*?</ul>", settings.read(DECLINED))
    assert warning is not None
    words = " ".join(re.sub("<[^>]+>", " ", warning[0]).split())
    assert "{{declineReason}} in the HTML: Why the request was declined" in words
    assert "{{appointmentDate}} in the HTML and in the plain text: The date" in words
    listed = settings.read()
    assert "Your text lacks:" in listed
    assert "<code>declineReason</code>" in listed


def test_a_text_that_a_new_release_cannot_use_is_marked_and_says_what_is_sent_instead():
    settings = Settings()
    put(settings.tenant, DECLINED, Template(subject="{{gone}}", html=HTML, text=TEXT))

    page = unescape(settings.read(DECLINED))

    assert "Your text cannot be used as it is. Convene's is sent instead." in page
    assert "Line 1: There is no variable “gone”." in page
    assert "Your text cannot be used as it is." in settings.read()


# The preview


def test_the_preview_shows_a_draft_with_examples_and_saves_nothing():
    settings = Settings()

    answer = settings.save(DECLINED, OWN, "preview/")

    page = unescape(answer.content.decode())
    assert answer.status_code == 200
    assert "<pre>Sorry about Onboarding call</pre>" in page
    assert "<p>No, Ada Lovelace: That day is a holiday here.</p>" in unescape(page)
    assert "No, Ada Lovelace: That day is a holiday here." in page
    assert settings.saved() == {}


def test_the_preview_supposes_what_is_ticked():
    settings = Settings()

    def subject(**more: Any) -> str:
        answer = settings.save(CONFIRMED, CONFIRMED.ours, "preview/", **more)
        found = re.search("<pre>(.*?)</pre>", answer.content.decode())
        assert found is not None
        return found[1]

    assert subject().startswith("Confirmed: ")
    assert subject(suppose="isUpdate").startswith("Updated: ")


def test_the_preview_of_a_broken_draft_says_what_is_wrong():
    draft = Template(subject="{{#if", html=HTML, text=TEXT)

    answer = Settings().save(DECLINED, draft, "preview/")

    assert answer.status_code == 422
    assert "There is no preview of this text." in answer.content.decode()
    assert "<iframe" not in answer.content.decode()


def test_the_preview_of_a_draft_that_is_empty_for_just_these_switches_says_so():
    subject = "{{#if isUpdate}}{{#unless onlineMeetingAdded}}Hi{{/unless}}{{else}}Hi{{/if}}"
    draft = Template(subject=subject, html=HTML, text=TEXT)

    switches = ["isUpdate", "onlineMeetingAdded"]
    answer = Settings().save(CONFIRMED, draft, "preview/", suppose=switches)

    assert answer.status_code == 422
    assert "The subject or the text of the mail is empty." in answer.content.decode()


def test_the_preview_of_a_saved_text_that_fails_is_what_is_sent():
    settings = Settings()
    put(settings.tenant, DECLINED, Template(subject="{{#if", html=HTML, text=TEXT))

    assert "<pre>Declined: Onboarding call" in settings.read(DECLINED, "preview/")


def test_a_mail_in_the_preview_can_neither_run_send_nor_leave_its_frame():
    settings = Settings()
    for answer in (
        settings.browser.get(settings.url(DECLINED, "preview/")),
        settings.save(DECLINED, OWN, "preview/"),
    ):
        policy = answer.headers["Content-Security-Policy"].split("; ")
        assert "default-src 'none'" in policy
        assert "form-action 'none'" in policy
        assert "frame-ancestors 'self'" in policy
        assert [rule.strip() for rule in policy if rule.startswith("sandbox")] == ["sandbox"]
        assert not any(rule.startswith("script-src") for rule in policy)
        assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"
        assert re.search(r"<iframe[^>]*\ssandbox", answer.content.decode())


def test_the_page_around_the_preview_keeps_our_policy():
    settings = Settings()
    answer = settings.browser.get(settings.url(DECLINED))

    assert "unsafe-inline" not in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Frame-Options"] == "DENY"
