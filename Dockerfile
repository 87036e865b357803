# trucksensor in a container: built from the sources as a Debian package, installed without a compiler. The folder /var/lib/trucksensor
# holds CA, certificates, rules and store. Try it: docker compose up (compose.yaml).
FROM swift:6.1-bookworm AS build
WORKDIR /src
COPY . .
RUN apt-get update && scripts/setup.sh && scripts/package-deb.sh

FROM debian:bookworm-slim
COPY --from=build /src/.build/packages/trucksensor_*.deb /tmp/
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y --no-install-recommends /tmp/trucksensor_*.deb libcurl4 libpq5 \
    && rm -rf /var/lib/apt/lists/* /tmp/trucksensor_*.deb \
    && install -d -o trucksensor -g trucksensor /var/lib/trucksensor
USER trucksensor
WORKDIR /var/lib/trucksensor
VOLUME /var/lib/trucksensor
ENTRYPOINT ["trucksensor"]
CMD ["--help"]
