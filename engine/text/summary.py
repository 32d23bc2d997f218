"""A summary out of the text's own sentences: the central ones that are no courtesies."""

import re
from collections.abc import Callable, Sequence

import numpy as np

from engine.text.embeddings import Floats
from engine.text.paragraphs import Sentence
from engine.text.words import joined

SHORTEST_WORDS = 50  # up to here a text is its own summary
MOST_SENTENCES = 4
SHARE = 0.25  # of the words, at most
LEAST_WORDS = 55
LEAST_WORTH = 0.3  # of any sentence but the first
DIVERSITY = 0.35  # the weight of not repeating what was said already

_COURTESY = re.compile(
    r"\b(thanks?|thank you|welcome|hello|hi|hey|goodbye|bye|good (morning|afternoon|evening)|"
    r"how are you|nice to|pleasure|have a (good|great|nice)|take care|my name is|this is \w+ "
    r"(speaking|from|with)|speaking|bear with me|one moment|hold on|no problem|of course|"
    r"you're welcome|anything else|how (can|may) i help|i('m| am) (fine|good|sorry)|excuse me|"
    r"can you hear me|sounds good|got it|all right|let me (see|check|look)|appreciate)\b",
    re.I,
)
_PURPOSE = re.compile(
    r"\b(the (problem|issue|point|plan|goal)"
    r"|i('d| would) like to|i (want|need|wanted|needed) to|we (need|want|have|decided|agreed|plan)"
    r"( to)?|we('ll| will)|i('ll| will)|let's|because|important|instead|decided|agreed|"
    r"(stopped|not|isn't) working|no longer|fail(s|ed)|broke|"
    r"(does|did|is|was|do)(n't| not) (work|working|arrive|charged?)|broken|refund|deadline|by "
    r"(monday|tuesday|wednesday|thursday|friday|tomorrow|next))\b",
    re.I,
)
_SUBJECT = re.compile(
    r"\b(calling (about|because|to|regarding)|(main|first|today's) (topic|point|question|thing)|"
    r"(topic|subject|agenda|question|problem) (today|here )?is|the reason (for|why|i|we)|"
    r"^today (we|i)('re|'ll|'m| are| will| am)|"
    r"(talk|here|speak|meeting) (today )?(is )?(about|to discuss)|this is about)\b",
    re.I,
)
_OPENING = re.compile(
    r"^(?:(?:so|well|okay|ok|and|but|yeah|yes|no|oh|right|um|uh|i mean|you know|actually|all right"
    r"|sure|great|alright)\b[,.]?\s+)+",
    re.I,
)


def summarize(sentences: Sequence[Sentence], embed: Callable[[Sequence[str]], Floats]) -> str:
    """At most four sentences and a quarter of the words; 50 words or fewer stay as they are."""
    total = sum(_length(sentence) for sentence in sentences)
    if total <= SHORTEST_WORDS:
        return joined(sentence.text for sentence in sentences)
    candidates = [sentence for sentence in sentences if _length(sentence) >= 4] or list(sentences)
    meanings = embed([sentence.text for sentence in candidates])
    worth = _worth(candidates, meanings)
    limit = max(LEAST_WORDS, int(SHARE * total))
    chosen: list[int] = []
    left = set(range(len(candidates)))
    while len(chosen) < MOST_SENTENCES:
        repeats = meanings @ meanings[chosen].T if chosen else np.zeros((len(candidates), 1))
        scores = (1 - DIVERSITY) * worth - DIVERSITY * repeats.max(axis=1)
        room = limit - sum(_length(candidates[index]) for index in chosen)
        # The best first; a look at each, or a long text of long sentences took squares of them.
        for best in sorted(left, key=lambda index: -scores[index]):
            if chosen and worth[best] < LEAST_WORTH:
                left.clear()
                break
            left.remove(best)
            if not chosen or _length(candidates[best]) <= room:
                chosen.append(best)
                break
        if not left:
            break
    return joined(_opened(candidates[index].text) for index in sorted(chosen))


def _worth(sentences: Sequence[Sentence], meanings: Floats) -> Floats:
    """Score each sentence by centrality; courtesies count less, wishes more."""
    middle = meanings.mean(axis=0)
    worth: Floats = meanings @ (middle / max(float(np.linalg.norm(middle)), 1e-9))
    for index, sentence in enumerate(sentences):
        length = _length(sentence)
        worth[index] += 0.1 * (1 - index / len(sentences))  # what it is about is said early
        if _COURTESY.search(sentence.text):
            worth[index] -= 0.35 if length < 15 else 0.15
        if _SUBJECT.search(sentence.text):
            worth[index] += 0.45
        elif _PURPOSE.search(sentence.text):
            worth[index] += 0.15
        if re.search(r"\d", sentence.text):
            worth[index] += 0.05
        if sentence.text.rstrip().endswith("?"):
            worth[index] -= 0.25
        if length < 7:
            worth[index] -= 0.15
        if length > 45:
            worth[index] -= 0.1
    return worth


def _opened(text: str) -> str:
    """Without "So, okay, well" at the beginning."""
    text = _OPENING.sub("", text)
    return text[:1].upper() + text[1:]


def _length(sentence: Sentence) -> int:
    return sentence.end_word - sentence.start_word + 1
