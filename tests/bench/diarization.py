"""Diarization: error rate over the corpus, and the time it adds to recognition.

    SPEECH_CORPUS=../shared/audio python -m tests.bench.diarization

The error rate counts missed, false and confused speech of every speaker, overlap included,
with a collar of 0.25 s around each change in the reference and the best mapping of speakers.
"""

import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from engine.speech.diarization.diarizer import Diarization, Diarizer
from engine.speech.recognition.recognizer import RecognitionSettings, Recognizer
from engine.text.words import Word
from tests.bench.recognition import Cost, clock
from tests.bench.results import Result, at_most

FRAME_SECONDS = 0.01
COLLAR_SECONDS = 0.25
REPEATS = 3

Span = tuple[float, float, str]  # start, end, speaker


@dataclass(frozen=True)
class Errors:
    """Seconds of speech, summed over speakers."""

    missed: float = 0.0
    false: float = 0.0
    confused: float = 0.0
    spoken: float = 0.0

    def __add__(self, other: "Errors") -> "Errors":
        return Errors(
            self.missed + other.missed, self.false + other.false,
            self.confused + other.confused, self.spoken + other.spoken,
        )  # fmt: skip

    @property
    def percent(self) -> float:
        return 100 * (self.missed + self.false + self.confused) / max(self.spoken, 1e-9)


def score(reference: list[Span], found: list[Span], seconds: float) -> Errors:
    """The errors of ``found`` against ``reference`` in a recording of ``seconds``."""
    frames = round(seconds / FRAME_SECONDS)
    counted = np.ones(frames, bool)
    for start, end, _ in reference:
        for edge in (start, end):
            first = max(0, round((edge - COLLAR_SECONDS) / FRAME_SECONDS))
            counted[first : round((edge + COLLAR_SECONDS) / FRAME_SECONDS)] = False
    truth, guess = _activity(reference, frames)[:, counted], _activity(found, frames)[:, counted]
    speaking, guessed = truth.sum(axis=0), guess.sum(axis=0)
    right = _best_match(truth.astype(int) @ guess.T.astype(int))
    return Errors(
        missed=float(np.maximum(speaking - guessed, 0).sum()) * FRAME_SECONDS,
        false=float(np.maximum(guessed - speaking, 0).sum()) * FRAME_SECONDS,
        confused=float(np.minimum(speaking, guessed).sum() - right) * FRAME_SECONDS,
        spoken=float(speaking.sum()) * FRAME_SECONDS,
    )


def _activity(spans: list[Span], frames: int) -> npt.NDArray[np.bool_]:
    speakers = sorted({speaker for _, _, speaker in spans})
    active = np.zeros((len(speakers), frames), bool)
    for start, end, speaker in spans:
        first, last = round(start / FRAME_SECONDS), round(end / FRAME_SECONDS)
        active[speakers.index(speaker), first:last] = True
    return active


def _best_match(together: npt.NDArray[np.int_]) -> int:
    """The most frames that a mapping of speakers one to one gets right."""
    best = {0: 0}  # speakers of the reference in use, as bits: frames right
    for column in together.T:
        for used, right in list(best.items()):
            for speaker, frames in enumerate(column):
                if not used >> speaker & 1:
                    key = used | 1 << speaker
                    best[key] = max(best.get(key, 0), right + int(frames))
    return max(best.values())


def read_rttm(path: Path) -> list[Span]:
    """The speakers of an RTTM file."""
    fields = [line.split() for line in path.read_text().splitlines() if line.strip()]
    return [(float(f[3]), float(f[3]) + float(f[4]), f[7]) for f in fields]


def run() -> list[Result]:
    folder = os.environ.get("SPEECH_CORPUS")
    if not folder:
        print("diarization is left out: set SPEECH_CORPUS to a folder with recordings and .rttm")
        return []
    references = sorted(Path(folder).glob("*.rttm"))
    files = {
        reference: next(
            f for f in sorted(Path(folder).glob(f"{reference.stem}.*")) if f != reference
        )
        for reference in references
    }
    diarizer = Diarizer()
    recognizer = Recognizer(RecognitionSettings())
    recognizer.warm(["tiny.en"])
    turns_errors, words_errors, groups = Errors(), Errors(), {"ami": Errors(), "": Errors()}
    for reference, file in files.items():
        truth = read_rttm(reference)
        transcript = recognizer.recognize(file, diarizer=diarizer)
        (channel,) = transcript.channels
        assert channel.diarization is not None
        errors = score(truth, _turns(channel.diarization), transcript.duration)
        turns_errors += errors
        groups["ami" if reference.stem.startswith("ami") else ""] += errors
        words = [
            Word.of(word.text, word.start, word.end, word.confidence) for word in channel.words
        ]
        assigned = channel.diarization.assign(words)
        words_errors += score(truth, _words(assigned), transcript.duration)
    times = _times(recognizer, diarizer, list(files.values()))
    alone, both = times[False], times[True]
    recognizer.close()
    return [
        at_most("diarization error rate, turns", turns_errors.percent, 22, "%"),
        Result("of it missed", 100 * turns_errors.missed / turns_errors.spoken, "%"),
        Result("of it false", 100 * turns_errors.false / turns_errors.spoken, "%"),
        Result("of it confused", 100 * turns_errors.confused / turns_errors.spoken, "%"),
        Result("diarization error rate, meetings (AMI)", groups["ami"].percent, "%"),
        Result("diarization error rate, conversations", groups[""].percent, "%"),
        Result("diarization error rate, words with speakers", words_errors.percent, "%"),
        Result("recognition", alone.seconds, "s"),
        Result("recognition with diarization", both.seconds, "s"),
        at_most(
            "added to the time of recognition", 100 * (both.seconds / alone.seconds - 1), 25, "%"
        ),
        Result(
            "added to its processor time",
            100 * (both.processor_seconds / alone.processor_seconds - 1),
            "%",
        ),
    ]


def _turns(found: Diarization) -> list[Span]:
    return [(turn.start, turn.end, str(turn.speaker)) for turn in found.turns]


def _words(words: list[Word]) -> list[Span]:
    """Each speaker's words, joined over pauses of less than half a second."""
    spans: list[Span] = []
    for word in words:
        if spans and spans[-1][2] == str(word.speaker) and word.start - spans[-1][1] < 0.5:
            spans[-1] = (spans[-1][0], word.end, spans[-1][2])
        else:
            spans.append((word.start, word.end, str(word.speaker)))
    return spans


def _times(recognizer: Recognizer, diarizer: Diarizer, files: list[Path]) -> dict[bool, Cost]:
    """Return the least time to recognise the files without and with diarization, in turns."""
    costs: dict[bool, list[Cost]] = {False: [], True: []}
    for _ in range(REPEATS):
        for diarized, found in costs.items():
            found.append(
                clock(partial(_recognize, recognizer, diarizer if diarized else None, files))
            )
    return {
        diarized: Cost(
            min(cost.seconds for cost in found), min(cost.processor_seconds for cost in found)
        )
        for diarized, found in costs.items()
    }


def _recognize(recognizer: Recognizer, diarizer: Diarizer | None, files: list[Path]) -> None:
    for file in files:
        recognizer.recognize(file, diarizer=diarizer)
