"""Finds secrets: keys with a known form, bearer tokens, private keys, passwords and keys that are called so."""

import re
from collections.abc import Iterator

from desk.privacy.found import Found

_KNOWN = re.compile(
    r"-----BEGIN[A-Z ]{0,40}PRIVATE KEY-----(?:[^-]|-(?!----END))*(?:-----END[A-Z ]{0,40}-----)?"
    r"|\b(?:sk|pk|rk)[-_](?:live|test|proj|ant|or)?[-_]?[A-Za-z0-9_-]{16,}"
    r"|\bgh[pousr]_[A-Za-z0-9]{20,}|\bgithub_pat_\w{20,}|\bglpat-[\w-]{16,}|\bxox[abeprs]-[A-Za-z0-9-]{10,}"
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bAIza[\w-]{30,}|\bya29\.[\w-]{20,}|\bSG\.[\w-]{16,}\.[\w-]{16,}|\blsv2_\w{16,}"
    r"|\bfdstaff_[\w-]{16,}"  # ours: desk.identity.staff
    r"|\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?"
)
_CALLED = re.compile(
    r"(?P<scheme>\b(?:bearer|basic)\s{1,3})(?P<token>[a-z0-9._~+/=-]{16,})"
    r"|(?:\b|_)(?:(?:api|access|secret)[ _-]?key|(?:access|auth)[ _-]?token|(?:client[ _-]?)?secret)\b"
    r"[\"']?\s{0,2}(?:is|=|:)\s{0,2}[\"']?(?P<key>[^\s\"',;\[]{8,})"
    r"|(?:\b|_)(?:pass(?:word|phrase|code|wort)|pwd|mot de passe|contraseña)\b[\"']?\s{0,2}(?P<sign>is|=|:|was)\s{0,2}"
    r"[\"']?(?P<password>[^\s\"'\[][^\s\"']{3,})"
    r"|\bpin(?: code| number)?\s{0,2}(?:is|=|:)\s{0,2}(?P<pin>\d{4,8})(?!\d)"
    r"|\b[a-z][a-z0-9+.-]{1,20}://[^\s:/@\[]{0,64}:(?P<credential>[^\s:/@\[]{1,128})@",
    re.IGNORECASE,
)


def find_credentials(text: str) -> Iterator[Found]:
    """Secrets in the original text: their case matters."""
    for match in _KNOWN.finditer(text):
        yield Found(type="secret", start=match.start(), end=match.end())
    for match in _CALLED.finditer(text):
        group = next(name for name in ("token", "key", "password", "pin", "credential") if match[name])
        value = match[group].rstrip(".,;:!?)")
        if _is_secret(value, group=group, sign=match["sign"]):
            yield Found(type="secret", start=match.start(group), end=match.start(group) + len(value))


def _is_secret(value: str, *, group: str, sign: str | None) -> bool:
    """ "My password is wrong" holds none: a word is a secret only after an equals sign."""
    if group in ("token", "pin", "credential"):
        return True
    return sign == "=" or not value.isalpha()
