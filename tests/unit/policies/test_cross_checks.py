"""What must hold between the files of a pack (R1.1)."""

import pytest

from tests.unit.policies.packs import PackCopy


@pytest.mark.parametrize(
    ("file", "old", "new", "key", "message"),
    [
        ("intents/greeting.yaml", "queue: general", "queue: nobody", "queue", "there is no queue 'nobody'"),
        ("intents/replacement.yaml", "[intent_needs_person]", "[needs_person]", "escalate_when[0]", "no trigger"),
        ("intents/order_status.yaml", "level: 1", "level: 0", "level", "the tool get_order needs 1; raise it"),
        ("intents/order_status.yaml", "- name: order_number", "- name: number", "actions[0].tool", "needs the field"),
        ("intents/warranty.yaml", "areas: [warranty]\n", "", "handling", "answer needs areas"),
        ("intents/warranty.yaml", "style: passages", "style: template", "reply.style", "must be passages"),
        ("intents/greeting.yaml", "  template: greeting\n", "", "reply.template", "is missing; name a file"),
        ("intents/greeting.yaml", "template: greeting", "template: order_status", "reply.template", "{order.status}"),
        ("intents/order_status.yaml", "shipped: order_status_shipped", "shipped: order_sent", "reply.variants.shipped",
         "there is no reply 'order_sent'"),
        ("intents/order_status.yaml", "order.status\n", "order.state\n", "reply.variant_field", "order.status"),
        ("intents/replacement.yaml", "when: handed_off", "when: answered", "completion.when", "must be handed_off"),
        ("intents/complaint.yaml", "id: complaint", "id: complaints", "id", "must be 'complaint', the name"),
        ("refusals.yaml", "queue: legal", "queue: lawyers", "[1].queue", "there is no queue 'lawyers'"),
        ("refusals.yaml", "template: refused_hr", "template: refuse_hr", "[4].template", "did you mean refused_hr?"),
        ("refusals.yaml", "id: legal_advice", "id: pricing_negotiation", "[1].id", "rename one of the two"),
        ("escalation.yaml", "template: tool_failed", "template: order_status", "[6].template", "has no value here"),
        ("escalation.yaml", "queue: accounts", "queue: acounts", "[10].queue", "did you mean accounts?"),
        ("knowledge/warranty.md", "id: warranty", "id: newsletter", "id", "is already the id in"),
        ("knowledge/newsletter.md", "source: M", "expires: 2026-01-01\nsource: M", "expires", "must be after"),
        ("seed/orders.yaml", "total: 8450", "total: 8451", "[0].total", "but the items add up to 8450"),
        ("seed/invoices.yaml", "order_number: HP-10001", "order_number: HP-1", "[0].order_number", "no order 'HP-1'"),
        ("seed/orders.yaml", "customer_id: C-1002", "customer_id: C-9999", "[5].customer_id", "no customer 'C-9999'"),
        ("seed/orders.yaml", "  delivery_country: FR\n", "", "[20].delivery_address", "needs delivery_country"),
        ("seed/payment_methods.yaml", "4242, current: true", "4242", "[0].customer_id", "no method of C-1001 is"),
        ("seed/payment_methods.yaml", "5100}", "5100, current: true}", "[1].current", "has a current method already"),
        ("seed/payment_methods.yaml", "PM-1001-2", "PM-1001-1", "[1].method_id", "is there twice"),
        ("seed/invoices.yaml", "refunded, payment_method: PayPal", "paid, payment_method: PayPal",
         "[13].payment_status", "the order is cancelled"),
        ("seed/tickets.yaml", "queue: returns", "queue: return", "[0].queue", "did you mean returns?"),
        ("seed/bookings.yaml", "customer_id: C-1002", "customer_id: C-9999", "[0].customer_id", "no customer 'C-9999'"),
        ("pack.yaml", "{factor: sms}", "{factor: email}", "step_up.factors[1].factor", "'email' is there twice"),
        ("pack.yaml", "{factor: sms}", "{factor: sms, except_tools: [get_ordr]}",
         "step_up.factors[1].except_tools[0]", "did you mean get_order?"),
        ("pack.yaml", "sms: code_sms", "sms: thanks", "step_up.templates.sms", "must say the {code}"),
        ("checks/paraphrases.yaml", "parcel location?", "track my parcel!", "[15].text", "is an example of an intent"),
        ("checks/bitext.yaml", "intent: review", "intent: revue", "[22].intent", "did you mean review?"),
        ("checks/bitext.yaml", "bitext: change_order", "bitext: cancel_order", "[1].bitext", "is there twice"),
        ("intents/complaint.yaml", "      payment: [", "      paying: [", "fields[0].synonyms.paying", "is no choice"),
        ("intents/complaint.yaml", "card, bill]", "card, bill, parcel]", "fields[0].synonyms.payment",
         "already stands for 'delivery'"),
        ("intents/book_appointment.yaml", "  - tool: list_slots\n", "", "fields[1].options.tool", "that reads"),
        ("intents/book_appointment.yaml", "items: slots", "items: times", "fields[1].options.items", "there are slots"),
        ("intents/cancel_order.yaml", "  - tool: get_order\n", "", "actions", "needs its quote get_order"),
        ("tools.yaml", "confirm: confirm_refund", "confirm: return_and_refund", "[9].confirm", "{refund.reference}"),
        ("tools.yaml", "  confirm: confirm_refund\n", "", "[9].confirm", "asks the customer for a yes"),
        ("tools.yaml", "default_fact: refundable", "default_fact: total", "[9].arguments[1].default_fact",
         "no result field"),
        ("tools.yaml", "value: fact.refundable", "value: fact.total", "[9].requires[2].value", "has no fact.total"),
        ("tools.yaml", "trigger: policy_exception", "trigger: exception", "[9].requires[3].trigger", "no trigger"),
        ("tools.yaml", "{method_id: result.previous_id}", "{method_id: result.method_id}",
         "[11].compensation.arguments.method_id", "is not known then"),
        ("tools.yaml", "  compensation:\n    tool: reopen_account\n", "", "[16].compensation", "say how it is"),
        ("approvals.yaml", "value: amount", "value: argument.total", "[0].when[0].value", "has no argument.total"),
        ("approvals.yaml", "tools: [close_account]", "tools: [get_customer]", "[7].tools[0]", "only reads"),
        ("approvals.yaml", "id: many_refunds", "id: refund_above_100", "[3].id", "rename one of the two"),
    ],
)  # fmt: skip
def test_a_mistake_between_files_is_found_at_its_key(
    pack: PackCopy, file: str, old: str, new: str, key: str, message: str
) -> None:
    """R1.1"""
    pack.replace(file, old, new)

    assert [
        problem
        for problem in pack.problems()
        if problem.startswith(f"{file}:") and f": {key}: " in problem and message in problem
    ], pack.problems()


