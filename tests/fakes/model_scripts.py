"""What scripted models do with a request: forty ways to be sensible, obedient, hostile or broken."""

import asyncio
import gzip
import hashlib
import json
import math
import re
from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import Any

from tests.fakes.hostile_minds import harmful_answer, harmful_reading, obeying_answer, obeying_reading
from tests.fakes.judge_minds import judgement
from tests.fakes.model_minds import obedient_answer, obedient_reading, sensible_answer, sensible_reading
from tests.fakes.model_wire import Recorded, Reply, chunk, completion, error_body, say

HUGE = 50 * 1024 * 1024

Script = Callable[[Reply], Awaitable[None]]
SCRIPTS: dict[str, Script] = {}


def script(function: Script) -> Script:
    """Register a script under its function's name."""
    SCRIPTS[function.__name__] = function
    return function


def good_text(request: Recorded) -> str:
    """What the sensible model would say."""
    if request.call == "understand":
        return json.dumps(sensible_reading(request.body, system=request.system, user=request.user))
    return sensible_answer(request.user)


async def say_changed(reply: Reply, **changes: Any) -> None:
    """The sensible reading with changes; for answers the sensible answer."""
    if reply.request.call == "understand":
        await say(reply, json.dumps(json.loads(good_text(reply.request)) | changes))
    else:
        await say(reply, good_text(reply.request))


# Models that work --------------------------------------------------------------------------------------------------


@script
async def sensible(reply: Reply) -> None:
    """A small deterministic model: intents by shared words with the prompt's list, answers by quoting passage 1."""
    await say(reply, good_text(reply.request))


@script
async def obedient(reply: Reply) -> None:
    """Does whatever a text in its prompt tells it to, as far as the schema allows."""
    if reply.request.call == "understand":
        reading = obedient_reading(reply.request.body, system=reply.request.system, user=reply.request.user)
        await say(reply, json.dumps(reading))
    else:
        await say(reply, obedient_answer(reply.request.user))


@script
async def harmful(reply: Reply) -> None:
    """Keeps to the schema and is against us: see ``hostile_minds``."""
    request = reply.request
    if request.call == "understand":
        await say(reply, json.dumps(harmful_reading(request.body, system=request.system, user=request.user)))
    else:
        await say(reply, harmful_answer(system=request.system, user=request.user))


@script
async def obeying(reply: Reply) -> None:
    """Like ``obedient``, and reads what is hidden or encoded as well."""
    request = reply.request
    if request.call == "understand":
        await say(reply, json.dumps(obeying_reading(request.body, system=request.system, user=request.user)))
    else:
        await say(reply, obeying_answer(system=request.system, user=request.user))


@script
async def no_answer(reply: Reply) -> None:
    await say(reply, good_text(reply.request) if reply.request.call == "understand" else "NO_ANSWER")


@script
async def judge_confirms(reply: Reply) -> None:
    """Calls every two passages a contradiction."""
    await say(reply, json.dumps({"contradict": True, "reason": "One of the two periods is wrong."}))


@script
async def judge_dismisses(reply: Reply) -> None:
    """Sees no contradiction anywhere."""
    await say(reply, json.dumps({"contradict": False, "reason": "They speak of different things."}))


# Judges of evals --------------------------------------------------------------------------------------------------


def judged(request: Recorded) -> dict[str, Any]:
    """What a fair judge says."""
    return judgement(request.user, form=request.body["response_format"]["json_schema"]["name"])


@script
async def judge(reply: Reply) -> None:
    """Answers the prompts of RAGAS by simple rules."""
    await say(reply, json.dumps(judged(reply.request)))


@script
async def judge_prose(reply: Reply) -> None:
    """A judge that talks."""
    await say(reply, "The answer looks faithful to me: 1 out of 1.")


@script
async def judge_beyond(reply: Reply) -> None:
    """Keeps to the schema, and its verdicts are no verdicts."""
    answer = judged(reply.request)
    text = re.sub(r'"(verdict|attributed|noncommittal)": \d', r'"\1": 7', json.dumps(answer))
    await say(reply, text.replace(json.dumps(answer.get("question", "-")), '""'))


