from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("transcripts", "0024_warnings")]

    operations = [
        migrations.AddField(
            model_name="transcription",
            name="heard_seconds",
            field=models.FloatField(
                help_text="how far an open run is in the audio, as far as its server says",
                null=True,
            ),
        ),
    ]
