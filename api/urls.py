"""The paths of the API, and those of the machines that watch over it."""

from django.urls import path

from api.app import api
from api.health import health, ready
from api.metrics import metrics

urlpatterns = [
    path("api/", api.urls),
    path("health", health),
    path("ready", ready),
    path("metrics", metrics),
]
