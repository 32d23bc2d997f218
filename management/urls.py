"""The addresses of the settings."""

from django.urls import path

from management.views import account, audit, people, projects, tokens

urlpatterns = [
    path("account/", account.account, name="account"),
    path("account/theme/", account.account_theme, name="account_theme"),
    path("account/email/", account.account_email, name="account_email_change"),
    path("account/sessions/end/", account.sessions_end, name="sessions_end"),
    path("account/sessions/<int:pk>/end/", account.session_end, name="session_end"),
    path("account/tokens/add/", tokens.token_create, name="account_token_add"),
    path("account/tokens/<int:pk>/revoke/", tokens.token_revoke, name="account_token_revoke"),
    path("people/", people.people, name="people"),
    path("people/invite/", people.person_invite, name="person_invite"),
    path("people/<int:pk>/", people.person_page, name="person"),
    path("people/<int:pk>/role/", people.person_role, name="person_role"),
    path("people/<int:pk>/active/", people.person_active, name="person_active"),
    path("people/<int:pk>/password/", people.person_password_link, name="person_password_link"),
    path("invitations/<int:pk>/resend/", people.invitation_resend, name="invitation_resend"),
    path("invitations/<int:pk>/withdraw/", people.invitation_withdraw, name="invitation_withdraw"),
    path("projects/", projects.projects, name="projects"),
    path("projects/new/", projects.project_create, name="project_create"),
    path("projects/<int:pk>/", projects.project_page, name="project"),
    path("projects/<int:pk>/members/", projects.project_member, name="project_member"),
    path("projects/<int:pk>/live/", projects.project_live, name="project_live"),
    path("projects/<int:pk>/archive/", projects.project_archive, name="project_archive"),
    path("audit/", audit.audit_log, name="audit_log"),
    path("audit/audit.csv", audit.audit_csv, name="audit_csv"),
]
