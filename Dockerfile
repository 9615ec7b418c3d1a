# One image for api, worker and beat; what it runs is said in docker-compose.yml.

FROM python:3.12-slim AS wheel
WORKDIR /build
COPY pyproject.toml README.md LICENSE ./
COPY app app
COPY worker worker
COPY migrations migrations
# The build backend stays behind in this stage.
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:3.12-slim
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
COPY requirements/base.txt /tmp/requirements.txt
RUN pip install --no-cache-dir --require-hashes -r /tmp/requirements.txt
COPY --from=wheel /wheels /tmp/wheels
RUN pip install --no-cache-dir --no-deps /tmp/wheels/*.whl \
    && rm -r /tmp/wheels /tmp/requirements.txt \
    && useradd --system --uid 10001 --create-home liftlock
USER liftlock
WORKDIR /home/liftlock
EXPOSE 3000
CMD ["gunicorn", "--config", "python:app.serving", "app:create_app()"]
