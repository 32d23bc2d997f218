"""Text as it is compared: without case and without the accents of Latin letters."""

import unicodedata


def fold(text: str) -> str:
    """The form in which both search indexes and the library's title filter compare text.

    Lower case, composed (NFC); Latin letters lose their accents, those of other scripts keep
    their marks, which spell different letters there.
    """
    if text.isascii():
        return text.lower()
    kept = ""
    for character in unicodedata.normalize("NFD", text):
        accent = "\u0300" <= character <= "\u036f"
        if not (accent and kept and kept[-1].isascii()):
            kept += character
    return unicodedata.normalize("NFC", kept).lower().replace("ς", "σ")  # noqa: RUF001 the Greek letters
