"""What CSS hides: whether an element with these declarations would be seen, as far as a page itself says.

Inline styles, the old attributes (``bgcolor``, ``<font color>``, ``hidden``) and the page's own ``<style>`` rules
count; style sheets kept elsewhere are not looked at.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from desk.knowledge.markup import Token
from desk.knowledge.style_sheet import Sheet, declarations

_MIN_CONTRAST = 1.2
"""Of text on its background, as WCAG counts it (1 to 21): #eee on white has 1.16 and is not seen."""

_Colour = tuple[float, float, float]
_WHITE: _Colour = (255, 255, 255)
_BLACK: _Colour = (0, 0, 0)
_NAMED: dict[str, _Colour] = {
    "white": _WHITE, "black": _BLACK, "snow": (255, 250, 250), "ivory": (255, 255, 240), "ghostwhite": (248, 248, 255),
    "whitesmoke": (245, 245, 245), "floralwhite": (255, 250, 240), "azure": (240, 255, 255),
    "mintcream": (245, 255, 250), "aliceblue": (240, 248, 255), "seashell": (255, 245, 238),
    "honeydew": (240, 255, 240), "linen": (250, 240, 230),
    "lightyellow": (255, 255, 224), "beige": (245, 245, 220), "gainsboro": (220, 220, 220), "silver": (192, 192, 192),
    "lightgray": (211, 211, 211), "lightgrey": (211, 211, 211), "gray": (128, 128, 128), "grey": (128, 128, 128),
    "red": (255, 0, 0), "green": (0, 128, 0), "blue": (0, 0, 255), "yellow": (255, 255, 0), "orange": (255, 165, 0),
    "navy": (0, 0, 128), "maroon": (128, 0, 0), "purple": (128, 0, 128), "teal": (0, 128, 128), "lime": (0, 255, 0),
}  # fmt: skip

_LENGTH = re.compile(r"(-?(?:\d+\.?\d*|\.\d+))\s*([a-z]+|%)?")
_FUNCTION = re.compile(r"(rgba?|hsla?)\(([^)]*)\)")
_ZERO_CLIP = re.compile(r"rect\(\s*0\D+0\D+0\D+0\D*\)|rect\(\s*1px\D+1px\D+1px\D+1px\D*\)|inset\(\s*(?:50|100)%")


@dataclass(frozen=True, kw_only=True)
class Look:
    """How text in an element looks. ``gone`` says why nothing within it can be seen, whatever it says itself."""

    gone: str = ""
    invisible: bool = False
    tiny: bool = False
    ink: _Colour = _BLACK
    ink_said: bool = False
    transparent: bool = False
    paper: _Colour = _WHITE
    paper_said: bool = False
    sheet: bool = False
    """The element, or one around it inside its paper, has a class: style sheets kept elsewhere may colour it."""

    @property
    def hidden(self) -> str:
        """Why its text is not seen, or nothing."""
        if self.gone:
            return self.gone
        if self.invisible:
            return "visibility:hidden"
        if self.tiny:
            return "a font too small to read"
        if self.transparent:
            return "transparent letters"
        known = self.ink_said or (self.paper_said and not self.sheet)
        return "letters in the colour of the page" if known and contrast(self.ink, self.paper) < _MIN_CONTRAST else ""


def look(element: Token, *, within: Look, sheet: Sheet, path: Sequence[Token]) -> Look:
    """How the element's own text looks; ``path`` are the open elements, this one last."""
    attributes = element.attributes
    said = sheet.declarations(path) | declarations(attributes.get("style", ""))
    seen = replace(within, gone=within.gone or _gone(element, said), sheet=within.sheet or "class" in attributes)
    if (visibility := said.get("visibility")) is not None:
        seen = replace(seen, invisible=visibility in ("hidden", "collapse"))
    if (tiny := _is_tiny(said)) is not None:
        seen = replace(seen, tiny=tiny)
    background = said.get("background-color") or said.get("background") or attributes.get("bgcolor")
    if background and "url(" not in background and (paper := colour(background)):
        seen = replace(seen, paper=paper, paper_said=True, sheet="class" in attributes)
    elif background and ("url(" in background or "gradient(" in background):
        # A picture behind the text: nobody knows its colours, so no letters are said to vanish in it.
        seen = replace(seen, paper=(127, 127, 127), paper_said=False)
    ink = said.get("color") or (attributes.get("color") if element.name == "font" else None)
    if ink:
        seen = replace(seen, transparent=_is_transparent(ink))
        if letters := colour(ink):
            seen = replace(seen, ink=letters, ink_said=True)
    elif element.name == "a":
        seen = replace(seen, ink=(0, 0, 238), ink_said=False, sheet=True)
    return seen


