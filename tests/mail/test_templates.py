from html.parser import HTMLParser
from pathlib import Path

import pytest

from convene import mail
from convene.appointments.variables import VARIABLES
from convene.mail.handlebars import check, clean_html, render, variables
from convene.mail.templates import Rendered, Template, load

FOLDER = Path(mail.__file__).parents[1] / "appointments" / "mail"
REMINDER = "appointment-reminder"
KINDS = {
    "appointment-request-received": "We received your request",
    "appointment-request-approved-client": "Confirmed",
    "appointment-assigned": "Assigned to you",
    "appointment-request-declined": "Declined",
    "appointment-rescheduled": "Moved",
    "appointment-cancelled": "Cancelled",
    "appointment-unassigned": "No longer assigned to you",
    "appointment-request-new": "New request",
    REMINDER: "Reminder",
}
WITH_JOIN_LINK = [
    "appointment-request-approved-client",
    "appointment-assigned",
    "appointment-rescheduled",
    REMINDER,
]
EXAMPLE = {variable.name: variable.example for variable in VARIABLES}
HOSTILE = "<script>alert('1')</script>\"\r\nBcc: everybody@example.com\u2028&amp;"
JOIN_URL = "https://meet.example.com/l/19%3ameeting%40v2/0?context=%7b%22T%22%7d&a=1&copy=2"


