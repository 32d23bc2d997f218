"""Recordings that somebody already transcribed."""

from transcripts.models import Recording, State, Transcription, Utterance


def hear(project, *texts: str, title: str = "Monday", **facts) -> Recording:
    """A finished recording with these utterances, ten seconds apart, half a second a word."""
    recording = Recording.objects.create(project=project, title=title, state=State.DONE)
    run = Transcription.objects.create(recording=recording, state=State.DONE)
    add_utterances(run, *texts, **facts)
    return recording


def add_utterances(run: Transcription, *texts: str, **facts) -> list[Utterance]:
    utterances = [
        Utterance(
            transcription=run,
            project=run.recording.project,
            index=index,
            start=index * 10,
            end=index * 10 + 9,
            confidence=0.9,
            text=text,
            words=[
                [word, index * 10 + place / 2, index * 10 + place / 2 + 0.4, 0.9]
                for place, word in enumerate(text.split())
            ],
            **facts,
        )
        for index, text in enumerate(texts)
    ]
    Utterance.objects.fill_index(utterances)
    return Utterance.objects.bulk_create(utterances)
