"""The web application's addresses."""

from allauth.account import views as accounts
from allauth.mfa.base import views as factors
from allauth.mfa.recovery_codes import views as codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as passkeys
from allauth.socialaccount import views as social
from allauth.socialaccount.providers.openid_connect import views as oidc
from django.conf import settings
from django.contrib.auth.decorators import login_not_required as open_to_all
from django.urls import URLPattern, URLResolver, include, path, re_path

from management.views.account import account
from management.views.invitations import invitation
from webapp import views

# allauth finds its pages by these names. None of its pages lets a stranger make an account.
sign_in = views.SignIn.as_view()
sign_out = views.SignOut.as_view()
signing_in = [
    path("sign-in/", sign_in, name="sign_in"),
    path("sign-in/", sign_in, name="account_login"),
    path("sign-in/second-factor/", views.SecondFactor.as_view(), name="mfa_authenticate"),
    path("sign-in/passkey/", open_to_all(passkeys.login_webauthn), name="mfa_login_webauthn"),
    path(
        "sign-in/deactivated/",
        open_to_all(accounts.account_inactive),
        name="account_inactive",
    ),
    path("sign-out/", sign_out, name="sign_out"),
    path("sign-out/", sign_out, name="account_logout"),
    path("password/", accounts.password_reset, name="account_reset_password"),
    path("password/sent/", accounts.password_reset_done, name="account_reset_password_done"),
    re_path(
        r"^password/new/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        accounts.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    path(
        "password/done/",
        accounts.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
    ),
    re_path(
        r"^email/confirm/(?P<key>[-:\w]+)/$", accounts.confirm_email, name="account_confirm_email"
    ),
]
own_account = [
    path("", account, name="mfa_index"),
    path("", account, name="account_email"),
    path("confirm/", accounts.reauthenticate, name="account_reauthenticate"),
    path("confirm/code/", factors.reauthenticate, name="mfa_reauthenticate"),
    path("confirm/passkey/", passkeys.reauthenticate_webauthn, name="mfa_reauthenticate_webauthn"),
    path("password/", accounts.password_change, name="account_change_password"),
    path("password/set/", accounts.password_set, name="account_set_password"),
    path("authenticator/add/", totp.activate_totp, name="mfa_activate_totp"),
    path("authenticator/remove/", totp.deactivate_totp, name="mfa_deactivate_totp"),
    path("codes/", codes.view_recovery_codes, name="mfa_view_recovery_codes"),
    path("codes/new/", codes.generate_recovery_codes, name="mfa_generate_recovery_codes"),
    path("passkeys/", account, name="mfa_list_webauthn"),
    path("passkeys/add/", passkeys.add_webauthn, name="mfa_add_webauthn"),
    path("passkeys/<int:pk>/", passkeys.edit_webauthn, name="mfa_edit_webauthn"),
    path("passkeys/<int:pk>/remove/", passkeys.remove_webauthn, name="mfa_remove_webauthn"),
]
# Of the team's identity provider, if it has one.
providers: list[URLPattern | URLResolver] = [
    path("sso/", account, name="socialaccount_connections"),
    path(
        "sso/cancelled/", open_to_all(social.login_cancelled), name="socialaccount_login_cancelled"
    ),
    path("sso/error/", open_to_all(social.login_error), name="socialaccount_login_error"),
    path("oidc/<slug:provider_id>/", open_to_all(oidc.login), name="openid_connect_login"),
    path(
        "oidc/<slug:provider_id>/callback/",
        open_to_all(oidc.callback),
        name="openid_connect_callback",
    ),
]
if settings.ENV.saml.metadata_url:
    providers.append(path("", include("allauth.socialaccount.providers.saml.urls")))

urlpatterns = [
    *signing_in,
    *providers,
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("invitations/<str:token>/", invitation, name="invitation"),
    path("settings/", include("management.urls")),
    # After it: these are other names of pages that are there.
    path("settings/account/", include(own_account)),
    path("settings/", include("management.speech_urls")),
    path("", include("transcripts.urls")),
]

handler400 = "webapp.http.errors.bad_request"
handler403 = "webapp.http.errors.permission_denied"
handler404 = "webapp.http.errors.page_not_found"
handler500 = "webapp.http.errors.server_error"
