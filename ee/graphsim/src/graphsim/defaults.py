"""The world a simulator starts with: two Microsoft tenants that know nothing of each other."""

from dataclasses import dataclass

from graphsim.directory import App, Policy, Secret, Tenant, User

READ_WRITE_MEETINGS = "OnlineMeetings.ReadWrite.All"
READ_USERS = "User.Read.All"


@dataclass(frozen=True)
class Organisation:
    """What an administrator of the organisation would type into a client."""

    name: str
    domain: str
    tenant_id: str
    client_id: str
    client_secret: str
    organizer_id: str
    organizer_upn: str
    service_principal_id: str

    def tenant(self) -> Tenant:
        """The tenant with everything done right: consent, licence and policy."""
        app = App(
            client_id=self.client_id,
            service_principal_id=self.service_principal_id,
            secrets=(Secret(self.client_secret),),
            roles=(READ_WRITE_MEETINGS, READ_USERS),
        )
        organizer = User(self.organizer_id, self.organizer_upn, f"{self.name} Scheduling")
        return Tenant(
            id=self.tenant_id,
            name=self.name,
            domain=self.domain,
            apps={app.client_id: app},
            users={organizer.id: organizer},
            policies=(Policy(app.client_id, organizer.id),),
        )


NORTHWIND = Organisation(
    name="Northwind",
    domain="northwind.example",
    tenant_id="6f1d2c3b-4a58-4e7d-9b60-11c2d3e4f501",
    client_id="0b7e6a51-93c4-4d2f-8a1e-21c2d3e4f502",
    client_secret="northwind-simulated-secret",  # noqa: S106 - opens nothing but this simulator
    organizer_id="c84f1e90-2d6b-4b35-a7f3-31c2d3e4f503",
    organizer_upn="scheduling@northwind.example",
    service_principal_id="e5a90d17-7b3c-4f86-b2d4-41c2d3e4f504",
)
FABRIKAM = Organisation(
    name="Fabrikam",
    domain="fabrikam.example",
    tenant_id="93e7b8d2-5c16-4a09-8f4d-12f3a4b5c601",
    client_id="4d20c9f8-e17a-46b3-9c58-22f3a4b5c602",
    client_secret="fabrikam-simulated-secret",  # noqa: S106 - opens nothing but this simulator
    organizer_id="a16b3d74-80e2-4c9f-b6a5-32f3a4b5c603",
    organizer_upn="scheduling@fabrikam.example",
    service_principal_id="7c48f2e6-1d95-4b7a-83e0-42f3a4b5c604",
)
ORGANISATIONS = (NORTHWIND, FABRIKAM)
