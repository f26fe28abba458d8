"""The pages of Teams in the settings: who may open them, what they do, what they never show."""

import re
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.test import Client as Browser
from django.urls import get_resolver, reverse
from django.utils import translation

from convene.appointments import actions as appointments
from convene.appointments.models import AppointmentRequest
from convene.events.models import Event
from convene.tenancy import permissions
from convene.tenancy.db import tenant_atomic
from convene.tenancy.models import Membership, Tenant
from convene.tenancy.permissions import Role
from convene_teams.models import InstallStatus, MicrosoftProfile, TeamsIntegration
from convene_teams.powershell import policy_scripts
from convene_teams.verifications import verify
from ee.tests.make_teams import make_integration, make_profile
from graphsim import Simulator
from graphsim.defaults import FABRIKAM, NORTHWIND, READ_USERS
from tests.make import a_time, make_member, make_portal_contact, make_request, make_tenant
from tests.test_pages import ADMINS, acts, ask, browser_of, names_of, queries
from tests.test_translations import plain_texts

pytestmark = pytest.mark.usefixtures("sim")

UPN, OBJECT_ID = NORTHWIND.organizer_upn, NORTHWIND.organizer_id

READ = {
    "teams:integration": ADMINS,
    "teams:new_profile": ADMINS,
    "teams:edit_profile": ADMINS,
    "teams:archive_profile": ADMINS,
    "teams:delete_profile": ADMINS,
    "teams:meetings": ADMINS,
    "teams:verified": ADMINS,
    "teams:runbook": ADMINS,
}
ACT = {
    "teams:integration": acts(ADMINS),
    "teams:deactivate": acts(ADMINS, 303),
    "teams:new_profile": acts(ADMINS),
    "teams:edit_profile": acts(ADMINS),
    "teams:archive_profile": acts(ADMINS, 303),
    "teams:delete_profile": acts(ADMINS, 303),
    "teams:meetings": acts(ADMINS, 303),
    "teams:verify": acts(ADMINS, 303),
}
OF_A_ROW = {"edit_profile", "archive_profile", "delete_profile", "verified"}
# Microsoft calls these so in every language.
MICROSOFT = ("Microsoft|Teams|Northwind|Scheduling", r"\w+\.ReadWrite\.All", "[0-9a-f-]{36}")


class Office:
    """A tenant, with an active integration unless empty, and its administrator at the browser."""

    def __init__(self, *, empty: bool = False, **integration: Any) -> None:
        self.tenant: Tenant = make_tenant()
        self.members: dict[str, Membership] = {
            role: make_member(self.tenant, role=role) for role in Role if role != Role.CLIENT
        }
        self.admin = self.members[Role.ADMIN]
        self.browser: Browser = browser_of(self.admin)
        if not empty:
            self.profile = make_profile(self.tenant)
            make_integration(self.tenant, self.profile, **integration)

    def url(self, name: str, *args: Any) -> str:
        return reverse(f"teams:{name}", args=[self.tenant.slug, *args])

    def source(self, name: str, *args: Any) -> str:
        return str(self.browser.get(self.url(name, *args)).content.decode())

    def see(self, name: str, *args: Any) -> str:
        """The text of a page."""
        return text_of(self.browser.get(self.url(name, *args)))

    def do(self, name: str, *args: Any, **data: Any) -> str:
        """Send a form that is accepted; the text of the page that follows."""
        answer = self.browser.post(self.url(name, *args), data)
        assert answer.status_code == 303
        return text_of(self.browser.get(answer.headers["Location"]))

    def refused(self, name: str, *args: Any, **data: Any) -> str:
        """Send a form that is refused in place; the page's source."""
        answer = self.browser.post(self.url(name, *args), data)
        assert answer.status_code == 422
        return answer.content.decode()

    def integration(self) -> TeamsIntegration:
        with tenant_atomic(self.tenant):
            found: TeamsIntegration = TeamsIntegration.objects.get()
            return found

    def profiles(self) -> list[MicrosoftProfile]:
        with tenant_atomic(self.tenant):
            return list(MicrosoftProfile.objects.all())

    def approve(self, request: AppointmentRequest) -> None:
        appointments.approve_appointment_request(
            self.tenant,
            request.id,
            by=self.members[Role.DISPATCHER],
            technician=self.members[Role.TECHNICIAN],
            starts_at=request.requested_start,
            with_meeting=True,
        )


