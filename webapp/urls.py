"""The web application's addresses."""

from django.contrib.auth.views import LogoutView
from django.urls import include, path

from webapp import views

urlpatterns = [
    path("sign-in/", views.SignIn.as_view(), name="sign_in"),
    path("sign-out/", LogoutView.as_view(), name="sign_out"),
    path("healthz", views.healthz, name="healthz"),
    path("", include("transcripts.urls")),
]
