"""Texts that speak to an assistant instead of to a customer: instructions somebody hid in, or slipped into, an article.

Rules over the folded text, each for one way of doing it. They find what addresses a machine or overrides its orders; a
request that merely asks for something ("summarise this page") is no different from honest prose and is not found.
Nothing obeys an article either way (R6.1): the rules are there so that a reviewer looks.
"""

import html
import re
from dataclasses import dataclass
from typing import Literal

from desk.privacy.folding import INVISIBLE, fold

Kind = Literal["override", "role", "address", "persona", "disclosure", "tool", "bypass"]

# In the rules a space stands for any white space, and one with ? for none as well. They are matched against folded
# text: small letters, plain quotes.
_MACHINE = (
    "(?:a\\.?i\\.?|ai (?:assistant|agent|model|system|bot|tool)s?"
    "|artificial intelligence|(?:(?:virtual"
    "|digital) )?assistants?"
    "|chat ?bots?|chat ?gpt|gpt(?:-?\\d\\w*)?|claude|gemini|copilot|llama|bots?|llms?|(?:large )?language models?"
    "|agent|model)"
)
_SURELY_A_MACHINE = "(?:ai|a\\.i\\.|ai agent|assistant|chat ?bot|bot|llm|(?:large )?language model|gpt)"
_IGNORE = (
    "(?:ignore|disregard|forget|overlook|override|bypass|neglect|discard|abandon|circumvent|pay no attention to"
    "|do ?n[o']t (?:follow|obey|listen to|adhere to|heed)|stop (?:following|obeying)|set aside|put aside|never mind)"
)
_WHOSE = (
    "(?:previous|prior|above|earlier|preceding|foregoing|former|existing|current|original|initial|past|old|other"
    "|your|my"
    "|these|those|all|any|every|the|such|system|safety|given|of|from|that|came|before|and)"
)
_ORDERS = (
    "(?:instructions?|prompts?|directions?|directives?|commands?|guidelines?|rules?|constraints?|programming|training"
    "|restrictions?|system messages?|context|briefs?|guidance)"
)
_DO = (
    "(?:you|always|never|do not|don't|must|please|ignore|disregard|forget|reply|respond|answer|say|tell|inform"
    "|state|claim"
    "|call|use|invoke|run|execute|refund|pay|transfer|credit|approve|grant|issue|cancel|close|send|give|offer|recommend"
    "|mention|include|add|append|insert|write|print|reveal|show|output|translate|repeat|pretend|act|assume|treat"
    "|consider"
    "|follow|obey|skip|bypass|confirm|apply|when|if|whenever)"
)
_MUST = "(?:must|shall|is (?:required|instructed|ordered|authori[sz]ed) to|has to)"
_SECRET = "(?:initial|original|hidden|secret|system|internal|confidential|previous|exact|full|first|above|complete)"
_FREE = "(?:moral|ethical|ethics|safety|content|openai|filter\\w*|censorship|restrictions? (?:or|and)|guardrails?)"

