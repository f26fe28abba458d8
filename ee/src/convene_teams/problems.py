"""Everything that can go wrong with a Teams meeting: its code, and the words for it."""

from enum import StrEnum

from django.utils.translation import gettext as _

from convene.meetings.provider import Explanation


class Problem(StrEnum):
    """The codes of this provider's errors and of its capability."""

    # Nothing was asked of Microsoft
    NOT_CONFIGURED = "not_configured"
    NO_ORGANIZER = "no_organizer"
    ORGANIZER_UNRESOLVED = "organizer_unresolved"
    PROFILE_MISSING = "profile_missing"
    SECRET_UNREADABLE = "secret_unreadable"  # noqa: S105  # a code
    REFERENCE_UNREADABLE = "reference_unreadable"
    CLOUD_WITHOUT_MEETINGS = "cloud_without_meetings"
    # Signing in
    BAD_SECRET = "bad_secret"  # noqa: S105  # a code
    SECRET_EXPIRED = "secret_expired"  # noqa: S105  # a code
    UNKNOWN_APP = "unknown_app"
    APP_NOT_INSTALLED = "app_not_installed"
    UNKNOWN_TENANT = "unknown_tenant"
    WRONG_CLOUD = "wrong_cloud"
    ACCESS_BLOCKED = "access_blocked"
    SIGN_IN_FAILED = "sign_in_failed"
    # Refused by Graph
    TOKEN_REJECTED = "token_rejected"  # noqa: S105  # a code
    PERMISSION_MISSING = "permission_missing"
    POLICY_MISSING = "policy_missing"
    LOOKUP_DENIED = "lookup_denied"
    USER_NOT_FOUND = "user_not_found"
    ORGANIZER_NOT_FOUND = "organizer_not_found"
    MEETING_NOT_FOUND = "meeting_not_found"
    MEETING_DENIED = "meeting_denied"
    BAD_REQUEST = "bad_request"
    THROTTLED = "throttled"
    # No answer, or none that makes sense
    UNREACHABLE = "unreachable"
    UNAVAILABLE = "unavailable"
    NO_ANSWER = "no_answer"
    BAD_RESPONSE = "bad_response"


def explain(code: str) -> Explanation:
    """The words for a code; a code of another version of this provider gets general ones."""
    words = _words()
    return words[Problem(code)] if code in words else words[Problem.BAD_RESPONSE]


