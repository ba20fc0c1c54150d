"""Two services, one calling the other, in a process without the tracing SDK; prints what the second one was sent."""

import asyncio
import json
import sys

from chassis.call import current_call
from chassis.channels import Channels
from tests.chassis.identity import Identity
from tests.chassis.serving import SERVICE_KEY, Context, Trial, client, started, trial_server
from tests.chassis.trial import Cargo, TrialServiceStub


async def main(traceparent: str) -> None:
    """Make one call that goes through both."""
    channels, sent = Channels("risk", SERVICE_KEY), {}

    async def note(request: Cargo, context: Context) -> Cargo:
        sent.update(current_call().metadata)
        return request

    async with started(trial_server(Trial(note), Identity())) as second:

        async def onward(request: Cargo, context: Context) -> Cargo:
            answer: Cargo = await TrialServiceStub(channels.channel("trial", f"127.0.0.1:{second.port}")).Inside(
                request
            )
            return answer

        async with started(trial_server(Trial(onward), Identity())) as first, client(first.port) as stub:
            await stub.Open(Cargo(), metadata=[("traceparent", traceparent), ("tracestate", "vendor=1")])
    await channels.close()
    sdk = [name for name in sys.modules if name.startswith("opentelemetry.sdk")]
    sys.stdout.write(json.dumps({"sent": sent, "sdk": sdk}))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
