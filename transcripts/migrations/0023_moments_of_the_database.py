"""Defaults are set by Django, not by the tables: nothing changes in the database."""

import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("transcripts", "0022_show_transcripts"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name="insight",
                    name="created_at",
                    field=models.DateTimeField(default=django.db.models.functions.datetime.Now),
                ),
                migrations.AlterField(
                    model_name="insight",
                    name="deaths",
                    field=models.PositiveIntegerField(
                        default=0,
                        help_text="times that a worker or a server died while it handled it",
                    ),
                ),
                migrations.AlterField(
                    model_name="insight",
                    name="not_before",
                    field=models.DateTimeField(
                        default=django.db.models.functions.datetime.Now,
                        help_text="when to try (again)",
                    ),
                ),
                migrations.AlterField(
                    model_name="insight",
                    name="queued_at",
                    field=models.DateTimeField(
                        default=django.db.models.functions.datetime.Now,
                        help_text="when a person last asked for it",
                    ),
                ),
                migrations.AlterField(
                    model_name="transcription",
                    name="created_at",
                    field=models.DateTimeField(default=django.db.models.functions.datetime.Now),
                ),
                migrations.AlterField(
                    model_name="transcription",
                    name="deaths",
                    field=models.PositiveIntegerField(
                        default=0,
                        help_text="times that a worker or a server died while it handled it",
                    ),
                ),
                migrations.AlterField(
                    model_name="transcription",
                    name="not_before",
                    field=models.DateTimeField(
                        default=django.db.models.functions.datetime.Now,
                        help_text="when to try (again)",
                    ),
                ),
                migrations.AlterField(
                    model_name="transcription",
                    name="queued_at",
                    field=models.DateTimeField(
                        default=django.db.models.functions.datetime.Now,
                        help_text="when a person last asked for it",
                    ),
                ),
            ]
        )
    ]
