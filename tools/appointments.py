"""Operations of the scheduling system."""

from desk.integrations.protocols import Booking, Bookings, Slots
from tools.operation import Operation

APPOINTMENT_OPERATIONS = {
    "list_slots": Operation(
        arguments=("choice",), result=Slots, method=lambda systems: systems.scheduling.list_slots
    ),
    "list_bookings": Operation(result=Bookings, method=lambda systems: systems.scheduling.list_bookings),
    "book": Operation(
        arguments=("reference",), result=Booking, method=lambda systems: systems.scheduling.book, writes=True
    ),
    "move_booking": Operation(
        arguments=("reference", "reference"), result=Booking, method=lambda systems: systems.scheduling.move_booking,
        writes=True,
    ),
    "cancel_booking": Operation(
        arguments=("reference",), result=Booking, method=lambda systems: systems.scheduling.cancel_booking, writes=True
    ),
}  # fmt: skip
