"""An OpenID provider that this project did not write: Authlib's authorization server.

What the protocols define is Authlib's own code. This file switches it on (authorization codes
with PKCE S256, single-use refresh tokens, ID tokens, userinfo, revocation, `iss`), keeps one
client and its tokens in memory, and counts what the server did.

It prints its URL when it listens and ends when its standard input does.
"""

import argparse
import logging
import os
import sys
import threading
import time
from collections import Counter

from authlib.integrations.flask_oauth2 import AuthorizationServer, ResourceProtector
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidRequestError, grants
from authlib.oauth2.rfc6750 import BearerTokenValidator
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc9207 import IssuerParameter
from authlib.oidc.core import UserInfo, UserInfoEndpoint
from authlib.oidc.core.grants import OpenIDCode, OpenIDToken
from flask import Flask, jsonify, render_template_string, request
from joserfc.jwk import ECKey, KeySet, RSAKey
from werkzeug.serving import make_server

from records import AuthorizationCode, Client, Token

CLIENT_AUTHENTICATION = ["client_secret_basic", "client_secret_post"]
SUBJECTS = {"ann@example.test": "248289761001", "bo@example.test": "902144637210"}
CONSENT_PAGE = """<!doctype html>
<title>Authorize</title>
<form method="post" action="{{ url_for('authorize') }}">
  {%- for name, value in request.args.items(multi=True) %}
  <input type="hidden" name="{{ name }}" value="{{ value }}">
  {%- endfor %}
  <select name="account">
    {%- for address in accounts %}<option>{{ address }}</option>{% endfor -%}
  </select>
  <button name="decision" value="approve">Approve</button>
  <button name="decision" value="deny">Deny</button>
</form>
"""


class AuthorizationCodeGrant(grants.AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = CLIENT_AUTHENTICATION

    def save_authorization_code(self, code, request):
        data = request.payload.data
        codes[code] = AuthorizationCode(
            code=code,
            account=request.user,
            redirect_uri=request.payload.redirect_uri,
            scope=request.scope,
            code_challenge=data["code_challenge"],
            code_challenge_method=data["code_challenge_method"],
            nonce=data.get("nonce"),
        )

    def query_authorization_code(self, code, client):
        return codes.get(code)

    def delete_authorization_code(self, authorization_code):
        counters["exchanges"] += 1
        del codes[authorization_code.code]

    def authenticate_user(self, authorization_code):
        return authorization_code.account


class RefreshTokenGrant(grants.RefreshTokenGrant):
    """Every refresh token can be used once."""

    TOKEN_ENDPOINT_AUTH_METHODS = CLIENT_AUTHENTICATION
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token):
        token = find_token("refresh_token", refresh_token)
        return None if token is None or token.revoked else token

    def authenticate_user(self, refresh_token):
        return refresh_token.account

    def revoke_old_credential(self, refresh_token):
        counters["refreshes"] += 1
        refresh_token.revoked = True


class S256Only(CodeChallenge):
    """Authlib asks only public clients for PKCE; here every authorization needs S256."""

    SUPPORTED_CODE_CHALLENGE_METHOD = ["S256"]

    def validate_code_challenge(self, grant, redirect_uri):
        if grant.request.payload.data.get("code_challenge_method") != "S256":
            raise InvalidRequestError("'code_challenge_method' must be S256.")
        super().validate_code_challenge(grant, redirect_uri)


class Claims:
    """Who a user is, and how that is signed."""

    def resolve_client_private_key(self, client):
        return signing_key

    def get_encode_header(self, client):
        return {"alg": client.id_token_signed_response_alg, "kid": signing_key.kid}

    def get_client_claims(self, client):
        return {"iss": app.config["ISSUER"], "aud": [client.client_id]}

    def generate_user_info(self, user, scope):
        return UserInfo(sub=SUBJECTS[user], email=user, email_verified=True).filter(scope)


class CodeIdToken(Claims, OpenIDCode):
    def exists_nonce(self, nonce, request):
        return False


class RefreshIdToken(Claims, OpenIDToken):
    pass


class UserInfoAnswer(Claims, UserInfoEndpoint):
    pass


class Issuer(IssuerParameter):
    def get_issuer(self):
        return app.config["ISSUER"]


