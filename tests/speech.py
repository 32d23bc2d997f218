"""Speech for tests, made by the engine's own voices: no recording is needed.

samples = say("Hello there.")                  # float32, (samples,), 16 kHz, -1 to 1
upload = wav_bytes(samples, 16_000)            # 16-bit mono WAV
speech = join(say("Hello.", voice="joe"), 0.8, say("Hi.", voice="af_heart"))
"""

from __future__ import annotations

import functools
import io
import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soxr

from engine.speech.synthesis.synthesizer import Synthesizer
from engine.speech.synthesis.voices import find_voice
from tests.lanes import note

Samples = npt.NDArray[np.float32]

# Kept between runs: calibrating a voice takes seconds.
CACHE = Path(__file__).resolve().parent.parent / "var" / "tests" / "voices"


@functools.cache
def synthesizer() -> Synthesizer:
    # The same samples in every run: a borderline would show now and then otherwise.
    return Synthesizer(CACHE, variation=0.0)


def say(text: str, voice: str = "joe", rate: int = 16_000, speed: float = 1.0) -> Samples:
    """``text`` as float32 samples at ``rate`` Hz, made once a run; read-only.

    ``voice`` is a local voice ("joe", the fastest; "af_heart", "am_michael", ...) or one of
    Deepgram's names.
    """
    note("makes speech")
    return made(text, voice, rate, speed)


@functools.cache
def made(text: str, voice: str, rate: int, speed: float) -> Samples:
    found = find_voice(voice)
    spoken = np.concatenate(list(synthesizer().speak(text, found, speed=speed)))
    samples: Samples = soxr.resample(spoken, found.sample_rate, rate).astype(np.float32)
    samples.flags.writeable = False
    return samples


def join(*parts: Samples | float, rate: int = 16_000) -> Samples:
    """``parts`` one after the other; a number is that many seconds of silence."""
    return np.concatenate(
        [
            np.zeros(round(part * rate), np.float32) if isinstance(part, int | float) else part
            for part in parts
        ]
    )


def pcm_bytes(samples: Samples) -> bytes:
    """16-bit little-endian PCM."""
    return (np.clip(samples, -1, 1) * 32_767).astype("<i2").tobytes()


def wav_bytes(samples: Samples, rate: int = 16_000) -> bytes:
    """A 16-bit WAV file: mono, or of as many channels as ``samples`` (samples, channels) has."""
    file = io.BytesIO()
    with wave.open(file, "wb") as wav:
        wav.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        wav.setsampwidth(2)
        wav.setframerate(rate)
        wav.writeframes(pcm_bytes(samples))
    return file.getvalue()
