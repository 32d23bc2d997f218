import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("transcripts", "0026_recording_tracks"),
    ]

    operations = [
        migrations.AlterField(
            model_name="insight",
            name="attempt",
            field=models.PositiveIntegerField(
                default=0, help_text="number of the attempt; only the newest may write"
            ),
        ),
        migrations.AlterField(
            model_name="insight",
            name="deaths",
            field=models.PositiveIntegerField(
                default=0, help_text="attempts during which the worker or the server crashed"
            ),
        ),
        migrations.AlterField(
            model_name="insight",
            name="not_before",
            field=models.DateTimeField(
                default=django.db.models.functions.datetime.Now,
                help_text="no attempt before this time",
            ),
        ),
        migrations.AlterField(
            model_name="insight",
            name="options",
            field=models.JSONField(default=dict, help_text="options of the request"),
        ),
        migrations.AlterField(
            model_name="insight",
            name="queued_at",
            field=models.DateTimeField(
                default=django.db.models.functions.datetime.Now,
                help_text="time at which a user last requested it",
            ),
        ),
        migrations.AlterField(
            model_name="insight",
            name="stage",
            field=models.CharField(
                blank=True, help_text="step that the worker is at", max_length=12
            ),
        ),
        migrations.AlterField(
            model_name="insight",
            name="warnings",
            field=models.JSONField(
                default=list, help_text="warnings of the server, as kept_warnings returns them"
            ),
        ),
        migrations.AlterField(
            model_name="preset",
            name="options",
            field=models.JSONField(
                default=dict, help_text="options, in the form that a run stores"
            ),
        ),
        migrations.AlterField(
            model_name="speaker",
            name="speaker",
            field=models.PositiveIntegerField(help_text="empty for a whole channel", null=True),
        ),
        migrations.AlterField(
            model_name="transcription",
            name="attempt",
            field=models.PositiveIntegerField(
                default=0, help_text="number of the attempt; only the newest may write"
            ),
        ),
        migrations.AlterField(
            model_name="transcription",
            name="deaths",
            field=models.PositiveIntegerField(
                default=0, help_text="attempts during which the worker or the server crashed"
            ),
        ),
        migrations.AlterField(
            model_name="transcription",
            name="heard_seconds",
            field=models.FloatField(
                help_text="position of an open run in the audio, as reported by its server",
                null=True,
            ),
        ),
        migrations.AlterField(
            model_name="transcription",
            name="not_before",
            field=models.DateTimeField(
                default=django.db.models.functions.datetime.Now,
                help_text="no attempt before this time",
            ),
        ),
        migrations.AlterField(
            model_name="transcription",
            name="options",
            field=models.JSONField(default=dict, help_text="options as they were submitted"),
        ),
        migrations.AlterField(
            model_name="transcription",
            name="queued_at",
            field=models.DateTimeField(
                default=django.db.models.functions.datetime.Now,
                help_text="time at which a user last requested it",
            ),
        ),
        migrations.AlterField(
            model_name="transcription",
            name="speakers",
            field=models.PositiveIntegerField(default=0, help_text="number of different speakers"),
        ),
        migrations.AlterField(
            model_name="transcription",
            name="stage",
            field=models.CharField(
                blank=True, help_text="step that the worker is at", max_length=12
            ),
        ),
        migrations.AlterField(
            model_name="transcription",
            name="warnings",
            field=models.JSONField(
                default=list, help_text="warnings of the server, as kept_warnings returns them"
            ),
        ),
        migrations.AlterField(
            model_name="utterance",
            name="searchable",
            field=models.BooleanField(
                default=True, help_text="true for those of the newest finished run"
            ),
        ),
        migrations.AlterField(
            model_name="waveform",
            name="due_at",
            field=models.DateTimeField(
                help_text="time at which it is drawn next; empty when up to date", null=True
            ),
        ),
    ]
