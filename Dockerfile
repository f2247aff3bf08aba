# One image for every service: `docker compose up --build`.
ARG PYTHON_IMAGE=python:3.13-slim

# --- the page, with the Node of a Python package ----------------------------------------------------------------------
FROM ${PYTHON_IMAGE} AS page
WORKDIR /src/services/dashboard/web
COPY requirements/node.txt /tmp/node.txt
RUN --mount=type=cache,target=/root/.cache/pip \
    python -m venv /opt/node && /opt/node/bin/pip install --quiet --require-hashes -r /tmp/node.txt
# a company that inspects traffic has its authority in the base image: Node is told to look there, too
ENV PATH=/opt/node/bin:$PATH NODE_USE_SYSTEM_CA=1
COPY services/dashboard/web/package.json services/dashboard/web/package-lock.json services/dashboard/web/.npmrc ./
RUN --mount=type=cache,target=/root/.npm npm ci --loglevel=error
COPY services/dashboard/web ./
RUN npm run --silent build

# --- the code, installed into an environment of its own ---------------------------------------------------------------
FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/venv
WORKDIR /src
COPY requirements/runtime.txt requirements/build.txt requirements/
RUN --mount=type=cache,target=/root/.cache/pip \
    /opt/venv/bin/pip install --quiet --require-hashes -r requirements/runtime.txt \
 && python -m venv /opt/tools && /opt/tools/bin/pip install --quiet --require-hashes -r requirements/build.txt
COPY pyproject.toml README.md ./
COPY shared shared
COPY services services
COPY --from=page /src/services/dashboard/static services/dashboard/static
RUN /opt/tools/bin/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir /tmp/wheel . \
 && /opt/venv/bin/pip install --quiet --no-deps --no-index /tmp/wheel/*.whl \
 && /opt/venv/bin/python -m compileall -q /opt/venv/lib

# --- what runs: no compiler, no shell user, nothing to write to -----------------------------------------------------------
FROM ${PYTHON_IMAGE}
RUN groupadd --gid 10001 mraster \
 && useradd --uid 10001 --gid mraster --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin mraster \
 && install -d -o mraster -g mraster -m 0700 /data
COPY --from=build /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 MALLOC_ARENA_MAX=2
WORKDIR /tmp
USER 10001:10001
ENTRYPOINT ["mraster"]
CMD ["--help"]
