"""Operations of the company's service desk."""

from desk.integrations.protocols import Ticket
from tools.operation import Operation

TICKET_OPERATIONS = {
    "create_ticket": Operation(
        arguments=("text", "text", "text"), result=Ticket, method=lambda systems: systems.ticketing.create_ticket,
        writes=True,
    ),
    "get_ticket": Operation(
        arguments=("reference",), result=Ticket, method=lambda systems: systems.ticketing.get_ticket
    ),
    "add_note": Operation(
        arguments=("reference", "text"), result=Ticket, method=lambda systems: systems.ticketing.add_note, writes=True
    ),
    "route_ticket": Operation(
        arguments=("reference", "text"), result=Ticket, method=lambda systems: systems.ticketing.route_ticket,
        writes=True,
    ),
    "close_ticket": Operation(
        arguments=("reference",), result=Ticket, method=lambda systems: systems.ticketing.close_ticket, writes=True
    ),
}  # fmt: skip