class Page(HTMLParser):
    """The start tags of some HTML, as a mail program reads them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    @property
    def links(self) -> list[str | None]:
        return [attributes.get("href") for tag, attributes in self.tags if tag == "a"]


def render_kind(kind: str, **changes: object) -> Rendered:
    return load(FOLDER, kind).render({**EXAMPLE, **changes})


def test_the_folder_holds_three_files_for_every_kind() -> None:
    expected = {f"{kind}.{part}.hbs" for kind in KINDS for part in ("subject", "html", "txt")}

    assert {path.name for path in FOLDER.glob("*.hbs")} == expected


def test_the_variables_are_the_agreed_ones() -> None:
    assert list(EXAMPLE) == [
        *("tenantName", "tenantEmail", "tenantPhone"),
        *("recipientName", "isTechnician", "isUpdate", "serviceName", "clientName"),
        *("requesterName", "requesterEmail", "requesterPhone", "technicianName", "reference"),
        *("appointmentDate", "appointmentTime", "appointmentTimezone", "appointmentDuration"),
        *("previousDate", "previousTime", "requestedDate", "requestedTime"),
        *("description", "internalNotes"),
        *("declineReason", "cancelReason", "cancelledByClient"),
        *("onlineMeetingUrl", "onlineMeetingAdded", "onlineMeetingRemoved"),
        *("onlineMeetingJoinLabel", "detailsUrl"),
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_our_own_templates_have_no_problems(kind: str) -> None:
    template = load(FOLDER, kind)

    for source in (template.subject, template.html, template.text):
        assert check(source, EXAMPLE) == []


@pytest.mark.parametrize("kind", KINDS)
def test_cleaning_takes_nothing_from_our_own_templates(kind: str) -> None:
    raw = render(load(FOLDER, kind).html, EXAMPLE, escape=True)

    before, after = Page(raw), Page(clean_html(raw))

    assert [tag for tag in after.tags if tag[0] != "tbody"] == before.tags
    assert after.text == before.text


@pytest.mark.parametrize(("kind", "start"), KINDS.items())
def test_the_subject_says_what_when_and_in_which_zone(kind: str, start: str) -> None:
    subject = render_kind(kind).subject

    assert subject.startswith(f"{start}: Onboarding call")
    assert subject.endswith("Tuesday, 1 December 2026, 14:00–14:30 Europe/Berlin (CET)")


@pytest.mark.parametrize("kind", [kind for kind in WITH_JOIN_LINK if kind != REMINDER])
def test_a_newer_version_of_a_mail_is_called_updated(kind: str) -> None:
    assert render_kind(kind, isUpdate=True).subject.startswith("Updated: Onboarding call")


@pytest.mark.parametrize("kind", KINDS)
def test_hostile_names_stay_text(kind: str) -> None:
    hostile = {
        name: HOSTILE if isinstance(value, str) else value for name, value in EXAMPLE.items()
    }

    rendered = render_kind(kind, **hostile)

    page = Page(rendered.html)
    assert not {"script", "form", "iframe", "object"} & {tag for tag, _ in page.tags}
    assert not [name for _, attributes in page.tags for name in attributes if name[:2] == "on"]
    assert all(link is None or link.startswith(("mailto:", "tel:")) for link in page.links)
    assert "<script>alert('1')</script>" in page.text


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("line_end", ["\r\n", "\n", "\r", "\x0b", "\x00", "\x85", "\u2028"])
def test_a_subject_is_one_line_without_control_characters(kind: str, line_end: str) -> None:
    subject = render_kind(kind, serviceName=f"Call{line_end}Bcc: x@example.com").subject

    assert "Call Bcc: x@example.com" in subject
    assert subject.splitlines() == [subject]
    assert subject.isprintable()


def test_a_long_subject_is_cut() -> None:
    subject = render_kind("appointment-request-declined", serviceName="x" * 400).subject

    assert len(subject) == 255
    assert subject.endswith("x…")


@pytest.mark.parametrize("kind", KINDS)
def test_subject_and_text_are_not_escaped(kind: str) -> None:
    rendered = render_kind(kind, serviceName="R&D <call> 'Q1'", detailsUrl=JOIN_URL)

    assert "R&D <call> 'Q1'" in rendered.subject
    assert "R&D <call> 'Q1'" in rendered.text
    assert "&amp;" not in rendered.text


@pytest.mark.parametrize("kind", WITH_JOIN_LINK)
@pytest.mark.parametrize("is_technician", [False, True])
def test_the_join_link_survives_in_both_parts(kind: str, is_technician: bool) -> None:
    rendered = render_kind(
        kind,
        isTechnician=is_technician,
        onlineMeetingUrl=JOIN_URL,
        onlineMeetingJoinLabel="Join & talk",
    )

    page = Page(rendered.html)
    assert page.links.count(JOIN_URL) == 2  # the button, and the plain link under it
    assert "Join & talk" in page.text
    assert JOIN_URL in page.text
    assert f"Join & talk:\n{JOIN_URL}\n" in rendered.text


@pytest.mark.parametrize("kind", WITH_JOIN_LINK)
def test_what_when_and_the_button_come_before_any_advice(kind: str) -> None:
    text = Page(render_kind(kind, onlineMeetingUrl=JOIN_URL, isTechnician=False).html).text

    advice = "Should the time" if kind == REMINDER else "The attached calendar file"
    assert text.index("Onboarding call") < text.index(JOIN_URL) < text.index(advice)


@pytest.mark.parametrize("kind", WITH_JOIN_LINK)
def test_without_a_meeting_nobody_is_asked_to_join(kind: str) -> None:
    rendered = render_kind(kind, onlineMeetingUrl="")

    assert "Join" not in rendered.text
    assert 'class="button"' not in rendered.html


@pytest.mark.parametrize("kind", KINDS)
def test_a_join_link_is_mentioned_only_where_somebody_can_join(kind: str) -> None:
    template = load(FOLDER, kind)

    for source in (template.html, template.text):
        assert ("onlineMeetingUrl" in variables(source)) == (kind in WITH_JOIN_LINK)


@pytest.mark.parametrize("kind", KINDS)
def test_internal_notes_reach_only_the_assigned_technician(kind: str) -> None:
    rendered = render_kind(kind, internalNotes="Owes us money.")

    is_for_them = kind == "appointment-assigned"
    assert ("Owes us money." in rendered.html) == is_for_them
    assert ("Owes us money." in rendered.text) == is_for_them


def test_a_cancellation_blames_nobody_wrongly() -> None:
    def sentence(**who: bool) -> str:
        return render_kind("appointment-cancelled", **who).text.split("\n")[2]

    assert sentence(isTechnician=False, cancelledByClient=True) == (
        "Your appointment is cancelled, as you asked."
    )
    assert sentence(isTechnician=False, cancelledByClient=False).startswith("We are sorry")
    assert sentence(isTechnician=True, cancelledByClient=True) == (
        "The client has cancelled this appointment."
    )
    assert sentence(isTechnician=True, cancelledByClient=False).startswith("This appointment is")


def test_a_moved_appointment_tells_the_old_time_too() -> None:
    rendered = render_kind("appointment-rescheduled")

    assert "Before:    Monday, 30 November 2026, 09:00–09:30\n" in rendered.text
    assert "Monday, 30 November 2026, 09:00–09:30" in Page(rendered.html).text


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("context", [EXAMPLE, {"serviceName": "Call"}], ids=["full", "bare"])
def test_the_text_has_no_holes(kind: str, context: dict[str, object]) -> None:
    text = load(FOLDER, kind).render(context).text

    assert "\n\n\n" not in text
    assert "{{" not in text
    assert max(map(len, text.replace(str(EXAMPLE["onlineMeetingUrl"]), "").split("\n"))) <= 100


@pytest.mark.parametrize("kind", KINDS)
def test_every_mail_says_who_sends_it_and_how_to_reach_them(kind: str) -> None:
    rendered = render_kind(kind)

    page = Page(rendered.html)
    assert page.links[-2:] == ["mailto:service@northwind.example", "tel:+49 30 555 0123"]
    assert "Northwind IT" in page.text
    assert rendered.text.endswith(
        "\n--\nNorthwind IT\nservice@northwind.example\n+49 30 555 0123\n"
    )


@pytest.mark.parametrize("kind", KINDS)
def test_our_templates_name_no_meeting_product(kind: str) -> None:
    template = load(FOLDER, kind)

    assert "Teams" not in template.subject + template.html + template.text


def test_a_template_of_a_tenant_is_cleaned_and_framed_as_ours() -> None:
    template = Template(
        subject="Hello {{recipientName}}",
        html='<p onclick="x()">{{recipientName}}<script>x()</script></p>',
        text="Hello {{recipientName}}",
    )

    rendered = template.render({"recipientName": "Ada & Co", "tenantName": "Northwind <IT>"})

    assert rendered.subject == "Hello Ada & Co"
    assert "<p>Ada &amp; Co</p>" in rendered.html
    assert "Northwind &lt;IT&gt;" in rendered.html
    assert rendered.text == "Hello Ada & Co\n\n--\nNorthwind <IT>\n"
