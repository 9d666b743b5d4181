# The two images: `--target node` and `--target operator`.
#
# Nothing is compiled or fetched here: `make wheels` has put every package, pinned by its hash, into
# dist/wheels. So the build needs no network where the base image has tini already.
# BASE is any Debian-like image with Python 3.11.
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS base
RUN command -v tini >/dev/null \
    || (apt-get update && apt-get install -y --no-install-recommends tini && rm -rf /var/lib/apt/lists/*)
# A number that no distribution gives to anybody; Kubernetes checks numbers, not names.
RUN groupadd --gid 10001 raftkeeper \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin raftkeeper
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PATH=/opt/raftkeeper/bin:$PATH

# What is installed is copied out of these two, so that neither pip nor the wheels are shipped.
FROM base AS node-packages
COPY dist/wheels/node /wheels
RUN python3 -m venv /opt/raftkeeper \
    && /opt/raftkeeper/bin/python -m pip install --no-index --find-links /wheels --no-cache-dir --compile raftkeeper \
    && /opt/raftkeeper/bin/python -m pip uninstall --yes --quiet setuptools pip

FROM base AS operator-packages
COPY dist/wheels/operator /wheels
RUN python3 -m venv /opt/raftkeeper \
    && /opt/raftkeeper/bin/python -m pip install --no-index --find-links /wheels --no-cache-dir --compile raftkeeper-operator \
    && /opt/raftkeeper/bin/python -m pip uninstall --yes --quiet setuptools pip

FROM base AS node
COPY --from=node-packages /opt/raftkeeper /opt/raftkeeper
RUN install --directory --owner=10001 --group=10001 --mode=0750 /var/lib/raftkeeper
USER 10001:10001
WORKDIR /var/lib/raftkeeper
ENV RAFTKEEPER__STORAGE__DATA_DIR=/var/lib/raftkeeper
EXPOSE 2181 2888 8080 8081
ENTRYPOINT ["tini", "--", "raftkeeper"]
CMD ["server"]

FROM base AS operator
COPY --from=operator-packages /opt/raftkeeper /opt/raftkeeper
USER 10001:10001
WORKDIR /tmp
EXPOSE 8080
ENTRYPOINT ["tini", "--", "python", "-m", "raftkeeper_operator"]
