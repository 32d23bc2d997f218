from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("management", "0002_server_pauses"),
    ]

    operations = [
        migrations.AlterField(
            model_name="connection",
            name="error",
            field=models.TextField(
                blank=True, help_text="message of the last failure; empty after a success"
            ),
        ),
        migrations.AlterField(
            model_name="connection",
            name="failures",
            field=models.PositiveIntegerField(
                default=0, help_text="failures since the last successful request"
            ),
        ),
        migrations.AlterField(
            model_name="connection",
            name="retry_at",
            field=models.DateTimeField(help_text="no requests before this time", null=True),
        ),
        migrations.AlterField(
            model_name="connection",
            name="seen_at",
            field=models.DateTimeField(help_text="time of the last successful request", null=True),
        ),
        migrations.AlterField(
            model_name="project",
            name="seen_at",
            field=models.DateTimeField(
                help_text="time at which the server last listed it", null=True
            ),
        ),
    ]
