import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.text.redaction import CannotRedact, parse_redactions, redact
from engine.text.spoken import digits as spoken_digits
from tests.engine.text.says import words, written


def redacted(text: str, *kinds: str) -> str:
    return written(redact(words(text), parse_redactions(kinds)))


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("My social is 123-45-6789.", "My social is [SSN_1]."),
        ("It is 123456789.", "It is [SSN_1]."),
        ("one two three, forty five, sixty seven eighty nine.", "[SSN_1]."),
        ("one two three uh four five, okay, 6789. Bye", "[SSN_1], okay, [SSN_1]. Bye"),
        ("the last four of my social are 6789", "the last four of my social are [SSN_1]"),
        ("I have 200 cows", "I have 200 cows"),
    ],
)
def test_social_security_numbers(said, expected):
    assert redacted(said, "ssn") == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("Card 4111 1111 1111 1111, thanks", "Card [CREDIT_CARD_1], thanks"),
        ("it is 4111-1111-1111-1111.", "it is [CREDIT_CARD_1]."),
        ("it is 4111111111111112", "it is [CREDIT_CARD_1]"),
        (
            "four one one one, okay, one one one one, yes, one one one one got it eleven eleven.",
            "[CREDIT_CARD_1], okay, [CREDIT_CARD_1], yes, [CREDIT_CARD_1] got it [CREDIT_CARD_1].",
        ),
        ("double four triple one four one one one one one one one one one one", "[CREDIT_CARD_1]"),
        ("the card ends in 1234", "the card ends in [CREDIT_CARD_1]"),
        (
            "it expires oh nine twenty seven code 123.",
            "it expires [CREDIT_CARD_EXPIRATION_1] code [CVV_1].",
        ),
        (
            "expires in September 2027 and security code is four five six",
            "expires in [CREDIT_CARD_EXPIRATION_1] and security code is [CVV_1]",
        ),
        ("We sold two hundred cows in 1999", "We sold two hundred cows in 1999"),
    ],
)
def test_card_data(said, expected):
    assert redacted(said, "pci") == expected


IDENTIFIERS = ("pci", "ssn", "phone_number", "account_number")


@pytest.mark.parametrize(
    "said",
    [
        "March 3, 2024 at 3.30pm",
        "on January 15, 2023 we sold 120 units for $45.50 at 10:30 am",
        "2019, 2020, 2021 and 2022 were good, from 1990 to 2005 it grew 300%",
        "1,200,000 people and 99%",
        "one million two hundred thousand people and ninety nine percent",
        "it weighs 120 kg, costs 3000 dollars and lasts 45 days",
        "the population was 8,123,456 in 2020 and 1234567 people voted",
        "123 apples, 45 pears and 6789 plums",
        "pages 100 to 12345, room 12 on floor 3 of building 4567",
        "scores 21 to 14, 35 to 28, 10 to 7",
        "we counted 100, 200, 300, 400",
        "half past three on the 5th of May at 25 degrees",
        "two thousand twenty four, three hundred sixty five days",
        "3 km, 250 m, 12345 steps at 5 pm, 15 May 2024 14:30 20 minutes",
        "my social media has 1200 followers, social security was founded in 1935",
        "the area code is 415, I used my card 2500 times",
        "the offer expires March 3, valid for 300 people, it expires in 30 days",
    ],
)
def test_numbers_that_count_or_date_are_no_identifiers(said):
    assert redacted(said, *IDENTIFIERS) == said


@pytest.mark.parametrize(
    "said",
    [
        "(415) 555-1234",
        "415.555.1234",
        "+1 415 555 1234",
        "1 800 555 1234",
        "eight hundred, five five five, one two three four",
        "four one five, five five five, okay, one two three four",
        "zero six twelve thirty four fifty six seventy eight",
        "555-1234",
    ],
)
def test_phone_numbers_in_every_form(said):
    assert "[PHONE_NUMBER_1]" in redacted(f"it is {said} thanks", "phone_number")
    assert "[PHONE_NUMBER_2]" not in redacted(f"it is {said} thanks", "phone_number")


@pytest.mark.parametrize(
    ("kind", "said", "expected"),
    [
        ("phone_number", "it is plus 44 7700 900123.", "it is plus [PHONE_NUMBER_1]."),
        ("pci", "it is plus 44 7700 900123.", "it is plus 44 7700 900123."),
        ("phone_number", "my social is 078-05-1120, call me", "my social is 078-05-1120, call me"),
        ("pci", "social 078-05-1120 and card 4111 1111 1111 1111",
         "social 078-05-1120 and card [CREDIT_CARD_1]"),
        ("pci", "call 415-555-0132 about the card", "call 415-555-0132 about the card"),
        ("ssn", "call 415-555-0132", "call 415-555-0132"),
    ],
)  # fmt: skip
def test_a_number_of_one_form_has_no_other_type(kind, said, expected):
    assert redacted(said, kind) == expected


