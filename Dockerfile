# Two images: `docker build --target edge .` for the camera box, `--target api` for the department. Both are built for
# amd64 and arm64 alike (`docker buildx build --platform linux/amd64,linux/arm64`); every package is checked by its hash.
# Both run as an ordinary user on a read-only root: mount what they may write.
# compose.yaml runs both with what they need; docs/deploy/container.md has the same as single commands.
# `docker pause`, checkpoints and snapshots keep reads in memory for as long as they last: docs/threat-model.md.
# A base image can be pinned further: --build-arg BASE=python:3.11-slim-bookworm@sha256:...
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS build
WORKDIR /src
COPY deploy/build.lock /tmp/build.lock
RUN python -m venv /opt/build && /opt/build/bin/pip install --no-cache-dir --require-hashes -r /tmp/build.lock
COPY pyproject.toml README.md LICENSE THIRD-PARTY.md ./
COPY deploy/sbom deploy/sbom
COPY hitonly_core hitonly_core
COPY protocol protocol
COPY edge edge
COPY hotlist hotlist
COPY api api
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation -w /wheels .

FROM ${BASE} AS base
RUN useradd --system --uid 10001 --home-dir /var/lib/hitonly --create-home hitonly && chmod 0700 /var/lib/hitonly \
    && install -d -m 0700 -o hitonly -g hitonly /certificate
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PATH=/opt/hitonly/bin:$PATH
RUN python -m venv /opt/hitonly

FROM base AS edge
COPY deploy/edge.lock /tmp/edge.lock
RUN pip install --no-cache-dir --require-hashes -r /tmp/edge.lock
COPY --from=build /wheels /wheels
RUN pip install --no-cache-dir --no-deps /wheels/*.whl
USER hitonly
VOLUME /var/lib/hitonly
# No HEALTHCHECK: the box has a watchdog of its own that ends it, and then it is started again (--restart always).
ENTRYPOINT ["alpr-edge"]
# Nothing but the volume can be written, so the configuration that `setup` writes lies in it too.
CMD ["run", "--config", "/var/lib/hitonly/edge.toml"]

FROM base AS api
COPY deploy/api.lock /tmp/api.lock
RUN pip install --no-cache-dir --require-hashes -r /tmp/api.lock
COPY --from=build /wheels /wheels
RUN pip install --no-cache-dir --no-deps /wheels/*.whl
USER hitonly
VOLUME /var/lib/hitonly
EXPOSE 8443
# Run it with --ulimit nofile=16384:16384 --memory 4g --pids-limit 512: the service takes as many connections as that leaves.
# Inside a container the service must listen on 0.0.0.0, which needs TLS (R14). Say how it is called, or its certificate and
# its links are for localhost: `docker run ... hitonly-api serve --state /var/lib/hitonly --host 0.0.0.0 --tls local \
#     --name plates.example.gov`.
HEALTHCHECK --interval=30s --timeout=6s CMD ["python", "-c", "import ssl, urllib.request as u; \
u.urlopen('https://127.0.0.1:8443/healthz', timeout=5, context=ssl._create_unverified_context())"]
ENTRYPOINT ["alpr-api"]
CMD ["serve", "--state", "/var/lib/hitonly", "--host", "0.0.0.0", "--tls", "local"]
