"""Topics and intents of segments of text.

A stretch gets the labels whose meaning is near its own (cosine of their embeddings): the
caller's labels, and in ``extended`` mode also those known here and phrases of the text itself.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from engine.text.embeddings import Floats
from engine.text.numbers import digit_of
from engine.text.paragraphs import Sentence

Mode = Literal["extended", "strict"]
Embed = Callable[[Sequence[str]], Floats]

CUSTOM_LIKENESS = 0.32  # what the caller asks for is found sooner
KNOWN_LIKENESS = 0.38
PHRASE_LIKENESS = 0.45
NEAR_THE_BEST = 0.15  # what is clearly less alike than the best label is left out
MOST_LABELS = 3  # a segment
STRETCH_WORDS = 30  # a sentence alone says too little about its topic

TOPICS = {
    "Account Access": "logging in, passwords, locked accounts",
    "Appointments": "booking or moving an appointment",
    "Banking": "bank accounts, cards, transfers and loans",
    "Billing": "an invoice, a bill or a charge",
    "Books and Literature": "books, novels, poetry and authors",
    "Business Strategy": "plans and goals of a company",
    "Cancellation": "cancelling a subscription or an order",
    "Career": "jobs, hiring and careers",
    "Climate": "climate change and the environment",
    "Contracts": "agreements, contracts and terms",
    "Customer Service": "help and support for customers",
    "Data and Privacy": "personal data, privacy and security",
    "Delivery": "shipping and delivery of an order",
    "Design": "the design and look of a product",
    "Economy": "the economy, prices and markets",
    "Education": "school, teaching and learning",
    "Entertainment": "films, television and shows",
    "Events": "organizing an event or a party",
    "Family": "family, parents and children",
    "Fashion": "clothes and fashion",
    "Feedback": "opinions about a product or service",
    "Food and Restaurants": "food, cooking and restaurants",
    "Gardening": "plants and gardens",
    "Government": "government, law and policy",
    "Health": "illness, doctors and medicine",
    "History": "what happened in history",
    "Housing": "apartments, houses, rent and mortgages",
    "Insurance": "insurance policies and claims",
    "Marketing": "advertising, campaigns and customers",
    "Meetings": "meetings and their agenda",
    "Mental Health": "stress, therapy and feelings",
    "Music": "songs, concerts and musicians",
    "Payments": "paying, cards and payment methods",
    "Pets": "dogs, cats and other pets",
    "Politics": "elections, parties and politicians",
    "Product Launch": "releasing a new product",
    "Project Planning": "deadlines, tasks and milestones of a project",
    "Refunds": "getting money back or returning goods",
    "Religion": "faith and religion",
    "Safety": "accidents, danger and safety",
    "Sales": "selling, quotes and deals",
    "Science": "research, experiments and scientists",
    "Software Development": "code, programming, bugs and releases",
    "Space": "space, rockets and astronauts",
    "Sports": "games, teams and training",
    "Technical Problems": "something does not work, errors and failures",
    "Technology": "computers, phones and the internet",
    "Travel": "flights, hotels and trips",
    "Vehicles": "cars, repairs and driving",
    "War": "war, soldiers and the military",
    "Weather": "rain, snow, storms and sunshine",
}
INTENTS = {
    "Ask a question": "could you tell me, I have a question",
    "Ask for a call back": "please call me back",
    "Ask for help": "can you help me with this",
    "Book an appointment": "I would like to book an appointment",
    "Cancel an order": "I want to cancel my order or subscription",
    "Change a reservation": "I need to change my reservation",
    "Check an order": "where is my order, when will it arrive",
    "Complain": "I am not happy with this, I want to complain",
    "Confirm details": "let me confirm your details, is that correct",
    "Explain something": "let me explain how this works",
    "Follow up": "I will send you an email, I will let you know",
    "Give feedback": "here is what I think about it",
    "Give instructions": "first do this, then do that",
    "Invite somebody": "would you like to come and join us",
    "Make a decision": "we decided, let us go with this one",
    "Make a payment": "I would like to pay my bill",
    "Make a purchase": "I would like to buy one",
    "Make a reservation": "I would like to book a flight, a table or a room",
    "Make a suggestion": "maybe we should try, how about",
    "Offer help": "how can I help you, let me help you with that",
    "Plan work": "next week we will work on, the deadline is",
    "Report a problem": "it does not work, it stopped working, something is broken",
    "Request a refund": "I want my money back",
    "Request information": "I would like to know more about it",
    "Schedule a meeting": "let us meet on Tuesday",
    "Share news": "I have news, guess what happened",
    "Tell a story": "once upon a time, years ago there was",
    "Update personal information": "I moved, please change my address",
}

STOPWORDS = frozenset(
    """a about after again all also am an and any are as at back be because been before being both
    but by call calling can come could day did do does doing don't down even every first for from
    get give go going good got had has have he her here him his how i i'll i'm i've if in into is
    it it's its just know last let let's like little long look lot made make many may me mean
    might more most much must my new no not now of off oh ok okay old on one only or other our out
    over people please put really right said same say see she should so some something still such
    sure take than thank thanks that that's the their them then there there's these they thing
    things think this those three through time to today too topic two up us use very want was way
    we we're well went were what what's when where which while who will with would yeah year years
    yes yet you you're your""".split()
)
# Verbs that seldom name a thing: with one inside, a run of words is no topic.
_VERBS = """absorb accept add agree allow appear apply argue arrive ask become begin believe belong
    break bring build buy carry catch cause choose close compare complain confirm connect
    consider contain continue create decide deliver depend describe discuss eat enjoy expect explain
    fail fall feel fill find finish fix follow forget grow guess happen hate hear help hold hope
    improve include increase join keep learn leave listen live lose love mean meet mention miss
    need notice occur offer open own pay prefer prepare prevent produce promise prove provide pull
    push raise reach reboot receive recommend reduce refuse reject remain remember remove repeat
    require restart save sell send serve show sit sleep speak spend stand start stay stop suggest
    suppose talk tell throw try turn understand visit wait wake walk wash watch wear win wish wonder
    worry write""".split()
