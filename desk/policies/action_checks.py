"""What must hold for everything a pack lets the assistant do: tools that write, their approvals, what they ask."""

import typing
from collections.abc import Iterator

from desk.policies.models import ApprovalRule, Condition, Intent, Signal, ToolSpec
from desk.policies.placeholders import ALWAYS, action_values
from desk.policies.references import problems_of_reference, problems_of_template
from desk.policies.sources import PackFiles, Written
from desk.policies.yaml_source import Key, Problem

ROLES = ("approver", "supervisor", "admin")


def check_actions(files: PackFiles) -> Iterator[Problem]:
    """Every problem of tools, approval rules and options."""
    tools = {tool.value.name: tool.value for tool in files.tools}
    for at in files.tools:
        yield from _arguments(at, tools, files)
        yield from _quote(at, tools, files)
        yield from _writing(at, tools, files)
        yield from _requirements(at, tools, files)
    for rule in files.approvals:
        yield from _approval(rule, tools, files)
    for intent in files.intents:
        yield from _options(intent, tools, files)
    if files.header is not None:
        for role in files.header.value.approver_limits:
            if role not in ROLES:
                yield files.header.problem(("approver_limits", role), f"is no role; there are {', '.join(ROLES)}")


def _arguments(at: Written[ToolSpec], tools: dict[str, ToolSpec], files: PackFiles) -> Iterator[Problem]:
    quote = tools.get(at.value.quote or "")
    for index, argument in enumerate(at.value.arguments):
        key: Key = ("arguments", index)
        if (argument.source == "constant") != (argument.constant is not None):
            yield at.problem((*key, "constant"), "goes with source constant, and only with it; add or remove it")
        for name in ("default_fact", "at_most_fact"):
            fact = getattr(argument, name)
            if fact is None:
                continue
            if argument.type != "money":
                yield at.problem((*key, name), "is for money alone; remove it")
            elif at.value.quote is None or (quote is not None and fact not in quote.result_fields):
                there = ", ".join(quote.result_fields) if quote else "nothing without a quote"
                yield at.problem((*key, name), f"{fact!r} is no result field of the quote; there are {there}")
        if argument.out_of_bounds is not None:
            if argument.at_most_fact is None:
                yield at.problem((*key, "out_of_bounds"), "goes with at_most_fact; add it or remove this")
            yield from _template(at, (*key, "out_of_bounds"), argument.out_of_bounds, tools, files)
        if argument.type == "money" and argument.at_most_fact is None:
            yield at.problem((*key, "at_most_fact"), "is missing; an amount is bounded by a business system")
    money = {argument.name for argument in at.value.arguments if argument.type == "money"}
    named: list[tuple[Key, str | None]] = [(("amount",), at.value.amount)]
    named += [(("editable", index), name) for index, name in enumerate(at.value.editable)]
    for where, wanted in named:
        if wanted is not None and wanted not in money:
            yield at.problem(where, f"{wanted!r} is no money argument of the tool; name one or remove it")


def _quote(at: Written[ToolSpec], tools: dict[str, ToolSpec], files: PackFiles) -> Iterator[Problem]:
    if at.value.quote is None:
        return
    yield from problems_of_reference(at, ("quote",), at.value.quote, "tool", files)
    if (quote := tools.get(at.value.quote)) is None:
        return
    if quote.risk != "read":
        yield at.problem(("quote",), f"{quote.name} writes; a quote only reads")
    given = {argument.name for argument in at.value.arguments}
    for argument in quote.arguments:
        if argument.source == "field" and argument.name not in given:
            yield at.problem(("quote",), f"{quote.name} needs {argument.name!r}, which this tool does not have")


def _writing(at: Written[ToolSpec], tools: dict[str, ToolSpec], files: PackFiles) -> Iterator[Problem]:
    tool = at.value
    if tool.risk == "read":
        for name in ("confirm", "amount", "compensation", "irreversible"):
            if getattr(tool, name) is not None:
                yield at.problem((name,), "is for tools that write; remove it or change the risk")
        return
    if tool.confirm is None:
        yield at.problem(("confirm",), "is missing; name the template that asks the customer for a yes")
    else:
        yield from _template(at, ("confirm",), tool.confirm, tools, files)
    if (tool.compensation is None) == (tool.irreversible is None):
        yield at.problem(("compensation",), "or irreversible: say how it is taken back, or why it cannot be")
    for reason, template in tool.refused.items():
        yield from _template(at, ("refused", reason), template, tools, files)
    if tool.compensation is None:
        return
    yield from problems_of_reference(at, ("compensation", "tool"), tool.compensation.tool, "tool", files)
    if (undo := tools.get(tool.compensation.tool)) is None:
        return
    needed = {argument.name for argument in undo.arguments if argument.source == "field"}
    if needed != tool.compensation.arguments.keys():
        yield at.problem(
            ("compensation", "arguments"),
            f"{undo.name} takes {', '.join(sorted(needed)) or 'none'}; give exactly these",
        )
    known = {f"argument.{argument.name}" for argument in tool.arguments} | {
        f"result.{name}" for name in tool.result_fields
    }
    for name, path in tool.compensation.arguments.items():
        if path not in known:
            there = ", ".join(sorted(known))
            yield at.problem(("compensation", "arguments", name), f"{path!r} is not known then; there are {there}")