def _gone(element: Token, said: dict[str, str]) -> str:
    """Why the element is not there for a reader, with all that is in it."""
    attributes = element.attributes
    if "hidden" in attributes:
        return "the attribute hidden"
    if attributes.get("aria-hidden", "").strip().lower() == "true":
        return 'aria-hidden="true"'
    if said.get("display") == "none":
        return "display:none"
    if said.get("content-visibility") == "hidden":
        return "content-visibility:hidden"
    opacity = _LENGTH.match(said.get("opacity", ""))
    if opacity and float(opacity[1]) * (0.01 if opacity[2] == "%" else 1) < 0.1:
        return "opacity:0"
    if re.search(r"opacity\(\s*(?:0*\.0\d*|0+)\s*%?\s*\)", said.get("filter", "")):
        return "opacity:0"
    if re.search(r"scale[xy]?\(\s*0", said.get("transform", "")):
        return "transform:scale(0)"
    if _is_off_screen(said):
        return "a place off the screen"
    if _ZERO_CLIP.search(said.get("clip", "") + said.get("clip-path", "")):
        return "a clip that shows nothing"
    cut = any(said.get(name, "").startswith(("hidden", "clip")) for name in ("overflow", "overflow-x", "overflow-y"))
    if cut and any(_pixels(said.get(name, "")) in (0, 1) for name in ("height", "width", "max-height", "max-width")):
        return "a box without size"
    return ""


def _is_off_screen(said: dict[str, str]) -> bool:
    places = ["text-indent", "margin-left", "margin-top"]
    if said.get("position") in ("absolute", "fixed", "relative"):
        places += ["left", "top"]
        if any((_pixels(said.get(name, "")) or 0) <= -500 for name in ("right", "bottom")):
            return True
        if any((_pixels(said.get(name, "")) or 0) >= 5000 for name in ("left", "top")):
            return True
    if re.search(r"translate[xy3d]*\([^)]*-\s*\d{3,}", said.get("transform", "")):
        return True
    return any((_pixels(said.get(name, "")) or 0) <= -500 for name in places)


def _is_tiny(said: dict[str, str]) -> bool | None:
    size = said.get("font-size")
    if size is None:
        shorthand = re.search(r"(?:^|\s)(\d*\.?\d+(?:px|pt|em|rem|%)?)(?:\s*/|\s+[\"'a-z])", said.get("font", ""))
        size = shorthand[1] if shorthand else None
    match = _LENGTH.match(size or "")
    if match is None:
        return None if not size else False
    number, unit = float(match[1]), match[2] or "px"
    return number <= {"px": 2, "pt": 1.5, "em": 0.15, "rem": 0.15, "%": 15, "ex": 0.3, "vw": 0.15, "vh": 0.15}.get(
        unit, 0
    )


def _pixels(value: str) -> float | None:
    """A length in pixels, roughly; None when there is none."""
    match = _LENGTH.match(value)
    if match is None:
        return None
    return float(match[1]) * {"em": 16, "rem": 16, "pt": 1.3, "vw": 10, "vh": 10, "%": 10, "in": 96, "cm": 38}.get(
        match[2] or "px", 1
    )


def _is_transparent(value: str) -> bool:
    if "transparent" in value:
        return True
    match = _FUNCTION.search(value)
    parts = re.split(r"[\s,/]+", match[2].strip()) if match else []
    alpha = _LENGTH.match(parts[3]) if len(parts) == 4 else None
    if alpha:
        return float(alpha[1]) * (0.01 if alpha[2] == "%" else 1) < 0.1
    hexadecimal = re.match(r"#(?:[0-9a-f]{6}([0-9a-f]{2})|[0-9a-f]{3}([0-9a-f]))\Z", value)
    return bool(hexadecimal) and (hexadecimal[1] or hexadecimal[2] * 2) < "1a" if hexadecimal else False


def colour(value: str) -> _Colour | None:
    """Red, green and blue of a CSS colour; None when it is not known."""
    value = value.strip().lower()
    for word in re.findall(r"#[0-9a-f]+|[a-z]+(?:\([^)]*\))?", value)[:8]:
        if word in _NAMED:
            return _NAMED[word]
        if word.startswith("#") and (found := _hexadecimal(word[1:])):
            return found
        if (match := _FUNCTION.match(word)) and (found := _function(match)):
            return found
    return _hexadecimal(value) if re.fullmatch(r"[0-9a-f]{6}", value) else None


def _hexadecimal(digits: str) -> _Colour | None:
    if len(digits) in (3, 4):
        digits = "".join(digit * 2 for digit in digits)
    if len(digits) not in (6, 8):
        return None
    return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:6], 16)


def _function(match: re.Match[str]) -> _Colour | None:
    numbers = [_LENGTH.match(part) for part in re.split(r"[\s,/]+", match[2].strip())]
    if len(numbers) < 3 or not all(numbers[:3]):
        return None
    first, second, third = (float(number[1]) for number in numbers[:3] if number)
    if match[1].startswith("rgb"):
        scale = 2.55 if numbers[0] and numbers[0][2] == "%" else 1.0
        return first * scale, second * scale, third * scale
    grey = third * 2.55
    # Of a hue only its lightness counts here: near white or near black is what text vanishes in.
    return grey, grey, grey


def contrast(one: _Colour, other: _Colour) -> float:
    """The contrast ratio of WCAG 2, from 1 (the same) to 21."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(value: _Colour) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (min(max(part, 0), 255) / 255 for part in value)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
