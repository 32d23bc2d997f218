"""Every path of the engine's REST API and the calls it has."""

from django.urls import path

from engine.operations import route
from engine.views import health, projects

PROJECT = "v1/projects/<str:project_id>"

urlpatterns = [
    path("healthz", route(GET=health.show_health)),
    path("v1/projects", route(GET=projects.list_projects)),
    path(PROJECT, route(GET=projects.show_project)),
]

handler400 = "engine.middleware.answer_bad_request"
handler404 = "engine.middleware.answer_not_found"
handler500 = "engine.middleware.answer_failure"
