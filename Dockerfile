# The engine, and the programs that compose.yml puts beside it, each as a target of its own.
#   engine     the engine and the `vss` command
#   asterisk   Asterisk from Debian sid: older suites have none, and before 22.10.1 it deadlocks under ARI load
#   edge       Kamailio
#   load       SIPp
# All run as the same unprivileged user, because the engine writes Asterisk's configuration and reads its recordings.

FROM python:3.11-slim-bookworm AS python-packages
COPY requirements.lock /tmp/requirements.lock
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --require-hashes --only-binary :all: -r /tmp/requirements.lock

FROM python:3.11-slim-bookworm AS engine
RUN apt-get update && apt-get install -y --no-install-recommends espeak-ng && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin vss \
    && install -d -o vss -g vss /srv/asterisk /var/lib/vss
COPY --from=python-packages /opt/venv /opt/venv
COPY engine /opt/vss/engine
COPY asterisk /opt/vss/asterisk
COPY dialplan /opt/vss/dialplan
COPY schema /opt/vss/schema
ENV PATH=/opt/venv/bin:$PATH PYTHONPATH=/opt/vss PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    VSS_RUN_DIR=/var/lib/vss
WORKDIR /var/lib/vss
USER vss
STOPSIGNAL SIGTERM
ENTRYPOINT ["python", "-P", "-m", "engine.cli"]
CMD ["serve"]

FROM debian:sid-slim AS asterisk
RUN apt-get update \
    && apt-get install -y --no-install-recommends asterisk asterisk-modules asterisk-core-sounds-en-gsm \
       asterisk-moh-opsound-gsm \
    && rm -rf /var/lib/apt/lists/* \
    && dpkg --compare-versions "$(dpkg-query -W -f '${Version}' asterisk)" ge 1:22.10.1 \
    && { [ -e /usr/share/asterisk/sounds/en ] || ln -s en_US_f_Allison /usr/share/asterisk/sounds/en; } \
    && useradd --uid 10001 --user-group --no-create-home --home-dir /srv/asterisk --shell /usr/sbin/nologin vss \
    && install -d -o vss -g vss /srv/asterisk
USER vss
ENTRYPOINT ["/usr/sbin/asterisk", "-f", "-C", "/srv/asterisk/etc/asterisk.conf"]

FROM debian:bookworm-slim AS edge
RUN apt-get update && apt-get install -y --no-install-recommends kamailio && rm -rf /var/lib/apt/lists/*
COPY kamailio/kamailio.cfg /etc/kamailio/kamailio.cfg
USER kamailio
ENTRYPOINT ["/usr/sbin/kamailio", "-DD", "-E", "-f", "/etc/kamailio/kamailio.cfg"]

FROM debian:bookworm-slim AS load
RUN apt-get update && apt-get install -y --no-install-recommends sip-tester && rm -rf /var/lib/apt/lists/*
COPY sipp /sipp
USER nobody
WORKDIR /tmp
ENTRYPOINT ["/usr/bin/sipp"]