@script
async def judge_forgets(reply: Reply) -> None:
    """Gives no verdict on the last statement."""
    answer = judged(reply.request)
    if reply.request.body["response_format"]["json_schema"]["name"] == "NLIStatementOutput":
        answer["statements"].pop()
    await say(reply, json.dumps(answer))


@script
async def judge_fails_often(reply: Reply) -> None:
    """Every other answer is an error."""
    if int(reply.request.headers["x-scripted-number"]) % 2:
        await server_error(reply)
    else:
        await judge(reply)


# Silence, refusal to serve, broken HTTP ----------------------------------------------------------------------------


@script
async def hang(reply: Reply) -> None:
    """Accepts and never answers."""
    reply.keep_alive = False
    await asyncio.sleep(3600)


@script
async def silent_stream(reply: Reply) -> None:
    """Heads, one word, then only keep-alive comments."""
    await reply.start_events()
    await reply.event(chunk({"content": "You "}))
    while True:
        await reply.raw(b": keepalive\n\n")
        await asyncio.sleep(0.1)


@script
async def rate_limited(reply: Reply) -> None:
    await reply.json(error_body("Rate limit reached for org-needle"), status=429, headers={"Retry-After": "3600"})


@script
async def rate_limited_briefly(reply: Reply) -> None:
    """429 with a short Retry-After for every first request of two, else sensible."""
    reply_number = reply.request.headers["x-scripted-number"]
    if int(reply_number) % 2 == 1:
        await reply.json(error_body("Slow down"), status=429, headers={"Retry-After": "0.05"})
    else:
        await sensible(reply)


@script
async def server_error(reply: Reply) -> None:
    await reply.json(error_body("Internal needle-7f3 failure at /srv/secret"), status=500)


@script
async def unauthorized(reply: Reply) -> None:
    """Echoes the key, as real providers half do."""
    told = f"Incorrect API key provided: {reply.request.headers.get('authorization')}"
    await reply.json(error_body(told), status=401)


@script
async def html(reply: Reply) -> None:
    await reply.whole(b"<html><body>needle-7f3 Bad gateway</body></html>", kind="text/html")


@script
async def wrong_content_type(reply: Reply) -> None:
    await reply.whole(json.dumps(completion({"content": good_text(reply.request)})).encode(), kind="text/plain")


@script
async def redirect(reply: Reply) -> None:
    await reply.whole(b"", status=307, headers={"Location": "/v1/responses"})


@script
async def not_http(reply: Reply) -> None:
    await reply.raw(bytes(range(256)) * 8)


@script
async def garbage_bytes(reply: Reply) -> None:
    """200 with a body of random bytes."""
    body = hashlib.sha256(b"garbage").digest() * 64
    kind = "text/event-stream" if reply.request.streamed else "application/json"
    await reply.whole(body, kind=kind)


@script
async def reset(reply: Reply) -> None:
    """Resets the connection, in a stream after the first sentence."""
    if reply.request.streamed:
        await reply.start_events()
        await reply.event(chunk({"content": "The first sentence is here [1]. The sec"}))
        await asyncio.sleep(0.05)
    reply.reset()


