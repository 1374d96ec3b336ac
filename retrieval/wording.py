"""Words of a statement as conflict detection compares them: tokens with their places, and the term each stands for.

Terms are wider than those of the search (``synonyms``): a fee and a price are one term here, because two articles that
name both for the same thing are to be compared. What they must never blur is a kind of thing from another: "express"
and "standard", "Visa" and "Mastercard" stay apart.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

from retrieval.text import stem

MAX_TOKENS = 160
"""Of one sentence; what comes after is not read. Keeps the work bounded whatever an article holds."""
_MAX_LETTERS = 40
_MAX_DIGITS = 18

_TOKEN = re.compile(
    r"[^\W\d_]+(?:['’][^\W\d_]+)*"  # a word
    r"|\d+(?:[.,]\d+)*"  # a number; its sign and unit are tokens of their own
    r"|\S"
)
_DASHES = str.maketrans(dict.fromkeys("‐‑‒–—―−", "-"))

_NEGATED = {"cannot": ("can", "not"), "can't": ("can", "not"), "won't": ("will", "not"), "shan't": ("shall", "not")}

_STOP_WORDS = """
a about again all already also although am an and any anybody anyone anything are as at away back be because been being
both but by can could did do does doing don done each either else etc even ever every everybody everyone everything for
from get gets getting give gives go goes going got had has have having he her here hers him his how however i if in into
is it its itself just kind let like made make makes making may maybe me might mine more moreover most much must my need
needed needs neither never no nobody none nor not nothing now of off often on one once only onto or other others our
ours ourselves out over own per perhaps please put quite rather really s same shall she should simply since so some
somebody someone something soon still such sure t take taken takes taking than thank thanks that the their theirs them
themselves then there thereby therefore these they thing things this those though through thus to too toward towards
under until up upon us use used uses using usually very via want wants was we well were what whatever when whenever
where whether which while who whoever whom whose why will with within without would yes yet you your yours yourself
"""
STOP = frozenset(_STOP_WORDS.split())

_MEANINGS = """
cost price fee charge charged charges tariff priced
amount sum
carrier courier
parcel package
promotion promo coupon voucher
colour color coloured colored
programme program scheme
centre center
instalment installment
sofa couch settee
carpet rug
curtain drape
reply answer respond response
exchange swap
invoice bill
buy purchase bought
delete erase remove removal
refund reimburse reimbursement moneyback
return returnable returned
cancel cancell cancellation canceled cancelled
store shop
person human people
phone telephone mobile cellphone
christmas xmas
abroad overseas
website site webpage
assembly assemble assembled
register registration enrol enroll enrolment enrollment
deliver delivery
ship shipping shipment shipped dispatch sent send sends
complaint complain
repair mend fix
limit cap maximum max ceiling
minimum min
expire expiry expiration valid validity lapse
withdraw withdrawal
begin start starts
end finish ends
deposit deposited
transfer transferred
warranty guarantee guaranteed
arrive reach arrival receive received
keep retain retained kept store stored retention
join joining
approve approved approval
confirm confirmed confirmation
activate activation
apply application
collect collection pickup
open opening opened
close closing closed closure
earn earned accrue
require required requirement
allow allowed permit permitted
accept accepted acceptance
include included inclusion
subscribe subscription subscriber
upgrade upgraded
renew renewal
book booking reserve reservation
insure insurance insured
pay payment paid payable
customer client
worker employee staff
child children kid
luggage baggage
notice notify notification
trial test
average mean
daily day
weekly week
monthly month
yearly annual annually year
quarterly quarter
hourly hour
bonus reward
dollar dollars
"""


class Token(NamedTuple):
    text: str
    """Lower case, without accents; ``not`` for every n't."""
    kind: Literal["word", "number", "sign"]
    start: int
    end: int
    capital: bool
    """Whether it is written with a capital although no sentence begins here."""


def tokens_of(sentence: str) -> list[Token]:
    """The tokens of a sentence, in order. Linear in its length and never more than ``MAX_TOKENS``."""
    text = sentence.translate(_DASHES)
    found: list[Token] = []
    opens = True
    for match in _TOKEN.finditer(text):
        raw = match.group()
        start, end = match.span()
        first = raw[0]
        if first.isalpha():
            word = _folded(raw[:_MAX_LETTERS])
            capital = first.isupper() and (not opens or (len(raw) > 1 and not raw[1:].islower()))
            parts = _NEGATED.get(word) or ((word[:-3], "not") if word.endswith("n't") else (word.partition("'")[0],))
            found.extend(Token(part, "word", start, end, capital) for part in parts if part)
            opens = False
        elif first.isdigit() and first.isascii():
            found.append(Token(raw, "number" if len(raw) <= _MAX_DIGITS else "sign", start, end, False))
            opens = False
        else:
            found.append(Token(raw, "sign", start, end, False))
            opens = opens or raw in ".!?:"
        if len(found) >= MAX_TOKENS:
            break
    return found


