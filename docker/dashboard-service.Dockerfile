# dashboard-service: the page that people look at; it keeps no state and needs no volume.
# Build it from the root of the repository: docker build -f docker/dashboard-service.Dockerfile .

FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --locked --release --package dashboard-service \
    && install -D target/release/dashboard-service /out/dashboard-service

FROM debian:bookworm-slim
RUN useradd --system --uid 10001 --no-create-home comptoir
COPY --from=build /out/dashboard-service /usr/local/bin/dashboard-service
USER 10001
WORKDIR /
ENV DASHBOARD_LISTEN=0.0.0.0:8501 \
    DASHBOARD_SCRIPT_URL=http://script_service:5000
EXPOSE 8501
HEALTHCHECK --interval=5s --timeout=4s --start-period=15s --retries=3 \
    CMD ["dashboard-service", "--probe"]
ENTRYPOINT ["dashboard-service"]