def text_of(answer: Any) -> str:
    """What people read of a page, on one line."""
    assert answer.status_code == 200
    source = re.sub(r"<head>.*?</head>|<[^>]+>", " ", answer.content.decode(), flags=re.DOTALL)
    return " ".join(unescape(source).split())


def profile_fields(**fields: str) -> dict[str, str]:
    return {
        "display_name": "Northwind",
        "microsoft_tenant_id": NORTHWIND.tenant_id,
        "client_id": NORTHWIND.client_id,
        "secret": NORTHWIND.client_secret,
        "cloud": "global",
    } | fields


@pytest.fixture
def office() -> Office:
    return Office()


# Who may open what


def places(office: Office, table: dict[str, Any], of: Office | None = None) -> Iterator[Any]:
    """Each address of a table, with the rows of the office or of another one."""
    owner = of or office
    pk: UUID = verify(owner.tenant, "", by=owner.admin)
    for name in table:
        word = name.partition(":")[2]
        row = pk if word == "verified" else owner.profile.id
        yield name, office.url(word, row) if word in OF_A_ROW else office.url(word)


def test_every_address_has_its_row() -> None:
    names = {name for name in names_of(get_resolver().url_patterns) if name.startswith("teams:")}

    assert names == set(READ) | set(ACT)


@pytest.mark.parametrize("role", [*Role.values, "anonymous"])
@pytest.mark.parametrize(("method", "table"), [("GET", READ), ("POST", ACT)], ids=["read", "act"])
def test_who_may_open_what(role: str, method: str, table: dict[str, dict[str, int]]) -> None:
    for name, expected in table.items():
        office = Office()
        client = make_portal_contact(office.tenant).membership
        members: dict[str, Any] = {**office.members, Role.CLIENT: client, "anonymous": None}
        status = ask(browser_of(members[role]), method, dict(places(office, table))[name])
        assert (name, status) == (name, expected.get(role, 302))


@pytest.mark.parametrize(("method", "table"), [("GET", READ), ("POST", ACT)], ids=["read", "act"])
def test_another_tenants_addresses_do_not_exist(method: str, table: dict[str, Any]) -> None:
    office, other = Office(), Office()

    for name, url in places(office, table):
        assert (name, ask(other.browser, method, url)) == (name, 404)


@pytest.mark.parametrize(("method", "table"), [("GET", READ), ("POST", ACT)], ids=["read", "act"])
def test_another_tenants_rows_do_not_exist_under_ones_own_address(
    method: str, table: dict[str, Any]
) -> None:
    office, other = Office(), Office()

    for name, url in places(other, table, of=office):
        if name.partition(":")[2] in OF_A_ROW:
            assert (name, ask(other.browser, method, url)) == (name, 404)


def test_more_profiles_take_no_more_queries(office: Office) -> None:
    short = queries(office.browser, office.url("integration"))

    for _ in range(2):
        make_profile(office.tenant)

    assert queries(office.browser, office.url("integration")) == short


# The tabs


def test_the_organizers_tab_is_there_only_while_the_integration_is_active() -> None:
    for status in InstallStatus:
        office = Office(install_status=status)
        active = status == InstallStatus.ACTIVE
        tab = f'<a href="{office.url("meetings")}">Teams Meetings</a>'
        assert (tab in office.source("integration")) == active
        assert ask(office.browser, "GET", office.url("meetings")) == (200 if active else 404)