_OTHERS = """became began broke brought built bought caught chose ate fell felt found forgot grew
    heard held kept knew left lost met paid ran sold sent sat slept spoke spent stood taught told
    threw thought understood woke wore won wrote coming cannot bye goodbye hello hi hey nice great
    halfway already morning afternoon evening tonight tomorrow yesterday hundred thousand million
    billion""".split()
_NO_TOPIC = STOPWORDS | {*_VERBS, *_OTHERS, *(f"{verb}s" for verb in _VERBS)}
_NAMES_IN_LY = {"assembly", "family", "italy", "july", "monopoly", "reply", "supply"}


@dataclass(frozen=True)
class Label:
    name: str
    confidence_score: float


@dataclass(frozen=True)
class LabelledSegment:
    """``text`` is words ``start_word`` to ``end_word``, inclusive; labels best first."""

    text: str
    start_word: int
    end_word: int
    labels: tuple[Label, ...]


def find_topics(
    sentences: Sequence[Sentence], embed: Embed, custom: Sequence[str] = (), mode: Mode = "extended"
) -> list[LabelledSegment]:
    """The stretches of text that are about something, with their topics."""
    stretches = _stretches(sentences)
    phrases = _phrases(stretches) if mode == "extended" else [[] for _ in stretches]
    known = TOPICS if mode == "extended" else {}
    return _labelled(stretches, embed, custom, known, phrases)


def find_intents(
    sentences: Sequence[Sentence], embed: Embed, custom: Sequence[str] = (), mode: Mode = "extended"
) -> list[LabelledSegment]:
    """The sentences in which somebody wants something, with what it is."""
    asking = [s for s in sentences if s.end_word - s.start_word >= 2]
    known = INTENTS if mode == "extended" else {}
    return _labelled(asking, embed, custom, known, [[] for _ in asking])


