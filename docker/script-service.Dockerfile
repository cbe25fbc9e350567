# script-service: imports files from /data and answers with figures; it keeps no state.
# Build it from the root of the repository: docker build -f docker/script-service.Dockerfile .

FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --locked --release --package script-service \
    && install -D target/release/script-service /out/script-service

FROM debian:bookworm-slim
RUN useradd --system --uid 10001 --no-create-home comptoir \
    && install -d -o comptoir /data
COPY --from=build /out/script-service /usr/local/bin/script-service
USER 10001
WORKDIR /
ENV SCRIPT_LISTEN=0.0.0.0:5000 \
    SCRIPT_DB_URL=http://db_service:8080 \
    SCRIPT_DATA=/data
VOLUME /data
EXPOSE 5000
HEALTHCHECK --interval=5s --timeout=4s --start-period=15s --retries=3 \
    CMD ["script-service", "--probe"]
ENTRYPOINT ["script-service"]