def test_a_bookmark_of_the_organizers_tab_says_that_teams_is_off_and_leads_back() -> None:
    office = Office(install_status=InstallStatus.NOT_CONFIGURED)

    answer = office.browser.get(office.url("meetings"))

    page = answer.content.decode()
    assert answer.status_code == 404
    assert "Microsoft Teams is switched off." in page
    assert f'href="{office.url("integration")}">To the integration' in page


def test_without_an_active_integration_nothing_of_the_organizer_can_be_done() -> None:
    office = Office(install_status=InstallStatus.ERROR)
    pk = verify(office.tenant, UPN, by=office.admin)

    assert ask(office.browser, "POST", office.url("meetings")) == 404
    assert ask(office.browser, "POST", office.url("verify")) == 404
    assert ask(office.browser, "GET", office.url("verified", pk)) == 404
    assert office.integration().default_meeting_organizer_upn == OBJECT_ID


def test_the_settings_lead_to_the_tab_that_comes_next() -> None:
    active, fresh = Office(), Office(install_status=InstallStatus.NOT_CONFIGURED)

    for office, tab in ((active, "meetings"), (fresh, "integration")):
        url = reverse("settings", args=[office.tenant.slug])
        page = office.browser.get(url, follow=True).content.decode()
        assert f'href="{office.url(tab)}"' in page


def test_whoever_may_only_read_sees_no_button(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = frozenset({"user_schedule:read", "tenant_integrations:read"})
    monkeypatch.setitem(permissions._PERMISSIONS, Role.TECHNICIAN, reader)
    browser = browser_of(office.members[Role.TECHNICIAN])

    for name in ("integration", "meetings"):
        answer = browser.get(office.url(name))
        forms = re.findall(r'<form[^>]*action="([^"]*)"', answer.content.decode())
        assert forms == [reverse("account_logout")]
        assert "New profile" not in text_of(answer)
    assert f"Default meeting organizer {OBJECT_ID}" in text_of(answer)
    for name, url in places(office, ACT):
        assert (name, ask(browser, "POST", url)) == (name, 403)
    for name, url in places(office, READ):
        reads = name in {"teams:integration", "teams:meetings", "teams:verified", "teams:runbook"}
        assert (name, ask(browser, "GET", url)) == (name, 200 if reads else 403)


# The integration and its profiles


def test_an_administrator_gets_from_nothing_to_a_verified_organizer() -> None:
    office = Office(empty=True)

    assert step_states(office) == ["Next", "Later", "Later", "Later"]
    office.do("new_profile", **profile_fields())
    assert step_states(office) == ["Done", "Next", "Later", "Later"]
    office.do("integration", profile=office.profiles()[0].id)
    assert step_states(office) == ["Done", "Done", "Next", "Later"]
    office.do("meetings", organizer=UPN)
    assert step_states(office) == ["Done", "Done", "Done", "Next"]
    office.do("verify", organizer=UPN)
    assert step_states(office) == ["Done", "Done", "Done", "Done"]


def step_states(office: Office) -> list[str]:
    return re.findall(r"\b(Done|Next|Later)\b", office.see("integration"))


@pytest.mark.parametrize("change", ["profile", "integration", "organizer"])
def test_after_a_change_it_is_to_be_verified_again(office: Office, change: str) -> None:
    office.do("verify", organizer=OBJECT_ID)
    assert step_states(office)[3] == "Done"

    if change == "profile":
        office.do("edit_profile", office.profile.id, **profile_fields(secret=""))
    elif change == "integration":
        office.do("integration", profile=office.profile.id)
    else:
        office.do("meetings", organizer=UPN)

    assert step_states(office)[3] == "Next"


def test_a_verification_of_somebody_else_changes_nothing_about_the_saved_one(
    office: Office,
) -> None:
    office.do("verify", organizer=OBJECT_ID)
    office.do("verify", organizer="nobody@northwind.example")

    assert step_states(office)[3] == "Done"


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (InstallStatus.NOT_CONFIGURED, "Switched off No new Teams meetings are made."),
        (InstallStatus.INSTALL_PENDING, "Installation pending The installation is not finished"),
        (InstallStatus.ACTIVE, "Active Approvers can give an appointment a Teams meeting."),
        (InstallStatus.ERROR, "Error The app was removed & is gone."),
    ],
)
def test_the_state_is_said_in_words(status: InstallStatus, words: str) -> None:
    office = Office(install_status=status, last_error="The app was removed & is gone.")

    assert words in office.see("integration")


