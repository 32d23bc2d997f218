"""Recognised words for tests: one word each half second, said in 0.4 s."""

from engine.text.words import Word


def words(text: str, speaker: int | None = None) -> list[Word]:
    return [
        Word(**{**Word.of(word, i * 0.5, i * 0.5 + 0.4, 0.9).__dict__, "speaker": speaker})
        for i, word in enumerate(text.split())
    ]


def written(found: list[Word]) -> str:
    return " ".join(word.punctuated_word for word in found)
