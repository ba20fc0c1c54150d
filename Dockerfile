# One image for every part: `plimsoll serve portfolio`, `plimsoll gateway`, `plimsoll migrate`, ... by argument.
# The same locks, the same tree and the same Envoy binary as on a developer's machine.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
RUN python -m venv /opt/plimsoll/.venv
ENV PATH=/opt/plimsoll/.venv/bin:$PATH
WORKDIR /opt/plimsoll

# What the locks pin changes seldom, so it is a layer of its own.
COPY locks/runtime.txt locks/prices.txt locks/plaid.txt locks/yfinance.txt locks/
RUN pip install --require-hashes -r locks/runtime.txt \
 && pip install --require-hashes --no-deps -r locks/prices.txt
# Optional extras by the names of their locks: `--build-arg EXTRAS="plaid yfinance"`.
ARG EXTRAS=""
RUN for extra in $EXTRAS; do pip install --require-hashes -r "locks/$extra.txt" || exit 1; done

COPY pyproject.toml README.md LICENSE ./
COPY protos protos
RUN python protos/generate.py

COPY riskmath riskmath
COPY chassis chassis
COPY services services
COPY gateway gateway
COPY cli cli
COPY examples examples
# Editable, as `make` installs it: a path entry for the tree and one for gen/. Path equals import here too.
RUN pip install --no-deps --no-build-isolation --editable . \
 && python -m compileall -q riskmath chassis services gateway cli gen

FROM ${PYTHON_IMAGE}
RUN groupadd --system --gid 10001 plimsoll \
 && useradd --system --uid 10001 --gid plimsoll --home-dir /nonexistent --shell /usr/sbin/nologin plimsoll
COPY --from=build /opt/plimsoll /opt/plimsoll
# The tree belongs to root and is only read; what has to be written goes to /tmp, which is the one writable place.
ENV PATH=/opt/plimsoll/.venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /tmp
USER 10001:10001
ENTRYPOINT ["plimsoll"]
CMD ["--help"]