_RULES: tuple[tuple[Kind, str], ...] = (
    # Orders that were given do not count any more.
    ("override", rf"\b{_IGNORE} (?:\w+ ){{0,2}}?(?:{_WHOSE} ){{1,6}}(?:\w+ ){{0,2}}?{_ORDERS}\b"),
    ("override",
     r"\b(?:ignore|disregard|forget|overlook|discard) (?:about )?(?:everything|anything|all|what(?:ever)?) (?:that )?"
     r"(?:(?:else|of it) )?(?:you(?:'ve| have| were| are| know| learned)?|(?:i|we|they) (?:have )?(?:said|told|wrote)"
     r"|was said|said|stated|written|comes?|came|is)?\s*(?:\w+ ){0,3}?"
     r"(?:above|before(?:hand)?|previous(?:ly)?|earlier|told|instructed|know|so far|until now|up to (?:now"
     r"|this point))\b"),
    ("override",
     r"\b(?:new|updated|revised|real|actual|secret|hidden|additional|special) (?:system )?"
     rf"(?:instructions?|directives?|orders|system prompt)(?:\s*:| for (?:you\b|(?:the |an? )?{_MACHINE}\b))"),
    ("override", r"\b(?:ignoriere|vergiss|missachte)\w* (?:\w+ ){0,4}(?:anweisung|instruktion|befehl|vorgabe"
                 r"|regel)\w*"),
    ("override", r"\b(?:ignore[zr]?|oublie[zr]?) (?:\w+ ){0,4}(?:instructions?|consignes|directives|regles|règles)"
                 r" (?:\w+ ){0,2}(?:precedent|précédent|anterieur|antérieur|ci-dessus)\w*"),
    ("override", r"\b(?:ignor[ae]\w*|olvid[ae]\w*|dimentica\w*|esque[cç]a\w*|desconsider\w+) (?:\w+ ){0,4}"
                 r"(?:instrucciones|instruções|instrucoes|istruzioni|ordenes|órdenes|reglas|regras)\b"),
    ("override", r"\b(?:negeer|vergeet) (?:\w+ ){0,4}(?:instructies|aanwijzingen|opdrachten)"),
    # A turn of a conversation or a part of a prompt is played.
    ("role", r"<\|?\s*(?:im_start|im_end|system|endoftext|start_header_id|assistant)\s*\|?>|<</?sys>>"
             r"|\[/?\s*(?:inst|system|jailbreak|assistant)\s*\]"),
    ("role", r"</?(?:system|assistant|instructions?|information|admin|tool_call|function_call|system_prompt"
             r"|important)>"),
    ("role", r"(?:^|\s)#{2,}\s*[(\[]?(?:system|assistant)(?:[\s_](?:message|prompt))?\s*[:)\]]"
             r"|\bbegin (?:system|admin|new) (?:prompt|instructions?|override|message)"),
    ("role", r"(?:^|[.!?:;>\"'*(\n-])\s*(?:system|assistant|developer|chat ?bot|bot|ai|agent|model|gpt|claude)"
             r"\s*(?:note|message|instructions?|override|prompt|update)?\s*"
             r"(?::|--?>|=>|,\s*(?:please )?(?=(?:you must|ignore|disregard|forget|call|always|never)\b))"
             rf"\s*(?:\S+ ){{0,6}}?{_DO}\b"),
    # A machine is spoken to.
    ("address", r"\b(?:instructions?|note|notice|message|attention|important|reminder|directive|memo|warning|hint"
                r"|info(?:rmation)?)"
                r"\b[\s:,-]*(?:message )?(?:to|for|from \w+ to) (?:the |any |all |an? |our |your |you,? (?:the )?)?"
                rf"{_MACHINE}\b"),
    ("address", rf"\b(?:attention|dear|hey|hello|hi|listen)\s*[,:]?\s+(?:the |all )?{_MACHINE}\b[\s:,!.-]"),
    ("address", rf"\b(?:if|as|since|because|when) (?:you are |you're "
                rf"|you were )?(?:reading this as )?an? (?:\w+ ){{0,2}}?"
                rf"{_SURELY_A_MACHINE}\b(?:[\s,]+\w+){{0,4}}?[\s,]+"
                r"(?:you|ignore|please|do|must|reply|call|always|never|tell|say|respond|answer)\b"),
    ("address", rf"\b{_SURELY_A_MACHINE}s? (?:(?:reading|processing) this |that reads this )?{_MUST} "
                rf"(?:now |always |never |immediately |also |not |only )?{_DO}\b"),
    ("address", r"\b(?:when(?:ever)?|if) (?:you are |you're )?asked (?:about|for|to|by|whether"
                r"|anything)\b[^.!?\n]{0,80}?[,:]?\s*"
                r"(?:you (?:must|should|will|have to)\b|always\b|never\b|call\b|say\b|reply\b|answer (?:that"
                r"|with)\b|respond\b"
                r"|refund\b|approve\b|issue\b|offer (?:a|the|them)\b|tell (?:them|the|him|her|customers?|users?)\b)"),
    # Another nature is given to it.
    ("persona", r"\b(?:you are|you're|you will be|you act|consider yourself)"
                r" (?:now|no longer|henceforth|hereby|from now on|going to (?:be|act|pretend))\b(?: \w+){0,6}? "
                rf"(?:{_MACHINE}|dan|unrestricted|unfiltered|free|bound|restricted|limited|character|persona|admin\w*"
                r"|developer|mode|role\w*|immersed|simulat\w+|pretend\w*|act\w*)\b"),
    ("persona", r"\b(?:pretend|imagine|act|behave|respond|answer|speak|write|roleplay|role-play|simulate|play) "
                r"(?:as if |as though |like |that |to be |as )?(?:you (?:are|were|had|have)\b|you're\b"
                r"|an? (?:unrestricted|unfiltered|uncensored|evil|amoral|jailbroken)\b"
                r"|(?:an? )?(?:\w+ ){0,2}(?:ai|chat ?bot|language model|dan)\b)"),
    ("persona", r"\b(?:from now on|henceforth|from this (?:point|moment) (?:on|forward)|starting now"
                r"|for the rest of (?:this|the|our) (?:chat|conversation))[\s,]+"
                r"(?:you|your|chatgpt|gpt|respond|reply|answer|act|always|never|ignore|every)\b"),
    ("persona", r"\b(?:stay|remain|keep|get|break)(?:ing)? (?:in |into |out of )?character\b|\bdo anything now\b"
                r"|\bjail ?break (?:mode|prompt|yourself)\b|\bjailbroken (?:mode|ai|assistant|chat ?bot)\b"
                r"|\bwith developer mode enabled\b|\bdeveloper mode (?:output|policy)\b|\b(?:dan|stan|dude) mode\b"
                r"|\bun(?:filtered|censored|restricted) (?:\w+ ){0,2}?(?:ai|assistant|chat ?bot|bot|response"
                r"|answer)\b"),
    ("persona", r"\b(?:without|no|not? (?:have|bound by|restricted by|limited by)|(?:broken )?free (?:of|from)"
                r"|unbound by) "
                r"(?:any |all |the |your |typical |usual |moral |ethical |its |confines? of ){0,3}"
                rf"{_FREE}(?: \w+){{0,3}}? (?:restrictions?|limit\w*|guidelines?|filters?|boundar\w+|constraints?"
                rf"|principles?"
                r"|polic\w+|morals?|standards?|rules?|guardrails?)\b"),
    # It is to say what it was told.
    ("disclosure",
     r"\b(?:reveal|show|print|repeat|output|display|tell (?:me|us)|give (?:me|us)|share|disclose|leak|expose"
     r"|write (?:out|down)"
     r"|what (?:is|are|was|were)|list|recite|summari[sz]e|translate|spell|return|copy|dump|encode"
     r"|explain) (?:\w+ ){0,4}?"
     rf"(?:system prompt|(?:your|the|its) (?:\w+ ){{0,3}}?{_SECRET} (?:\w+ ){{0,2}}?"
     r"(?:prompts?|instructions?|rules|guidelines|messages?|directives?|configuration|text)"
     r"|your (?:prompt|instructions|programming|secret|configuration)|secret (?:key|password|code|word"
     r"|instructions?))\b"),
    # It is to act, or to leave a safeguard out.
    ("tool", r"\b(?:call|invoke|execute|trigger|run|use) (?:the |your )?(?:(?:function|tool|api|command) )?[\"'`]?"
             r"(?:[a-z]+(?:_[a-z]+)+|[a-z]+\.[a-z_]+\(|[a-z_]+\()"),
    ("tool", r"\b(?:call|invoke|execute|trigger|run) (?:the )?[\"'`]?"
             r"(?:refund|cancel|transfer|payout|close|delete|send|update|issue|approve|escalate)"
             r"(?:[\"'`]| (?:for|with|on|to|the|tool|function|api|action|immediately|without|now)\b)"),
    ("tool", r"\b(?:call|invoke|execute|trigger) (?:the |your )(?:[\w.-]+ ){1,3}?(?:tool|function|api|endpoint"
             r"|plugin)\b"),
    ("bypass", r"\b(?:refund|pay|transfer|issue|approve|grant|cancel)\b[^.!?\n]{0,80}?"
               r"\b(?:bypass|circumvent|skip|override|without (?:asking|requiring|requesting"
               r"|waiting))\w* (?:\w+ ){0,3}?"
               r"(?:approvals?|otp|step-?up|verification|identity|authenti\w+|confirmation|limits?)\b"),
    ("bypass", r"\b(?:bypass|circumvent|skip|override|disable) (?:\w+ ){0,3}?"
               r"(?:approvals?|otp|step-?up|safety|filters?|guardrails?|moderation|refund limits?|(?:content"
               r"|security) polic\w+)\b"
               r"[^.!?\n]{0,60}?\b(?:refund|pay|transfer|issue|approve|order|customer|respond|reply|answer|you)\b"),
)  # fmt: skip
_COMPILED = tuple(
    (kind, re.compile(rule.replace(" ?", r"\s?").replace(" ", r"\s+"), re.MULTILINE)) for kind, rule in _RULES
)

