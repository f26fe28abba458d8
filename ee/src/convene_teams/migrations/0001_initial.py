import uuid

import django.db.models.deletion
from django.db import migrations, models

import convene.tenancy.fields
import convene_teams.clouds


class Migration(migrations.Migration):
    initial = True

    dependencies = [("tenancy", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="MicrosoftProfile",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("display_name", models.CharField(max_length=100, verbose_name="name")),
                (
                    "microsoft_tenant_id",
                    models.CharField(
                        max_length=253,
                        validators=[convene_teams.clouds.validate_microsoft_tenant],
                        verbose_name="directory (tenant) id or domain",
                    ),
                ),
                (
                    "client_id",
                    models.CharField(
                        max_length=36,
                        validators=[convene_teams.clouds.validate_guid],
                        verbose_name="application (client) id",
                    ),
                ),
                ("sealed_secret", models.TextField(editable=False)),
                (
                    "cloud",
                    models.CharField(
                        choices=[
                            ("global", "Commercial and GCC"),
                            ("gcc_high", "GCC High"),
                            ("dod", "DoD"),
                        ],
                        default="global",
                        error_messages={"invalid_choice": convene_teams.clouds.NOT_IN_CHINA},
                        max_length=20,
                        verbose_name="cloud",
                    ),
                ),
                ("archived", models.BooleanField(default=False, verbose_name="archived")),
                (
                    "tenant",
                    convene.tenancy.fields.TenantField(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="tenancy.tenant",
                    ),
                ),
            ],
            options={
                "db_table": "microsoft_profiles",
                "ordering": ("display_name", "id"),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("cloud__in", ["global", "gcc_high", "dod"])),
                        name="profile_is_in_a_cloud_with_meetings",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="TeamsIntegration",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "install_status",
                    models.CharField(
                        choices=[
                            ("not_configured", "Not configured"),
                            ("install_pending", "Installation pending"),
                            ("active", "Active"),
                            ("error", "Error"),
                        ],
                        default="not_configured",
                        max_length=20,
                    ),
                ),
                ("last_error", models.TextField(blank=True)),
                (
                    "selected_profile",
                    convene.tenancy.fields.TenantForeignKey(
                        blank=True,
                        db_index=False,
                        db_on_delete="restrict",
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="teams.microsoftprofile",
                    ),
                ),
                (
                    "tenant",
                    convene.tenancy.fields.TenantField(
                        db_index=False,
                        editable=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="tenancy.tenant",
                    ),
                ),
            ],
            options={
                "db_table": "teams_integrations",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant",), name="one_teams_integration_per_tenant"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "install_status__in",
                                ["not_configured", "install_pending", "active", "error"],
                            )
                        ),
                        name="teams_integration_has_a_known_status",
                    ),
                ],
            },
        ),
    ]
