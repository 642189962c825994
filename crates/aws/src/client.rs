//! One signed client for every operation of the table.
//!
//! Credentials, SigV4, retries with backoff and token bucket, timeouts and connections are the AWS
//! SDK's own runtime crates; this file only wires them up for operations that no service crate
//! knows. It must not know tags or resources.

use crate::{
    endpoint::{self, Endpoint},
    limiter::Limiter,
    outcome::{self, Class, Failure},
    wire::{self, Ask},
    xml,
};
use aws_config::SdkConfig;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_runtime::{
    auth::{SigV4OperationSigningConfig, SigningOptions, sigv4},
    retries::classifiers::AwsErrorCodeClassifier,
};
use aws_smithy_async::rt::sleep::{AsyncSleep, TokioSleep};
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode};
use aws_smithy_runtime::client::{
    identity::IdentityCache,
    orchestrator::operation::Operation as SdkOperation,
    retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier},
};
use aws_smithy_runtime_api::client::{
    auth::{
        AuthSchemeOptionResolverParams, SharedAuthScheme, SharedAuthSchemeOptionResolver,
        static_resolver::StaticAuthSchemeOptionResolver,
    },
    behavior_version::BehaviorVersion,
    http::SharedHttpClient,
    identity::{SharedIdentityCache, SharedIdentityResolver},
    orchestrator::{HttpRequest, HttpResponse, OrchestratorError},
    result::SdkError,
    runtime_components::RuntimeComponentsBuilder,
    runtime_plugin::StaticRuntimePlugin,
};
use aws_smithy_types::{
    body::SdkBody,
    config_bag::Layer,
    error::metadata::{ErrorMetadata, ProvideErrorMetadata},
    retry::RetryConfig,
    timeout::TimeoutConfig,
};
use aws_types::{
    SigningName,
    region::{Region, SigningRegion},
};
use serde_json::Value;
use std::{
    collections::HashMap,
    error::Error,
    fmt,
    sync::Mutex,
    time::{Duration, Instant},
};
use tagger_catalog::{
    endpoint::Kind,
    operation::{Call, Operation, Protocol},
    partition,
};

/// Amazon's own roots; see `certs/README.md`.
pub(crate) const AMAZON_ROOTS: &[u8] = include_bytes!("../certs/amazon-roots.pem");

