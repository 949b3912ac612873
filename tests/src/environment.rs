//! An environment and its key pair, made as an operator makes them.

use std::sync::{Arc, OnceLock};

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use tonic::Request;
use tonic::transport::Channel;
use workapi_proto::auth::v1::SetProviderConfigRequest;
use workapi_proto::auth::v1::credential_admin_client::CredentialAdminClient;
use workapi_proto::auth::v1::job_admin_client::JobAdminClient;
use workapi_proto::auth::v1::provider_admin_client::ProviderAdminClient;
use workapi_proto::integrations::v1::CreateEnvironmentRequest;
use workapi_proto::integrations::v1::environment_admin_client::EnvironmentAdminClient;

/// An RSA key pair of 2048 bits.
#[derive(Debug)]
pub struct KeyPair {
    private_der: Vec<u8>,
    /// SPKI PEM.
    pub public_pem: String,
}

impl KeyPair {
    /// Makes a key pair.
    ///
    /// # Panics
    /// When the operating system has no random bytes.
    pub fn generate() -> Self {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).expect("a key pair");
        let private: Pkcs8V1Der<'_> = pair.as_der().expect("PKCS#8");
        let public: PublicKeyX509Der<'_> = pair.public_key().as_der().expect("SPKI");
        Self {
            private_der: private.as_ref().to_vec(),
            public_pem: pem("PUBLIC KEY", public.as_ref()),
        }
    }

    /// Returns the key pair that the environments of this process share: making one takes long.
    pub fn shared() -> Arc<Self> {
        static SHARED: OnceLock<Arc<KeyPair>> = OnceLock::new();
        Arc::clone(SHARED.get_or_init(|| Arc::new(Self::generate())))
    }

    /// Signs claims as the original SDKs do: RS256, no `typ`, no `kid` (contract section 1.2).
    ///
    /// # Panics
    /// Never for claims that are a JSON object.
    pub fn sign(&self, claims: &Value) -> String {
        self.sign_with(Algorithm::RS256, claims)
    }

    /// Signs claims with another algorithm of RSA keys.
    ///
    /// # Panics
    /// When it is none.
    pub fn sign_with(&self, algorithm: Algorithm, claims: &Value) -> String {
        let pem = pem("PRIVATE KEY", &self.private_der);
        let key = EncodingKey::from_rsa_pem(pem.as_bytes()).expect("a private key");
        let mut header = Header::new(algorithm);
        header.typ = None;
        jsonwebtoken::encode(&header, claims, &key).expect("a signature")
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let lines: Vec<String> = STANDARD
        .encode(der)
        .as_bytes()
        .chunks(64)
        .map(|line| String::from_utf8_lossy(line).into_owned())
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}

/// An environment, seen by its operator and its developer.
#[derive(Clone, Debug)]
pub struct Environment {
    /// Its guid.
    pub guid: String,
    /// Its key pair.
    pub keys: Arc<KeyPair>,
    admin_url: String,
    admin_token: String,
}

impl Environment {
    pub(crate) async fn create(admin_url: &str, admin_token: &str) -> Self {
        let keys = KeyPair::shared();
        let mut client = EnvironmentAdminClient::new(connect(admin_url).await);
        let request = CreateEnvironmentRequest {
            name: "test".to_owned(),
            public_key: keys.public_pem.clone(),
            loopback_return_allowed: true,
        };
        let answer = client
            .create_environment(bearing(request, admin_token))
            .await
            .expect("an environment is created")
            .into_inner();
        Self {
            guid: answer.environment.expect("an environment").guid,
            keys,
            admin_url: admin_url.to_owned(),
            admin_token: admin_token.to_owned(),
        }
    }

    /// Sets the environment's client at a provider.
    ///
    /// # Panics
    /// When the admin API refuses.
    pub async fn set_provider(&self, provider: &str, client_id: &str, client_secret: &str) {
        let request = SetProviderConfigRequest {
            environment_guid: self.guid.clone(),
            provider: provider.to_owned(),
            client_id: client_id.to_owned(),
            client_secret: client_secret.to_owned(),
        };
        let (mut client, token) = self.provider_admin().await;
        client
            .set_provider_config(bearing(request, &token))
            .await
            .expect("the provider is set");
    }

    /// Returns a client of the environments' admin API, and its token.
    pub async fn admin(&self) -> (EnvironmentAdminClient<Channel>, String) {
        let client = EnvironmentAdminClient::new(connect(&self.admin_url).await);
        (client, self.admin_token.clone())
    }

    /// Returns a client of the providers' admin API, and its token.
    pub async fn provider_admin(&self) -> (ProviderAdminClient<Channel>, String) {
        let client = ProviderAdminClient::new(connect(&self.admin_url).await);
        (client, self.admin_token.clone())
    }

    /// Returns clients of the admin API of credentials and of jobs, and their token.
    pub async fn operator(
        &self,
    ) -> (
        CredentialAdminClient<Channel>,
        JobAdminClient<Channel>,
        String,
    ) {
        let channel = connect(&self.admin_url).await;
        (
            CredentialAdminClient::new(channel.clone()),
            JobAdminClient::new(channel),
            self.admin_token.clone(),
        )
    }

    /// Signs an APT, for one user or for none, that is good for a minute.
    pub fn apt(&self, arbitrary_id: Option<&str>) -> String {
        let now = workapi_types::Clock::system().unix_seconds();
        let mut user = json!({"environment_guid": self.guid});
        if let Some(arbitrary_id) = arbitrary_id {
            user["arbitrary_id"] = arbitrary_id.into();
        }
        self.keys.sign(&json!({
            "exp": now + 60, "iat": now, "iss": "Work-API Ruby SDK v0.1.1", "user": user,
        }))
    }
}

async fn connect(url: &str) -> Channel {
    let endpoint = Channel::from_shared(url.to_owned()).expect("a valid URL");
    endpoint
        .connect()
        .await
        .expect("the admin listener answers")
}

/// Makes a gRPC request that carries a bearer token.
///
/// # Panics
/// When the token is not ASCII.
pub fn bearing<T>(message: T, token: &str) -> Request<T> {
    let mut request = Request::new(message);
    let value = format!("Bearer {token}").parse().expect("a token is ASCII");
    request.metadata_mut().insert("authorization", value);
    request
}