def test_without_a_profile_nothing_is_switched_off() -> None:
    text = Office(empty=True).see("integration")

    assert "Not configured No Teams meetings are made yet." in text
    assert "Switched off" not in text


def test_an_active_integration_says_what_is_in_the_way(office: Office) -> None:
    office.do("meetings", organizer="")
    assert "Nobody organizes the meetings yet" in office.see("integration")

    with tenant_atomic(office.tenant):
        MicrosoftProfile.objects.update(sealed_secret="not sealed with any key of ours")
    for page in ("integration", "meetings"):
        assert "secret of the Microsoft profile cannot be read" in office.see(page)

    office.do("archive_profile", office.profile.id)
    for page in ("integration", "meetings"):
        assert "The chosen profile is archived." in office.see(page)


def test_another_profile_is_chosen(office: Office) -> None:
    other = make_profile(office.tenant, FABRIKAM)

    text = office.do("integration", profile=other.id)

    assert "Active: new meetings are made with Fabrikam." in text
    assert office.integration().selected_profile_id == other.id


@pytest.mark.parametrize("choice", ["nothing", "archived", "foreign", "unknown"])
def test_what_cannot_be_chosen_is_refused_in_place(office: Office, choice: str) -> None:
    made: dict[str, Callable[[], object]] = {
        "archived": lambda: make_profile(office.tenant, archived=True).id,
        "foreign": lambda: make_profile(make_tenant()).id,
        "unknown": uuid4,
        "nothing": lambda: "",
    }

    office.refused("integration", profile=made[choice]())

    assert office.integration().selected_profile_id == office.profile.id


def test_a_deactivated_integration_keeps_its_profile_and_can_be_activated_again(
    office: Office,
) -> None:
    text = office.do("deactivate")

    assert "Existing meetings still move and go." in text
    assert office.integration().install_status == InstallStatus.NOT_CONFIGURED
    assert office.integration().selected_profile_id == office.profile.id
    assert f'value="{office.profile.id}" selected' in office.source("integration")


def test_activating_ends_an_error() -> None:
    office = Office(install_status=InstallStatus.ERROR, last_error="It was removed.")

    office.do("integration", profile=office.profile.id)

    assert office.integration().install_status == InstallStatus.ACTIVE
    assert office.integration().last_error == ""


def test_without_a_new_secret_the_old_one_is_kept(office: Office) -> None:
    office.do("edit_profile", office.profile.id, **profile_fields(display_name="New", secret=""))

    [profile] = office.profiles()
    assert (profile.display_name, profile.unseal_secret()) == ("New", NORTHWIND.client_secret)


def test_a_new_secret_replaces_the_old_one(office: Office) -> None:
    office.do("edit_profile", office.profile.id, **profile_fields(secret=" fresh~secret "))

    [profile] = office.profiles()
    assert profile.unseal_secret() == "fresh~secret"


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"cloud": "china"}, "Microsoft Graph has no online meetings in the Chinese cloud"),
        ({"microsoft_tenant_id": "x.onmschina.cn"}, "no online meetings in the Chinese cloud"),
        ({"microsoft_tenant_id": "common"}, "Give the tenant's id, or a domain"),
        ({"client_id": '"; Remove-Item C:\\ #'}, "This is not an id like"),
        ({"secret": str(uuid4())}, "This is the id of the secret. Paste its value"),
        ({"secret": ""}, "This field is required."),
    ],
)
def test_a_profile_that_cannot_be_is_refused_and_keeps_what_was_typed(
    office: Office, fields: dict[str, str], sentence: str
) -> None:
    source = office.refused("new_profile", **profile_fields(display_name="Typed", **fields))

    assert sentence in unescape(source)
    assert 'value="Typed"' in source
    assert len(office.profiles()) == 1


