"""Two passages that cannot both be true (R4.5)."""

import pickle

import pytest

from retrieval.conflict.conflicts import Conflict, conflicts_among, conflicts_between, conflicts_with_title
from retrieval.conflict.facts import Facts, Statement, facts_of


def facts(text: str, *, title: str = "Returns", heading: str = "", name: str = "one") -> Facts:
    return facts_of(Statement(id=name, title=title, heading=heading, text=text))


def titled(text: str, *, name: str) -> Facts:
    title, dash, statement = text.partition(" — ")
    return facts(statement, title=title, name=name) if dash else facts(text, name=name)


def between(one: str, other: str) -> list[Conflict]:
    return conflicts_between(titled(one, name="one"), titled(other, name="other"))


def table(*rows: str, header: str) -> str:
    columns = header.count("|") + 1
    return "\n".join([f"| {header} |", "|" + " --- |" * columns, *(f"| {row} |" for row in rows)])


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("period", "You can return items within 30 days.", "You can return items within 14 days."),
        ("period", "Returns — You have 30 days.", "Returns — You can send items back for two weeks."),
        ("period", "A refund takes 5 to 7 business days.", "Refunds take 10 to 12 business days."),
        ("period", "Cancel at least 24 hours before.", "You can cancel up to 48 hours before."),
        ("period", "Invoices are deleted after 7 years.", "We keep invoices for ten years."),
        ("period", "You can join from 18 years.", "You can join from the age of 16."),
        ("amount", "Express delivery costs 14.95 USD.", "Express delivery costs $12."),
        ("amount", "Delivery is free.", "Delivery costs 4.90 EUR."),
        ("amount", "There is no monthly fee for the account.", "The account costs 4.90 EUR per month."),
        ("amount", "A membership costs 39.90 EUR per month.", "The monthly fee for a membership is 44.90 EUR."),
        ("amount", "Orders over 50 EUR ship free.", "Delivery is free from 75 EUR."),
        ("percentage", "You get a discount of 10 percent.", "You get a discount of 15%."),
        ("date", "Order by December 20 to have it at Christmas.", "To have it at Christmas, order by 17 December."),
        ("date", "The sale takes place in April.", "Our sale takes place in March."),
        ("time", "The shop is open Monday to Friday 9:00 to 18:00.", "On weekdays our shop is open from 9 am to 7 pm."),
        ("time", "We are closed on Sundays.", "On Sundays we are open from 9:00 to 18:00."),
        ("time", "We are closed on July 4.", "On July 4 we are open from 9:00 to 18:00."),
        ("time", "Parcels are delivered Monday to Friday.", "Parcels are delivered Monday to Saturday."),
        ("count", "You can add up to 3 users.", "You can add up to 5 users."),
        ("count", "The newsletter comes once a week.", "The newsletter comes every two weeks."),
        ("contact", "Write to help@shop.example.", "Our e-mail address is service@shop.example."),
        ("polarity", "We ship to Switzerland.", "We do not ship to Switzerland."),
        ("polarity", "We do not accept cheques, cash or bank transfers.", "Bank transfers are accepted."),
        ("polarity", "There are no ads.", "We show ads before films."),
        ("permission", "Items can be returned in the showroom.", "Items cannot be returned in the showroom."),
        ("permission", "You need an account to order.", "You can order without an account."),
        ("permission", "A receipt is required.", "A receipt is optional."),
        ("permission", "Smoking is allowed on the balconies.", "Smoking is prohibited on the balconies."),
        ("exclusivity", "Only the person who ordered can cancel.", "A family member can cancel the order as well."),
        ("exclusivity", "Sign-on is only available on the Enterprise plan.", "Sign-on is available on all plans."),
    ],
)  # fmt: skip
def test_statements_that_cannot_both_be_true_conflict(kind: str, one: str, other: str) -> None:
    """R4.5"""
    assert [conflict.kind for conflict in between(one, other)][:1] == [kind]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        # the same in other words
        ("You get a discount of 10%.", "You get a discount of ten percent."),
        ("You have two weeks to return it.", "You have 14 days to return it."),
        ("The fee is $500.", "The fee is 500.00 USD."),
        ("It costs 10 EUR per month.", "It costs 120 EUR per year."),
        ("The appointment is free of charge.", "The appointment costs 0.00 USD."),
        ("The limit is one month.", "The limit is 30 days."),
        # another condition
        ("Full price items can be returned within 30 days.", "Sale items can be returned within 14 days."),
        ("Express delivery costs 12 EUR.", "Standard delivery costs 5 EUR."),
        ("Orders over 50 EUR ship free.", "For orders below 50 EUR delivery costs 4.90 EUR."),
        ("You can cancel until 24 hours before.", "Later than 24 hours before, cancelling costs 30 EUR."),
        ("The plan with ads costs 5 EUR.", "The plan without ads costs 12 EUR."),
        ("Adults pay 12 EUR.", "Children pay 6 EUR."),
        ("An order can be cancelled before it ships.", "An order cannot be cancelled after it has shipped."),
        ("On Fridays we close at 3 pm.", "Monday to Thursday we close at 5 pm."),
        ("On December 24 we close at 13:00.", "We close at 18:00."),
        # another subject
        ("A single room costs 90 EUR.", "A double room costs 120 EUR."),
        ("We answer e-mails within 2 days.", "Refunds take 5 days."),
        ("Silver Plus Account — The fee is 5 EUR.", "Silver Account — The fee is 3 EUR."),
        ("Evergreen Account — The fee is 5 EUR.", "Harbor Account — The fee is 3 EUR."),
        ("Home fibre 100 — The speed is 100 Mbps.", "Home fibre 500 — The speed is 500 Mbps."),
        # a rule and its exception, what is narrower, what is between the limits
        ("Most items can be returned.", "Gift cards cannot be returned."),
        ("A code works unless an item is marked final sale.", "Items marked final sale do not work with a code."),
        ("You can use up to 10 codes.", "An order with 5 codes was placed."),
        ("It takes 3 to 5 days.", "It takes 4 days."),
        ("Parcels are delivered Monday to Saturday.", "We deliver on Tuesday."),
        ("You need no account to order.", "You can order with an account."),
        ("We pay the return shipping.", "You don't pay for the return."),
    ],
)  # fmt: skip
def test_statements_that_can_both_be_true_do_not_conflict(one: str, other: str) -> None:
    """R4.5"""
    assert between(one, other) == []