def test_hyphens_make_no_phone_number_of_scores():
    said = "scores of 3-2, 4-1, 123-456"
    assert redacted(said, "phone_number", "ssn", "pci") == said


def test_other_words_end_a_number():
    said = "my card is 4111 1111, let me see, 2222 3333, and I am 35"
    assert redacted(said, "pci") == (
        "my card is [CREDIT_CARD_1], let me see, [CREDIT_CARD_2], and I am 35"
    )


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("15 plus 1.5 plus 15% plus $15 plus 15", "1 plus 2 plus 3 plus 4 plus 1"),
        ("1.5 million and 15 million", "1 and 2"),
        ("fifteen plus 15 plus twelve", "1 plus 1 plus 2"),
        ("three point five plus 35", "1 plus 2"),
        ("nineteen eighty four and four oh four", "1 and 2"),
    ],
)
def test_different_values_have_different_numbers(said, expected):
    shown = redacted(said, "aggressive_numbers")
    assert re.sub(r"\[NUMBER_(\d)\]", r"\1", shown) == expected


def test_numbers_are_three_digits_and_more():
    said = "3 cats, 200 dogs, nineteen eighty four and four oh four"
    assert redacted(said, "numbers") == "3 cats, [NUMBER_1] dogs, [NUMBER_2] and [NUMBER_3]"
    assert redacted("200 dogs", "true") == "[NUMBER_1] dogs"
    assert redacted("March 3, 2024", "true") == "March 3, [NUMBER_1]"


def test_aggressive_numbers_are_all_of_them():
    said = "3 cats in twenty-one rooms at 10:30 on the fifth, wait a second"
    assert redacted(said, "aggressive_numbers") == (
        "[NUMBER_1] cats in [NUMBER_2] rooms at [NUMBER_3] on the [NUMBER_4], wait a second"
    )


@pytest.mark.parametrize(
    ("kind", "said", "expected"),
    [
        ("email_address", "mail john dot smith at example dot com", "mail [EMAIL_ADDRESS_1]"),
        ("email_address", "mail a@b.com, now", "mail [EMAIL_ADDRESS_1], now"),
        ("phone_number", "call four one five double five five 1234", "call [PHONE_NUMBER_1]"),
        ("phone_number", "call +44 20 7946 0958", "call [PHONE_NUMBER_1]"),
        ("account_number", "account 00 12 34 56", "account [ACCOUNT_NUMBER_1]"),
        ("dob", "born May 3rd 1984", "born [DATE_1]"),
        ("money", "paid twenty dollars", "paid [MONEY_1]"),
        ("age", "I am 35 years old", "I am [AGE_1]"),
        ("url", "see www.example.com", "see [URL_1]"),
        ("ip_address", "from 192.168.1.1", "from [IP_ADDRESS_1]"),
    ],
)  # fmt: skip
def test_kinds_that_are_told_by_their_form(kind, said, expected):
    assert redacted(said, kind) == expected


def test_the_same_value_keeps_its_number_however_it_is_said():
    said = "123-45-6789, no 987-65-4321, again one two three forty five sixty seven eighty nine"
    assert redacted(said, "ssn") == "[SSN_1], no [SSN_2], again [SSN_1]"


def test_label_lasts_as_long_as_what_it_hides():
    said = redact(words("is one two three four five six seven eight nine."), {"ssn"})
    assert (said[1].word, said[1].start, said[1].end) == ("[SSN_1]", 0.5, 4.9)


@pytest.mark.parametrize("kind", ["phi", "pii", "name", "location", "bogus"])
def test_what_rules_cannot_find_is_rejected_with_what_is_allowed(kind):
    with pytest.raises(CannotRedact, match=f"redact={kind}.*allowed are pci"):
        parse_redactions(["ssn", kind])


def test_redact_false_is_nothing():
    assert parse_redactions(["false"]) == frozenset()
    assert parse_redactions(["pci,ssn"]) >= {"ssn", "credit_card", "cvv"}


def test_several_kinds_at_once():
    said = "room 42, then mail it to a@b.com, my social is 123456789, the card 4111 1111 1111 1111"
    assert redacted(said, "ssn", "pci", "email_address", "aggressive_numbers") == (
        "room [NUMBER_1], then mail it to [EMAIL_ADDRESS_1], my social is [SSN_1], "
        "the card [CREDIT_CARD_1]"
    )


