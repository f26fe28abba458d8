# ruff: noqa: S101  # these are tests, kept where every provider finds them
"""What every meeting provider must do, as tests that each of them inherits."""

from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest

from convene.tenancy.db import tenant_atomic
from convene.tenancy.models import Tenant

from .provider import MeetingError, MeetingProvider, MeetingRef, MeetingSpec, MeetingState

_START = datetime(2031, 3, 4, 9, 30, tzinfo=UTC)
SPEC = MeetingSpec("Consultation: Müller & Söhne", _START, _START + timedelta(minutes=45))
LATER = replace(SPEC, starts_at=_START + timedelta(days=1), ends_at=_START + timedelta(hours=25))


class MeetingProviderContract:
    """Inherit this in a class called Test..., name the provider's codes and give the fixtures."""

    codes: ClassVar[Collection[str]]
    """Every code that the provider's errors and its capability can have."""

    @pytest.fixture
    def provider(self) -> MeetingProvider:
        raise NotImplementedError

    @pytest.fixture
    def tenant(self) -> Tenant:
        """A tenant for which meetings can be made."""
        raise NotImplementedError

    @pytest.fixture
    def bare_tenant(self) -> Tenant:
        """A tenant for which none can be made."""
        raise NotImplementedError

    @pytest.fixture
    def refuse_next(self) -> Callable[[], None]:
        """Makes the service refuse the next call: nothing happens there."""
        raise NotImplementedError

    @pytest.fixture
    def lose_next_answer(self) -> Callable[[], None]:
        """Makes the service carry the next call out, and its answer get lost."""
        raise NotImplementedError

    def test_it_has_a_name_for_the_database_and_names_for_people(
        self, provider: MeetingProvider
    ) -> None:
        assert provider.slug.isidentifier()
        assert len(provider.slug) <= 20
        assert provider.label.strip()
        assert provider.short_label.strip()

    def test_it_can_make_meetings_for_a_tenant_that_is_set_up(
        self, provider: MeetingProvider, tenant: Tenant
    ) -> None:
        with tenant_atomic(tenant):
            capability = provider.capability(tenant)

        assert capability.available
        assert capability.reason == ""

    def test_it_says_why_it_cannot_make_meetings_and_refuses_for_that_reason(
        self, provider: MeetingProvider, bare_tenant: Tenant
    ) -> None:
        with tenant_atomic(bare_tenant):
            capability = provider.capability(bare_tenant)
        with pytest.raises(MeetingError) as caught:
            provider.create(bare_tenant, SPEC)

        assert not capability.available
        assert capability.reason in self.codes
        assert caught.value.code == capability.reason
        assert not caught.value.unknown_outcome

    def test_a_new_meeting_is_what_was_asked_for(
        self, provider: MeetingProvider, tenant: Tenant
    ) -> None:
        created = provider.create(tenant, SPEC)

        assert created.join_url.startswith("https://")
        assert created.meeting_id
        assert provider.look(tenant, created.ref) == _state(SPEC, created.join_url)

    def test_two_meetings_have_nothing_in_common(
        self, provider: MeetingProvider, tenant: Tenant
    ) -> None:
        first, second = provider.create(tenant, SPEC), provider.create(tenant, SPEC)

        provider.delete(tenant, first.ref)

        assert first.meeting_id != second.meeting_id
        assert first.join_url != second.join_url
        assert provider.look(tenant, second.ref) == _state(SPEC, second.join_url)

    def test_the_handle_alone_is_enough_to_find_a_meeting_again(
        self, provider: MeetingProvider, tenant: Tenant
    ) -> None:
        created = provider.create(tenant, SPEC)
        stored = MeetingRef(str(created.ref.handle))

        provider.delete(tenant, stored)

        assert provider.look(tenant, created.ref) is None

    def test_an_update_moves_a_meeting_and_keeps_its_subject_and_its_link(
        self, provider: MeetingProvider, tenant: Tenant
    ) -> None:
        created = provider.create(tenant, SPEC)

        provider.update(tenant, created.ref, replace(LATER, subject="Something else"))

        assert provider.look(tenant, created.ref) == _state(LATER, created.join_url)

    def test_an_update_may_come_twice(self, provider: MeetingProvider, tenant: Tenant) -> None:
        created = provider.create(tenant, SPEC)

        provider.update(tenant, created.ref, LATER)
        provider.update(tenant, created.ref, LATER)

        assert provider.look(tenant, created.ref) == _state(LATER, created.join_url)

    def test_an_update_of_a_meeting_that_is_gone_says_so(
        self, provider: MeetingProvider, tenant: Tenant
    ) -> None:
        created = provider.create(tenant, SPEC)
        provider.delete(tenant, created.ref)

        with pytest.raises(MeetingError) as caught:
            provider.update(tenant, created.ref, LATER)

        assert caught.value.code == "meeting_not_found"
        assert not caught.value.unknown_outcome

    def test_a_delete_removes_a_meeting_and_twice_is_a_success(
        self, provider: MeetingProvider, tenant: Tenant
    ) -> None:
        created = provider.create(tenant, SPEC)

        provider.delete(tenant, created.ref)
        provider.delete(tenant, created.ref)

        assert provider.look(tenant, created.ref) is None

    def test_another_tenant_cannot_touch_a_meeting(
        self, provider: MeetingProvider, tenant: Tenant, bare_tenant: Tenant
    ) -> None:
        created = provider.create(tenant, SPEC)

        with suppress(MeetingError):
            provider.delete(bare_tenant, created.ref)
        with pytest.raises(MeetingError):
            provider.update(bare_tenant, created.ref, LATER)

        assert provider.look(tenant, created.ref) == _state(SPEC, created.join_url)

    def test_a_refused_create_is_certain_and_has_a_code(
        self, provider: MeetingProvider, tenant: Tenant, refuse_next: Callable[[], None]
    ) -> None:
        refuse_next()

        with pytest.raises(MeetingError) as caught:
            provider.create(tenant, SPEC)

        assert caught.value.code in self.codes
        assert not caught.value.unknown_outcome

    def test_a_refused_update_leaves_the_meeting_as_it_was(
        self, provider: MeetingProvider, tenant: Tenant, refuse_next: Callable[[], None]
    ) -> None:
        created = provider.create(tenant, SPEC)
        refuse_next()

        with pytest.raises(MeetingError) as caught:
            provider.update(tenant, created.ref, LATER)

        assert caught.value.code in self.codes
        assert provider.look(tenant, created.ref) == _state(SPEC, created.join_url)

    def test_a_create_without_an_answer_has_an_unknown_outcome(
        self, provider: MeetingProvider, tenant: Tenant, lose_next_answer: Callable[[], None]
    ) -> None:
        lose_next_answer()

        with pytest.raises(MeetingError) as caught:
            provider.create(tenant, SPEC)

        assert caught.value.code in self.codes
        assert caught.value.unknown_outcome

    def test_a_delete_without_an_answer_can_be_repeated(
        self, provider: MeetingProvider, tenant: Tenant, lose_next_answer: Callable[[], None]
    ) -> None:
        created = provider.create(tenant, SPEC)
        lose_next_answer()

        with pytest.raises(MeetingError):
            provider.delete(tenant, created.ref)
        provider.delete(tenant, created.ref)

        assert provider.look(tenant, created.ref) is None

    def test_every_code_is_explained_in_words(self, provider: MeetingProvider) -> None:
        explained = [provider.explain(code) for code in self.codes]

        assert all(words.sentence.strip() and words.next_step.strip() for words in explained)
        assert len({words.sentence for words in explained}) == len(explained)


def _state(spec: MeetingSpec, join_url: str) -> MeetingState:
    return MeetingState(SPEC.subject, spec.starts_at, spec.ends_at, join_url)
