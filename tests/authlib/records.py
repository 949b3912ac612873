"""What the authorization server keeps, in the form that Authlib asks for."""

import secrets
import time
from dataclasses import dataclass
from typing import ClassVar

from authlib.oauth2.rfc6749 import ClientMixin, TokenMixin, list_to_scope, scope_to_list
from authlib.oidc.core import AuthorizationCodeMixin

SCOPES = ["openid", "email", "offline_access", "mail"]


@dataclass
class Client(ClientMixin):
    """The client, which authenticates in one way only."""

    client_id: str
    client_secret: str
    client_auth: str
    redirect_uri: str
    id_token_signed_response_alg: str
    client_metadata: ClassVar[dict] = {}

    def get_client_id(self):
        return self.client_id

    def get_default_redirect_uri(self):
        return None

    def get_allowed_scope(self, scope):
        return list_to_scope([wanted for wanted in scope_to_list(scope) if wanted in SCOPES])

    def check_redirect_uri(self, redirect_uri):
        return redirect_uri == self.redirect_uri

    def check_client_secret(self, client_secret):
        return secrets.compare_digest(client_secret.encode(), self.client_secret.encode())

    def check_endpoint_auth_method(self, method, endpoint):
        return method == self.client_auth

    def check_response_type(self, response_type):
        return response_type == "code"

    def check_grant_type(self, grant_type):
        return grant_type in ("authorization_code", "refresh_token")


@dataclass
class AuthorizationCode(AuthorizationCodeMixin):
    """What a user agreed to, until the client comes for it."""

    code: str
    account: str
    redirect_uri: str
    scope: str
    code_challenge: str
    code_challenge_method: str
    nonce: str | None

    def get_redirect_uri(self):
        return self.redirect_uri

    def get_scope(self):
        return self.scope

    def get_nonce(self):
        return self.nonce

    def get_auth_time(self):
        return None


@dataclass
class Token(TokenMixin):
    """An access token and the refresh token that came with it."""

    client: Client
    account: str
    access_token: str
    refresh_token: str
    scope: str
    expires_at: float
    revoked: bool = False

    def check_client(self, client):
        return client is self.client

    def get_scope(self):
        return self.scope

    def is_expired(self):
        return self.expires_at < time.time()

    def is_revoked(self):
        return self.revoked

    def get_user(self):
        return self.account

    def get_client(self):
        return self.client
