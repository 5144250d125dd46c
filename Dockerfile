# Two images: `docker build --target edge .` for the camera box, `--target api` for the department.
# Both run as an ordinary user on a read-only root: mount what they may write.
#   docker run --read-only --tmpfs /tmp --cap-drop ALL --cap-add IPC_LOCK --ulimit memlock=-1 --ulimit core=0 \
#       -v edge-state:/var/lib/hitonly -v ./edge.toml:/etc/hitonly/edge.toml:ro hitonly-edge

FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY pyproject.toml requirements.lock README.md LICENSE ./
RUN python -m venv /opt/hitonly
COPY edge edge
COPY hotlist hotlist
COPY api api
RUN /opt/hitonly/bin/pip install --no-cache-dir hatchling && /opt/hitonly/bin/pip wheel --no-deps --no-build-isolation -w /wheels .

FROM python:3.11-slim-bookworm AS base
RUN useradd --system --uid 10001 --home-dir /var/lib/hitonly --create-home hitonly
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PATH=/opt/hitonly/bin:$PATH
COPY requirements.lock /tmp/requirements.lock
COPY --from=build /wheels /wheels
RUN python -m venv /opt/hitonly

FROM base AS edge
RUN sed 's/ *\\$//; /--hash/d' /tmp/requirements.lock > /tmp/constraints.txt && \
    pip install --no-cache-dir --constraint /tmp/constraints.txt "$(ls /wheels/*.whl)[edge]"
USER hitonly
VOLUME /var/lib/hitonly
ENTRYPOINT ["alpr-edge"]
CMD ["run", "--config", "/etc/hitonly/edge.toml"]

FROM base AS api
RUN sed 's/ *\\$//; /--hash/d' /tmp/requirements.lock > /tmp/constraints.txt && \
    pip install --no-cache-dir --constraint /tmp/constraints.txt "$(ls /wheels/*.whl)[api]"
USER hitonly
VOLUME /var/lib/hitonly
ENTRYPOINT ["alpr-api"]
CMD ["serve", "--state", "/var/lib/hitonly"]
