"""The flag was never false: a meeting is wanted as long as its row is there."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("appointments", "0003_meeting_sync"),
    ]

    operations = [
        migrations.RemoveField(
            model_name="meetingsync",
            name="wanted",
        ),
    ]