def test_a_refused_page_asks_for_the_secret_again_instead_of_losing_it(office: Office) -> None:
    fields = profile_fields(client_id="mistyped", secret="typed-secret")

    source = office.refused("edit_profile", office.profile.id, **fields)

    assert "Enter the secret again" in source
    assert "typed-secret" not in source


def test_a_profile_whose_meetings_live_is_refused_another_microsoft_tenant(office: Office) -> None:
    office.approve(make_request(office.tenant))
    fields = profile_fields(microsoft_tenant_id=FABRIKAM.tenant_id, display_name="Typed")

    source = office.refused("edit_profile", office.profile.id, **fields)

    assert "Make a new profile for another one." in unescape(source)
    assert 'value="Typed"' in source
    assert office.profiles()[0].microsoft_tenant_id == NORTHWIND.tenant_id


def test_a_profile_whose_meetings_live_is_archived_but_not_deleted(office: Office) -> None:
    office.approve(make_request(office.tenant))
    other = make_profile(office.tenant, FABRIKAM)
    office.do("integration", profile=other.id)

    asked = office.see("delete_profile", office.profile.id)
    told = office.do("delete_profile", office.profile.id)
    archived = office.do("archive_profile", office.profile.id)

    assert "still need it" in asked
    assert "Delete the profile" not in asked
    assert "Meetings made with this profile still need it. Archive it instead." in told
    assert "Northwind is archived." in archived
    assert [profile.archived for profile in office.profiles()] == [False, True]


def test_a_profile_of_new_meetings_is_not_deleted(office: Office) -> None:
    asked = office.see("delete_profile", office.profile.id)

    assert "Delete the profile" not in asked
    assert "Choose another one or deactivate the integration first." in asked
    assert "deactivate the integration first." in office.do("delete_profile", office.profile.id)
    assert office.profiles()


def test_switched_off_the_chosen_profile_is_deleted_and_none_is_chosen(office: Office) -> None:
    office.do("deactivate")

    assert "Delete the profile" in office.see("delete_profile", office.profile.id)
    assert "Northwind is deleted." in office.do("delete_profile", office.profile.id)
    assert office.profiles() == []
    assert office.integration().selected_profile_id is None


def test_switched_off_the_chosen_profile_stays_while_meetings_need_it(office: Office) -> None:
    office.approve(make_request(office.tenant))
    office.do("deactivate")

    assert "Delete the profile" not in office.see("delete_profile", office.profile.id)
    assert "still need it" in office.do("delete_profile", office.profile.id)
    assert office.integration().selected_profile_id == office.profile.id


def test_a_profile_that_nothing_needs_is_deleted(office: Office) -> None:
    spare = make_profile(office.tenant, FABRIKAM)

    assert "Delete the profile" in office.see("delete_profile", spare.id)
    assert "Fabrikam is deleted." in office.do("delete_profile", spare.id)
    assert office.profiles() == [office.profile]


# The organizer


def test_an_organizer_is_saved_by_name_and_shown_with_what_microsoft_knows(office: Office) -> None:
    text = office.do("meetings", organizer=f" {UPN} ")

    assert "Saved: Northwind Scheduling organizes new meetings." in text
    assert f"Northwind Scheduling, object id {OBJECT_ID}" in text
    assert office.integration().default_meeting_organizer_upn == UPN


@pytest.mark.parametrize("fault", [{"status": 503}, {"reset": True}], ids=str)
def test_with_graph_down_the_organizer_is_saved_with_a_warning(
    sim: Simulator, office: Office, fault: dict[str, Any]
) -> None:
    sim.fault("user", **fault)

    text = office.do("meetings", organizer=UPN)

    assert "The organizer is saved, but not confirmed." in text
    assert "Microsoft has not told us yet which account this is." in text
    assert office.integration().default_meeting_organizer_upn == UPN