@given(
    number=st.text("0123456789", min_size=16, max_size=16),
    cuts=st.sets(st.integers(1, 15), max_size=5),
    spell=st.lists(st.booleans(), min_size=6, max_size=6),
)
def test_no_card_number_gets_through_in_any_grouping(number, cuts, spell):
    edges = [0, *sorted(cuts), 16]
    groups = [number[a:b] for a, b in pairwise(edges)]
    said = [
        spoken_digits(group) if out else group for group, out in zip(groups, spell, strict=False)
    ]
    assert redacted("it is " + " ".join(said) + " thanks", "pci") == "it is [CREDIT_CARD_1] thanks"


@pytest.mark.parametrize(
    ("kind", "said", "expected"),
    [
        # Card data, with the words that name its parts.
        ("pci", "amex 3782 822463 10005", "amex [CREDIT_CARD_1]"),
        ("pci", "4242 dash 4242 dash 4242 dash 4242", "[CREDIT_CARD_1]"),
        ("pci", "visa ending in four two four two", "visa ending in [CREDIT_CARD_1]"),
        ("pci", "a number of 1234567890123456789012", "a number of [CREDIT_CARD_1]"),
        ("pci", "valid until 3/28", "valid until [CREDIT_CARD_EXPIRATION_1]"),
        ("pci", "valid thru march 28", "valid thru [CREDIT_CARD_EXPIRATION_1]"),
        ("pci", "expiration 12/2026, cvv 999",
         "expiration [CREDIT_CARD_EXPIRATION_1], cvv [CVV_1]"),
        ("pci", "the security code there is 9876", "the security code there is [CVV_1]"),
        ("pci", "it expired on 3/4/2024", "it expired on 3/4/2024"),
        ("pci", "zip code 94105, country code 351, promo code 456, dress code 123",
         "zip code 94105, country code 351, promo code 456, dress code 123"),
        # Social security numbers.
        ("ssn", "oh seven eight, oh five, eleven twenty", "[SSN_1]"),
        ("ssn", "1234 is my social security", "[SSN_1] is my social security"),
        ("ssn", "1234, social media", "1234, social media"),
        ("ssn", "a total of 123456789 dollars", "a total of 123456789 dollars"),
        ("ssn", "zip 94105-1234 or 123-45-678", "zip 94105-1234 or 123-45-678"),
        # Phone numbers.
        ("phone_number", "+49 30 901820", "[PHONE_NUMBER_1]"),
        ("phone_number", "mobile oh seven seven double oh nine double oh one two three",
         "mobile [PHONE_NUMBER_1]"),
        ("phone_number", "phone 12345678", "phone [PHONE_NUMBER_1]"),
        ("phone_number", "extension 1234 on 2024-05-06", "extension 1234 on 2024-05-06"),
        # Accounts.
        ("account_number", "routing 021000021", "routing [ACCOUNT_NUMBER_1]"),
        ("account_number", "iban 12 3456 7890", "iban [ACCOUNT_NUMBER_1]"),
        ("account_number", "a balance of 123456 dollars in 2024",
         "a balance of 123456 dollars in 2024"),
        # Values of several words are hidden as one.
        ("money", "about €3.5 million", "about [MONEY_1]"),
        ("time", "at 3:30 pm", "at [TIME_1]"),
        ("ip_address", "at ten dot zero dot zero dot one", "at [IP_ADDRESS_1]"),
        ("ip_address", "version 1.2.3", "version 1.2.3"),
        ("date", "on monday, in 1999", "on [DATE_1], in [DATE_2]"),
        ("date", "next week, may I", "next week, may I"),
        ("age", "35 years old, for 35 years", "[AGE_1], for 35 years"),
        ("email_address", "ada dot lovelace dash one at mail dot example dot co dot uk",
         "[EMAIL_ADDRESS_1]"),
        # Numbers of any kind.
        ("numbers", "12 of 123 at 10:30", "12 of [NUMBER_1] at [NUMBER_2]"),
        ("aggressive_numbers", "a hundred and one at 50%", "a [NUMBER_1] at [NUMBER_2]"),
    ],
)  # fmt: skip
def test_a_kind_is_hidden_whole_and_alone(kind: str, said: str, expected: str):
    assert redacted(said, kind) == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("Oh, I see. Oh!", "Oh, I see. Oh!"),
        ("oh oh no", "oh oh no"),
        ("room oh nine", "room [NUMBER_1]"),
        ("four oh four", "[NUMBER_1]"),
        ("double oh seven", "[NUMBER_1]"),
        ("zero", "[NUMBER_1]"),
    ],
)
def test_an_exclamation_is_no_zero(said: str, expected: str):
    assert redacted(said, "aggressive_numbers") == expected