/// Sends the operations of the table.
pub struct Client {
    credentials: SharedCredentialsProvider,
    http: SharedHttpClient,
    identities: SharedIdentityCache,
    /// An endpoint that stands in for every service's own (the sandbox, a VPC endpoint, a test).
    endpoint: Option<String>,
    /// Which kind of AWS's own endpoints it calls.
    kind: Kind,
    /// One prepared operation for each endpoint and signature; making one costs as much as a call.
    prepared: Mutex<HashMap<(String, &'static str), Prepared>>,
    /// How fast it may call; none where nothing can wait elsewhere.
    limiter: Option<Limiter>,
    /// Until when a call may wait for its place.
    until: Mutex<Option<Instant>>,
}

/// The longest that a call waits for its place; more than that is waited for in the queue, which is free.
const LONGEST_PLACE: Duration = Duration::from_secs(3);

/// An operation of the SDK's runtime: an HTTP request in, the answer out.
type Prepared = SdkOperation<HttpRequest, Answer, ApiError>;

/// What AWS answered.
#[derive(Debug)]
struct Answer {
    value: Value,
    is_xml: bool,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

/// An error answer of AWS.
#[derive(Debug)]
struct ApiError {
    status: u16,
    metadata: ErrorMetadata,
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP {}: {}", self.status, self.metadata)
    }
}

impl Error for ApiError {}

impl ProvideErrorMetadata for ApiError {
    fn meta(&self) -> &ErrorMetadata {
        &self.metadata
    }
}

impl Client {
    /// A client with the credentials, region, endpoint and kind of endpoints of the environment, as every AWS SDK
    /// reads them (`AWS_USE_FIPS_ENDPOINT`, `AWS_USE_DUALSTACK_ENDPOINT`).
    ///
    /// # Errors
    /// No credentials provider, or `AWS_CA_BUNDLE` cannot be read.
    pub async fn from_environment() -> Result<Self, String> {
        let region = std::env::var("AWS_REGION").unwrap_or_default();
        let is_on = |name: &str| std::env::var(name).is_ok_and(|value| value.eq_ignore_ascii_case("true"));
        let usual = !is_on("AWS_USE_FIPS_ENDPOINT") && !is_on("AWS_USE_DUALSTACK_ENDPOINT");
        let bundle = std::env::var("AWS_CA_BUNDLE").ok().filter(|path| !path.is_empty());
        let endpoint = std::env::var("AWS_ENDPOINT_URL").ok().filter(|url| !url.is_empty());
        let in_aws = partition::of_region(&region).name == "aws";
        // Amazon names its own roots for its usual endpoints; of the others it says nothing.
        let amazon_only = bundle.is_none() && endpoint.is_none() && usual && in_aws;
        let trusted = match (bundle, amazon_only) {
            (Some(path), _) => {
                let pem = std::fs::read(&path).map_err(|error| format!("AWS_CA_BUNDLE {path}: {error}"))?;
                TrustStore::empty().with_pem_certificate(pem)
            }
            (None, true) => TrustStore::empty().with_pem_certificate(AMAZON_ROOTS),
            (None, false) => TrustStore::default(),
        };
        let plain_http = endpoint.as_deref().is_some_and(|url| url.starts_with("http://"));
        // The sandbox has no certificates to check, and reading all of the system's takes 30 ms.
        let trusted =
            if plain_http { TrustStore::empty().with_pem_certificate(AMAZON_ROOTS) } else { trusted };
        let context = TlsContext::builder()
            .with_trust_store(trusted)
            .build()
            .map_err(|error| format!("TLS: {error}"))?;
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .tls_context(context)
            .build_https();
        let config = aws_config::defaults(aws_config::BehaviorVersion::latest())
            .http_client(http.clone())
            .load()
            .await;
        Self::new(&config, http)
    }

    /// A client with the credentials and the endpoint of a configuration.
    ///
    /// # Errors
    /// The configuration has no credentials provider.
    pub fn new(config: &SdkConfig, http: SharedHttpClient) -> Result<Self, String> {
        let credentials = config.credentials_provider().ok_or("no AWS credentials are configured")?;
        Ok(Self {
            credentials,
            http,
            identities: IdentityCache::lazy().build(),
            endpoint: config.endpoint_url().map(|url| url.trim_end_matches('/').to_owned()),
            kind: Kind::of(config.use_fips().unwrap_or(false), config.use_dual_stack().unwrap_or(false)),
            prepared: Mutex::default(),
            limiter: None,
            until: Mutex::default(),
        })
    }

    /// The same client, below the rates of `catalog/quotas.toml`. A call that finds no place in time is
    /// *throttled* without being sent.
    pub fn limited(mut self) -> Self {
        self.limiter = Some(Limiter::default());
        self
    }

    /// Until when the calls that follow may wait for a place.
    pub fn set_end(&self, end: Option<Instant>) {
        *self.until.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = end;
    }

    /// Whether that is over.
    pub fn is_over(&self) -> bool {
        let end = *self.until.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        end.is_some_and(|end| Instant::now() >= end)
    }

    /// Waits for a place for a call.
    pub(crate) async fn place(&self, call: &str, region: &str) -> Result<(), Failure> {
        let Some(limiter) = &self.limiter else { return Ok(()) };
        let now = Instant::now();
        let end = *self.until.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let left = end.map_or(LONGEST_PLACE, |end| end.saturating_duration_since(now).min(LONGEST_PLACE));
        let in_time = end.is_none_or(|end| now < end);
        match in_time.then(|| limiter.take(call, region, now, left)).flatten() {
            Some(Duration::ZERO) => Ok(()),
            Some(wait) => {
                TokioSleep::new().sleep(wait).await;
                Ok(())
            }
            None => {
                let message = "this function sends no more of these calls for now, to leave room for others";
                Err(Failure::ours(Class::Throttled, call, "ClientLimit", message))
            }
        }
    }

