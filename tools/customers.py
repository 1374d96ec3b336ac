"""Operations of the CRM."""

from desk.integrations.protocols import AccountChanged, ContactChanged, Customer, History, NewsletterChanged
from tools.operation import Operation

CUSTOMER_OPERATIONS = {
    "get_customer": Operation(result=Customer, method=lambda systems: systems.crm.get_customer),
    "get_history": Operation(result=History, method=lambda systems: systems.crm.get_history),
    "update_contact": Operation(
        arguments=("choice", "text"), result=ContactChanged, method=lambda systems: systems.crm.update_contact,
        writes=True,
    ),
    "set_newsletter": Operation(
        arguments=("choice",), result=NewsletterChanged, method=lambda systems: systems.crm.set_newsletter, writes=True
    ),
    "close_account": Operation(
        result=AccountChanged, method=lambda systems: systems.crm.close_account, writes=True
    ),
    "reopen_account": Operation(
        result=AccountChanged, method=lambda systems: systems.crm.reopen_account, writes=True
    ),
}  # fmt: skip
