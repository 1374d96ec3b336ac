"""Which way a one-time code goes: a pure decision over the pack's policy and what is on file."""

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from desk.domain.contact import ContactPoints, Factor
from desk.policies.models import StepUpPolicy

_PHONE = re.compile(r"\+[1-9]\d{6,14}")
_EMAIL = re.compile(r"[^@\s\x00-\x1f\x7f,;<>\"]+@[^@\s\x00-\x1f\x7f,;<>\"]+\.[^@\s\x00-\x1f\x7f,;<>\"]+")
_TWO_DIGIT_COUNTRIES = re.compile(r"2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]")
"""Country codes of two digits (ITU-T E.164); 1 and 7 have one, all others three."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Where a code goes. Only ``masked`` may be shown."""

    factor: Factor
    destination: str = field(repr=False)
    masked: str


def choose_factor(
    policy: StepUpPolicy,
    *,
    tool: str,
    amount: int | None,
    contact: ContactPoints,
    available: frozenset[Factor],
    now: datetime,
) -> Choice | None:
    """The pack's first factor that suffices for this tool and amount and reaches the customer safely.

    ``amount`` is in minor units; None: no money moves. ``available``: what this installation can send. No choice: a
    person has to look at it.
    """
    for rule in policy.factors:
        too_much = amount is not None and rule.up_to is not None and amount > rule.up_to
        if rule.factor not in available or tool in rule.except_tools or too_much:
            continue
        destination = safe_destination(policy, rule.factor, contact=contact, now=now)
        if destination is not None:
            return Choice(factor=rule.factor, destination=destination, masked=mask(rule.factor, destination))
    return None


def safe_destination(policy: StepUpPolicy, factor: Factor, *, contact: ContactPoints, now: datetime) -> str | None:
    """The address or number to send to: after a recent change the old one, never one in a refused range."""
    current: str | None
    match factor:
        case "email":
            current, previous, changed = contact["email"], contact["previous_email"], contact["email_changed_at"]
        case "sms":
            current, previous, changed = contact["phone"], contact["previous_phone"], contact["phone_changed_at"]
    recent = changed is not None and now - changed < timedelta(days=policy.hold_days)
    found = previous if recent else current
    if found is None or not _may_receive(policy, factor, found):
        return None
    return found


def mask(factor: Factor, destination: str) -> str:
    """``a…@example.com``, ``+1 ••• ••• 0101``: enough to recognise one's own, of one length for everybody."""
    match factor:
        case "email":
            local, _, domain = destination.rpartition("@")
            return f"{local[:1]}…@{domain}"
        case "sms":
            digits = destination.removeprefix("+")
            length = 1 if digits[0] in "17" else 2 if _TWO_DIGIT_COUNTRIES.match(digits) else 3
            return f"+{digits[:length]} ••• ••• {digits[-4:]}"


def _may_receive(policy: StepUpPolicy, factor: Factor, destination: str) -> bool:
    match factor:
        case "email":
            return len(destination) <= 254 and _EMAIL.fullmatch(destination) is not None
        case "sms":
            return _PHONE.fullmatch(destination) is not None and not destination.startswith(policy.refused_prefixes)