def test_a_row_of_a_table_is_compared_with_a_sentence() -> None:
    """R4.5"""
    prices = table("Standard | 4.95 USD", "Express | 14.95 USD", header="Service | Price")

    (conflict,) = conflicts_between(
        facts(prices, title="Shipping", name="table"), facts("Express costs 19.95 USD.", title="Shipping", name="text")
    )

    assert (conflict.quote, conflict.other_quote) == ("Express: 14.95 USD", "Express costs 19.95 USD.")


def test_the_other_rows_of_a_table_are_another_matter() -> None:
    """R4.5"""
    prices = table("Standard | 4.95 USD", "Express | 14.95 USD", header="Service | Price")
    same = facts("Express costs 14.95 USD.", title="Shipping", name="text")

    assert conflicts_between(facts(prices, title="Shipping", name="table"), same) == []


def test_a_column_says_for_what_a_cell_holds() -> None:
    """R4.5"""
    times = table("Express | 2 days | not available", header="Service | Mainland | Hawaii")
    mainland = facts("On the mainland express takes 2 days.", title="Delivery", name="mainland")

    assert conflicts_between(facts(times, title="Delivery", name="table"), mainland) == []


def test_the_items_of_a_list_state_what_the_heading_says_of_them() -> None:
    """R4.5"""
    listed = facts("- Gift cards.\n- Candles.", heading="What cannot be returned", name="list")

    (conflict,) = conflicts_between(listed, facts("Gift cards can be returned.", name="text"))

    assert conflict.quote == "Gift cards."