@lru_cache(maxsize=50_000)
def term(word: str) -> str:
    """What a lower-case word stands for; empty for a word that says nothing about a subject."""
    if word in STOP or (len(word) == 1 and word.isascii()):
        return ""
    root = stem(word)
    return _STANDS_FOR.get(word) or _STANDS_FOR.get(root, root)


def terms(words: Iterable[str]) -> list[str]:
    """The terms of lower-case words, in order, those that say nothing left out."""
    return [found for word in words if (found := term(word))]


def terms_of(text: str) -> list[str]:
    """The terms of a text, numbers left out."""
    return terms(token.text for token in tokens_of(text) if token.kind == "word")


def is_title_case(tokens: Sequence[Token]) -> bool:
    """Whether nearly every longer word is written with a capital, so that a capital says nothing."""
    long = [token for token in tokens if token.kind == "word" and len(token.text) > 3][1:]
    return bool(long) and 3 * sum(token.capital for token in long) >= 2 * len(long)


@lru_cache(maxsize=50_000)
def _folded(word: str) -> str:
    word = word.replace("’", "'").casefold()
    if word.isascii():
        return word
    return "".join(c for c in unicodedata.normalize("NFKD", word) if not unicodedata.combining(c))


_STANDS_FOR: dict[str, str] = {}
for _line in _MEANINGS.strip().splitlines():
    _first, *_others = _line.split()
    for _word in (_first, *_others):
        _STANDS_FOR.setdefault(_word, stem(_first))
        _STANDS_FOR.setdefault(stem(_word), stem(_first))

_LIMITING = """
express standard regular priority overnight economy premium basic plus pro starter enterprise business personal private
corporate commercial student teen child senior adult youth junior family joint individual group new existing first
second third guest member nonmember vip gold silver bronze platinum diamond emerald ruby sapphire black white red green
blue yellow orange purple pink grey brown beige lime navy teal crimson violet sale clearance outlet final discounted
reduced made-to-order custom customised customized personalised personalized engraved bespoke printed digital electronic
physical virtual paper online store showroom large small oversized bulky heavy international domestic foreign abroad
national regional weekend holiday christmas seasonal summer winter spring autumn damaged faulty defective wrong late
lost stolen missing opened unopened used unused worn electrical perishable fragile hazardous prepaid postpaid debit
credit gift refurbished partial temporary permanent internal external incoming outgoing inbound outbound checked cabin
wireless preorder rental trial emergency urgent instant wholesale retail freelance nonprofit government military veteran
pet infant disabled pregnant commercial residential rural urban island premium-plus lite max mini ultra deluxe
introductory promotional overdue subsequent additional extra further
"""
LIMITING = frozenset(term(word) for word in _LIMITING.split()) - {""}
"""Terms that narrow a statement to a kind of thing, customer or place. General English, no name of a product."""

NEGATORS = frozenset({"not", "no", "never", "none", "neither", "nor", "nobody", "nothing", "nowhere", "non"})
OPPOSITES = {
    "unavailable": "available", "impossible": "possible", "invalid": "valid", "ineligible": "eligible",
    "forbidden": "allowed", "prohibited": "allowed", "banned": "allowed", "disallowed": "allowed",
    "refuse": "accept", "refuses": "accept", "refused": "accept", "reject": "accept", "rejects": "accept",
    "rejected": "accept", "decline": "accept", "declines": "accept", "declined": "accept",
    "exclude": "include", "excludes": "include", "excluded": "include", "excluding": "including",
    "optional": "required", "unnecessary": "required", "unable": "able", "disabled": "enabled", "disable": "enable",
    "inactive": "active", "unlimited": "limited", "unsafe": "safe", "uninsured": "insured", "unpaid": "paid",
    "nonrefundable": "refundable", "nonreturnable": "returnable", "nontransferable": "transferable",
    "uncovered": "covered", "unsuitable": "suitable", "incompatible": "compatible", "unsupported": "supported",
}  # fmt: skip
"""Words that deny another word."""
