"""The addresses of the settings."""

from django.urls import path

from management.views import account, audit

urlpatterns = [
    path("account/", account.account, name="account"),
    path("account/theme/", account.account_theme, name="account_theme"),
    path("account/email/", account.account_email, name="account_email_change"),
    path("account/sessions/end/", account.sessions_end, name="sessions_end"),
    path("account/sessions/<int:pk>/end/", account.session_end, name="session_end"),
    path("audit/", audit.audit_log, name="audit_log"),
    path("audit/audit.csv", audit.audit_csv, name="audit_csv"),
]
