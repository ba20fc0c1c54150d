"""The trial contract (plimsoll/trial/v1), compiled when first imported: real stubs, as protos/generate.py makes."""

import atexit
import shutil
import sys
import tempfile
from pathlib import Path

from grpc_tools import protoc

from plimsoll.options.v1 import method_pb2 as _policies  # noqa: F401 - what the trial contract imports is loaded first

SOURCE = Path(__file__).parent
CONTRACT = SOURCE.parents[1] / "gen" / "plimsoll.binpb"
FILES = ("plimsoll/trial/v1/trial_service.proto", "plimsoll/trial/v1/unfinished.proto")

_stubs = tempfile.mkdtemp(prefix="plimsoll-trial-")
atexit.register(shutil.rmtree, _stubs, ignore_errors=True)
_arguments = [f"-I{SOURCE}", f"--descriptor_set_in={CONTRACT}", f"--python_out={_stubs}", f"--grpc_python_out={_stubs}"]
if protoc.main(["protoc", *_arguments, *FILES]) != 0:
    raise RuntimeError("the trial contract cannot be compiled")
sys.path.append(_stubs)

from plimsoll.trial.v1 import unfinished_pb2 as _unfinished  # noqa: E402, F401 - its stubs alone do not load it
from plimsoll.trial.v1.trial_service_pb2 import Cargo, Crate  # noqa: E402, F401 - they exist from here on
from plimsoll.trial.v1.trial_service_pb2_grpc import (  # noqa: E402, F401 - they exist from here on
    TrialServiceServicer,
    TrialServiceStub,
    add_TrialServiceServicer_to_server,
)
from plimsoll.trial.v1.unfinished_pb2_grpc import (  # noqa: E402, F401 - they exist from here on
    HalfFinishedServiceServicer,
    StreamingServiceServicer,
    UnfinishedServiceServicer,
    add_HalfFinishedServiceServicer_to_server,
    add_StreamingServiceServicer_to_server,
    add_UnfinishedServiceServicer_to_server,
)
