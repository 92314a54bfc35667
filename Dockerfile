# The image that scripts/image builds without an engine: one static program, CA roots, and a user that is not root.
#
#   docker build -t probity .
FROM rust:1.95-bookworm AS build
RUN apt-get update && apt-get install --yes --no-install-recommends musl-tools && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
# The toolchain is the one that rust-toolchain.toml pins.
RUN rustup target add x86_64-unknown-linux-musl \
 && CC_x86_64_unknown_linux_musl=musl-gcc \
    cargo build --locked --package probity --bin probity --release --target x86_64-unknown-linux-musl --target-dir /target \
 && mkdir -p /image/etc/ssl/certs \
 && cp /target/x86_64-unknown-linux-musl/release/probity /image/probity \
 && cp /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ \
 && printf 'probity:x:65532:65532:probity:/:/\n' >/image/etc/passwd \
 && printf 'probity:x:65532:\n' >/image/etc/group

FROM scratch
COPY --from=build /image /
USER 65532:65532
ENTRYPOINT ["/probity"]
