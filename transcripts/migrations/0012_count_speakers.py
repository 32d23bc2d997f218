from django.db import migrations


def count(apps, schema_editor):
    Transcription = apps.get_model("transcripts", "Transcription")
    Utterance = apps.get_model("transcripts", "Utterance")
    for run in Transcription.objects.filter(state="done").only("options").iterator():
        said = Utterance.objects.filter(transcription=run)
        if run.options.get("multichannel"):
            voices = said.values("channel", "speaker").distinct().count()
        else:
            voices = said.exclude(speaker=None).values("speaker").distinct().count()
        if voices:
            Transcription.objects.filter(pk=run.pk).update(speakers=voices)


class Migration(migrations.Migration):
    dependencies = [("transcripts", "0011_insights_speakers_presets")]

    operations = [migrations.RunPython(count, migrations.RunPython.noop)]
