"""K01: a card number is masked however it is written; a number that is none is left alone."""

import base64

import pytest

from desk.privacy.redaction import redact

VISA, AMEX = "4111111111111111", "378282246310005"
DIGITS = "4111 1111 1111 1111"
IN_WORDS = "four " + "one " * 14 + "one"

FORMS = {
    "plain": VISA,
    "spaces": DIGITS,
    "dots": DIGITS.replace(" ", "."),
    "dashes": DIGITS.replace(" ", "-"),
    "long dashes": DIGITS.replace(" ", "–"),
    "mixed separators": "4111 1111-1111.1111",
    "no-break spaces": DIGITS.replace(" ", "\u00a0"),
    "thin spaces": DIGITS.replace(" ", "\u2009"),
    "line breaks": DIGITS.replace(" ", "\n"),
    "a break inside a group": "4111 1111 11\n11 1111",
    "windows breaks": DIGITS.replace(" ", "\r\n"),
    "full width": "".join(chr(ord(c) + 0xFEE0) for c in VISA),
    "arabic-indic": "".join(chr(ord(c) - 48 + 0x660) for c in VISA),
    "devanagari": "".join(chr(ord(c) - 48 + 0x966) for c in VISA),
    "bold digits": "".join(chr(ord(c) - 48 + 0x1D7CE) for c in VISA),
    "zero-width": "\u200b".join(VISA),
    "zero-width and spaces": DIGITS.replace(" ", " \u200d\u2060 "),
    "soft hyphens": "\u00ad".join(VISA),
    "single digits": " ".join(VISA),
    "single dashes": "-".join(VISA),
    "pairs": " ".join(VISA[i : i + 2] for i in range(0, 16, 2)),
    "fives": "41111 11111 11111 1",
    "words": IN_WORDS,
    "words with commas": IN_WORDS.replace(" ", ", "),
    "words in capitals": IN_WORDS.upper(),
    "double and triple": "four triple one double one double one double one triple one triple one",
    "tens": "forty-one" + " eleven" * 7,
    "words and digits": "four one one one 1111 1111 1111",
    "base64": base64.b64encode(VISA.encode()).decode(),
    "base64 of spaces": base64.b64encode(DIGITS.encode()).decode(),
    "base64 of a sentence": base64.b64encode(f"my card is {DIGITS} ok".encode()).decode(),
    "base64 for urls": base64.urlsafe_b64encode(b"card: 4111-1111-1111-1111 ???>>>").decode(),
    "glued to words": f"card{VISA}thanks",
    "in an order note": f"Order HP-10001, note: leave at door, {DIGITS}, ring twice",
    "in markup": f"<b>{DIGITS}</b>",
    "in json": f'{{"pan":"{VISA}"}}',
    "amex": AMEX,
    "amex grouped": "3782 822463 10005",
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
def test_a_card_is_masked_in_every_form(form: str) -> None:
    """K01, R6.4: only the last four digits remain."""
    result = redact(f"please use {form} for it")

    assert "card" in {found.type for found in result.found}
    assert result.text.startswith("please use ")
    assert result.text.endswith(" for it")
    assert "[card ending 1111]" in result.text or "[card ending 0005]" in result.text
    left = result.text.replace("[card ending 1111]", "").replace("HP-10001", "")
    assert not any(character.isdigit() for character in left.replace("[card ending 0005]", ""))


@pytest.mark.parametrize(
    "number",
    ["5555555555554444", "2223003122003222", "6011111111111117", "3530111333300000", "30569309025904", "36227206271667",
     "371449635398431", "6200000000000005", "4222222222222", "6304000000000000"],
)  # fmt: skip
def test_every_scheme_is_known(number: str) -> None:
    """K01: the test numbers the schemes publish; rare lengths where the text speaks of a card."""
    assert redact(f"my card {number}").text == f"my card [card ending {number[-4:]}]"


@pytest.mark.parametrize(
    "text",
    [
        "cancel purchase 113542617735902",
        "how can I cancel purchase 113542617735902?",
        "order 732201349959 has not arrived",
        "HP-10001, INV-HP-10001 and TRK-10001",
        "84.50, 42.00, 129.00, 35.00 and 60.00",
        "84.50 42.00 129.00 35.00 60.00",
        "call +1 202 555 0101 or +33 1 55 50 10 03",
        "between 2026-11-23 10:00 and 2026-11-24 18:30",
        "1234 5678 9012 3456",
        "4111 1111 1111 1112",
        "0000 0000 0000 0000",
        "one two three, one of four people, five of six",
        "1Z999AA10123456784",
        "dGhpcyBpcyBub3QgYSBjYXJkIG51bWJlcg==",
    ],
)
def test_a_number_that_is_no_card_is_left_alone(text: str) -> None:
    """R6.4: the Bitext trap among them: a 15-digit order number that passes Luhn."""
    assert redact(text).text == text


@pytest.mark.parametrize(
    ("beside", "shown"),
    [
        ("exp 12/27 cvv 123", "exp [expiry date] cvv [security code]"),
        ("12/27 123", "[expiry date] [security code]"),
        ("12/2027, 123", "[expiry date], [security code]"),
        ("1227 123", "[expiry date] [security code]"),
        ("expires december 2027 and the code is 1234", "expires [expiry date] and the code is [security code]"),
        ("CVC: 123", "CVC: [security code]"),
        ("\nvalid thru 01-28\nsecurity code 999", "\nvalid thru [expiry date]\nsecurity code [security code]"),
        ("cvv one two three", "cvv [security code]"),
        ("250 USD please", "250 USD please"),
        (". 100 dollars were charged", ". 100 dollars were charged"),
    ],
)
def test_code_and_expiry_beside_a_card_are_masked(beside: str, shown: str) -> None:
    """K01: "plus CVV and expiry"; an amount beside a card is neither."""
    separator = "" if beside[0] in ".\n" else " "

    assert redact(f"{DIGITS}{separator}{beside}").text == f"[card ending 1111]{separator}{shown}"


def test_a_labelled_code_is_masked_without_a_card() -> None:
    """K01: it often comes in a message of its own."""
    assert redact("the cvv is 123").text == "the cvv is [security code]"


@pytest.mark.parametrize(
    ("previous", "text", "shown"),
    [
        ("my card is 4111 1111", "1111 1111", "[card ending 1111]"),
        ("4111 1111 1111", "and then 1111", "and then [card ending 1111]"),
        ("first half: 41111111", "second half: 11111111 thanks", "second half: [card ending 1111] thanks"),
        ("4111\n1111\n1111", "1111", "[card ending 1111]"),
        ("[card ending 1111]", "12/27 123", "[expiry date] [security code]"),
        ("order HP-10001", "HP-10002", "HP-10002"),
        ("I paid 84.50", "on 12 November 2026", "on 12 November 2026"),
    ],
)
def test_a_card_split_over_two_messages_does_not_become_whole(previous: str, text: str, shown: str) -> None:
    """K01: what completes the number is masked."""
    assert redact(text, previous).text == shown


def test_two_cards_keep_their_own_digits() -> None:
    """R6.4."""
    assert redact(f"{VISA} or {AMEX}").text == "[card ending 1111] or [card ending 0005]"
