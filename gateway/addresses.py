"""Whose request it is, as far as the network tells: the peer, or the client a trusted proxy names."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address


class ClientAddresses:
    """Believes `X-Forwarded-For` only when it comes from one of the trusted networks."""

    def __init__(self, trusted_proxies: list[str]) -> None:
        self._trusted = [ip_network(network) for network in trusted_proxies]

    def client_of(self, peer: str, forwarded_for: bytes | None) -> str:
        """The address nearest to us that is not a trusted proxy's."""
        if not self._trusted or forwarded_for is None or not self.is_trusted(peer):
            return peer
        client = peer
        for hop in reversed(forwarded_for.decode("latin-1").split(",")):
            address = _parsed(hop.strip())
            if address is None:
                break
            client = str(address)
            if not self.is_trusted(client):
                break
        return client

    def is_trusted(self, peer: str) -> bool:
        address = _parsed(peer)
        return address is not None and any(address in network for network in self._trusted)


@lru_cache(maxsize=4096)
def counted_as(address: str) -> str:
    """What limits count: an IPv4 address, or the /64 an IPv6 address is in (one household owns all of it)."""
    parsed = _parsed(address)
    if isinstance(parsed, IPv6Address):
        return str(IPv6Network((parsed, 64), strict=False).network_address)
    return address


def _parsed(text: str) -> Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
