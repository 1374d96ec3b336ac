"""A small pack for the tests of the offline engine, with nothing in it that is not needed."""

from desk.policies.models import Assistant, Completion, FieldSpec, Intent, PolicySet, Refusal, ReplyStyle, Thresholds

_EXAMPLES = {
    "order_status": """where is my order|what is the status of my order|has my order shipped yet
        order status please
        when will my order arrive|is my order on its way|I want to know where my order is|track the status of order 4711
        my order has not arrived yet|can you check on my order|any news about my order|did you send my order already
        when do I get my order|status of HP-10009""",
    "returns_policy": """what is your returns policy|how do I return something|can I send an item back
        how long do I have to return
        what are the rules for returns|do you accept returns|how can I give back a lamp|is returning things free
        I want to know your return conditions|within how many days can I return|return policy|can I return a used item
        may I bring an article back""",
    "invoice_copy": """send me a copy of my invoice|I need my invoice|can I get the bill for my order
        invoice copy please
        please resend the invoice|where can I download my invoice|I lost my invoice|I need an invoice for tax
        can you e-mail me the receipt|receipt for my purchase|get a copy of the bill|I would like the invoice again""",
    "delivery_address": """change my delivery address|I moved, please send it to my new address
        wrong shipping address on my order
        can I change where it is delivered|update the address of my order|I entered the wrong street
        deliver to another address please|please correct my shipping address|ship it to my office instead
        I need to fix the delivery address|address change|the house number is wrong""",
    "small_talk": """hi|hello there|good morning|hey, how are you|thanks a lot|thank you very much|bye|have a nice day
        you are great|good evening|hello|cheers""",
}  # fmt: skip
_REFUSED = """can you give me a discount|I want a better price|make it cheaper|match the price of the other shop
    can I get ten percent off|lower the price for me|give me a special deal"""  # fmt: skip


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.replace("\n", "|").split("|"))


def shop() -> PolicySet:
    """Five intents (one social, one with a text field) and one refusal."""
    fields = {
        "order_status": (FieldSpec(name="order_number", type="order_number", question="Which order?"),),
        "invoice_copy": (FieldSpec(name="invoice_number", type="invoice_number", question="Which invoice?"),),
        "delivery_address": (
            FieldSpec(name="order_number", type="order_number", question="Which order?"),
            FieldSpec(name="address", type="text", question="What is the new address?"),
        ),
    }
    intents = {
        name: Intent(
            id=name,
            description=name,
            examples=_lines(examples),
            fields=fields.get(name, ()),
            completion=Completion(when="answered"),
            queue="service",
            reply=ReplyStyle(style="passages"),
            handling="social" if name == "small_talk" else "answer",
        )
        for name, examples in _EXAMPLES.items()
    }
    refusal = Refusal(
        id="pricing", description="Prices are fixed.", examples=_lines(_REFUSED), queue="service", priority="normal",
        template="refused",
    )  # fmt: skip
    return PolicySet.model_construct(
        name="shop", title="Shop", locale="en", currency="USD", timezone="UTC", label="1", version="0" * 12,
        assistant=Assistant(name="Bot", disclosure="I am a bot."),
        thresholds=Thresholds(
            intent_confidence=0.5,
            passage_confidence=0.3,
            unclear_passage_confidence=0.4,
            clarifying_attempts=2,
            frustration=0.7,

        ),
        intents=intents, refusals={"pricing": refusal},
        tools={}, queues={}, triggers={}, prompts={}, replies={}, articles={}, seed={},
    )  # fmt: skip
