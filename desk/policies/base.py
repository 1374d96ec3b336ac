"""What every shape of a pack is made of."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,47}$")]

ArgumentType = Literal["order_number", "invoice_number", "text", "choice", "reference", "money"]


class PackModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)