class Revocation(RevocationEndpoint):
    """A revocation ends all that the account has granted to the client."""

    CLIENT_AUTH_METHODS = CLIENT_AUTHENTICATION

    def query_token(self, token_string, token_type_hint):
        found = find_token("refresh_token", token_string)
        return found or find_token("access_token", token_string)

    def revoke_token(self, token, request):
        counters["revocations"] += 1
        for granted in tokens:
            if granted.account == token.account:
                granted.revoked = True


class AccessTokens(BearerTokenValidator):
    def authenticate_token(self, token_string):
        return find_token("access_token", token_string)


def find_token(member, value):
    """Returns the token with this value, also when it is revoked."""
    return next((token for token in tokens if getattr(token, member) == value), None)


def save_token(token, request):
    tokens.append(
        Token(
            client=request.client,
            account=request.user,
            access_token=token["access_token"],
            refresh_token=token["refresh_token"],
            scope=token["scope"],
            expires_at=time.time() + token["expires_in"],
        )
    )


def make_key(algorithm):
    parameters = {"kid": "current", "use": "sig", "alg": algorithm}
    if algorithm == "RS256":
        return RSAKey.generate_key(2048, parameters)
    return ECKey.generate_key("P-256", parameters)


parser = argparse.ArgumentParser()
parser.add_argument("--client-id", required=True)
parser.add_argument("--client-secret", required=True)
parser.add_argument("--client-auth", choices=CLIENT_AUTHENTICATION, required=True)
parser.add_argument("--redirect-uri", required=True)
parser.add_argument("--id-token-alg", choices=["RS256", "ES256"], required=True)
parser.add_argument("--access-token-seconds", type=int, required=True)
options = parser.parse_args()

app = Flask(__name__)
app.config["OAUTH2_REFRESH_TOKEN_GENERATOR"] = True
app.config["OAUTH2_TOKEN_EXPIRES_IN"] = dict.fromkeys(
    ["authorization_code", "refresh_token"], options.access_token_seconds
)
clients = {
    options.client_id: Client(
        options.client_id,
        options.client_secret,
        options.client_auth,
        options.redirect_uri,
        options.id_token_alg,
    )
}
codes = {}
tokens = []
counters = Counter(exchanges=0, refreshes=0, revocations=0, refusals=0)
signing_key = make_key(options.id_token_alg)
# Whether a code or a refresh token was used is looked up and written by one request at a time.
one_at_a_time = threading.Lock()

protector = ResourceProtector()
protector.register_token_validator(AccessTokens())
server = AuthorizationServer(app, clients.get, save_token)
server.register_grant(AuthorizationCodeGrant, [S256Only(), CodeIdToken()])
server.register_grant(RefreshTokenGrant, [RefreshIdToken()])
server.register_endpoint(Revocation)
server.register_endpoint(UserInfoAnswer(resource_protector=protector))
server.register_extension(Issuer())


@app.get("/authorize")
def consent():
    server.get_consent_grant()
    return render_template_string(CONSENT_PAGE, accounts=SUBJECTS)


@app.post("/authorize")
def authorize():
    user = request.form["account"] if request.form["decision"] == "approve" else None
    grant = server.get_consent_grant(end_user=user)
    return server.create_authorization_response(grant=grant, grant_user=user)


@app.errorhandler(OAuth2Error)
def refuse(error):
    return server.handle_error_response(None, error)


@app.post("/token")
def token():
    with one_at_a_time:
        answer = server.create_token_response()
        counters["refusals"] += answer.status_code != 200
        return answer


@app.post("/revoke")
def revoke():
    with one_at_a_time:
        return server.create_endpoint_response(Revocation.ENDPOINT_NAME)


@app.get("/userinfo")
def userinfo():
    return server.create_endpoint_response(UserInfoAnswer.ENDPOINT_NAME)


@app.get("/jwks")
def jwks():
    return jsonify(KeySet([signing_key]).as_dict(private=False))


@app.get("/counters")
def count():
    return jsonify(**counters, live_grants=sum(not token.revoked for token in tokens))


def main():
    # Authlib wants TLS; this server is reached through the loopback interface only.
    os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"
    # The lines of an access log would carry states.
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    http = make_server("127.0.0.1", 0, app, threaded=True)
    app.config["ISSUER"] = f"http://127.0.0.1:{http.server_port}"
    threading.Thread(target=http.serve_forever, daemon=True).start()
    print(app.config["ISSUER"], flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
