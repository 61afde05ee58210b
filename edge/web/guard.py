"""Who may talk to the page: requests are checked before anything is done with them.

A foreign site that is open in the same browser can send requests to this machine, under its own name (Origin) or,
after changing what that name leads to, under ours (DNS rebinding).  So the Host must be one that cannot be taken over,
and the Origin, where the browser sends one, must be this very page.  Away from this machine a token is needed too.
"""

from __future__ import annotations

import ipaddress
import logging
import secrets
import socket
from collections.abc import Awaitable, Callable, Collection
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "media-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Server": "vst",
}
COOKIE = "vst-token"


class Guard:
    """The rules for a server that is bound to `host`; `open_paths` need no token.

    A program gives the token as `Authorization: Bearer TOKEN`.  What knows it is no foreign site, so it may come under
    any name, such as that of a service in a cluster.
    """

    def __init__(self, host: str, token: str = "", open_paths: Collection[str] = ()) -> None:
        """Think of a token when others than this machine can come and none is given."""
        self._host, self._open_paths = host, open_paths
        self.token = token or ("" if is_loopback(host) else secrets.token_urlsafe(16))
        logging.getLogger("aiohttp.server").addFilter(_is_ours)

    @web.middleware
    async def check(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let a request pass, or answer why not."""
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        trusted = bool(self.token) and self.is_token(bearer)
        if not trusted and not self._host_allowed(request.headers.get("Host", "")):
            raise web.HTTPMisdirectedRequest(
                text="This name does not lead here; use localhost or the address.\n"
            )
        origin = request.headers.get("Origin")
        if origin is not None and _netloc(origin) != request.headers.get("Host"):
            raise web.HTTPForbidden(text="Another site may not use this page.\n")
        given = request.query.get("token") or request.cookies.get(COOKIE, "")
        known = trusted or not self.token or self.is_token(given)
        if not known and request.path not in self._open_paths:
            raise web.HTTPUnauthorized(text="Open the address with the token that vst printed.\n")
        try:
            response = await handler(request)
        except ConnectionError as error:  # whoever asked is gone; nobody reads this
            raise web.HTTPBadRequest(text="The request broke off.\n") from error
        if self.token and "token" in request.query and not response.prepared:
            response.set_cookie(COOKIE, self.token, httponly=True, samesite="Strict")
        return response

    def is_token(self, given: str) -> bool:
        """Whether that is the token; takes as long for any other."""
        return secrets.compare_digest(given.encode(errors="replace"), self.token.encode())

    async def mark(self, request: web.Request, response: web.StreamResponse) -> None:
        """Add what the browser should enforce; called before an answer is sent."""
        response.headers.update(HEADERS)

    def _host_allowed(self, header: str) -> bool:
        # The port is left out: an SSH tunnel has another one at its near end.
        try:
            name = urlsplit(f"//{header}").hostname or ""
        except ValueError:
            return False
        if name in LOOPBACK_NAMES:
            return True
        own = socket.gethostname().lower()
        return bool(self.token) and (name in (self._host, own, f"{own}.local") or _is_number(name))


def _is_ours(record: logging.LogRecord) -> bool:
    """Whether what aiohttp would print is a defect of ours, not of a request that is no HTTP, which it has answered."""
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


def _netloc(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server bound to `host`."""
    return host == "localhost" or (_is_number(host) and ipaddress.ip_address(host).is_loopback)


def _is_number(host: str) -> bool:
    """An address in numbers is nobody's to redirect."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
