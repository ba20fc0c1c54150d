"""What the embedded stack consists of: PostgreSQL, then the services side by side, then the gateway."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chassis.settings import variables
from cli.stack.credentials import Credentials
from cli.stack.database_program import DatabaseProgram
from cli.stack.databases import DATABASED, embedded_url, given_urls, prepare, prepare_embedded
from cli.stack.home import Home
from cli.stack.ports import HOST, settle, settle_after_crash
from cli.stack.postgres import EmbeddedPostgres
from cli.stack.probes import Probe, grpc_serving, http_ok, tcp_open
from cli.stack.program import KILL_SECONDS, Launch, ProcessProgram
from cli.stack.settings import StackSettings
from cli.stack.stack import Part, Plan, Wave
from cli.stack.transcript import Transcript

SUPERVISOR = "plimsoll"
"""Under this name the supervisor itself speaks."""
SERVICES = ("marketdata", "portfolio", "risk")
"""In the order of their start; they are stopped in reverse, so that a caller goes before what it calls."""
PARTS = ("postgres", *SERVICES, "gateway")
PORT_VARIABLES = {part: f"PLIMSOLL_{part.upper()}_PORT" for part in PARTS}
GATEWAY_ADMIN = "PLIMSOLL_GATEWAY_ADMIN_PORT"
# One address for all services would be taken twice; operators reach the gateway's console alone.
_NOT_PASSED_ON = {"PLIMSOLL_LISTEN_ADDRESS", "PLIMSOLL_ADMIN_ADDRESS"}


def probe(part: str, address: str) -> Probe:
    """Give the question that says whether a part can be used."""
    if part == "postgres":
        return tcp_open(address)
    return http_ok(address, "/healthz") if part == "gateway" else grpc_serving(address)


def full_stack(settings: StackSettings, home: Home, transcript: Transcript, environ: Mapping[str, str]) -> Plan:
    """Give the plan of the whole system."""

    async def plan() -> Sequence[Wave]:
        embedded = [service for service in DATABASED if service not in given_urls(settings)]
        wanted = _wanted_ports(settings, with_database=bool(embedded))
        # A record is left by a stack that was killed here.
        ports = await settle_after_crash(wanted) if home.record.exists() else settle(wanted)
        site = _Site(settings, home, transcript, Credentials(home.secrets), ports, _inherited(environ))
        return site.waves(embedded)

    return plan


def _wanted_ports(settings: StackSettings, *, with_database: bool) -> dict[str, int]:
    parts = PARTS if with_database else PARTS[1:]
    wanted = {PORT_VARIABLES[part]: int(getattr(settings, f"{part}_port")) for part in parts}
    return {**wanted, GATEWAY_ADMIN: settings.gateway_admin_port}


def _inherited(environ: Mapping[str, str]) -> dict[str, str]:
    """Give what parts inherit of our environment: everything but what is for the supervisor."""
    ours = {name for name, field in variables(StackSettings) if field.name != "drain_seconds"} | _NOT_PASSED_ON
    kept = {name: value for name, value in environ.items() if name.removesuffix("_FILE") not in ours}
    return {"PLIMSOLL_LOG_FORMAT": "text", "PYTHONUNBUFFERED": "1", **kept}


@dataclass(frozen=True, slots=True)
class _Site:
    """Everything that the parts are made from."""

    settings: StackSettings
    home: Home
    transcript: Transcript
    credentials: Credentials
    ports: Mapping[str, int]
    inherited: Mapping[str, str]

    def waves(self, embedded: list[str]) -> list[Wave]:
        given = given_urls(self.settings)
        urls = {**given, **{service: self._embedded_url(service) for service in embedded}}
        server = EmbeddedPostgres(self.home.folder, self.ports.get(PORT_VARIABLES["postgres"], 0))

        async def make_ready() -> None:
            await prepare(given, {})
            if embedded:
                await prepare_embedded(server.admin_url, embedded, self.credentials)

        services = [self._process(name, f"services.{name}", self._service_environment(name, urls)) for name in SERVICES]
        gateway = self._process("gateway", "gateway", self._gateway_environment())
        waves = [Wave(services, first=make_ready), Wave([gateway])]
        return [Wave([self._database(server)]), *waves] if embedded else waves

    def _database(self, server: EmbeddedPostgres) -> Part:
        program = DatabaseProgram(server, lambda line: self.transcript.say("postgres", line))
        return Part("postgres", self._address("postgres"), program)

    def _process(self, name: str, module: str, environment: Mapping[str, str]) -> Part:
        launch = Launch(
            # -P: a folder of that name where the user happens to be must not be taken for ours.
            command=(sys.executable, "-P", "-m", module),
            environment={**self.inherited, **environment},
            probe=probe(name, self._address(name)),
            grace_seconds=self.settings.drain_seconds + KILL_SECONDS,
        )
        return Part(name, self._address(name), ProcessProgram(name, launch, self.transcript))

    def _service_environment(self, name: str, urls: Mapping[str, str]) -> dict[str, str]:
        environment = {**self._addresses(), "PLIMSOLL_LISTEN_ADDRESS": self._address(name), **self._key("SERVICE_KEY")}
        if name == "portfolio":
            environment |= self._key("KEY_SECRET")
        if name in urls:
            environment["DATABASE_URL"] = urls[name]
        return environment

    def _gateway_environment(self) -> dict[str, str]:
        return {
            **self._addresses(),
            "PLIMSOLL_GATEWAY_ADDRESS": self._address("gateway"),
            "PLIMSOLL_GATEWAY_ADMIN_ADDRESS": f"{HOST}:{self.ports[GATEWAY_ADMIN]}",
        }

    def _addresses(self) -> dict[str, str]:
        return {f"PLIMSOLL_{name.upper()}_ADDRESS": self._address(name) for name in SERVICES}

    def _key(self, name: str) -> dict[str, str]:
        """Give the variable of a key: the user's own where one is set, or else the file of one that was made here."""
        variable = f"PLIMSOLL_{name}"
        if self.inherited.get(variable) or self.inherited.get(f"{variable}_FILE"):
            return {}
        return {f"{variable}_FILE": str(self.credentials.path(name.lower()))}

    def _embedded_url(self, service: str) -> str:
        return embedded_url(service, self._address("postgres"), self.credentials)

    def _address(self, part: str) -> str:
        return f"{HOST}:{self.ports[PORT_VARIABLES[part]]}"
