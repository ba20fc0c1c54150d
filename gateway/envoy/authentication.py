"""Who may pass the edge: tokens that are ours, or none at all.

A bad token is refused here, before it costs a service anything. No token is let through: the services deny by
default, and an API key is theirs to judge. Public RPCs are not looked at, because a stale token that a client sends
along must not keep its owner from logging in.
"""

from collections.abc import Iterable

from gateway.contract.rpcs import Rpc
from gateway.envoy.clusters import SELF, own_address
from gateway.envoy.extension import Json, extension, seconds
from gateway.settings import Settings

JWKS_PATH = "/.well-known/jwks.json"
REFETCH_SECONDS = 1
FETCH_SECONDS = 2
CLOCK_SKEW_SECONDS = 5


def token_filter(settings: Settings, rpcs: Iterable[Rpc], open_paths: Iterable[str]) -> Json:
    """Give the filter that refuses tokens that are not ours, except where no token is asked for."""
    demand = {"requires_any": {"requirements": [{"provider_name": "identity"}, {"allow_missing": {}}]}}
    not_asked = [{"match": match} for match in [*_public(rpcs), *({"path": path} for path in open_paths)]]
    return extension(
        "filters.http.jwt_authn",
        "extensions.filters.http.jwt_authn.v3.JwtAuthentication",
        providers={"identity": _identity(settings)},
        rules=[*not_asked, {"match": {"prefix": "/"}, "requires": demand}],
    )


def _public(rpcs: Iterable[Rpc]) -> list[Json]:
    found: list[Json] = []
    for rpc in rpcs:
        if rpc.public:
            found.append({"path": rpc.path})
            found += [
                {
                    "safe_regex": {"regex": binding.template.regex},
                    "headers": [{"name": ":method", "string_match": {"exact": binding.verb}}],
                }
                for binding in rpc.bindings
            ]
    return found


def _identity(settings: Settings) -> Json:
    host, port = own_address(settings)
    authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return {
        "issuer": settings.token_issuer,
        "audiences": [settings.token_issuer],
        "require_expiration": True,
        "clock_skew_seconds": CLOCK_SKEW_SECONDS,
        "forward": True,
        "from_headers": [{"name": "authorization", "value_prefix": "Bearer "}],
        "remote_jwks": {
            # identity speaks gRPC alone, so its keys are asked for where gRPC is transcoded: here.
            "http_uri": {
                "uri": f"http://{authority}{JWKS_PATH}",
                "cluster": SELF,
                "timeout": seconds(FETCH_SECONDS),
            },
            "cache_duration": seconds(settings.jwks_cache_seconds),
            # The listener must not wait for keys that only it can fetch.
            "async_fetch": {"fast_listener": True, "failed_refetch_duration": seconds(REFETCH_SECONDS)},
        },
    }