_SPACED = re.compile(r"\b(?:\w[ .\-_*]){5,}\w\b")
_LOOKALIKES = str.maketrans("аеорсухіјѕԁһոӏοαειкνмтвн", "aeopcyxijsdhnloaeikvmtbh")
_MIXED = re.compile(r"\w*[a-z]\w*[\u0370-\u052f]\w*|\w*[\u0370-\u052f]\w*[a-z]\w*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Instruction:
    """A stretch of the text as it was read (folded), and which way of instructing it is."""

    kind: Kind
    quote: str


def instructions_in(text: str) -> list[Instruction]:
    """What of this text speaks to an assistant; one finding of each kind at most."""
    found: dict[Kind, Instruction] = {}
    plain = _plain(text)
    for kind, rule in _COMPILED:
        if kind not in found and (match := rule.search(plain)):
            start = max(0, match.start() - 20)
            found[kind] = Instruction(kind=kind, quote=plain[start : match.end() + 60].strip())
    return list(found.values())


def speaks_to_an_assistant(text: str) -> bool:
    plain = _plain(text)
    return any(rule.search(plain) for _, rule in _COMPILED)


def _plain(text: str) -> str:
    """The text without its disguises: entities, invisible and foreign letters, letters set apart."""
    folded = fold(html.unescape(text)).replace(INVISIBLE, "").replace("’", "'").replace("‘", "'")
    if not folded.isascii():
        folded = _MIXED.sub(lambda word: word[0].translate(_LOOKALIKES), folded)
    return _SPACED.sub(lambda run: re.sub(r"[ .\-_*]", "", run[0]), folded)
