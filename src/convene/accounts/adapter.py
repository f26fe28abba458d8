"""How allauth behaves here: nobody signs up, and its mails leave through a job."""

from hashlib import sha256
from ipaddress import ip_address, ip_network
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter, get_adapter
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from convene.logs import log

from .mails import keep


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """People are invited by their MSP."""
        return False

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        try:
            super().pre_authenticate(request, **credentials)
        except ValidationError:
            self._note("sign_in.locked", request, credentials)
            raise

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        self._note("sign_in.failed", request, credentials)

    def _note(self, event: str, request: HttpRequest, credentials: dict[str, Any]) -> None:
        """For whoever watches the log. The address is a hash: people type passwords there, too."""
        typed = str(credentials.get("email", "")).strip().lower()
        account = sha256(typed.encode()).hexdigest()[:12]
        log.warning(event, account=account, ip=self.get_client_ip(request))

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        message = self.render_mail(template_prefix, email, context)
        keep(email, message.subject, message.body)


def network_of(request: HttpRequest) -> str:
    """Where a request comes from. Of IPv6 a whole network belongs to one person."""
    address = ip_address(get_adapter().get_client_ip(request))
    address = getattr(address, "ipv4_mapped", None) or address
    return str(ip_network((address, 64), strict=False) if address.version == 6 else address)
