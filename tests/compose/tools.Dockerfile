# What the tests do to a network and to a clock. Its containers join the network of another one.
ARG BASE=debian:bookworm-slim
FROM ${BASE}
RUN command -v tc >/dev/null && command -v iptables >/dev/null && ls /usr/lib/*/faketime/libfaketimeMT.so.1 >/dev/null 2>&1 || \
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends iproute2 iptables libfaketime python3; }
