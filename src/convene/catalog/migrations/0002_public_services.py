from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("catalog", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="service",
            name="public",
            field=models.BooleanField(
                default=False,
                db_default=False,
                help_text="Anybody with the address of your booking page can ask for it.",
                verbose_name="public",
            ),
        ),
    ]