    /// Sends one call in a region and returns the answer: the JSON, or the XML as JSON; null where
    /// the body is empty.
    ///
    /// # Errors
    /// What AWS answered, or that it could not be reached, after the SDK's retries.
    pub async fn call(
        &self,
        operation: &Operation,
        call: &Call,
        region: &str,
        ask: Ask<'_>,
    ) -> Result<Value, Failure> {
        let name = format!("{}:{}", operation.name.split(':').next().unwrap_or_default(), call.operation);
        self.place(&name, region).await?;
        self.send(operation, &name, region, ask.account, wire::request(operation, call, &ask)).await
    }

    /// Sends a request to where an operation's calls go, and returns the answer. `name` is what a failure
    /// calls it, for example `sqs:SendMessage`.
    ///
    /// # Errors
    /// As for [`Self::call`].
    pub async fn send(
        &self,
        operation: &Operation,
        name: &str,
        region: &str,
        account: &str,
        request: wire::Request,
    ) -> Result<Value, Failure> {
        let failure = |code: &str, message: String| Failure::of(name, code, message, None);
        let mut http = http::Request::builder().method(request.method).uri(request.path);
        for (header, value) in request.headers {
            http = http.header(header, value);
        }
        if !request.body.is_empty() {
            http = http.header("content-length", request.body.len());
        }
        let http = http.body(SdkBody::from(request.body)).map_err(|error| error.to_string());
        let http = http.and_then(|request| HttpRequest::try_from(request).map_err(|error| error.to_string()));
        let http = http.map_err(|error| failure("InvalidRequest", error))?;
        let endpoint = endpoint::of(operation, self.kind, region, account)?;
        let expects_xml =
            matches!(operation.protocol, Protocol::Query(_) | Protocol::Ec2(_) | Protocol::RestXml);
        match self.prepared(operation, endpoint).invoke(http).await {
            // A proxy's page of HTML with HTTP 200 is no answer of AWS.
            Ok(Answer { value, is_xml }) if !value.is_null() && is_xml != expects_xml => {
                Err(failure(outcome::UNREADABLE, "the answer is not of the operation's protocol".to_owned()))
            }
            Ok(Answer { value, .. }) => Ok(value),
            Err(SdkError::ServiceError(error)) => {
                let error = error.err();
                let code =
                    error.metadata.code().map_or_else(|| format!("HTTP{}", error.status), str::to_owned);
                let message = error.metadata.message().unwrap_or_default();
                Err(Failure::of(name, &code, message, Some(error.status)))
            }
            Err(error) => Err(failure("Unreachable", chain(&error))),
        }
    }

    fn prepared(&self, operation: &Operation, endpoint: Endpoint) -> Prepared {
        let url = self.endpoint.clone().unwrap_or_else(|| format!("https://{}", endpoint.host));
        let key = (format!("{url} {}", endpoint.signing_region), operation.signing);
        // A poisoned lock means that another task panicked while it held a map; the map is whole.
        let mut prepared = self.prepared.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        prepared
            .entry(key)
            .or_insert_with(|| self.prepare(operation.signing, &url, endpoint.signing_region))
            .clone()
    }

