"""The language of a message (en, fr, es, de, it, nl, pt), from its small words and typical letter groups.

Small and deterministic: customers write one line, and the common words of a language are most of it. A message with
nothing typical (a number, a name) is in the language the conversation had.
"""

import re

LANGUAGES = ("en", "fr", "es", "de", "it", "nl", "pt")
MAX_CHARS = 2000

_WORDS = {
    "en": """the a an is are was were be been have has had do does did not and or but of to in on at for with from
    my your his her its our their i you he she it we they this that these those what where when who why how can
    could would will should want need please thanks thank hello hi order where's i'm don't can't haven't yes there
    any get got me just about which out up if as by back still am order's""",
    "fr": """le la les un une des du de et ou mais est sont était suis ai as a avons avez ont ne pas plus que qui
    quoi où quand comment pourquoi je tu il elle nous vous ils elles mon ma mes votre vos notre ce cette ces pour
    avec sans sur dans chez bonjour merci s'il plaît voudrais peux pouvez puis commande colis remboursement
    livraison j'ai c'est n'ai n'est qu'est d'une d'un l'ai au aux en""",
    "es": """el la los las un una unos de del y o pero es son era está están estoy he ha han no más que qué quién
    dónde cuándo cómo por para con sin sobre en yo tú usted nosotros ustedes mi mis su sus este esta estos hola
    gracias quiero quisiera puedo puede necesito pedido paquete reembolso envío cuál porque ya me se lo al muy
    favor""",
    "de": """der die das den dem des ein eine einen einem einer und oder aber ist sind war bin habe hast hat haben
    nicht kein keine mehr was wer wo wann wie warum ich du er sie es wir ihr mein meine meinen meiner ihre ihren
    dieser diese dieses für mit ohne auf in im zu zum zur von vom bei hallo danke bitte möchte kann können
    bestellung paket lieferung rechnung noch schon auch wurde wird mir mich""",
    "it": """il lo la gli le un uno una di del della dei delle e o ma è sono era ho hai ha abbiamo avete hanno non
    più che chi dove quando come perché io tu lui lei noi voi mio mia miei mie suo sua questo questa per con senza
    su nel nella ciao buongiorno grazie vorrei posso può potete ordine pacco rimborso spedizione ancora mi si al
    alla""",
    "nl": """de het een en of maar is zijn was ben heb hebt heeft hebben niet geen meer wat wie waar wanneer hoe
    waarom ik jij je u hij zij wij jullie mijn uw deze dit die dat voor met zonder op in naar van bij hallo
    bedankt dank graag kan kunnen wil bestelling pakket levering terug nog ook al mij er te aan""",
    "pt": """o a os as um uma uns umas de do da dos das e ou mas é são era está estão estou tenho tem não mais que
    quem onde quando como por porque para com sem sobre em no na eu tu você nós vocês meu minha meus minhas seu
    sua este esta isso olá oi obrigado obrigada quero gostaria posso pode preciso pedido encomenda reembolso
    entrega qual ainda foi meu já muito favor""",
}  # fmt: skip
_LETTERS = {
    "en": "th wh ing ough ould ght ck",
    "fr": "eau eux ais oir tion ç ê è œ qu' ez où",
    "es": "ñ ¿ ¡ ción ll ue ie ó á",
    "de": "ß ä ö ü sch ung lich ich tz ei",
    "it": "zione gli cch ò ù ì zz à tà ell",
    "nl": "ij aa oe ee oo sch uu lijk",
    "pt": "ã õ ção lh nh ç ê ões ei",
}
_OWNERS: dict[str, list[str]] = {}
for _language, _list in _WORDS.items():
    for _word in set(_list.split()):
        _OWNERS.setdefault(_word, []).append(_language)
_GROUPS = {language: tuple(groups.split()) for language, groups in _LETTERS.items()}
_TOKEN = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
_NOT_WORDS = re.compile(r"\S*[@\d/]\S*")


def language_of(text: str, *, default: str = "en") -> str:
    """ISO 639-1 code of the text; ``default`` when the text gives no sign."""
    cleaned = _NOT_WORDS.sub(" ", text[:MAX_CHARS].lower().replace("’", "'"))
    tokens = _TOKEN.findall(cleaned)
    scores = dict.fromkeys(LANGUAGES, 0.0)
    for token in tokens:
        owners = _OWNERS.get(token, [])
        for language in owners:
            # A word of one language says much, one shared by four says little.
            scores[language] += 1.0 / len(owners)
    for language, groups in _GROUPS.items():
        scores[language] += 0.25 * sum(min(cleaned.count(group), 3) * (1 + (not group.isascii())) for group in groups)
    best = max(LANGUAGES, key=lambda language: (scores[language], language == default))
    return best if scores[best] >= 0.75 and scores[best] > scores.get(default, 0.0) else default