def test_reasons_below_a_when_are_no_statements() -> None:
    """R4.5"""
    reasons = facts("- The order is below the minimum value.", heading="When a code doesn't work", name="list")

    assert conflicts_between(reasons, facts("There is no minimum value of an order.", name="text")) == []


def test_a_rule_and_its_exception_are_not_contradicted_by_either() -> None:
    """R4.5"""
    both = facts("Items can be returned within 30 days. Sale items can be returned within 14 days.", name="both")

    assert conflicts_between(both, facts("Items can be returned within 30 days.", name="rule")) == []
    assert conflicts_between(both, facts("Sale items can be returned within 14 days.", name="exception")) == []
    assert conflicts_between(both, facts("Sale items can be returned within 7 days.", name="wrong")) != []


def test_chunks_of_one_version_of_an_article_never_conflict() -> None:
    """R4.5"""
    one = facts("Items can be returned within 30 days.", name="returns@2.0#rule")
    other = facts("Items can be returned within 14 days.", name="returns@2.0#details")
    older = facts("Items can be returned within 14 days.", name="returns@1.0#details")

    assert conflicts_between(one, other) == conflicts_among([one, other], question=None) == []
    assert conflicts_between(one, older) != []


def test_a_title_that_its_own_text_contradicts_is_found() -> None:
    """R4.5: the defect of a public knowledge base, title 4 %, text 10.0 %."""
    slip = facts("You earn 10.0% cash back on all purchases.", title="Rewards Card: Earning 4% Cash Back")
    right = facts("You earn 4.0% cash back on all purchases.", title="Rewards Card: Earning 4% Cash Back")

    assert [conflict.kind for conflict in conflicts_with_title(slip)] == ["percentage"]
    assert conflicts_with_title(right) == []


def test_the_reason_says_what_disagrees_and_about_what() -> None:
    """R4.5"""
    (conflict,) = between("Books can be borrowed for 30 days.", "The loan period of books is two weeks.")

    assert conflict.reason == 'One says 30 days, the other two weeks, for "books borrowed".'


def test_the_surest_conflict_comes_first() -> None:
    """R4.5"""
    one = facts("Gift wrapping costs 3 EUR. You can return items within 30 days.", name="one")
    other = facts("We wrap presents for 5 EUR. You can return items within 14 days.", name="other")

    found = conflicts_between(one, other)

    assert [conflict.kind for conflict in found] == ["period", "amount"]
    assert found[0].confidence > found[1].confidence


@pytest.mark.parametrize(
    ("question", "bears"),
    [
        ("When are you open?", False),
        ("What time do you close on Mondays?", False),
        ("How much is gift wrapping?", True),
        ("Can you wrap it as a gift?", True),
        ("gift wrap??", True),
        (None, True),
    ],
)
def test_a_conflict_counts_when_it_bears_on_what_is_asked(question: str | None, bears: bool) -> None:
    """R4.5: two passages that disagree about a fee in passing do not disturb the question for the hours."""
    one = facts("The shop is open Monday to Friday 9:00 to 18:00. Gift wrapping costs 3 EUR.", name="one")
    other = facts("Open Monday to Friday 9:00 to 18:00. We wrap presents for 5 EUR.", name="other")

    assert bool(conflicts_among([one, other], question=question)) is bears


def test_facts_can_be_stored_and_read_again() -> None:
    """R4.5"""
    made = facts("You can return items within 30 days.")

    assert pickle.loads(pickle.dumps(made)) == made
    assert hash(made) == hash(pickle.loads(pickle.dumps(made)))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Die Rückgabe ist innerhalb von 30 Tagen möglich.", "Die Lieferung dauert 14 Tage."),
        ("Le retour est gratuit pendant 30 jours.", "La livraison coûte 5 EUR."),
        ("返品は30日以内です。", "配送には14日かかります。"),
    ],
)
def test_another_language_brings_no_conflict_out_of_nothing(one: str, other: str) -> None:
    """R4.5"""
    assert between(one, other) == []
