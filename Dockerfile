# trucksensor in an image of Debian 12. The executable has the Swift runtime in it; the libraries come from Debian.
#   docker build -t trucksensor .
#   docker run --rm -it -p 127.0.0.1:8883:8883 -v trucksensor:/var/lib/trucksensor trucksensor broker
FROM swift:6.1-bookworm AS build
WORKDIR /source
RUN apt-get update && apt-get install -y --no-install-recommends \
    libmosquitto-dev mosquitto-dev libssl-dev libmicrohttpd-dev libpcre2-dev libyaml-dev libsqlite3-dev libcurl4-openssl-dev libpq-dev \
    libcairo2-dev libjs-dygraphs libjs-leaflet zlib1g-dev libedit-dev pkg-config \
    && rm -rf /var/lib/apt/lists/*
COPY . .
RUN scripts/build.sh && strip .build/release/trucksensor

FROM debian:bookworm-slim
RUN apt-get update && RUNLEVEL=1 apt-get install -y --no-install-recommends \
    mosquitto libmosquitto1 libssl3 libmicrohttpd12 libpcre2-8-0 libyaml-0-2 libsqlite3-0 libcurl4 libpq5 libcairo2 libjs-dygraphs \
    libjs-leaflet fonts-dejavu-core zlib1g libedit2 tzdata ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --home-dir /var/lib/trucksensor --create-home trucksensor
COPY --from=build /source/.build/release/trucksensor /source/.build/release/libBrokerPlugin.so /opt/trucksensor/
COPY rules /usr/share/trucksensor/rules
COPY TruckSensorFiles /usr/share/trucksensor/TruckSensorFiles
RUN ln -s /opt/trucksensor/trucksensor /usr/local/bin/trucksensor
USER trucksensor
WORKDIR /var/lib/trucksensor
ENTRYPOINT ["/opt/trucksensor/trucksensor"]
CMD ["help"]
