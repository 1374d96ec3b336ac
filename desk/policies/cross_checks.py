"""What must hold between the files of a pack. Each check is a generator of problems over what was read."""

import difflib
import functools
import re
import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from desk.policies.action_checks import check_actions
from desk.policies.models import FieldSpec, Intent, Trigger
from desk.policies.placeholders import ALWAYS, CODE_MESSAGES, HANDED_OVER, PROMPTS, QUOTED, SITUATIONS, reply_values
from desk.policies.references import problems_of_reference, problems_of_template
from desk.policies.regex_risk import risk
from desk.policies.sources import PackFiles, Written
from desk.policies.system_checks import check_systems
from desk.policies.yaml_source import Key, Problem

OUT_OF_SCOPE = "oos"


def cross_check(files: PackFiles) -> Iterator[Problem]:
    """Every problem between files."""
    yield from _duplicates(files)
    for intent in files.intents:
        yield from _intent(intent, files)
    yield from _shared_examples(files)
    for refusal in files.refusals:
        yield from problems_of_reference(refusal, ("queue",), refusal.value.queue, "queue", files)
        yield from problems_of_template(refusal, ("template",), refusal.value.template, HANDED_OVER, files)
    yield from _refusal_patterns(files)
    yield from check_actions(files)
    yield from check_systems(files)
    yield from _triggers(files)
    yield from _situations(files)
    yield from _step_up(files)
    yield from _prompts(files)
    yield from _articles(files)
    yield from _knowledge(files)
    yield from _seeds(files)
    yield from _paraphrases(files)
    yield from _counterparts(files)


def plain(text: str) -> str:
    """A message as comparisons see it: case, punctuation and spaces do not count."""
    return " ".join(re.findall(r"\w+", text.lower()))


def _duplicates(files: PackFiles) -> Iterator[Problem]:
    named: list[tuple[str, list[tuple[str, Written[Any]]]]] = [
        ("id", [(item.value.id, item) for item in files.refusals]),
        ("name", [(item.value.name, item) for item in files.tools]),
        ("id", [(item.value.id, item) for item in files.systems]),
        ("id", [(item.value.id, item) for item in files.approvals]),
        ("id", [(item.value.id, item) for item in files.queues]),
        ("id", [(item.value.id, item) for item in files.triggers]),
        ("id", [(item.value.id, item) for item in files.articles]),
    ]
    for key, items in named:
        first: dict[str, Problem] = {}
        for name, item in items:
            here = item.problem((key,), f"{name!r} is used twice")
            if name in first:
                there = first[name]
                yield item.problem(
                    (key,), f"{name!r} is already the {key} in {there.file}:{there.line}; rename one of the two"
                )
            first.setdefault(name, here)


def _intent(at: Written[Intent], files: PackFiles) -> Iterator[Problem]:
    intent = at.value
    if not intent.title:
        yield at.problem(("title",), "is missing; a few words the customer sees when asked which request is meant")
    yield from problems_of_reference(at, ("queue",), intent.queue, "queue", files)
    for index, trigger in enumerate(intent.escalate_when):
        yield from problems_of_reference(at, ("escalate_when", index), trigger, "trigger", files)
    for index, area in enumerate(intent.areas):
        yield from _area(at, ("areas", index), area, files)
    yield from _actions(at, files)
    yield from _handling(at)
    yield from _fields(at)
    yield from _reply(at, files)


