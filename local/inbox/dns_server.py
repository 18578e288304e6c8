"""A little DNS server (UDP, loopback): the records that were published here, and no others."""

import asyncio
import logging
from typing import cast

import dns.exception
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
from dns.flags import AA

from local.inbox.identities import DnsRecord, Identities

TTL_SECONDS = 1
log = logging.getLogger("inbox.dns")


class DnsServer(asyncio.DatagramProtocol):
    def __init__(self, identities: Identities) -> None:
        self._identities = identities
        self._transport: asyncio.DatagramTransport | None = None
        self.silent = False
        """Plays a name server that does not answer."""

    async def start(self, port: int) -> None:
        """Listen on 127.0.0.1:`port`. Raises OSError when it is taken."""
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", port))

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if self.silent or self._transport is None:
            return
        try:
            self._transport.sendto(self._answer(dns.message.from_wire(data)).to_wire(), addr)
        except dns.exception.DNSException:
            log.exception("a question that cannot be answered")

    def _answer(self, query: dns.message.Message) -> dns.message.Message:
        answer = dns.message.make_response(query)
        answer.flags |= AA
        asked = query.question[0]
        name, kind = asked.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(asked.rdtype)
        records = self._identities.published(name)
        if not records:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        if found := [_in_zone_form(each) for each in records if each.type == kind]:
            answer.answer.append(dns.rrset.from_text(asked.name, TTL_SECONDS, "IN", kind, *dict.fromkeys(found)))
        return answer


def _in_zone_form(record: DnsRecord) -> str:
    """The value as a zone file has it: quoted text in pieces of 255 bytes, names with their final dot."""
    if record.type != "TXT":
        return f"{record.value}."
    text = record.value.replace("\\", "\\\\").replace('"', '\\"')
    return " ".join(f'"{text[at : at + 200]}"' for at in range(0, max(1, len(text)), 200))
