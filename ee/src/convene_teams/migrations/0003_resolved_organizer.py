from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("teams", "0002_default_meeting_organizer_upn")]

    operations = [
        migrations.AddField(
            model_name="teamsintegration",
            name="organizer_object_id",
            field=models.CharField(blank=True, max_length=36),
        ),
        migrations.AddField(
            model_name="teamsintegration",
            name="organizer_name",
            field=models.CharField(blank=True, max_length=256),
        ),
        migrations.AddField(
            model_name="teamsintegration",
            name="organizer_resolved_in",
            field=models.CharField(blank=True, max_length=253),
        ),
    ]
