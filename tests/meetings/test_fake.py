"""The fake keeps the contract of every provider, and fails exactly as it was told to."""

from collections.abc import Callable

import pytest

from convene.meetings import registry
from convene.meetings.contract import SPEC, MeetingProviderContract
from convene.meetings.fake import Call, FakeProvider, registered
from convene.meetings.provider import MeetingError
from convene.tenancy.models import Tenant
from tests.make import make_tenant


@pytest.fixture
def provider() -> FakeProvider:
    return FakeProvider()


@pytest.fixture
def tenant(db: None) -> Tenant:
    return make_tenant()


class TestFakeProvider(MeetingProviderContract):
    codes = FakeProvider.codes

    @pytest.fixture
    def provider(self) -> FakeProvider:
        return FakeProvider()

    @pytest.fixture
    def tenant(self, db: None) -> Tenant:
        return make_tenant()

    @pytest.fixture
    def bare_tenant(self, provider: FakeProvider, db: None) -> Tenant:
        tenant = make_tenant()
        provider.switch_off(tenant)
        return tenant

    @pytest.fixture
    def refuse_next(self, provider: FakeProvider) -> Callable[[], None]:
        return provider.fail_next

    @pytest.fixture
    def lose_next_answer(self, provider: FakeProvider) -> Callable[[], None]:
        return lambda: provider.lose_next(written=True)


def test_the_fake_remembers_what_it_was_asked(provider: FakeProvider, tenant: Tenant) -> None:
    created = provider.create(tenant, SPEC)
    provider.delete(tenant, created.ref)

    assert provider.calls == [
        Call("create", tenant.id),
        Call("delete", tenant.id, created.meeting_id),
    ]
    assert provider.meetings == {}


def test_a_lost_answer_is_lost_before_or_after_the_write(
    provider: FakeProvider, tenant: Tenant
) -> None:
    provider.lose_next(written=False)
    with pytest.raises(MeetingError):
        provider.create(tenant, SPEC)
    unwritten = dict(provider.meetings)

    provider.lose_next(written=True)
    with pytest.raises(MeetingError):
        provider.create(tenant, SPEC)

    assert unwritten == {}
    assert [meeting.subject for meeting in provider.meetings.values()] == [SPEC.subject]


def test_a_fault_waits_for_its_operation_and_lasts_as_often_as_told(
    provider: FakeProvider, tenant: Tenant
) -> None:
    provider.fail_next("meeting_not_found", on="delete", times=2)

    created = provider.create(tenant, SPEC)
    codes = []
    for _ in range(2):
        with pytest.raises(MeetingError) as caught:
            provider.delete(tenant, created.ref)
        codes.append(caught.value.code)
    provider.delete(tenant, created.ref)

    assert codes == ["meeting_not_found", "meeting_not_found"]


def test_a_provider_is_registered_for_as_long_as_the_block_lasts(
    provider: FakeProvider, tenant: Tenant
) -> None:
    before = registry.provider_for(tenant)

    with registered(provider):
        inside = registry.provider_for(tenant), registry.provider_named("fake")

    assert inside == (provider, provider)
    assert registry.provider_for(tenant) is before
