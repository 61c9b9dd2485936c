"""Where requests go: the admin to staff; everything else to the API."""

from django.contrib import admin
from django.urls import include, path

from ledger.admin import story

admin.autodiscover()  # here and in creditsvc/pages.py, not in every process: no worker needs the pages
urlpatterns = [*story.urls, path("admin/", admin.site.urls), path("", include("api.urls"))]
