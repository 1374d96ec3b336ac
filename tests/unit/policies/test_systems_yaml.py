"""A pack that says where its systems are is told every mistake with file, line and key (R1.1, R5.4)."""

import pytest

from desk.policies.loader import load_pack
from desk.policies.systems import RestSystem
from tests.fakes.example_systems import EXAMPLES
from tests.unit.policies.packs import PackCopy
from tools.registry import registry_problems

POINTS = """
- id: loyalty
  kind: rest
  base_url: ${SYSTEM_LOYALTY_URL}
  auth: {kind: bearer, secret: SYSTEM_LOYALTY_TOKEN}
  idempotent: false
  operations:
    - name: get_points
      arguments: [{name: card, type: reference}]
      method: GET
      path: /members/{customer_id}/cards/{card}
      shape: {points: integer, gifts: [{name: text, until: moment?}]}
      result: {points: balance}
"""


def test_a_tool_source_of_the_packs_own_loads(pack: PackCopy) -> None:
    """R5.4."""
    pack.append("systems.yaml", POINTS)

    system = load_pack(pack.path).systems["loyalty"]

    assert isinstance(system, RestSystem)
    assert system.operations[0].result["points"].path == "balance"


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("kind: rest", "kind: rset", "[0].kind: must be one of postgres, rest, mcp; did you mean rest?"),
        ("kind: rest", "kind: postgres", "is not a key here"),
        ("SYSTEM_LOYALTY_URL", "FRONTDESK_SECRET_KEY", "only variables that begin with SYSTEM_ are given to a pack"),
        ("secret: SYSTEM_LOYALTY_TOKEN", "secret: OPENAI_API_KEY", "does not have the form"),
        ("idempotent: false", "", "[0].idempotent: is missing"),
        ("/members/{customer_id}/", "/members/", "does not say where {customer_id} goes"),
        ("cards/{card}", "cards/{crad}", "{crad} is no argument"),
        ("cards/{card}", "cards", "the argument 'card' goes nowhere"),
        ("method: GET", "method: GET\n      writes: true", "GET has no body and changes nothing"),
        ("points: integer", "points: number", "'number' is no kind"),
        ("      shape: {points: integer, gifts: [{name: text, until: moment?}]}\n", "", "shape: is missing"),
        ("{points: balance}", "{pionts: balance}", "result.pionts: is no field of the shape"),
        ("{points: balance}", "{points: {pth: balance}}", "result.points.pth: is not a key here; did you mean path?"),
        ("{points: balance}", "{points: {money: minor}}", "money and currency go together"),
        ("kind: bearer", "kind: basic", "auth.user: goes with kind basic"),
        ("idempotent: false", "idempotent: false\n  timeout_seconds: 60", "timeout_seconds: "),
        ("idempotent: false", "idempotent: false\n  errors: [{means: not_found}]", "errors[0]: fits everything"),
        ("id: loyalty", "id: crm", "operations[0].shape: is known for crm; remove it"),
    ],
)
def test_a_mistake_names_its_file_line_and_key(pack: PackCopy, old: str, new: str, problem: str) -> None:
    """R1.1."""
    assert old in POINTS
    pack.append("systems.yaml", POINTS.replace(old, new, 1))

    problems = pack.problems()

    assert [line for line in problems if line.startswith("systems.yaml:") and problem in line], problems


def test_an_id_is_given_once(pack: PackCopy) -> None:
    """R1.1."""
    pack.append("systems.yaml", POINTS + POINTS)

    assert "'loyalty' is already the id in systems.yaml" in pack.only_problem()


def test_the_reference_systems_are_the_five_only(pack: PackCopy) -> None:
    """R5.4."""
    pack.append("systems.yaml", "- {id: loyalty, kind: postgres}\n")

    assert "postgres has orders, billing, crm, ticketing, scheduling only" in pack.only_problem()


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("name: list_orders", "name: list_all_orders", "orders.list_all_orders: is no operation of orders"),
        ("name: get_customer", "name: get_them", "crm: has no operation get_customer, which the desk itself needs"),
        ("/orders/{number}/parcel", "/parcel", "orders.track_order: the argument number goes nowhere"),
        ('"{amount.currency}"', '"{amount.unit}"', "billing.refund: {amount.unit} is no argument"),
        ("means: already_shipped", "means: shipped", "'shipped' is not_found, unavailable or none of"),
        ("method: PUT", "method: GET", "orders.change_delivery_address: method: GET changes nothing"),
        ("name: track_order", "name: reinstate", "tools.yaml: track_order: no system here has orders.track_order"),
    ],
)
def test_a_standard_system_is_held_to_its_protocol(pack: PackCopy, old: str, new: str, problem: str) -> None:
    """R5.4: what `frontdesk pack check` and every start say."""
    text = (
        (EXAMPLES / "rest-shop.yaml")
        .read_text("utf-8")
        .replace('body: {address: "{address}"}', 'query: {to: "{address}"}')
    )
    assert old in text
    pack.append("systems.yaml", text.replace(old, new, 1))

    assert [line for line in registry_problems(load_pack(pack.path)) if problem in line]


@pytest.mark.parametrize("example", sorted(path.name for path in EXAMPLES.glob("*.yaml")))
def test_the_examples_of_the_documentation_are_valid(pack: PackCopy, example: str) -> None:
    """R5.4."""
    pack.append("systems.yaml", (EXAMPLES / example).read_text("utf-8"))

    assert pack.problems() == []
    assert registry_problems(load_pack(pack.path)) == []