@pytest.mark.parametrize("action", ["meetings", "verify"])
def test_what_cannot_be_an_organizer_is_refused_and_kept_in_its_field(
    sim: Simulator, office: Office, action: str
) -> None:
    source = office.refused(action, organizer="Scheduling <x>")

    assert "Enter a user principal name" in source
    assert 'value="Scheduling &lt;x&gt;"' in source
    assert f"object id {OBJECT_ID}" not in source
    assert office.integration().default_meeting_organizer_upn == OBJECT_ID
    assert sim.calls() == []


def test_clearing_hides_the_toggle_at_once_and_meetings_still_move_and_go(
    sim: Simulator, office: Office
) -> None:
    approved, pending = make_request(office.tenant), make_request(office.tenant)
    office.approve(approved)
    slug, dispatcher = office.tenant.slug, browser_of(office.members[Role.DISPATCHER])
    page = reverse("appointments:detail", args=[slug, pending.id])
    toggle = "Generate Microsoft Teams meeting link"
    assert toggle in text_of(dispatcher.get(page))

    text = office.do("meetings", organizer="")

    assert "Meetings that exist still move and go." in text
    assert toggle not in text_of(dispatcher.get(page))
    later = a_time(9, 15)
    moved = appointments.update_appointment_request_date_time(
        office.tenant, approved.id, by=office.admin, starts_at=later
    )
    [meeting] = sim.meetings()
    cancelled = appointments.cancel_appointment_request(
        office.tenant, approved.id, by=office.admin, reason=""
    )
    assert (moved.warning, cancelled.warning) == ("", "")
    assert meeting.start == later.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert sim.meetings() == []


# Verifying


def steps_on(text: str) -> list[tuple[str, str]]:
    """The steps of the verification on a page, by their first words."""
    titles = "Signed in|Permission granted|Organizer found|Access policy|Nothing left behind"
    return re.findall(rf"({titles})[^:]*: (yes|not tried|no)", text)


def test_a_verification_that_goes_well_is_told_step_by_step(sim: Simulator, office: Office) -> None:
    text = office.do("verify", organizer=UPN)

    assert steps_on(text) == [
        ("Signed in", "yes"),
        ("Permission granted", "yes"),
        ("Organizer found", "yes"),
        ("Access policy", "yes"),
    ]
    assert "Meetings can be made" in text
    assert re.search(rf"Verified on .* by {office.admin.user.name}", text)
    assert sim.meetings() == []


def test_an_organizer_is_verified_before_it_is_saved(office: Office) -> None:
    text = office.do("verify", organizer=UPN)

    assert f"Not saved yet. Until then {OBJECT_ID} organizes new meetings." in text
    assert office.integration().default_meeting_organizer_upn == OBJECT_ID


def test_without_an_organizer_what_comes_before_it_is_verified(office: Office) -> None:
    text = office.do("verify", organizer="")

    assert steps_on(text)[1:3] == [("Permission granted", "yes"), ("Organizer found", "no")]


def wrong_secret(sim: Simulator) -> None:
    sim.world.set_secret(NORTHWIND.tenant_id, NORTHWIND.client_id, "changed")


def no_consent(sim: Simulator) -> None:
    sim.world.withdraw_consent(NORTHWIND.tenant_id, NORTHWIND.client_id)


def no_lookup(sim: Simulator) -> None:
    sim.world.remove_role(NORTHWIND.tenant_id, NORTHWIND.client_id, READ_USERS)


def no_policy(sim: Simulator) -> None:
    sim.world.remove_policy(NORTHWIND.tenant_id, NORTHWIND.client_id, OBJECT_ID)


def graph_down(sim: Simulator) -> None:
    sim.fault("user", status=503)


def nobody(sim: Simulator) -> None:
    sim.fault("user", status=404, code="Request_ResourceNotFound")


