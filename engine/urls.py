"""Every path of the engine: the view of each method, and the consumer of its sockets."""

from django.urls import path

from engine.consumers.agent import AgentConsumer
from engine.consumers.flux import FluxConsumer
from engine.consumers.listen import ListenConsumer
from engine.consumers.speak import FluxSpeakConsumer, SpeakConsumer
from engine.gateway.operations import route
from engine.views import (
    agents,
    auth,
    billing,
    distribution,
    documentation,
    health,
    keys,
    members,
    models,
    projects,
    requests,
    usage,
    work,
)

PROJECT = "v1/projects/<str:project_id>"
CREDENTIALS = f"{PROJECT}/self-hosted/distribution/credentials"

urlpatterns = [
    path("v1/listen", route(POST=work.transcribe_recording, socket=ListenConsumer)),
    path("v1/listen/progress/<str:name>", route(GET=work.show_progress)),
    path("v2/listen", route(socket=FluxConsumer)),
    path("v1/read", route(POST=work.read_text)),
    path("v1/speak", route(POST=work.speak_text, socket=SpeakConsumer)),
    path("v2/speak", route(POST=work.speak_text_with_flux, socket=FluxSpeakConsumer)),
    path("v1/agent/converse", route(socket=AgentConsumer)),
    path("v1/models", route(GET=models.list_models)),
    path("v1/models/<str:model_id>", route(GET=models.show_model)),
    path("v1/auth/grant", route(POST=auth.make_token)),
    path("v1/auth/token", route(GET=auth.show_token)),
    path("v1/projects", route(GET=projects.list_projects)),
    path(
        PROJECT,
        route(
            GET=projects.show_project,
            PATCH=projects.change_project,
            DELETE=projects.delete_project,
        ),
    ),
    path(f"{PROJECT}/leave", route(DELETE=projects.leave_project)),
    path(f"{PROJECT}/models", route(GET=models.list_project_models)),
    path(f"{PROJECT}/models/<str:model_id>", route(GET=models.show_project_model)),
    path("v1/agent/settings/think/models", route(GET=models.list_think_models)),
    path(f"{PROJECT}/keys", route(GET=keys.list_keys, POST=keys.make_api_key)),
    path(f"{PROJECT}/keys/<str:key_id>", route(GET=keys.show_key, DELETE=keys.delete_key)),
    path(f"{PROJECT}/members", route(GET=members.list_members)),
    path(f"{PROJECT}/members/<str:member_id>", route(DELETE=members.remove_member)),
    path(
        f"{PROJECT}/members/<str:member_id>/scopes",
        route(GET=members.list_scopes, PUT=members.change_scopes),
    ),
    path(f"{PROJECT}/invites", route(GET=members.list_invites, POST=members.send_invite)),
    path(f"{PROJECT}/invites/<str:email>", route(DELETE=members.delete_invite)),
    path(f"{PROJECT}/requests", route(GET=requests.list_requests)),
    path(f"{PROJECT}/requests/<str:request_id>", route(GET=requests.show_request)),
    path(f"{PROJECT}/usage", route(GET=usage.show_usage)),
    path(f"{PROJECT}/usage/fields", route(GET=usage.show_usage_fields)),
    path(f"{PROJECT}/usage/breakdown", route(GET=usage.show_usage_breakdown)),
    path(f"{PROJECT}/balances", route(GET=billing.list_balances)),
    path(f"{PROJECT}/balances/<str:balance_id>", route(GET=billing.show_balance)),
    path(f"{PROJECT}/purchases", route(GET=billing.list_purchases)),
    path(f"{PROJECT}/billing/breakdown", route(GET=billing.show_billing_breakdown)),
    path(f"{PROJECT}/billing/fields", route(GET=billing.show_billing_fields)),
    path(f"{PROJECT}/agents", route(GET=agents.list_agents, POST=agents.make_agent)),
    path(
        f"{PROJECT}/agents/<str:agent_id>",
        route(GET=agents.show_agent, PUT=agents.change_agent, DELETE=agents.delete_agent),
    ),
    path(
        f"{PROJECT}/agent-variables",
        route(GET=agents.list_variables, POST=agents.make_variable),
    ),
    path(
        f"{PROJECT}/agent-variables/<str:variable_id>",
        route(
            GET=agents.show_variable,
            PATCH=agents.change_variable,
            DELETE=agents.delete_variable,
        ),
    ),
    path(
        CREDENTIALS,
        route(GET=distribution.list_credentials, POST=distribution.make_credentials),
    ),
    path(
        f"{CREDENTIALS}/<str:distribution_credentials_id>",
        route(GET=distribution.show_credentials, DELETE=distribution.delete_credentials),
    ),
    path("healthz", route(GET=health.show_health)),
    path("openapi.json", route(GET=documentation.show_document)),
    path("docs", route(GET=documentation.show_documentation)),
]

handler400 = "engine.gateway.middleware.respond_bad_request"
handler404 = "engine.gateway.middleware.respond_not_found"
handler500 = "engine.gateway.middleware.respond_failure"