def _area(at: Written[Intent], key: Key, area: str, files: PackFiles) -> Iterator[Problem]:
    if "article" in files.unreadable:
        return
    if area not in files.named["area"]:
        near = difflib.get_close_matches(area, files.named["area"], n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else "write one or remove the area"
        yield at.problem(key, f"no article has the area {area!r}; {hint}")
    elif {item.value.status for item in files.articles if item.value.area == area} == {"retired"}:
        yield at.problem(key, f"every article of the area {area!r} is retired; remove the area or publish an article")


def _actions(at: Written[Intent], files: PackFiles) -> Iterator[Problem]:
    tools = {tool.value.name: tool.value for tool in files.tools}
    fields = {spec.name for spec in at.value.fields}
    for index, action in enumerate(at.value.actions):
        key: Key = ("actions", index, "tool")
        yield from problems_of_reference(at, key, action.tool, "tool", files)
        if (tool := tools.get(action.tool)) is None:
            continue
        if tool.level > at.value.level:
            message = f"is {at.value.level}, but the tool {tool.name} needs {tool.level}; raise it"
            yield at.problem(("level",), message)
        for argument in tool.arguments:
            given = {argument.name, argument.derived_from} & fields
            if argument.source == "field" and not given:
                yield at.problem(key, f"{tool.name} needs the field {argument.name!r}; add it to the intent's fields")


def _handling(at: Written[Intent]) -> Iterator[Problem]:
    intent = at.value
    match intent.handling:
        case "workflow" if not intent.actions:
            yield at.problem(("handling",), "workflow needs actions; name the tools it may use or change the handling")
        case "answer" if not intent.areas:
            yield at.problem(("handling",), "answer needs areas; name where the knowledge is or change the handling")
        case "social" | "person" | "answer" if intent.actions:
            yield at.problem(("actions",), f"handling {intent.handling} runs no tools; remove the actions")
    style = "passages" if intent.handling == "answer" else "template"
    if intent.reply.style != style:
        yield at.problem(("reply", "style"), f"must be {style} for handling {intent.handling}; change one of the two")
    if intent.handling == "person" and intent.completion.when != "handed_off":
        yield at.problem(("completion", "when"), "must be handed_off for handling person; change one of the two")


def _fields(at: Written[Intent]) -> Iterator[Problem]:
    names: set[str] = set()
    for index, spec in enumerate(at.value.fields):
        if spec.name in names:
            yield at.problem(("fields", index, "name"), f"{spec.name!r} is there twice; rename one of the two")
        names.add(spec.name)
        if (spec.type == "choice") != bool(spec.choices):
            yield at.problem(("fields", index, "choices"), "go with type choice, and only with it; add or remove them")
        yield from _synonyms(at, ("fields", index, "synonyms"), spec)
        if (spec.type == "option") != (spec.options is not None):
            yield at.problem(("fields", index, "options"), "go with type option, and only with it; add or remove them")


def _synonyms(at: Written[Intent], key: Key, spec: FieldSpec) -> Iterator[Problem]:
    """Other words for a choice belong to one choice that exists."""
    owner = {plain(choice): choice for choice in spec.choices}
    for choice, words in spec.synonyms.items():
        if choice not in spec.choices:
            there = ", ".join(spec.choices) or "none"
            yield at.problem((*key, choice), f"{choice!r} is no choice of the field; there are {there}")
        for word in words:
            if owner.setdefault(plain(word), choice) != choice:
                message = f"{word!r} already stands for {owner[plain(word)]!r}; keep it in one place"
                yield at.problem((*key, choice), message)


def _reply(at: Written[Intent], files: PackFiles) -> Iterator[Problem]:
    reply = at.value.reply
    tools = {tool.value.name: tool.value for tool in files.tools}
    # A tool with a mistake of its own has no result fields to compare with; it is told in tools.yaml.
    known = {action.tool for action in at.value.actions} <= tools.keys()
    values = reply_values(at.value, tools=tools)
    if reply.style == "template" and reply.template is None:
        yield at.problem(("reply", "template"), "is missing; name a file of replies/")
    templates: list[tuple[Key, str]] = [(("reply", "variants", value), name) for value, name in reply.variants.items()]
    if reply.template is not None:
        templates.append((("reply", "template"), reply.template))
    for key, name in templates:
        if known:
            yield from problems_of_template(at, key, name, values, files)
        else:
            yield from problems_of_reference(at, key, name, "reply", files)
    if known and reply.variants and reply.variant_field not in values:
        results = ", ".join(sorted(values - ALWAYS))
        yield at.problem(("reply", "variant_field"), f"must name a result the variants depend on; there are {results}")


def _shared_examples(files: PackFiles) -> Iterator[Problem]:
    first: dict[str, tuple[str, Problem]] = {}
    for at in files.intents:
        for index, example in enumerate(at.value.examples):
            here = at.problem(("examples", index), "")
            owner, there = first.setdefault(plain(example), (at.value.id, here))
            if there is not here:
                where = f"{there.file}:{there.line} ({owner})"
                yield at.problem(
                    ("examples", index), f"{example!r} is already an example in {where}; keep it in one place"
                )


def _refusal_patterns(files: PackFiles) -> Iterator[Problem]:
    examples = tuple(example for at in files.intents for example in at.value.examples)
    places = [f"{at.document.file}:{at.problem(('examples', index), '').line}"
              for at in files.intents for index in range(len(at.value.examples))]  # fmt: skip
    for at in files.refusals:
        for index, pattern in enumerate(at.value.patterns):
            if (why := risk(pattern)) is not None:
                yield at.problem(("patterns", index), why)
                continue
            for number in _matched(pattern, tuple(at.value.counterexamples)):
                text = at.value.counterexamples[number]
                message = f"matches the counterexample {text!r} (counterexamples[{number}]); narrow the pattern"
                yield at.problem(("patterns", index), message)
            for number in _matched(pattern, examples):
                message = f"matches the intent example {examples[number]!r} in {places[number]}; narrow the pattern"
                yield at.problem(("patterns", index), message)


@functools.lru_cache(maxsize=512)
def _matched(pattern: str, texts: tuple[str, ...]) -> tuple[int, ...]:
    """Which texts a pattern matches. Kept: it is most of what checking a pack costs, and the next version of a pack
    asks nearly the same."""
    search = re.compile(pattern, re.IGNORECASE).search
    return tuple(number for number, text in enumerate(texts) if search(text))


def _triggers(files: PackFiles) -> Iterator[Problem]:
    for at in files.triggers:
        if at.value.queue is not None:
            yield from problems_of_reference(at, ("queue",), at.value.queue, "queue", files)
        allowed = QUOTED if at.value.on == "conflict" else HANDED_OVER
        yield from problems_of_template(at, ("template",), at.value.template, allowed, files)
        if (at.value.on == "high_risk_words") != bool(at.value.words):
            yield at.problem(("words",), "go with on: high_risk_words, and only with it; add or remove them")
    kinds = typing.get_args(Trigger.model_fields["on"].annotation)
    covered = {at.value.on for at in files.triggers}
    if files.triggers and len(files.triggers) == len(files.named["trigger"]):
        for kind in kinds:
            if kind not in covered:
                yield Problem(
                    file="escalation.yaml", line=1, key="", message=f"has no trigger with on: {kind}; add one"
                )


def _situations(files: PackFiles) -> Iterator[Problem]:
    if files.header is not None:
        for situation, values in SITUATIONS.items():
            template = getattr(files.header.value.system_replies, situation)
            yield from problems_of_template(files.header, ("system_replies", situation), template, values, files)


def _step_up(files: PackFiles) -> Iterator[Problem]:
    if files.header is None:
        return
    policy = files.header.value.step_up
    for name, values in CODE_MESSAGES.items():
        template = getattr(policy.templates, name)
        yield from problems_of_template(files.header, ("step_up", "templates", name), template, values, files)
        for reply in files.replies:
            if reply.value.name == template and not {"code", "title"} <= reply.value.placeholders:
                message = f"{reply.document.file} must say the {{code}} and, as {{title}}, what it is for; add both"
                yield files.header.problem(("step_up", "templates", name), message)
    seen: set[str] = set()
    for index, rule in enumerate(policy.factors):
        if rule.factor in seen:
            key: Key = ("step_up", "factors", index, "factor")
            yield files.header.problem(key, f"{rule.factor!r} is there twice; keep one rule for each factor")
        seen.add(rule.factor)
        for number, tool in enumerate(rule.except_tools):
            yield from problems_of_reference(
                files.header, ("step_up", "factors", index, "except_tools", number), tool, "tool", files
            )


def _prompts(files: PackFiles) -> Iterator[Problem]:
    for name in PROMPTS.keys() - files.named["prompt"]:
        yield Problem(file=f"prompts/{name}.md", line=1, key="", message="is missing; every pack has one")
    for at in files.prompts:
        if (allowed := PROMPTS.get(at.value.name)) is None:
            message = f"nothing uses this prompt; there are {', '.join(sorted(PROMPTS))}; rename or remove it"
            yield at.problem((), message)
            continue
        for unknown in sorted(at.value.placeholders - allowed):
            offset = at.document.value.find(f"{{{unknown}}}")
            line = at.document.value.count("\n", 0, offset) + 1
            known = ", ".join(sorted(allowed))
            yield Problem(
                file=at.document.file, line=line, key="", message=f"{{{unknown}}} has no value; there are {known}"
            )


def _articles(files: PackFiles) -> Iterator[Problem]:
    owners = files.header.value.knowledge.owners if files.header else {}
    supersedes = {at.value.id: at.value.supersedes for at in files.articles}
    for at in files.articles:
        article = at.value
        if owners and article.owner not in owners:
            near = difflib.get_close_matches(article.owner, owners, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f". There are {', '.join(owners)}"
            yield at.problem(("owner",), f"pack.yaml lists no owner {article.owner!r}{hint}")
        for n, replaced in enumerate(article.supersedes):
            yield from problems_of_reference(at, ("supersedes", n), replaced, "article", files)
        if article.id in _replaced_by(article.id, supersedes):
            yield at.problem(("supersedes",), "leads back to this article, and nothing would be in use; leave one out")
        if not article.body:
            yield at.problem((), "has no text; write the article under its front matter")
        if article.expires is not None and article.expires <= article.effective:
            yield at.problem(("expires",), f"must be after effective ({article.effective}); change one of the two")
        if article.next_review <= article.effective:
            yield at.problem(("next_review",), f"must be after effective ({article.effective}); change one of the two")


def _replaced_by(name: str, supersedes: Mapping[str, Sequence[str]]) -> set[str]:
    """Everything this article replaces, directly or through others."""
    found, ahead = set[str](), list(supersedes[name])
    while ahead:
        if (replaced := ahead.pop()) not in found:
            found.add(replaced)
            ahead += supersedes.get(replaced, ())
    return found


def _knowledge(files: PackFiles) -> Iterator[Problem]:
    if files.header is None:
        return
    policy = files.header.value.knowledge
    queues = [(("queue",), policy.queue), *((("owners", name, "queue"), o.queue) for name, o in policy.owners.items())]
    for key, queue in queues:
        if queue is not None:
            yield from problems_of_reference(files.header, ("knowledge", *key), queue, "queue", files)


def _seeds(files: PackFiles) -> Iterator[Problem]:
    customers = {at.value.id for at in files.seeds.get("customers", [])}
    orders = {at.value.number: at.value for at in files.seeds.get("orders", [])}
    invoiced = {at.value.order_number for at in files.seeds.get("invoices", [])}
    yield from _seed_duplicates(files)
    for table in ("orders", "payment_methods", "tickets", "bookings"):
        for at in files.seeds.get(table, []):
            if at.value.customer_id not in customers:
                yield at.problem(
                    ("customer_id",), f"there is no customer {at.value.customer_id!r} in seed/customers.yaml; add one"
                )
    yield from _current_methods(files)
    for at in files.seeds.get("tickets", []):
        yield from problems_of_reference(at, ("queue",), at.value.queue, "queue", files)
    for at in files.seeds.get("orders", []):
        if (at.value.delivery_address is None) != (at.value.delivery_country is None):
            yield at.problem(
                ("delivery_address",), "needs delivery_country, and the other way round; write both or none"
            )
        items = sum(item.quantity * item.price for item in at.value.items)
        if items != at.value.total:
            yield at.problem(("total",), f"is {at.value.total}, but the items add up to {items}; change one of the two")
        if at.value.number not in invoiced:
            yield at.problem(("number",), f"order {at.value.number!r} has no entry in seed/invoices.yaml; add one")
    for table in ("shipments", "invoices"):
        for at in files.seeds.get(table, []):
            order = orders.get(at.value.order_number)
            if order is None:
                message = f"there is no order {at.value.order_number!r} in seed/orders.yaml; add one"
                yield at.problem(("order_number",), message)
            elif table == "invoices" and order.total != at.value.total:
                yield at.problem(
                    ("total",), f"is {at.value.total}, but the order's is {order.total}; change one of the two"
                )
            elif table == "invoices" and order.status == "cancelled" and at.value.payment_status == "paid":
                yield at.problem(("payment_status",), "the order is cancelled; write refunded or open")


def _current_methods(files: PackFiles) -> Iterator[Problem]:
    seen: set[str] = set()
    for at in files.seeds.get("payment_methods", []):
        if at.value.current and at.value.customer_id in seen:
            yield at.problem(
                ("current",), f"{at.value.customer_id} has a current method already; remove one of the two"
            )
        if at.value.current:
            seen.add(at.value.customer_id)
    for at in files.seeds.get("payment_methods", []):
        if at.value.customer_id not in seen:
            yield at.problem(
                ("customer_id",), f"no method of {at.value.customer_id} is the current one; write current: true"
            )


def _seed_duplicates(files: PackFiles) -> Iterator[Problem]:
    unique = {
        "customers": ("id", "email"),
        "orders": ("number",),
        "shipments": ("order_number",),
        "invoices": ("number",),
        "payment_methods": ("method_id",),
        "tickets": ("reference",),
        "bookings": ("reference",),
        "slots": ("code",),
    }
    for table, keys in unique.items():
        for key in keys:
            seen: set[str] = set()
            for at in files.seeds.get(table, []):
                name = getattr(at.value, key)
                if name in seen:
                    yield at.problem((key,), f"{name!r} is there twice; change one of the two")
                seen.add(name)


def _paraphrases(files: PackFiles) -> Iterator[Problem]:
    examples = {plain(text) for at in files.intents for text in at.value.examples}
    seen: set[str] = set()
    for at in files.paraphrases:
        if at.value.intent != OUT_OF_SCOPE:
            yield from problems_of_reference(at, ("intent",), at.value.intent, "intent", files)
        text = plain(at.value.text)
        if text in examples:
            yield at.problem(("text",), f"{at.value.text!r} is an example of an intent; write another wording")
        if text in seen:
            yield at.problem(("text",), f"{at.value.text!r} is there twice; remove one")
        seen.add(text)


def _counterparts(files: PackFiles) -> Iterator[Problem]:
    seen: set[str] = set()
    for at in files.counterparts:
        yield from problems_of_reference(at, ("intent",), at.value.intent, "intent", files)
        if at.value.bitext in seen:
            yield at.problem(("bitext",), f"{at.value.bitext!r} is there twice; remove one")
        seen.add(at.value.bitext)
