"""A program calls every operation with what its schema allows, and with what it does not."""

import re
from typing import Any
from uuid import UUID

import hypothesis
import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi import checks

from convene.api.urls import api
from convene.tenancy import keys
from tests.api.caller import Office

pytestmark = pytest.mark.usefixtures("db")

load_all_checks()
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
]
EXAMPLES = 10  # for each operation
SCHEMA = schemathesis.openapi.from_dict(api.schema)
OPERATIONS = {
    found.ok().label: found.ok() for found in SCHEMA.get_all_operations() if isinstance(found, Ok)
}


def is_uuid(value: Any) -> bool:
    try:
        return bool(UUID(value))
    except (ValueError, TypeError, AttributeError):
        return False


def of_this_office(case: Any, known: dict[str, str]) -> None:
    """Ids that a program made up are nobody's: those that can be ids become those of what is."""
    path = case.path_parameters
    if re.fullmatch(r"[-\w]{1,40}", str(path.get("tenant")), re.ASCII):
        path["tenant"] = known["tenant"]
    if is_uuid(path.get("pk")):
        path["pk"] = known["service_id" if "services" in case.path else "pk"]
    for given in (case.query, case.body):
        if isinstance(given, dict):
            given |= {n: known[n] for n in given.keys() & known.keys() if is_uuid(given[n])}


@pytest.mark.parametrize("label", OPERATIONS)
def test_whatever_is_sent_is_answered_as_the_schema_says(monkeypatch, label):
    monkeypatch.setattr(keys, "CALLS_A_MINUTE", 1_000_000)
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", None)
    connection.close()  # and the next one is kept
    office = Office()
    known = {
        "tenant": office.tenant.slug,
        "pk": str(office.request.id),
        "service_id": str(office.service.id),
        "technician_id": str(office.tom.id),
        "contact_id": str(office.contact.id),
    }
    app, strategy = WSGIHandler(), OPERATIONS[label].as_strategy
    cases = strategy(generation_mode=GenerationMode.POSITIVE) | strategy(
        generation_mode=GenerationMode.NEGATIVE
    )

    @hypothesis.settings(
        max_examples=EXAMPLES,
        database=None,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(cases)
    def call(case: Any) -> None:
        of_this_office(case, known)
        answer = case.call(app=app, headers=office.api.headers)
        case.validate_response(answer, checks=CHECKS)

    call()
