# db-service: the gateway that owns the SQLite file in /data.
# Build it from the root of the repository: docker build -f docker/db-service.Dockerfile .

FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --locked --release --package db-service \
    && install -D target/release/db-service /out/db-service

FROM debian:bookworm-slim
RUN useradd --system --uid 10001 --no-create-home comptoir \
    && install -d -o comptoir /data
COPY --from=build /out/db-service /usr/local/bin/db-service
USER 10001
WORKDIR /
ENV DB_LISTEN=0.0.0.0:8080 \
    DB_DATABASE=/data/sales.db
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=5s --timeout=4s --start-period=15s --retries=3 \
    CMD ["db-service", "--probe"]
ENTRYPOINT ["db-service"]
