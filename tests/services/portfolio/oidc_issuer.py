"""A local identity provider: a real HTTP server with a discovery document and a key set, which can be made to fail."""

import base64
import json
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

CLIENT_ID = "plimsoll-test"
NONCE = "a nonce of this login"
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


class Issuer:
    """The provider: its keys, what it answers, and how often it was asked for what."""

    def __init__(self) -> None:
        self.keys: dict[str, Key] = {
            "rsa": rsa.generate_private_key(65537, 2048),
            "ec": ec.generate_private_key(ec.SECP256R1()),
        }
        self.asked: list[str] = []
        self.says_issuer = ""
        """What the discovery document names as the issuer. Empty: the truth."""
        self.says_keys_at = ""
        """Where the discovery document says that the keys are. Empty: the truth."""
        self.answers: dict[str, tuple[int, dict[str, str], bytes]] = {}
        """Answers in place of the right ones, by path: status, headers, body."""
        self.pause_seconds = 0.0
        """Between the bytes of an answer."""
        self.url = ""

    def token(self, kid: str = "rsa", algorithm: str = "", headers: Any = None, key: Any = None, **changed: Any) -> str:
        """Sign an ID token, with some claims changed; None leaves one out."""
        now = int(time.time())
        claims: dict[str, Any] = {"iss": self.url, "aud": CLIENT_ID, "sub": "subject-1", "iat": now, "exp": now + 300}
        claims |= {
            "nonce": NONCE,
            "email": "Ann@Example.com",
            "email_verified": True,
            "name": "Ann",
            "jti": uuid.uuid4().hex,
        }
        claims = {name: value for name, value in (claims | changed).items() if value is not None}
        algorithm = algorithm or {"rsa": "RS256", "ec": "ES256"}.get(kid, "RS256")
        return jwt.encode(
            claims, key or self.keys[kid or "rsa"], algorithm, headers={"kid": kid, **(headers or {})} if kid else {}
        )

    @property
    def key_set(self) -> dict[str, Any]:
        """The public halves of the keys."""
        found = []
        for kid, key in self.keys.items():
            kind = jwt.algorithms.RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else jwt.algorithms.ECAlgorithm
            found.append({**kind.to_jwk(key.public_key(), as_dict=True), "kid": kid, "use": "sig"})
        return {"keys": found}

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        """Give what a path answers."""
        self.asked.append(path)
        if path in self.answers:
            return self.answers[path]
        known = {
            "/.well-known/openid-configuration": {
                "issuer": self.says_issuer or self.url,
                "jwks_uri": self.says_keys_at or f"{self.url}/keys",
            },
            "/keys": self.key_set,
        }
        if path not in known:
            return 404, {}, b"nothing here"
        return 200, {"content-type": "application/json"}, json.dumps(known[path]).encode()


@contextmanager
def serving() -> Iterator[Issuer]:
    """Serve an issuer at a free port on loopback."""
    issuer = Issuer()

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = issuer.answer(self.path)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            try:
                for byte in (bytes([byte]) for byte in body) if issuer.pause_seconds else (body,):
                    self.wfile.write(byte)
                    self.wfile.flush()
                    time.sleep(issuer.pause_seconds)
            except OSError:
                self.close_connection = True  # whoever asked has lost patience

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    issuer.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield issuer
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def unsigned(claims: dict[str, Any], header: dict[str, Any]) -> str:
    """Write a token by hand, without a signature."""
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (header, claims)]
    return ".".join([*parts, ""])