@pytest.mark.parametrize(
    ("trouble", "failing", "next_step"),
    [
        (wrong_secret, "Signed in", "Enter the value of the client secret (not its id)"),
        (no_consent, "Permission granted", "OnlineMeetings.ReadWrite.All in Microsoft Entra"),
        (no_lookup, "Organizer found", "Paste the organizer's object id"),
        (nobody, "Organizer found", "Enter the account's user principal name"),
        (graph_down, "Organizer found", "Try again in a few minutes."),
        (no_policy, "Access policy", "it takes up to 30 minutes to work"),
    ],
)
def test_each_failing_step_says_what_to_do_and_the_rest_is_not_tried(
    sim: Simulator, office: Office, trouble: Any, failing: str, next_step: str
) -> None:
    trouble(sim)

    text = office.do("verify", organizer=UPN)

    titles = [title for title, _state in steps_on(text)]
    at = titles.index(failing)
    states = [state for _title, state in steps_on(text)]
    assert states == ["yes"] * at + ["no"] + ["not tried"] * (3 - at)
    assert "Meetings cannot be made" in text
    assert next_step in text.partition("What to do:")[2]


def test_a_test_meeting_that_stays_is_reported_on_the_page(sim: Simulator, office: Office) -> None:
    sim.fault("delete", status=503)

    text = office.do("verify", organizer=OBJECT_ID)

    [meeting] = sim.meetings()
    assert ("Nothing left behind", "no") in steps_on(text)
    assert meeting.id in text


def test_the_result_stays_on_the_tab_until_something_changes(
    sim: Simulator, office: Office
) -> None:
    no_policy(sim)
    office.do("verify", organizer=OBJECT_ID)

    text = office.see("meetings")
    assert ("Access policy", "no") in steps_on(text)
    assert "Checked on" in text
    assert "Verified on" not in text
    office.do("meetings", organizer=UPN)
    assert steps_on(office.see("meetings")) == []


def test_who_verified_what_is_in_the_history(office: Office) -> None:
    office.do("verify", organizer=UPN)

    with tenant_atomic(office.tenant):
        event = Event.objects.get(kind="TEAMS_MEETING_ORGANIZER_VERIFIED")
    assert (event.actor_name, event.after["organizer"]) == (office.admin.user.name, UPN)
    assert event.after["result"]["valid"] is True


# The runbook

RUNBOOK = Path(__file__).parents[2] / "docs/integrations/teams-meetings-setup.md"


def test_the_runbook_is_a_page_that_both_tabs_lead_to(office: Office) -> None:
    text = RUNBOOK.read_text()
    title, *sections = re.findall("^#+ (.*)$", re.sub("```.*?```", "", text, flags=re.DOTALL), re.M)

    source = office.source("runbook")

    headings = re.findall(r"<h[1-6]>(.*?)</h[1-6]>", source)
    assert [unescape(heading) for heading in headings] == [title, *sections]
    for page in ("integration", "meetings"):
        assert f'<a href="{office.url("runbook")}">Step by step' in office.source(page)


def test_the_runbook_links_to_nothing_that_the_product_does_not_have(office: Office) -> None:
    article = office.source("runbook").partition("<article")[2]

    assert "the table of failures" in article
    links = re.findall('<a href="(.*?)"', article)
    assert links == ["https://entra.microsoft.com"]


# PowerShell


def scripts_on(source: str) -> list[str]:
    return [unescape(found) for found in re.findall(r"<pre[^>]*>(.*?)</pre>", source, re.DOTALL)]


