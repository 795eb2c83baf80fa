# The environment of requirements.lock, for docker, podman and other builders: docs/containers.md.
ARG BASE=python:3.11-slim-bookworm
FROM ${BASE}
COPY requirements.lock /opt/mlplab/requirements.lock
RUN python -m pip install --no-cache-dir --disable-pip-version-check --require-hashes \
    --requirement /opt/mlplab/requirements.lock
RUN useradd --create-home mlplab
# Where the project is mounted (`--workdir`): Snakemake finds the terminal's plug-in there.
ENV PYTHONPATH=workflow
USER mlplab
WORKDIR /home/mlplab
