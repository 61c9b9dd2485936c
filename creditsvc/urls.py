"""Where requests go: the admin to staff; everything else to the API."""

from django.contrib import admin
from django.urls import include, path

from ledger.admin import story

admin.autodiscover()
urlpatterns = [*story.urls, path("admin/", admin.site.urls), path("", include("api.urls"))]
