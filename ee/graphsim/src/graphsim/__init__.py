"""A local stand-in for Microsoft Graph online meetings and the Entra token endpoint."""

from graphsim.calls import Call
from graphsim.directory import App, Behaviour, Secret, Tenant, User
from graphsim.faults import Fault
from graphsim.meetings import Meeting
from graphsim.simulator import Simulator, start
from graphsim.world import World

__all__ = [
    "App",
    "Behaviour",
    "Call",
    "Fault",
    "Meeting",
    "Secret",
    "Simulator",
    "Tenant",
    "User",
    "World",
    "start",
]
