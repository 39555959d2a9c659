"""One connection of a server: a request that asks for another protocol is answered in this one.

The parser takes such a request for one without a body (RFC 9110 §7.8 lets a server ignore what it is asked). What
comes after it would be read as the next request of the same connection, under whatever a proxy vouches for there.
"""

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

CONNECT = b"CONNECT"
UPGRADE = b"upgrade"


class Connection(HttpToolsProtocol):
    """Java's HttpClient asks for HTTP/2 this way wherever there is no TLS."""

    def data_received(self, received: bytes) -> None:
        self._unset_keepalive_if_required()
        while received:
            try:
                self.parser.feed_data(received)
            except httptools.HttpParserUpgrade as asked:
                received = self._without_wish(received[asked.args[0] :])
            except httptools.HttpParserError:
                self.send_400_response("Invalid HTTP request received.")
                return
            else:
                return

    def _without_wish(self, rest: bytes) -> bytes:
        """The same request without its wish, then what follows it, for a parser set as the one before."""
        method = self.parser.get_method()
        if method == CONNECT:
            self.send_400_response("There is no tunnel here.")
            return b""
        version = self.parser.get_http_version().encode()
        head = [method + b" " + self.url + b" HTTP/" + version]
        head += [name + b": " + value for name, value in self.headers if name != UPGRADE]
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        return b"\r\n".join([*head, b"", rest])

    def on_headers_complete(self) -> None:
        if not self.parser.should_upgrade():
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        if not self.parser.should_upgrade():
            super().on_message_complete()
