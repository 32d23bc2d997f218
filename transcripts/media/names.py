"""Names of files, recordings, speakers and presets, made fit to be stored and shown."""

import re
import unicodedata

from transcripts.text.folding import fold

LONGEST = 255
UNNAMED = "Recording"

# Half characters: the bytes of a file name that is not UTF-8, or broken JSON.
SURROGATES = re.compile("[\ud800-\udfff]")
# They spell words (Persian, Indic scripts) and join emoji to one picture.
JOINERS = "\u200c\u200d"
# Signs of Arabic and Syriac that are written although Unicode counts them as format characters.
WRITTEN_FORMATS = re.compile("[\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd]")
# The flags of England, Scotland and Wales: a black flag and letters that are invisible elsewhere.
FLAGS = re.compile("\U0001f3f4[\U000e0020-\U000e007e]+\U000e007f")
# Letters and symbols that show nothing: a name of these alone could not be seen or clicked.
BLANKS = frozenset("\u115f\u1160\u3164\uffa0\u2800")
# Endings of media files: what else follows a dot, as in "Interview v1.5", belongs to the title.
MEDIA_ENDINGS = frozenset(
    "3g2 3ga 3gp aac ac3 adts aif aifc aiff alac amr ape asf au avi awb caf dsf dss dts eac3 f4a "
    "f4v flac flv gsm m2ts m4a m4b m4p m4r m4v mka mkv mov mp1 mp2 mp3 mp4 mpa mpc mpeg mpg mpga "
    "mts mxf oga ogg ogv ogx opus qt ra ram rm rmvb snd spx tta ts vob voc w64 wav wave weba webm "
    "wma wmv wv".split()
)


def clean_title(typed: str) -> str:
    """One line without control and direction characters, at most LONGEST long; may be empty.

    Characters that this version of Unicode does not know yet, such as new emoji, are kept.
    """
    text = " ".join(unicodedata.normalize("NFC", valid(typed[:10_000])).split())
    flags = {place for flag in FLAGS.finditer(text) for place in range(*flag.span())}
    kept = (char for place, char in enumerate(text) if place in flags or is_kept(char))
    title = " ".join("".join(kept).split())[:LONGEST].strip(f" {JOINERS}")
    return title if any(map(is_visible, title)) else ""


def is_kept(character: str) -> bool:
    category = unicodedata.category(character)
    if category == "Cf":
        return character in JOINERS or WRITTEN_FORMATS.match(character) is not None
    # Noncharacters are for use inside programs and never for interchange (Unicode, 23.7).
    point = ord(character)
    noncharacter = point & 0xFFFE == 0xFFFE or 0xFDD0 <= point <= 0xFDEF
    return category != "Cc" and not noncharacter


def is_visible(character: str) -> bool:
    """Return whether a name of this character alone is visible."""
    category = unicodedata.category(character)
    shows = category[0] in "LNPS" or category in ("Cn", "Co")
    return shows and character not in BLANKS


def clean_name(text: str) -> str:
    """A file's own name: no folders, nothing that `clean_title` takes out, never empty.

    A name that is too long is cut before its ending, which people know files by.
    """
    name = re.split(r"[/\\]", text)[-1]
    stem, dot, ending = name.rpartition(".")
    if not stem or len(ending) > 10:
        stem, dot, ending = name, "", ""
    ending = clean_title(dot + ending)
    stem = clean_title(stem)[: LONGEST - len(ending)].lstrip(".").strip(f" {JOINERS}")
    return (stem or UNNAMED) + ending


def title_of(name: str) -> str:
    """The first title of a recording: the name of its file without the ending."""
    stem, _, ending = name.rpartition(".")
    return stem if stem and ending.lower() in MEDIA_ENDINGS else name


def valid(text: str) -> str:
    """The text with half characters replaced, so that it can be written as UTF-8."""
    return SURROGATES.sub("\ufffd", text)


def folded_title(text: str) -> str:
    """A title as the library's filter compares it: as search does, and without joiners."""
    return fold(text).translate(dict.fromkeys(map(ord, JOINERS)))
