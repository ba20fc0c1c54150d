"""Turn protos/ into gen/: message and stub modules, type stubs, and one descriptor set: `make protos`.

No third-party proto is kept here. Google's come as source files in their wheel; that of the validation rules comes as
a descriptor inside the wheel of the validator, so it reaches protoc as a descriptor set.
"""

import shutil
import sys
from pathlib import Path

import google.api.annotations_pb2
import grpc_tools
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from grpc_tools import protoc
from protovalidate._gen.buf.validate import validate_pb

PROTOS = Path(__file__).parent
GEN = PROTOS.parent / "gen"
DESCRIPTOR_SET = GEN / "plimsoll.binpb"
GOOGLE = Path(google.api.annotations_pb2.__file__).parents[2]
WELL_KNOWN = Path(grpc_tools.__file__).parent / "_proto"
VALIDATE = "buf/validate/validate.proto"
# Envoy turns an error into JSON only if it knows these messages, which no proto of ours imports.
ERROR_DETAILS = ["google/rpc/status.proto", "google/rpc/error_details.proto"]


def run(*arguments: str) -> None:
    """Run protoc, or stop with its own message."""
    if protoc.main(["protoc", *arguments]) != 0:
        sys.exit("protoc failed: " + " ".join(arguments))


def write_validation_rules(target: Path) -> None:
    """Write the rules' descriptor, with what it imports, as a descriptor set."""
    imports = GEN / "imports.binpb"
    run(
        f"-I{WELL_KNOWN}",
        f"--descriptor_set_out={imports}",
        *(f"google/protobuf/{name}.proto" for name in ("descriptor", "duration", "field_mask", "timestamp")),
    )
    rules = FileDescriptorSet.FromString(imports.read_bytes())
    rules.file.append(FileDescriptorProto.FromString(validate_pb.desc().proto.to_binary()))
    target.write_bytes(rules.SerializeToString())
    imports.unlink()


def main() -> None:
    """Generate everything anew, so that nothing of a deleted proto stays behind."""
    shutil.rmtree(GEN, ignore_errors=True)
    GEN.mkdir()
    rules = GEN / "rules.binpb"
    write_validation_rules(rules)
    ours = sorted(str(path.relative_to(PROTOS)) for path in PROTOS.rglob("*.proto"))
    sources = [f"-I{PROTOS}", f"-I{GOOGLE}", f"-I{WELL_KNOWN}", f"--descriptor_set_in={rules}"]
    plugin = Path(sys.executable).parent
    python = [f"--plugin={plugin}/protoc-gen-mypy", f"--plugin={plugin}/protoc-gen-mypy_grpc"]
    python += [f"--python_out={GEN}", f"--mypy_out=quiet:{GEN}"]
    run(*sources, *python, VALIDATE)
    run(*sources, *python, f"--grpc_python_out={GEN}", f"--mypy_grpc_out=quiet,only_async:{GEN}", *ours)
    run(
        *sources,
        f"--descriptor_set_out={DESCRIPTOR_SET}",
        "--include_imports",
        "--include_source_info",
        *ours,
        *ERROR_DETAILS,
    )
    rules.unlink()


if __name__ == "__main__":
    main()
