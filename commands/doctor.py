"""``frontdesk doctor``: what is wrong with this installation, and how to mend it."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from desk.channels.base import Sender
    from desk.config.settings import Settings

MIN_FREE_BYTES = 500_000_000  # an index and a database of a small shop take about a fifth of it
MODEL_SECONDS = 10.0
SENDER_SECONDS = 25.0


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One check. ``remedy`` says what to do; empty when all is well."""

    name: str
    ok: bool
    detail: str
    remedy: str = ""


def run(json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Check the configuration and every dependency; exit code 1 when something is wrong."""
    from commands.output import print_json, print_table

    findings = asyncio.run(_examine())
    if json:
        print_json({"ok": all(finding.ok for finding in findings), "checks": [asdict(finding) for finding in findings]})
    else:
        rows = [
            ("ok" if f.ok else "WRONG", f.name, f.detail + (f" → {f.remedy}" if f.remedy else "")) for f in findings
        ]
        print_table(("", "check", "what was found"), rows)
    raise typer.Exit(code=0 if all(finding.ok for finding in findings) else 1)


async def _examine() -> list[Finding]:
    from desk.config.settings import load_settings
    from desk.domain.errors import FrontdeskError

    version = ".".join(str(part) for part in sys.version_info[:3])
    findings = [Finding(name="python", ok=sys.version_info >= (3, 11), detail=version)]
    try:
        settings = load_settings()
    except FrontdeskError as exc:
        return [*findings, Finding(name="settings", ok=False, detail=exc.detail, remedy="correct the variable or .env")]
    findings.append(Finding(name="settings", ok=True, detail="every variable is known and fits"))
    checks: list[Callable[[Settings], Awaitable[Finding]]] = [
        _secret,
        _data_dir,
        _pack,
        _database,
        _chroma,
        _model,
        _email,
        _sms,
    ]
    return findings + [await check(settings) for check in checks]


async def _secret(settings: "Settings") -> Finding:
    if settings.secret_key is None:
        detail = "FRONTDESK_SECRET_KEY is not set: only --demo will start"
        return Finding(name="secret key", ok=True, detail=detail)
    long_enough = len(settings.secret_key.get_secret_value()) >= 32
    detail = "set" if long_enough else "FRONTDESK_SECRET_KEY is shorter than 32 characters"
    return Finding(name="secret key", ok=long_enough, detail=detail, remedy="" if long_enough else "use a longer one")


async def _data_dir(settings: "Settings") -> Finding:
    import os
    import shutil

    folder = settings.data_dir.resolve()
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    if not os.access(existing, os.W_OK):
        remedy = "make it writable or set FRONTDESK_DATA_DIR"
        return Finding(name="data folder", ok=False, detail=f"{existing} is not writable", remedy=remedy)
    free = shutil.disk_usage(existing).free
    remedy = "" if free > MIN_FREE_BYTES else "free some space or set FRONTDESK_DATA_DIR"
    return Finding(name="data folder", ok=not remedy, detail=f"{folder}, {free // 10**6} MB free", remedy=remedy)


async def _pack(settings: "Settings") -> Finding:
    from desk.domain.errors import FrontdeskError, PackError
    from desk.policies.loader import load_pack, resolve_pack

    try:
        policies = load_pack(resolve_pack(settings.pack))
    except PackError as exc:
        remedy = "frontdesk pack check lists all of them"
        return Finding(name="pack", ok=False, detail=f"{len(exc.problems)} problems; {exc.problems[0]}", remedy=remedy)
    except FrontdeskError as exc:
        return Finding(name="pack", ok=False, detail=exc.detail, remedy="set FRONTDESK_PACK")
    return Finding(name="pack", ok=True, detail=f"{policies.name} {policies.label} ({policies.version})")


async def _database(settings: "Settings") -> Finding:
    from psycopg import AsyncConnection

    from desk.db.embedded import start_embedded_postgres
    from desk.domain.errors import FrontdeskError

    kind = "DATABASE_URL" if settings.database_url else "embedded"
    try:
        url = settings.database_url
        if url is None:
            url = await asyncio.to_thread(start_embedded_postgres, settings.data_dir)
        async with await AsyncConnection.connect(url, connect_timeout=5) as connection:
            row = await (await connection.execute("SHOW server_version")).fetchone()
    except FrontdeskError as exc:
        return Finding(name="postgres", ok=False, detail=exc.detail, remedy="see above")
    except Exception as exc:  # a driver has many ways to fail to connect; all mean the same here
        detail = f"{kind}: {' '.join(str(exc).split())[:200]}"
        return Finding(name="postgres", ok=False, detail=detail, remedy="start the server or correct DATABASE_URL")
    return Finding(name="postgres", ok=True, detail=f"{kind}, PostgreSQL {row[0] if row else 'unknown'}")


async def _chroma(settings: "Settings") -> Finding:
    import httpx

    if settings.chroma_url is None:
        return Finding(name="chroma", ok=True, detail="embedded in the data folder")
    try:
        async with httpx.AsyncClient(timeout=5) as client:
            answer = await client.get(f"{settings.chroma_url.rstrip('/')}/api/v2/heartbeat")
            answer.raise_for_status()
    except httpx.HTTPError as exc:
        detail = f"CHROMA_URL does not answer ({type(exc).__name__})"
        remedy = "start Chroma or correct CHROMA_URL; until then answers come from words alone"
        return Finding(name="chroma", ok=False, detail=detail, remedy=remedy)
    return Finding(name="chroma", ok=True, detail=settings.chroma_url)


async def _model(settings: "Settings") -> Finding:
    from desk.domain.errors import FrontdeskError

    if settings.openai_api_key is None or not settings.openai_api_key.get_secret_value():
        return Finding(name="language model", ok=True, detail="no OPENAI_API_KEY: the offline engine answers")
    from desk.language.engine import TurnContext
    from desk.language.openai import OpenAIEngine
    from desk.policies.loader import load_pack, resolve_pack

    try:
        engine = OpenAIEngine.from_settings(settings, load_pack(resolve_pack(settings.pack)))
        try:
            async with asyncio.timeout(MODEL_SECONDS):
                await engine.understand("hello", context=TurnContext())
        finally:
            await engine.aclose()
    except (FrontdeskError, TimeoutError) as exc:
        detail = exc.detail if isinstance(exc, FrontdeskError) else "no answer in time"
        remedy = "check OPENAI_API_KEY, OPENAI_BASE_URL and FRONTDESK_FAST_MODEL; the offline engine answers meanwhile"
        return Finding(name="language model", ok=False, detail=detail, remedy=remedy)
    return Finding(name="language model", ok=True, detail=f"{settings.fast_model} answers")


async def _email(settings: "Settings") -> Finding:
    from desk.channels.senders import email_sender

    return await _sender("e-mail", lambda: email_sender(settings, shop="Frontdesk"), "SMTP_URL")


async def _sms(settings: "Settings") -> Finding:
    from desk.channels.senders import sms_sender

    return await _sender("sms", lambda: sms_sender(settings), "the TWILIO_ settings")


async def _sender(name: str, choose: "Callable[[], Sender | None]", variables: str) -> Finding:
    from desk.channels.base import DeliveryFailed
    from desk.domain.errors import FrontdeskError

    try:
        sender = choose()
        if sender is None:
            detail = f"{variables} not set: none is sent, and no code goes that way"
            return Finding(name=name, ok=True, detail=detail)
        try:
            async with asyncio.timeout(SENDER_SECONDS):
                await sender.check()
        finally:
            await sender.close()
    except DeliveryFailed as exc:
        remedy = f"check {variables}; messages wait meanwhile"
        return Finding(name=name, ok=False, detail=f"the provider does not take messages ({exc.reason})", remedy=remedy)
    except TimeoutError:
        return Finding(name=name, ok=False, detail="no answer in time", remedy=f"check {variables}")
    except FrontdeskError as exc:
        return Finding(name=name, ok=False, detail=exc.detail, remedy=f"correct {variables}")
    return Finding(name=name, ok=True, detail="the provider takes messages")


async def _host(settings: "Settings") -> Finding:
    from desk.domain.errors import FrontdeskError
    from desk.identity.jwks import RemoteKeys

    name = "in-app tokens"
    key = settings.host_jwt_key.get_secret_value() if settings.host_jwt_key else ""
    if key and len(key.encode()) < 32:
        detail = "FRONTDESK_HOST_JWT_KEY is shorter than 32 bytes"
        return Finding(name=name, ok=False, detail=detail, remedy="use a longer one, here and in your application")
    if settings.host_jwks_url:
        try:
            found = await RemoteKeys(settings.host_jwks_url).fetch()
        except FrontdeskError:
            detail = "FRONTDESK_HOST_JWKS_URL gives no usable key set"
            return Finding(name=name, ok=False, detail=detail, remedy="correct it, or publish an RSA key there")
        return Finding(name=name, ok=True, detail=f"{len(found)} keys of the host application")
    detail = "a shared key is set" if key else "no key of a host application: no in-app conversations"
    return Finding(name=name, ok=True, detail=detail)