def test_a_mail_without_a_link_has_no_place_for_one(pack: PackCopy) -> None:
    """R5.1: the server may not know its own address."""
    pack.replace("replies/code_email.md", "{minutes}", "{link}")

    assert "replies/code_email.md uses {link}, which has no value here" in pack.only_problem()


def test_an_area_with_nothing_but_retired_articles_is_told_where_it_is_used(pack: PackCopy) -> None:
    """R4.1"""
    pack.replace("knowledge/gift-cards.md", "status: published", "status: retired")
    line = pack.line_of("intents/gift_cards.yaml", "areas:")

    assert pack.only_problem().startswith(f"intents/gift_cards.yaml:{line}: areas[0]: every article of the area")


def test_an_owner_nobody_lists_is_told_where_it_is_written(pack: PackCopy) -> None:
    """R4.1, R4.2: nobody would be reminded."""
    line = pack.replace("knowledge/gift-cards.md", "owner: Billing team", "owner: Biling team")

    assert pack.only_problem() == (
        f"knowledge/gift-cards.md:{line}: owner: pack.yaml lists no owner 'Biling team'; did you mean 'Billing team'?"
    )


def test_an_article_does_not_replace_what_is_not_there(pack: PackCopy) -> None:
    line = pack.replace("knowledge/gift-cards.md", "area:", "supersedes: [gift-card]\narea:")

    said = "supersedes[0]: there is no article 'gift-card' in the pack; did you mean gift-cards?"
    assert pack.only_problem() == f"knowledge/gift-cards.md:{line}: {said}"


