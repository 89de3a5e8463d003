# Three images: `webdriver` (Debian's Chromium and its driver), `agent`, and `headed` (a WebDriver with a screen for people).
# Nothing here needs BuildKit. The names of the base images are arguments, for a registry mirror.
ARG DEBIAN_IMAGE=debian:bookworm-slim
ARG RUST_IMAGE=rust:1.95-slim-bookworm

FROM ${DEBIAN_IMAGE} AS webdriver
RUN apt-get update \
 && apt-get install -y --no-install-recommends chromium chromium-driver fonts-dejavu-core \
 && rm -rf /var/lib/apt/lists/*
# Chromium's own sandbox needs user namespaces, which a container without capabilities does not have: the
# container is the sandbox. Debian's wrapper reads these flags whoever starts the browser.
RUN printf 'export CHROMIUM_FLAGS="$CHROMIUM_FLAGS --no-sandbox --disable-gpu"\n' > /etc/chromium.d/container \
 && useradd --uid 10002 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin webdriver
USER 10002:10002
# A writable directory on a read-only root.
ENV HOME=/tmp
EXPOSE 9515
STOPSIGNAL SIGTERM
# ChromeDriver serves its own loopback whatever it is told to allow, speaks HTTP/1.1 only, and keeps connections open.
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s --retries=3 \
  CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/9515 && printf 'GET /status HTTP/1.1\\r\\nHost: 127.0.0.1:9515\\r\\n\\r\\n' >&3 && read -r -t 2 line <&3 && [[ $line == *' 200 '* ]]"]
# Who may talk to it is said by whoever runs it (--allowed-ips, --allowed-origins); unsaid, loopback only.
ENTRYPOINT ["chromedriver", "--port=9515"]

FROM ${RUST_IMAGE} AS builder
# How much Cargo optimizes: a test of the containers has no use for minutes of it.
ARG PROFILE=release
# Each thing is built once.
ENV CARGO_INCREMENTAL=0
WORKDIR /build
# The dependencies alone first: a layer that a change of our own code leaves as it is. (Cargo.toml names a benchmark,
# so Cargo wants to see it.)
COPY Cargo.toml Cargo.lock ./
COPY benches benches
RUN mkdir src \
 && echo 'fn main() {}' > src/main.rs \
 && touch src/lib.rs \
 && cargo build --profile "$PROFILE" --locked \
 && rm -r src
COPY src src
COPY selectors selectors
RUN touch src/main.rs src/lib.rs \
 && cargo build --profile "$PROFILE" --locked \
 && install target/*/tillwatch .

FROM ${DEBIAN_IMAGE} AS agent
RUN useradd --uid 10001 --no-create-home --home-dir /var/lib/tillwatch --shell /usr/sbin/nologin tillwatch \
 && install -d -o 10001 -g 10001 -m 0700 /var/lib/tillwatch
COPY --from=builder /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=builder /build/tillwatch /usr/local/bin/tillwatch
COPY selectors /etc/tillwatch/selectors
USER 10001:10001
# Every command reads it, those of `docker exec` too.
ENV TILLWATCH_CONFIG=/etc/tillwatch/tillwatch.toml
VOLUME /var/lib/tillwatch
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s --retries=3 CMD ["tillwatch", "healthcheck"]
ENTRYPOINT ["tillwatch"]
CMD ["run"]

# The WebDriver with a screen that a person can reach: for a captcha, or a page that only a person may pass.
FROM webdriver AS headed
USER root
RUN apt-get update \
 && apt-get install -y --no-install-recommends xvfb x11vnc novnc websockify openbox \
 && rm -rf /var/lib/apt/lists/*
COPY docs/compose/headed /usr/local/bin/headed
USER 10002:10002
EXPOSE 6080
ENTRYPOINT ["headed"]