def _requirements(at: Written[ToolSpec], tools: dict[str, ToolSpec], files: PackFiles) -> Iterator[Problem]:
    for index, requirement in enumerate(at.value.requires):
        key: Key = ("requires", index)
        if (requirement.reply is None) == (requirement.trigger is None):
            yield at.problem(key, "names a reply or a trigger, one of the two; say what happens instead")
        if requirement.reply is not None:
            yield from _template(at, (*key, "reply"), requirement.reply, tools, files)
        if requirement.trigger is not None:
            yield from problems_of_reference(at, (*key, "trigger"), requirement.trigger, "trigger", files)
        yield from _condition(at, key, requirement, [at.value], tools)


def _template(
    at: Written[ToolSpec], key: Key, name: str, tools: dict[str, ToolSpec], files: PackFiles
) -> Iterator[Problem]:
    """The template exists and uses only what is known about the action."""
    if _facts_are_known(at.value, tools):
        yield from problems_of_template(at, key, name, action_values(at.value, tools=tools), files)
    else:
        yield from problems_of_reference(at, key, name, "reply", files)


def _facts_are_known(tool: ToolSpec, tools: dict[str, ToolSpec]) -> bool:
    """A quote with a mistake of its own has no fields to compare with; it is told where it is written."""
    return tool.quote is None or tool.quote in tools


def _approval(at: Written[ApprovalRule], tools: dict[str, ToolSpec], files: PackFiles) -> Iterator[Problem]:
    meant = []
    for index, name in enumerate(at.value.tools):
        yield from problems_of_reference(at, ("tools", index), name, "tool", files)
        if (tool := tools.get(name)) is not None:
            meant.append(tool)
            if tool.risk == "read":
                yield at.problem(("tools", index), f"{name} only reads; approvals are for tools that write")
    for index, condition in enumerate(at.value.when):
        yield from _condition(at, ("when", index), condition, meant, tools)


def _condition(
    at: Written[ToolSpec] | Written[ApprovalRule],
    key: Key,
    condition: Condition,
    meant: list[ToolSpec],
    tools: dict[str, ToolSpec],
) -> Iterator[Problem]:
    """The value exists for every tool that is meant, and it is compared with something."""
    kind = condition.value.partition(".")[0]
    compared = [condition.above, condition.at_most, condition.equals]
    if all(value is None for value in compared) and not condition.one_of and not condition.none_of:
        yield at.problem(key, "compares with nothing; add above, at_most, equals, one_of or none_of")
    for tool in meant:
        if kind == "fact" and not _facts_are_known(tool, tools):
            continue
        match kind:
            case "amount" | "daily_total":
                known = {condition.value} if tool.amount else set()
            case "argument":
                known = {f"argument.{argument.name}" for argument in tool.arguments}
            case "fact":
                quote = tools.get(tool.quote or "")
                known = {f"fact.{field}" for field in quote.result_fields} if quote else set()
            case _:
                known = {f"signal.{signal}" for signal in typing.get_args(Signal)}
        if condition.value not in known:
            there = f"; there are {', '.join(sorted(known))}" if known else ""
            yield at.problem((*key, "value"), f"{tool.name} has no {condition.value}{there}")


def _options(at: Written[Intent], tools: dict[str, ToolSpec], files: PackFiles) -> Iterator[Problem]:
    allowed = {action.tool for action in at.value.actions}
    for action in at.value.actions:
        tool = tools.get(action.tool)
        if tool is not None and tool.quote is not None and tool.quote not in allowed:
            yield at.problem(("actions",), f"{tool.name} needs its quote {tool.quote}; add it to the actions")
    for index, spec in enumerate(at.value.fields):
        if spec.options is None:
            continue
        key: Key = ("fields", index, "options", "tool")
        yield from problems_of_reference(at, key, spec.options.tool, "tool", files)
        yield from problems_of_template(
            at, ("fields", index, "options", "none_left"), spec.options.none_left, ALWAYS, files
        )
        tool = tools.get(spec.options.tool)
        if tool is not None and (tool.risk != "read" or tool.name not in allowed):
            yield at.problem(key, f"{tool.name} must be a tool that reads and stand in the intent's actions")
        if tool is not None and spec.options.items not in tool.result_fields:
            yield at.problem(
                ("fields", index, "options", "items"),
                f"{spec.options.items!r} is no result field of {tool.name}; there are {', '.join(tool.result_fields)}",
            )