def _labelled(
    stretches: Sequence[Sentence], embed: Embed, custom: Sequence[str],
    known: dict[str, str], phrases: Sequence[Sequence[str]],
) -> list[LabelledSegment]:  # fmt: skip
    """Each stretch with its labels; those without any are left out."""
    if not stretches:
        return []
    names = list(dict.fromkeys([*custom, *known]))
    described = [f"{name}: {known[name]}" if name in known else name for name in names]
    least = np.array([CUSTOM_LIKENESS if name in custom else KNOWN_LIKENESS for name in names])
    meanings = embed([stretch.text for stretch in stretches])
    likeness = meanings @ embed(described).T if names else np.zeros((len(stretches), 0))
    extra = sorted({phrase for group in phrases for phrase in group})
    extra_meanings = dict(zip(extra, embed(extra), strict=True)) if extra else {}
    segments = []
    for stretch, meaning, likes, group in zip(stretches, meanings, likeness, phrases, strict=True):
        scored = [(likes[i], names[i]) for i in np.flatnonzero(likes >= least)]
        for phrase in group:
            alike = float(meaning @ extra_meanings[phrase])
            if alike >= PHRASE_LIKENESS:
                scored.append((alike, phrase))
        scored.sort(key=lambda pair: (pair[1] not in custom, -pair[0]))
        best: dict[str, Label] = {}
        for alike, name in scored:
            if alike >= scored[0][0] - NEAR_THE_BEST:
                best.setdefault(name.casefold(), Label(name, _confidence(alike)))
        labels = tuple(best.values())[:MOST_LABELS]
        if labels:
            segments.append(
                LabelledSegment(stretch.text, stretch.start_word, stretch.end_word, labels)
            )
    return segments


def _confidence(likeness: float) -> float:
    """0.5 at the least likeness that counts, near 1 from 0.7."""
    return round(float(1 / (1 + np.exp(-9 * (likeness - CUSTOM_LIKENESS)))), 4)


def _stretches(sentences: Sequence[Sentence]) -> list[Sentence]:
    """Sentences joined until they have some thirty words."""
    stretches: list[Sentence] = []
    for sentence in sentences:
        last = stretches[-1] if stretches else None
        if last is None or last.end_word - last.start_word + 1 >= STRETCH_WORDS:
            stretches.append(sentence)
        else:
            stretches[-1] = Sentence(
                f"{last.text} {sentence.text}", last.start, sentence.end,
                last.start_word, sentence.end_word,
            )  # fmt: skip
    return stretches


def _phrases(stretches: Sequence[Sentence]) -> list[list[str]]:
    """Noun-like runs of two or three words in each stretch, those that come back first."""
    runs = [list(_runs(stretch.text)) for stretch in stretches]
    counts = Counter(run for group in runs for run in group)
    chosen = []
    for group in runs:
        best = sorted(dict.fromkeys(group), key=lambda run: (-counts[run], -len(run)))
        chosen.append([" ".join(word.capitalize() for word in run) for run in best[:4]])
    return chosen


def _runs(text: str) -> list[tuple[str, ...]]:
    runs: list[tuple[str, ...]] = []
    run: list[str] = []
    for token in [*text.split(), "."]:
        end = len(token)
        while end and not (token[end - 1].isalnum() or token[end - 1] in "_'&-"):
            end -= 1
        word = token[:end].lower().removesuffix("'s")
        number = digit_of(word) is not None
        plain = word.isalpha() and len(word) > 2 and not number and _may_name(word)
        if plain:
            run.append(word)
        if (not plain or end < len(token)) and run:
            runs += [tuple(run)] if 2 <= len(run) <= 3 else []
            run = []
    return runs


def _may_name(word: str) -> bool:
    """Return whether ``word`` may be part of a name: no verb or adverb, by its form."""
    if word.endswith("ly"):
        return word in _NAMES_IN_LY
    return word not in _NO_TOPIC and not (word.endswith("ed") and len(word) > 4)