    fn prepare(&self, signing: &'static str, url: &str, region: String) -> Prepared {
        let mut options = SigningOptions::default();
        // S3 signs the path as it is sent: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>
        let of_s3 = matches!(signing, "s3" | "s3express");
        options.double_uri_encode = !of_s3;
        options.normalize_uri_path = !of_s3;
        options.content_sha256_header = of_s3;
        let mut layer = Layer::new("tagger");
        layer.store_put(SigV4OperationSigningConfig {
            region: Some(SigningRegion::from(Region::new(region))),
            name: Some(SigningName::from_static(signing)),
            signing_options: options,
            ..Default::default()
        });
        layer.store_put(AuthSchemeOptionResolverParams::new(()));
        let schemes = StaticAuthSchemeOptionResolver::new(vec![sigv4::SCHEME_ID]);
        let components = RuntimeComponentsBuilder::new("tagger")
            .with_auth_scheme(SharedAuthScheme::new(sigv4::SigV4AuthScheme::new()))
            .with_auth_scheme_option_resolver(Some(SharedAuthSchemeOptionResolver::new(schemes)))
            .with_identity_cache(Some(self.identities.clone()))
            .with_identity_resolver(sigv4::SCHEME_ID, SharedIdentityResolver::new(self.credentials.clone()))
            .with_interceptor(aws_runtime::invocation_id::InvocationIdInterceptor::new())
            .with_interceptor(aws_runtime::request_info::RequestInfoInterceptor::new())
            .with_interceptor(aws_runtime::service_clock_skew::ServiceClockSkewInterceptor::new());
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(2))
            .operation_attempt_timeout(Duration::from_secs(5))
            .operation_timeout(Duration::from_secs(10))
            .build();
        SdkOperation::builder()
            .service_name(signing)
            .operation_name("Tagging")
            .behavior_version(BehaviorVersion::latest())
            .http_client(self.http.clone())
            .endpoint_url(url)
            .standard_retry(&RetryConfig::standard().with_max_attempts(4))
            .timeout_config(timeouts)
            .sleep_impl(TokioSleep::new())
            .retry_classifier(TransientErrorClassifier::<ApiError>::new())
            .retry_classifier(HttpStatusCodeClassifier::default())
            .retry_classifier(AwsErrorCodeClassifier::<ApiError>::new())
            .with_connection_poisoning()
            .runtime_plugin(
                StaticRuntimePlugin::new().with_config(layer.freeze()).with_runtime_components(components),
            )
            .serializer(Ok)
            .deserializer(answer)
            .build()
    }
}

/// An error with all its causes, in one line.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

/// Reads an answer: XML where it begins like XML, else JSON.
fn answer(response: &HttpResponse) -> Result<Answer, OrchestratorError<ApiError>> {
    let status = response.status().as_u16();
    let body = response.body().bytes().unwrap_or_default().trim_ascii();
    let is_xml = body.starts_with(b"<");
    let parsed = if body.is_empty() {
        Ok(Value::Null)
    } else if is_xml {
        xml::parse(body)
    } else {
        serde_json::from_slice(body).map_err(|error| error.to_string())
    };
    if response.status().is_success() {
        return parsed.map(|value| Answer { value, is_xml }).map_err(OrchestratorError::other);
    }
    let value = parsed.unwrap_or(Value::Null);
    let text = |names: &[&str]| names.iter().find_map(|name| value[*name].as_str()).map(str::to_owned);
    let (code, message) = if is_xml {
        xml_error(&value).unwrap_or_default()
    } else {
        let header = response.headers().get("x-amzn-errortype").map(str::to_owned);
        (header.or_else(|| text(&["__type", "code", "Code"])), text(&["message", "Message", "errorMessage"]))
    };
    let mut metadata = ErrorMetadata::builder();
    if let Some(code) = code {
        // `com.amazonaws.x#NotFound:http://…` is NotFound.
        let code = code.rsplit('#').next().unwrap_or_default().split(':').next().unwrap_or_default();
        metadata = metadata.code(code);
    }
    if let Some(message) = message {
        metadata = metadata.message(message);
    }
    Err(OrchestratorError::operation(ApiError { status, metadata: metadata.build() }))
}

/// The `Code` and `Message` of an XML error, however deep they stand.
fn xml_error(value: &Value) -> Option<(Option<String>, Option<String>)> {
    let map = value.as_object()?;
    let text = |name: &str| map.get(name).and_then(Value::as_str).map(str::to_owned);
    match text("Code") {
        Some(code) => Some((Some(code), text("Message"))),
        None => map.values().find_map(xml_error),
    }
}