def _words() -> dict[Problem, Explanation]:
    return {
        Problem.NOT_CONFIGURED: Explanation(
            _("Microsoft Teams is not set up, so no meeting could be made."),
            _("Complete the Microsoft profile and switch the Teams integration on."),
        ),
        Problem.NO_ORGANIZER: Explanation(
            _("Nobody is set as the organizer of Teams meetings."),
            _("Enter the default meeting organizer in the availability settings, Teams Meetings."),
        ),
        Problem.ORGANIZER_UNRESOLVED: Explanation(
            _("Microsoft has not told us yet which account the meeting organizer is."),
            _(
                "Paste the organizer's object id in place of the name, or grant the app the"
                " permission User.Read.All."
            ),
        ),
        Problem.PROFILE_MISSING: Explanation(
            _("The Microsoft profile that made this meeting no longer exists."),
            _("Remove the meeting in Teams by hand, then forget it here."),
        ),
        Problem.SECRET_UNREADABLE: Explanation(
            _("The stored secret of the Microsoft profile cannot be read."),
            _("Enter the client secret again, or put the lost key back into CONVENE_SECRET_KEYS."),
        ),
        Problem.REFERENCE_UNREADABLE: Explanation(
            _("What was stored about this meeting cannot be read."),
            _("Remove the meeting in Teams by hand, then forget it here."),
        ),
        Problem.CLOUD_WITHOUT_MEETINGS: Explanation(
            _("The Microsoft cloud of the profile offers no Teams meetings to other software."),
            _("Use a tenant in the commercial cloud, GCC, GCC High or DoD."),
        ),
        Problem.BAD_SECRET: Explanation(
            _("Microsoft did not accept our sign-in: the client secret is wrong."),
            _(
                "Enter the value of the client secret (not its id) in the Microsoft profile. The"
                " value is shown only once: make a new secret if it was not kept."
            ),
        ),
        Problem.SECRET_EXPIRED: Explanation(
            _("Microsoft did not accept our sign-in: the client secret has expired."),
            _("Make a new client secret in Microsoft Entra and enter its value in the profile."),
        ),
        Problem.UNKNOWN_APP: Explanation(
            _("Microsoft does not know the app of the Microsoft profile in that tenant."),
            _("Compare the application id and the tenant id of the profile with Microsoft Entra."),
        ),
        Problem.APP_NOT_INSTALLED: Explanation(
            _("The app of the Microsoft profile is not installed in the Microsoft tenant."),
            _("A Microsoft administrator gives admin consent for the app in that tenant."),
        ),
        Problem.UNKNOWN_TENANT: Explanation(
            _("Microsoft does not know the tenant of the Microsoft profile."),
            _("Check the tenant id in the profile, and that its cloud is the right one."),
        ),
        Problem.WRONG_CLOUD: Explanation(
            _("The Microsoft profile names the wrong Microsoft cloud."),
            _("Choose the cloud that the Microsoft tenant belongs to in the profile."),
        ),
        Problem.ACCESS_BLOCKED: Explanation(
            _("A security policy of the Microsoft tenant blocked the call."),
            _("Except the app from the Conditional Access policy for workload identities."),
        ),
        Problem.SIGN_IN_FAILED: Explanation(
            _("Microsoft did not accept our sign-in."),
            _("Verify the organizer in the Teams settings; it shows the step that fails."),
        ),
        Problem.TOKEN_REJECTED: Explanation(
            _("Microsoft did not accept our sign-in for this call, twice in a row."),
            _("Try again in a few minutes. If it stays, check the cloud of the Microsoft profile."),
        ),
        Problem.PERMISSION_MISSING: Explanation(
            _("The app may not manage online meetings in the Microsoft tenant."),
            _(
                "Grant the application permission OnlineMeetings.ReadWrite.All in Microsoft Entra"
                " and give admin consent."
            ),
        ),
        Problem.POLICY_MISSING: Explanation(
            _("Microsoft Teams does not let the app make meetings for the organizer."),
            _(
                "Grant the organizer an application access policy with this app; it takes up to 30"
                " minutes to work. The organizer also needs a licence with Teams."
            ),
        ),
        Problem.LOOKUP_DENIED: Explanation(
            _("The app may not look up people in the Microsoft tenant."),
            _("Paste the organizer's object id, or grant the app the permission User.Read.All."),
        ),
        Problem.USER_NOT_FOUND: Explanation(
            _("Microsoft knows nobody by the name of the meeting organizer."),
            _("Enter the account's user principal name (not another e-mail address) or object id."),
        ),
        Problem.ORGANIZER_NOT_FOUND: Explanation(
            _("Microsoft does not find the account that organizes the meeting."),
            _("Check that the organizer's account still exists and has a licence with Teams."),
        ),
        Problem.MEETING_NOT_FOUND: Explanation(
            _("The Teams meeting no longer exists; somebody may have removed it in Teams."),
            _("Create a new meeting if one is still needed."),
        ),
        Problem.MEETING_DENIED: Explanation(
            _("The organizer has no access to this Teams meeting."),
            _("Remove the meeting in Teams by hand, then forget it here."),
        ),
        Problem.BAD_REQUEST: Explanation(
            _("Microsoft Teams refused the request."),
            _("Give Microsoft's request id to whoever supports this installation."),
        ),
        Problem.THROTTLED: Explanation(
            _("Microsoft Teams has had too many requests."),
            _("Wait a few minutes, then try again."),
            passes=True,
        ),
        Problem.UNREACHABLE: Explanation(
            _("Microsoft could not be reached."),
            _("Check that this server may open connections to Microsoft, then try again."),
            passes=True,
        ),
        Problem.UNAVAILABLE: Explanation(
            _("Microsoft Teams is out of order at the moment."),
            _("Try again in a few minutes."),
            passes=True,
        ),
        Problem.NO_ANSWER: Explanation(
            _("Microsoft Teams did not answer in time."),
            _("Try again in a few minutes."),
            passes=True,
        ),
        Problem.BAD_RESPONSE: Explanation(
            _("Microsoft Teams gave an answer that could not be understood."),
            _("Try again. If it stays, give Microsoft's request id to your support."),
        ),
    }
