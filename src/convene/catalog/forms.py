from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from convene.forms import StyledForm
from convene.tenancy.models import Membership, Tenant

from .models import Service, ServicePerformer


class ServiceForm(StyledForm, forms.ModelForm):  # type: ignore[type-arg]  # no generic at run time
    """A service and who performs it."""

    performers = forms.ModelMultipleChoiceField(
        queryset=Membership.objects.none(),
        required=False,
        label=_("Performed by"),
        widget=forms.CheckboxSelectMultiple,
    )

    class Meta:
        model = Service
        fields = ("name", "description", "duration", "active", "public")
        widgets = {"description": forms.Textarea(attrs={"rows": 3})}  # Django's way

    def __init__(self, data: Any = None, *, tenant: Tenant, instance: Service | None):
        chosen = list(instance.performers()) if instance else []
        super().__init__(data, instance=instance, initial={"performers": chosen})
        people = Membership.objects.of_tenant(tenant).technicians()
        self.fields["performers"].queryset = people  # type: ignore[attr-defined]  # a model choice

    def save(self, commit: bool = True) -> Service:
        """Save the service and exactly the performers that were chosen."""
        service: Service = super().save(commit)
        ServicePerformer.objects.filter(service=service).delete()
        ServicePerformer.objects.bulk_create(
            ServicePerformer(service=service, technician=technician)
            for technician in self.cleaned_data["performers"]
        )
        return service
