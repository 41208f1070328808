"""A DNS server of our own, on loopback: says what a test lets it say, to whoever asks over UDP."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset


@dataclass
class Zone:
    """What the server says: texts by name in lower case, and a code for everything while something is wrong."""

    port: int
    texts: dict[str, list[str]] = field(default_factory=dict)
    code: dns.rcode.Rcode = dns.rcode.NOERROR
    silent: bool = False
    asked: list[str] = field(default_factory=list)

    def answer(self, data: bytes) -> bytes | None:
        """The answer to a message; None where there is to be none."""
        query = dns.message.from_wire(data)
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        self.asked.append(name)
        if self.silent:
            return None
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        answer.set_rcode(self.code)
        if self.code == dns.rcode.NOERROR and name not in self.texts:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        elif self.texts.get(name) and question.rdtype == dns.rdatatype.TXT and self.code == dns.rcode.NOERROR:
            quoted = [" ".join(f'"{text[n : n + 20]}"' for n in range(0, len(text), 20)) for text in self.texts[name]]
            answer.answer.append(dns.rrset.from_text(question.name, 0, "IN", "TXT", *quoted))
        return answer.to_wire()


@contextmanager
def running() -> Iterator[Zone]:
    """A server with nothing in its zone, until the block ends."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        udp.settimeout(0.1)
        zone, ended = Zone(udp.getsockname()[1]), threading.Event()

        def serve() -> None:
            while not ended.is_set():
                try:
                    data, client = udp.recvfrom(4096)
                except TimeoutError:
                    continue
                if (answer := zone.answer(data)) is not None:
                    udp.sendto(answer, client)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield zone
        finally:
            ended.set()
            thread.join()
