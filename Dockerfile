# The credit service: one image for every process of the Procfile. Migrations and topology are jobs of their own.
FROM python:3.11-slim AS build
WORKDIR /app
COPY requirements/base.txt requirements/base.txt
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --require-hashes -r requirements/base.txt

FROM python:3.11-slim
RUN useradd --create-home --uid 10001 credits
WORKDIR /app
COPY --from=build /venv /venv
COPY manage.py celeryconfig.py Procfile ./
COPY creditsvc creditsvc
COPY ledger ledger
COPY tasks tasks
COPY api api
# var/metrics is there before a volume is mounted on it, or the volume would be root's alone.
RUN mkdir -p var/metrics && chown -R credits var
ENV PATH="/venv/bin:$PATH" PYTHONUNBUFFERED=1 LOGGING_FORMAT=json
USER credits
EXPOSE 8000
HEALTHCHECK --interval=10s --start-period=20s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://localhost:8000/health', timeout=5)"]
CMD ["gunicorn", "creditsvc.wsgi", "--config", "python:creditsvc.gunicorn"]
