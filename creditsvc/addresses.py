"""Where a request comes from: the address that guessed passwords are counted by."""

from ipaddress import IPv6Address, ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest

IPV6_PREFIX = 64  # one customer of a provider has that many addresses


def client_address(request: HttpRequest) -> str:
    """The client's address, of IPv6 its network's; nothing that the client itself wrote is believed.

    Each of TRUSTED_PROXIES proxies before us adds to X-Forwarded-For whom it was asked by; what stands left of that
    is the client's word. Whoever comes past the proxies has only the address of the connection.
    """
    connected: str = request.META.get("REMOTE_ADDR", "")
    proxies: int = settings.TRUSTED_PROXIES
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    return _network(forwarded[-proxies].strip(), connected) if 0 < proxies <= len(forwarded) else connected


def _network(address: str, otherwise: str) -> str:
    try:
        found = ip_address(address)
    except ValueError:
        return otherwise
    if isinstance(found, IPv6Address) and found.ipv4_mapped is None:
        return str(ip_network((found, IPV6_PREFIX), strict=False).network_address)
    return str(found)
