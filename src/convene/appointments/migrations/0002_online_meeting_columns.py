"""The PRD's three columns: the meeting as people see it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("appointments", "0001_initial")]

    operations = [
        *(
            migrations.AddField("appointmentrequest", name, models.TextField(null=True))
            for name in ("online_meeting_provider", "online_meeting_url", "online_meeting_id")
        ),
        migrations.AddConstraint(
            "appointmentrequest",
            models.CheckConstraint(
                condition=models.Q(online_meeting_url=None) | models.Q(status="approved"),
                name="only_approved_requests_have_a_join_link",
            ),
        ),
    ]
