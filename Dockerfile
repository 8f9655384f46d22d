# The server's, worker's and flows' image: the checkout with all of its packages, from the hashed lock.
# docker compose builds it; docs/operations.md tells how to use it.
FROM python:3.13.7-slim-bookworm

RUN apt-get update \
 && apt-get install --yes --no-install-recommends git make \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --create-home --uid 1000 facegender
USER facegender
WORKDIR /home/facegender/checkout

# packages before code, so that a change of the code costs no download
COPY --chown=facegender pyproject.toml requirements.lock README.md LICENSE ./
RUN python -m venv .venv \
 && sed -n '/^uv==/,/[^\\]$/p' requirements.lock > /tmp/uv.lock \
 && .venv/bin/pip install --no-cache-dir --require-hashes --only-binary :all: -r /tmp/uv.lock \
 && .venv/bin/uv pip install --no-cache --compile-bytecode --python .venv/bin/python --require-hashes -r requirements.lock

COPY --chown=facegender . .
RUN .venv/bin/uv pip install --no-cache --python .venv/bin/python --no-deps --no-build-isolation -e . \
 && touch .venv/.ready
ENV PATH=/home/facegender/checkout/.venv/bin:$PATH