@script
async def huge_body(reply: Reply) -> None:
    """50 MB in one body (streamed: in one event line)."""
    reply.keep_alive = False
    kind = "text/event-stream" if reply.request.streamed else "application/json"
    reply._head(200, kind, {"Connection": "close"})
    reply.writer.write(b'data: {"x": "' if reply.request.streamed else b'{"x": "')
    for _ in range(HUGE // 65536):
        await reply.raw(b"x" * 65536)


@script
async def gzip_bomb(reply: Reply) -> None:
    body = _bomb()
    kind = "text/event-stream" if reply.request.streamed else "application/json"
    await reply.whole(body, kind=kind, headers={"Content-Encoding": "gzip"})


@lru_cache
def _bomb() -> bytes:
    return gzip.compress(b" " * HUGE, compresslevel=1)


# Wrong answers -----------------------------------------------------------------------------------------------------


@script
async def empty_choices(reply: Reply) -> None:
    if reply.request.streamed:
        await reply.start_events()
        await reply.event({**chunk({}), "choices": []})
        await reply.event("[DONE]")
    else:
        await reply.json(completion(None))


@script
async def null_choices(reply: Reply) -> None:
    body = {**(chunk({}) if reply.request.streamed else completion(None)), "choices": None}
    if reply.request.streamed:
        await reply.start_events()
        await reply.event(body)
        await reply.event("[DONE]")
    else:
        await reply.json(body)


@script
async def two_choices(reply: Reply) -> None:
    text = good_text(reply.request)
    if reply.request.streamed:
        await reply.start_events()
        await reply.event({**chunk({}), "choices": chunk({"content": text})["choices"] * 2})
        await reply.event(chunk({}, finish="stop"))
        await reply.event("[DONE]")
    else:
        body = completion({"content": text})
        await reply.json({**body, "choices": body["choices"] * 2})


@script
async def error_in_200(reply: Reply) -> None:
    if reply.request.streamed:
        await reply.start_events()
        await reply.event(error_body("needle-7f3 overloaded"))
    else:
        await reply.json(error_body("needle-7f3 overloaded"))


@script
async def truncated_json(reply: Reply) -> None:
    """The JSON stops in the middle although the finish reason says stop; in a stream the event does."""
    if reply.request.streamed:
        await reply.start_events()
        await reply.event(json.dumps(chunk({"content": "You can return"}))[:-20])
    else:
        await say(reply, good_text(reply.request)[:-15])


@script
async def finish_length(reply: Reply) -> None:
    await say(reply, good_text(reply.request), finish="length")


@script
async def finish_content_filter(reply: Reply) -> None:
    await say(reply, good_text(reply.request), finish="content_filter")


@script
async def finish_null(reply: Reply) -> None:
    await say(reply, good_text(reply.request), finish=None)


@script
async def tool_calls(reply: Reply) -> None:
    """500 tool calls in one answer."""
    calls = [
        {"index": n, "id": f"call_{n}", "type": "function", "function": {"name": "delete_account", "arguments": "{}"}}
        for n in range(500)
    ]
    if reply.request.streamed:
        await reply.start_events()
        await reply.event(chunk({"role": "assistant", "content": None, "tool_calls": calls}))
        await reply.event(chunk({}, finish="stop"))
        await reply.event("[DONE]")
    else:
        await reply.json(completion({"content": None, "tool_calls": calls}))


@script
async def refusal(reply: Reply) -> None:
    text = "I'm sorry, needle-7f3, I can't help with that."
    if reply.request.streamed:
        await reply.start_events()
        await reply.event(chunk({"role": "assistant", "content": None, "refusal": text}))
        await reply.event(chunk({}, finish="stop"))
        await reply.event("[DONE]")
    else:
        await reply.json(completion({"content": None, "refusal": text}))


@script
async def empty_answer(reply: Reply) -> None:
    await say(reply, " ")


@script
async def unknown_intent(reply: Reply) -> None:
    await say_changed(reply, intents=[{"intent": "wire_money", "confidence": 0.99}])


@script
async def unknown_refusal(reply: Reply) -> None:
    await say_changed(reply, refusal="never_heard_of")


@script
async def confidence_too_high(reply: Reply) -> None:
    await say_changed(reply, frustration=7.5)


@script
async def confidence_nan(reply: Reply) -> None:
    await say_changed(reply, frustration=math.nan)


@script
async def wrong_types(reply: Reply) -> None:
    await say_changed(reply, fields=["HP-10001"], language=None)


@script
async def extra_keys(reply: Reply) -> None:
    await say_changed(reply, approved_by="supervisor")


@script
async def giant_string(reply: Reply) -> None:
    await say_changed(reply, fields={"order_number": "HP-" + "1" * 5_000})


# Endless -----------------------------------------------------------------------------------------------------------


@script
async def endless_fast(reply: Reply) -> None:
    """Never stops, as fast as it can."""
    await reply.start_events()
    event = f"data: {json.dumps(chunk({'content': 'and on and on '}))}\n\n".encode() * 50
    while True:
        await reply.raw(event)


@script
async def endless_slow(reply: Reply) -> None:
    """A token every 0.2 s, for ever: no read time-out ever fires."""
    await reply.start_events()
    while True:
        await reply.event(chunk({"content": "and "}))
        await asyncio.sleep(0.2)


@script
async def endless_empty(reply: Reply) -> None:
    """Chunks without any text, for ever."""
    await reply.start_events()
    event = f"data: {json.dumps(chunk({'content': ''}))}\n\n".encode() * 50
    while True:
        await reply.raw(event)
