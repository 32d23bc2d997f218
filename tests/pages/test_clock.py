"""The player's clock in Chromium: a sound is heard at the second that waveform and words have."""

from pathlib import Path

import numpy as np
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db.models.functions import Now
from playwright.sync_api import Page

from tests.media import Sound, beeps, written
from tests.pages.cast import Cast
from tests.pages.patience import until
from tests.pages.test_recording_page import ready
from transcripts.media import sound
from transcripts.models import Recording, Waveform
from transcripts.stages.waveforms import draw_waveform

# Plays from one second to another; returns the seconds at which it was loud and at which it was
# not. Both are read at the same instant, so that a slow machine reads less often, not wrongly.
LISTEN = """async ([from, to]) => {
  const audio = document.querySelector("[data-audio]");
  if (!window.analyser) {
    const context = new AudioContext();
    window.analyser = context.createAnalyser();
    window.analyser.fftSize = 1024;
    context.createMediaElementSource(audio).connect(window.analyser);
    const silence = context.createGain();
    silence.gain.value = 0;
    window.analyser.connect(silence).connect(context.destination);
    await context.resume();
  }
  const heard = { loud: [], quiet: [] };
  const samples = new Float32Array(window.analyser.fftSize);
  audio.currentTime = from;
  await audio.play();
  while (audio.currentTime < to && !audio.ended) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    window.analyser.getFloatTimeDomainData(samples);
    const loudest = samples.reduce((most, one) => Math.max(most, Math.abs(one)), 0);
    heard[loudest > 0.1 ? "loud" : "quiet"].push(audio.currentTime);
  }
  audio.pause();
  return heard;
}"""
BEEP = 30.0


def recorded(cast: Cast, data: bytes) -> Recording:
    """A transcribed recording of these bytes, whose waveform is yet to be drawn."""
    recording = cast.transcribed()
    recording.file = default_storage.save("recordings/clock", ContentFile(data))
    recording.media_type, recording.size_bytes = "application/octet-stream", len(data)
    recording.media_type = sound.probe(Path(default_storage.path(recording.file.name))).media_type
    recording.duration = None
    recording.save()
    Waveform.objects.update(peaks=b"", due_at=Now())
    return recording


def late_mp4() -> bytes:
    late = Sound(beeps(12, [10], 48_000), "aac", 48_000, stamps=lambda second: second + 20)
    return written("mp4", late, video_seconds=4)


def torn_webm() -> bytes:
    samples = beeps(22, [20], 48_000)
    torn = Sound(samples, "libopus", 48_000, stamps=lambda second: second + 10 * (second > 5))
    return written("webm", torn)


def variable_mp3() -> bytes:
    noise = np.random.default_rng(1).normal(0, 0.02, 10 * 24_000)
    samples = beeps(34, [BEEP], 24_000)
    samples[15 * 24_000 : 25 * 24_000] += noise.astype(np.float32)
    options = {"flags": "+qscale", "global_quality": "590"}
    return written("mp3", Sound(samples, "libmp3lame", 24_000, options=options), write_xing="0")


@pytest.mark.parametrize("file", [late_mp4, torn_webm, variable_mp3])
def test_chromium_plays_the_second_that_it_shows(page: Page, cast: Cast, file):
    recording = recorded(cast, file())
    draw_waveform(recording.pk)
    curve = np.frombuffer(Waveform.objects.get().peaks, np.uint8)
    recording.refresh_from_db()
    drawn = np.flatnonzero(curve > 100) / len(curve) * recording.duration
    assert drawn[[0, -1]] == pytest.approx([BEEP, BEEP + 0.5], abs=0.3)

    page.goto(recording.get_absolute_url())
    ready(page)
    # Once by a seek, once by playing towards it over what comes before.
    for start in (BEEP - 0.4, BEEP - 1.5):
        heard = page.evaluate(LISTEN, [start, BEEP + 1])
        assert heard["loud"], heard
        assert min(heard["loud"]) > BEEP - 0.3
        assert max(heard["loud"]) < BEEP + 0.8


def test_page_that_is_open_plays_the_copy_once_it_is_made(page: Page, cast: Cast):
    recording = recorded(cast, written("avi", Sound(beeps(3), "pcm_s16le")))
    page.goto(recording.get_absolute_url())
    page.locator("[data-problem]").wait_for()
    draw_waveform(recording.pk)
    page.locator("[data-problem]").wait_for(state="hidden")
    until(page, lambda: page.evaluate("document.querySelector('[data-audio]').duration") > 2.5)
    assert page.locator("[data-length]").inner_text() == "0:03"
