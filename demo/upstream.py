"""A stand-in for OpenAI, so that the demo needs no account and spends no money.

It listens on loopback only, answers in OpenAI's shape, and accepts only the real key: not a client's
key, and no call without one. It remembers which keys it was shown.
"""

import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import trustme

HOST = "api.openai.com"


class Upstream:
    """A running stand-in; `address` is where, `ca_file` who vouches for it."""

    def __init__(self, directory, key):
        self.accepted = {key}
        self.shown = []  # (method, path, keys), as they came
        self.ca_file = directory / "upstream-ca.pem"
        authority = trustme.CA()
        authority.cert_pem.write_to_path(self.ca_file)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.set_alpn_protocols(["http/1.1"])
        authority.issue_cert(HOST).configure_cert(tls)

        handler = type("Handler", (_Handler,), {"upstream": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.address = self._server.server_address
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    upstream: Upstream
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self._answer(None)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self._answer(json.loads(body or b"{}"))

    def _answer(self, request):
        places = ("authorization", "x-api-key", "api-key")
        keys = [value for name in places for value in self.headers.get_all(name, [])]
        self.upstream.shown.append((self.command, self.path, keys))
        if len(keys) != 1 or keys[0].removeprefix("Bearer ") not in self.upstream.accepted:
            # As the real one does: the error quotes what it was shown.
            self._send(401, _error(f"Incorrect API key provided: {keys}.", "invalid_api_key"))
        elif (self.command, self.path) == ("POST", "/v1/chat/completions"):
            self._send(200, _completion(request))
        elif (self.command, self.path) == ("GET", "/v1/models"):
            self._send(200, {"object": "list", "data": [_MODEL]})
        else:
            self._send(404, _error(f"Unknown request URL: {self.path}", "unknown_url"))

    def _send(self, status, answer):
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Says nothing: the demo's own lines are what is read."""


def _error(message, code):
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": code}}


def _completion(request):
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1764000000,
        "model": request.get("model"),
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": "The gate is open."},
            }
        ],
        "usage": {"prompt_tokens": 1200, "completion_tokens": 300, "total_tokens": 1500},
    }


_MODEL = {"id": "gpt-5-mini", "object": "model", "created": 1764000000, "owned_by": "openai"}
