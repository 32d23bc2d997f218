"""The addresses of the pages about the speech account."""

from django.urls import path

from management.views import (
    billing,
    budgets,
    catalog,
    connections,
    keys,
    members,
    mirror,
    prices,
    requests,
    usage,
)

urlpatterns = [
    path("usage/", usage.usage, name="usage"),
    path("usage/usage.csv", usage.usage_csv, name="usage_csv"),
    path("budgets/", budgets.budgets, name="budgets"),
    path("prices/", prices.prices, name="prices"),
    path("prices/<int:pk>/remove/", prices.price_remove, name="price_remove"),
    path("requests/", requests.requests, name="requests"),
    path("requests/<int:pk>/", requests.request_detail, name="request_detail"),
    path("billing/", billing.billing, name="billing"),
    path("keys/", keys.keys, name="keys"),
    path("keys/new/", keys.key_create, name="key_create"),
    path("keys/<int:pk>/rotate/", keys.key_rotate, name="key_rotate"),
    path("keys/<int:pk>/delete/", keys.key_delete, name="key_delete"),
    path("speech-members/", members.members, name="members"),
    path("speech-members/<int:pk>/role/", members.member_role, name="member_role"),
    path("speech-members/<int:pk>/remove/", members.member_remove, name="member_remove"),
    path(
        "speech-invites/<int:pk>/withdraw/",
        members.invite_withdraw,
        name="account_invite_withdraw",
    ),
    path("models/", catalog.models, name="models"),
    path("models/<int:pk>/prefer/", catalog.model_prefer, name="model_prefer"),
    path("models/choices/<int:pk>/", catalog.model_purposes, name="model_purposes"),
    path("stored/", catalog.stored, name="stored"),
    path("servers/", connections.connections, name="connections"),
    path("servers/new/", connections.connection_add, name="connection_add"),
    path("servers/<int:pk>/", connections.connection_edit, name="connection_edit"),
    path("sync/", mirror.sync_now, name="sync_now"),
]
