"""The PowerShell that a Teams administrator runs once, filled in with a tenant's ids."""

from dataclasses import dataclass

from .clouds import Cloud, is_guid

_POLICY = "Convene-Meetings"
_ENVIRONMENTS: dict[str, str] = {Cloud.GCC_HIGH: "TeamsGCCH", Cloud.DOD: "TeamsDOD"}


@dataclass(frozen=True)
class Scripts:
    """How the app is allowed to make the organizer's meetings.

    An account has one application access policy, and a second one silently replaces the first. So
    people look, and then run one of the other two.
    """

    look: str
    grant: str
    extend: str


def policy_scripts(*, client_id: str, organizer_id: str, cloud: str) -> Scripts:
    """The scripts. Only ids get in; anything else is left open for people to fill in."""
    app = _id(client_id, "<application (client) id>")
    organizer = _id(organizer_id, "<object id of the organizer>")
    connect = "Connect-MicrosoftTeams"
    if environment := _ENVIRONMENTS.get(cloud):
        connect += f" -TeamsEnvironmentName {environment}"
    return Scripts(
        look="Install-Module MicrosoftTeams -Scope CurrentUser\n"
        f"{connect}\n"
        f"Get-CsOnlineUser -Identity {organizer} | Select-Object ApplicationAccessPolicy",
        grant=f'New-CsApplicationAccessPolicy -Identity "{_POLICY}" -AppIds {app}\n'
        f'Grant-CsApplicationAccessPolicy -PolicyName "{_POLICY}" -Identity {organizer}',
        extend='Set-CsApplicationAccessPolicy -Identity "<name of that policy>"'
        f" -AppIds @{{Add={app}}}",
    )


def _id(text: str, placeholder: str) -> str:
    return f'"{text if is_guid(text) else placeholder}"'
