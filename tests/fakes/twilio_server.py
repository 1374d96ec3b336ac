"""A server on loopback that speaks as much of Twilio's REST protocol as sending an SMS needs."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

ACCOUNT = "AC00000000000000000000000000000001"
TOKEN = "a token of the tests"
FROM = "+15005550006"


@dataclass
class TwilioServer:
    """``sent`` holds the accepted messages; ``statuses`` are answered to the next requests instead, in order."""

    base_url: str = ""
    sent: list[dict[str, str]] = field(default_factory=list)
    tries: int = 0
    statuses: list[int] = field(default_factory=list)
    location: str = ""

    def answer(self, method: str, path: str, authorization: str, body: str) -> tuple[int, dict[str, Any]]:
        self.tries += 1
        if self.statuses:
            return self.statuses.pop(0), {"code": 20001, "message": f"about {body}"}
        expected = base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
        if authorization != f"Basic {expected}":
            return 401, {"code": 20003, "message": "Authenticate"}
        if (method, path) == ("GET", f"/2010-04-01/Accounts/{ACCOUNT}.json"):
            return 200, {"sid": ACCOUNT, "status": "active"}
        if (method, path) != ("POST", f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"):
            return 404, {"code": 20404, "message": "Not found"}
        fields = {name: values[0] for name, values in parse_qs(body, strict_parsing=True).items()}
        if fields.keys() != {"To", "From", "Body"} or not fields["To"].startswith("+"):
            return 400, {"code": 21211, "message": "Invalid 'To' Phone Number"}
        self.sent.append(fields)
        return 201, {"sid": f"SM{len(self.sent):032d}", "status": "queued", "body": fields["Body"]}


@contextmanager
def twilio_server() -> Iterator[TwilioServer]:
    """The server on a free port."""
    twilio = TwilioServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self._reply("POST")

        def do_GET(self) -> None:
            self._reply("GET")

        def _reply(self, method: str) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
            status, content = twilio.answer(method, self.path, self.headers.get("Authorization", ""), body)
            encoded = json.dumps(content).encode()
            self.send_response(status)
            if status in {301, 302, 307}:
                self.send_header("Location", twilio.location)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(encoded)))
            self.end_headers()
            self.wfile.write(encoded)

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    twilio.base_url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield twilio
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