def test_articles_do_not_replace_each_other_in_a_circle(pack: PackCopy) -> None:
    """R4.5: nothing would be in use."""
    lines = {
        old: pack.replace(f"knowledge/{old}.md", "area:", f"supersedes: [{new}]\narea:")
        for old, new in (("warranty", "warranty-claims"), ("warranty-claims", "exchanges"), ("exchanges", "warranty"))
    }

    told = "supersedes: leads back to this article, and nothing would be in use; leave one out"
    assert sorted(pack.problems()) == sorted(f"knowledge/{name}.md:{line}: {told}" for name, line in lines.items())


def test_a_mistyped_name_is_told_once_and_not_wherever_it_is_used(pack: PackCopy) -> None:
    """R1.1: an intent that does not validate still exists for the paraphrases that name it."""
    pack.replace("intents/greeting.yaml", "handling: social", "handling: sociable")

    assert "handling" in pack.only_problem()


@pytest.mark.parametrize("file", ["queues.yaml", "tools.yaml", "escalation.yaml", "intents/greeting.yaml"])
def test_a_file_that_cannot_be_parsed_is_told_once(pack: PackCopy, file: str) -> None:
    """R1.1: names it would have given are not called missing wherever they are used."""
    line = pack.append(file, "  : : :\n\t- [")

    problem = pack.only_problem()

    assert problem.startswith(f"{file}:")
    assert int(problem.split(":")[1]) >= line


def test_an_example_in_two_intents_names_both_places(pack: PackCopy) -> None:
    """R1.1: case and punctuation do not make another example."""
    first = pack.line_of("intents/cancel_order.yaml", "- Cancel my order\n")
    line = pack.replace("intents/complaint.yaml", "- complaint\n", "- cancel my order!\n")

    problem = pack.only_problem()

    assert problem.startswith(f"intents/complaint.yaml:{line}: examples[")
    assert f"intents/cancel_order.yaml:{first}" in problem


def test_a_refusal_pattern_that_hits_its_counterexample_is_refused(pack: PackCopy) -> None:
    """R1.4: the near misses of a rule are its proof."""
    pattern = r"\bdiscount\b"
    line = pack.replace("refusals.yaml", "  patterns:\n", f"  patterns:\n    - '{pattern}'\n") + 1

    problems = pack.problems()

    assert any(
        problem.startswith(f"refusals.yaml:{line}: [0].patterns[0]: matches the counterexample") for problem in problems
    )
    assert any("matches the intent example" in problem and "intents/" in problem for problem in problems)


def test_a_pattern_that_could_run_for_ever_is_refused(pack: PackCopy) -> None:
    """R1.4"""
    pack.replace("refusals.yaml", "  patterns:\n", "  patterns:\n    - '(very )+(cheap|low)+$'\n")

    assert "can take for ever" in pack.only_problem().replace("\n", " ")


def test_a_pattern_that_is_no_regular_expression_says_so(pack: PackCopy) -> None:
    """R1.4"""
    line = pack.replace("refusals.yaml", "  patterns:\n", "  patterns:\n    - '(unclosed'\n") + 1

    assert pack.only_problem().startswith(f"refusals.yaml:{line}: [0].patterns[0]: is not a valid regular expression")


def test_every_kind_of_trigger_is_needed(pack: PackCopy) -> None:
    """R7.3: a situation without a rule would leave the customer without a person."""
    pack.replace("escalation.yaml", "on: refusal\n", "on: no_answer\n")

    assert pack.only_problem() == "escalation.yaml:1: has no trigger with on: refusal; add one"


def test_a_prompt_with_an_unknown_placeholder_names_its_line(pack: PackCopy) -> None:
    """R1.1"""
    line = pack.append("prompts/answer.md", "Speak like {persona}.\n")

    assert pack.only_problem().startswith(f"prompts/answer.md:{line}: {{persona}} has no value")


def test_a_missing_prompt_is_named(pack: PackCopy) -> None:
    """R1.1"""
    (pack.path / "prompts" / "answer.md").unlink()

    assert pack.only_problem() == "prompts/answer.md:1: is missing; every pack has one"
