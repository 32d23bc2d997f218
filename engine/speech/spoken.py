"""Written text to the words a reader says: numbers, money, dates, times, abbreviations."""


def written_out(text: str, language: str) -> str:
    return text
