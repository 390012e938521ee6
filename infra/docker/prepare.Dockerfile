# Keys, databases, roles, topics and migrations; runs once before the services and ends.
ARG PYTHON_IMAGE=python:3.11-slim
FROM ${PYTHON_IMAGE}
WORKDIR /src
COPY requirements requirements
RUN pip install --quiet --require-hashes -r requirements/dev.txt
COPY shared shared
COPY services services
COPY infra infra
CMD ["python", "-m", "infra.docker.prepare"]
