"""Where links lead: kept for http(s), reported when they leave the house, removed when they could act."""

import re
from typing import Literal
from urllib.parse import quote, unquote, urlsplit

_UNSEEN = re.compile(r"[\x00-\x20\x7f-\xa0\u200b-\u200f\u2028\u2029\ufeff]+")
_ACTING = ("javascript", "data", "vbscript", "file", "blob", "filesystem", "view-source", "jar", "about")
_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*):")
_MAX = 2_000

Kind = Literal["web", "contact", "inside", "acting"]


def kind_of(url: str) -> Kind:
    """A page (``web``), an address or number (``contact``), this site (``inside``), or a script (``acting``)."""
    plain = _UNSEEN.sub("", url)
    scheme = _SCHEME.match(plain)
    if scheme is None:
        return "web" if plain.startswith(("//", "\\\\")) else "inside"
    match scheme[1].lower():
        case "http" | "https":
            return "web"
        case "mailto" | "tel" | "sms":
            return "contact"
        case name if name in _ACTING:
            return "acting"
        case _:
            # A scheme of some app: nobody knows what it does.
            return "acting" if not plain[scheme.end() : scheme.end() + 1].isdigit() else "inside"


def spelt(url: str) -> str:
    """A web address that is safe inside Markdown's parentheses; empty when it is none."""
    plain = _UNSEEN.sub("", url.strip().replace(" ", "%20")).replace("\\", "/")
    if plain.startswith("//"):
        plain = "https:" + plain
    if len(plain) > _MAX or host_of(plain) == "":
        return ""
    return quote(plain, safe=":/?#[]@!$&*+,;=%~._-'").replace("[", "%5B").replace("]", "%5D")


def contact_in(url: str) -> str:
    """The address or number a ``mailto:`` or ``tel:`` link leads to, or nothing."""
    scheme, _, rest = _UNSEEN.sub("", url).partition(":")
    return unquote(rest.partition("?")[0])[:200] if scheme.lower() in ("mailto", "tel", "sms") else ""


def host_of(url: str) -> str:
    try:
        return (urlsplit(_UNSEEN.sub("", url)).hostname or "").rstrip(".").lower()
    except ValueError:
        return ""


def is_foreign(url: str, *, allowed: frozenset[str]) -> bool:
    """Whether the host is none of the allowed ones nor below one of them."""
    host = host_of(url)
    return not any(host == known or host.endswith("." + known) for known in allowed)
