from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("teams", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="teamsintegration",
            name="default_meeting_organizer_upn",
            field=models.TextField(blank=True, null=True),
        ),
        migrations.AddConstraint(
            model_name="teamsintegration",
            constraint=models.CheckConstraint(
                condition=models.Q(("default_meeting_organizer_upn", ""), _negated=True),
                name="no_organizer_is_null",
            ),
        ),
    ]
