# Keys, databases, roles, topics and migrations; runs once before the services and ends. Built as infra/docker/Dockerfile.
ARG PYTHON_IMAGE=python:3.11-slim
ARG BUILD_IMAGE=${PYTHON_IMAGE}

FROM ${BUILD_IMAGE} AS build
ARG PIP_NO_INDEX
ARG PIP_FIND_LINKS
ARG PIP_INDEX_URL
WORKDIR /src
COPY requirements requirements
# As in Dockerfile, word for word, so that it is made once.
RUN python3 -m venv --without-pip /venv \
    && python3 -m venv --without-pip /build \
    && python3 -m pip --python /venv/bin/python install --quiet --require-hashes -r requirements/run.txt \
    && python3 -m pip --python /build/bin/python install --quiet --require-hashes -r requirements/build.txt

FROM ${PYTHON_IMAGE}
RUN rm -rf /usr/local/bin/pip* /usr/local/lib/python3.*/site-packages/* /usr/local/lib/python3.*/ensurepip \
    && echo 'rahnama:x:10001:10001::/nonexistent:/usr/sbin/nologin' >> /etc/passwd \
    && echo 'rahnama:x:10001:' >> /etc/group
COPY --from=build /venv /venv
WORKDIR /app
COPY shared shared
COPY services services
COPY infra infra
# The volumes that are mounted here take their owner from the folders: the services', who alone may read them.
RUN install -d -m 0700 -o 10001 -g 10001 /keys /secrets /secrets/intake /secrets/allocation /secrets/audit \
        /secrets/metrics
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
CMD ["python", "-m", "infra.docker.prepare"]