def test_the_powershell_is_filled_in_with_this_tenants_ids(office: Office) -> None:
    assert scripts_on(office.source("meetings")) == [
        "Install-Module MicrosoftTeams -Scope CurrentUser\n"
        "Connect-MicrosoftTeams\n"
        f'Get-CsOnlineUser -Identity "{OBJECT_ID}" | Select-Object ApplicationAccessPolicy',
        'New-CsApplicationAccessPolicy -Identity "Convene-Meetings"'
        f' -AppIds "{NORTHWIND.client_id}"\n'
        'Grant-CsApplicationAccessPolicy -PolicyName "Convene-Meetings"'
        f' -Identity "{OBJECT_ID}"',
        'Set-CsApplicationAccessPolicy -Identity "<name of that policy>"'
        f' -AppIds @{{Add="{NORTHWIND.client_id}"}}',
    ]


def test_a_missing_policy_comes_with_the_powershell_for_the_organizer_just_tried(
    sim: Simulator,
) -> None:
    office = Office(default_meeting_organizer_upn=None)
    no_policy(sim)

    answer = office.browser.post(office.url("verify"), {"organizer": UPN}, follow=True)

    [_look, grant, _extend] = scripts_on(answer.content.decode())
    assert f'-Identity "{OBJECT_ID}"' in grant


@pytest.mark.parametrize("hostile", ['"; Remove-Item C:\\ #', "$(calc)", "`calc`", "a\nb", ""])
def test_nothing_but_an_id_gets_into_the_powershell(hostile: str) -> None:
    scripts = policy_scripts(client_id=hostile, organizer_id=hostile, cloud=hostile)

    assert scripts == policy_scripts(client_id="", organizer_id="", cloud="")
    assert "<object id of the organizer>" in scripts.look


@pytest.mark.parametrize(
    ("cloud", "connect"),
    [
        ("global", "Connect-MicrosoftTeams"),
        ("gcc_high", "Connect-MicrosoftTeams -TeamsEnvironmentName TeamsGCCH"),
        ("dod", "Connect-MicrosoftTeams -TeamsEnvironmentName TeamsDOD"),
    ],
)
def test_the_powershell_signs_in_to_the_profiles_cloud(cloud: str, connect: str) -> None:
    scripts = policy_scripts(client_id="", organizer_id="", cloud=cloud)

    assert scripts.look.splitlines()[1] == connect


# What is never shown


def test_no_page_shows_the_secret_sealed_or_not(sim: Simulator, office: Office) -> None:
    spare = make_profile(office.tenant, FABRIKAM)
    hidden = [NORTHWIND.client_secret, FABRIKAM.client_secret]
    hidden += [profile.sealed_secret for profile in office.profiles()]
    wrong_secret(sim)

    pages = [office.browser.get(url) for _name, url in places(office, READ)]
    pages.append(office.browser.get(office.url("edit_profile", spare.id)))
    pages.append(office.browser.post(office.url("verify"), {"organizer": UPN}, follow=True))
    fields = profile_fields(client_id="mistyped")
    pages.append(office.browser.post(office.url("edit_profile", spare.id), fields))

    for page in pages:
        assert not [secret for secret in hidden if secret in page.content.decode()]


def test_a_name_with_markup_is_shown_as_text(office: Office) -> None:
    name = "<script>alert(1)</script>"
    office.do("edit_profile", office.profile.id, **profile_fields(display_name=name))

    for page in ("integration", "edit_profile", "archive_profile", "delete_profile"):
        args = () if page == "integration" else (office.profile.id,)
        assert name not in office.source(page, *args)


def test_no_page_has_a_text_that_cannot_be_translated(settings):
    settings.LANGUAGE_CODE = "en-XA"
    office = Office()
    request = make_request(office.tenant)
    office.approve(request)
    with translation.override("en-XA"):
        verified = verify(office.tenant, NORTHWIND.organizer_id, by=office.admin)
    of_a_row = {"verified": verified, "detail": request.id}

    found = {}
    for name in READ.keys() - {"teams:runbook"}:  # it is written in English alone
        row = of_a_row.get(short := name.partition(":")[2], office.profile.id)
        page = office.source(short, *[row] if short in OF_A_ROW else [])
        found[name] = list(plain_texts(page, *MICROSOFT))

    assert {text for texts in found.values() for text in texts} == set()
