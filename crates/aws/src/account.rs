//! An AWS account as the command line sees it: who asks, in which region, and what is there.
//!
//! Configuration, credentials and endpoints are read as every AWS SDK reads them. One file below for
//! each kind of thing. They ask and do; they must not decide what is deployed, and must not print.

pub mod code;
pub mod function;
pub mod history;
pub mod letters;
pub mod log;
pub mod organization;
pub mod people;
pub mod permissions;
pub mod principals;
pub mod protection;
pub mod queues;
pub mod rules;
pub mod stacks;
pub mod trails;
pub mod trouble;

use crate::{client::Client, covered};
use aws_config::{BehaviorVersion, SdkConfig};
use aws_runtime::env_config::file::EnvConfigFiles as ProfileFiles;
use aws_smithy_http_client::{
    Connector,
    proxy::ProxyConfig,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::http::{SharedHttpClient, http_client_fn};
use aws_types::{
    os_shim_internal::{Env, Fs},
    region::Region,
};
use tagger_catalog::partition::{self, Partition};
use trouble::told;
pub use trouble::{Kind, Trouble};

/// An account, seen with somebody's credentials.
pub struct Account {
    config: SdkConfig,
    http: SharedHttpClient,
    /// Twelve digits.
    pub id: String,
    /// The ARN of whoever asks.
    pub caller: String,
    /// The region that was configured: the home region.
    pub region: String,
    /// What that region belongs to.
    pub partition: &'static Partition,
}

impl Account {
    /// Reads the configuration and asks AWS who this is.
    ///
    /// # Errors
    /// No region, no credentials, or credentials that are refused.
    pub async fn open(profile: Option<&str>, region: Option<&str>) -> Result<Self, Trouble> {
        let here = |code: &str, message: String| Trouble::new("the AWS configuration", "", code, message);
        refuse_unknown_profile(profile).await.map_err(|message| here("NoProfile", message))?;
        let http = http_client().map_err(|message| here("Tls", message))?;
        let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(http.clone());
        if let Some(profile) = profile {
            loader = loader.profile_name(profile);
        }
        if let Some(region) = region {
            loader = loader.region(Region::new(region.to_owned()));
        }
        let config = loader.load().await;
        let Some(region) = config.region().map(|region| region.as_ref().to_owned()) else {
            return Err(here("NoRegion", "no region is configured".to_owned()));
        };
        let asked = aws_sdk_sts::Client::new(&config).get_caller_identity().send().await;
        let who = asked.map_err(told("sts:GetCallerIdentity", &region))?;
        let (id, caller) = (text(who.account()), text(who.arn()));
        let partition = partition::of_region(&region);
        Ok(Self { config, http, id, caller, region, partition })
    }

    /// The same account with another region in place of the configured one.
    #[must_use]
    pub fn moved_to(&self, region: &str) -> Self {
        Self {
            config: self.at(region),
            http: self.http.clone(),
            id: self.id.clone(),
            caller: self.caller.clone(),
            region: region.to_owned(),
            partition: partition::of_region(region),
        }
    }

    /// The configuration for a region.
    fn at(&self, region: &str) -> SdkConfig {
        self.config.to_builder().region(Region::new(region.to_owned())).build()
    }

    /// Whether something stands in for AWS (the sandbox, a test).
    pub fn is_emulated(&self) -> bool {
        self.config.endpoint_url().is_some()
    }

    /// Where CloudFormation reads an object of a bucket in the home region.
    pub fn object_url(&self, bucket: &str, key: &str) -> String {
        match self.config.endpoint_url() {
            Some(url) => format!("{}/{bucket}/{key}", url.trim_end_matches('/')),
            None => format!("https://{bucket}.s3.{}.{}/{key}", self.region, self.partition.dns_suffix),
        }
    }

    /// The client of every tagging operation.
    ///
    /// # Errors
    /// There are no credentials.
    pub fn tagging(&self) -> Result<Client, Trouble> {
        Client::new(&self.config, self.http.clone())
            .map_err(|message| Trouble::new("the AWS configuration", &self.region, "NoCredentials", message))
    }

    /// The enabled regions, sorted.
    ///
    /// # Errors
    /// EC2 was not to be asked.
    pub async fn regions(&self) -> Result<Vec<String>, Trouble> {
        let asked = covered::enabled(&self.tagging()?, &self.region).await;
        let mut regions = asked
            .map_err(|failure| Trouble::new(&failure.call, &self.region, &failure.code, failure.message))?;
        regions.sort();
        Ok(regions)
    }
}

/// Refuses a profile that no configuration file has, whose region and credentials would only be missing. The names of
/// those that are there are said, nothing of what is in them.
async fn refuse_unknown_profile(named: Option<&str>) -> Result<(), String> {
    let variable = std::env::var("AWS_PROFILE").ok().filter(|name| !name.is_empty());
    let Some(name) = named.map(str::to_owned).or(variable) else { return Ok(()) };
    let loaded = aws_config::profile::load(&Fs::real(), &Env::real(), &ProfileFiles::default(), None).await;
    // A file that cannot be read is named by what reads it next.
    let Ok(profiles) = loaded else { return Ok(()) };
    if profiles.get_profile(&name).is_some() || name == "default" && named.is_none() {
        return Ok(());
    }
    let mut names: Vec<&str> = profiles.profiles().collect();
    names.sort_unstable();
    let there = if names.is_empty() {
        "there are none".to_owned()
    } else {
        format!("there are {}", names.join(", "))
    };
    Err(format!(
        "there is no profile `{name}` in the configuration files (~/.aws/config, ~/.aws/credentials); {there}"
    ))
}

/// HTTPS with the system's roots (or `AWS_CA_BUNDLE`) and the proxies of the environment.
fn http_client() -> Result<SharedHttpClient, String> {
    let bundle = std::env::var("AWS_CA_BUNDLE").ok().filter(|path| !path.is_empty());
    let trusted = match bundle {
        Some(path) => {
            let pem = std::fs::read(&path).map_err(|error| format!("AWS_CA_BUNDLE {path}: {error}"))?;
            TrustStore::empty().with_pem_certificate(pem)
        }
        // The sandbox has no certificates to check, and reading all of the system's takes its time.
        None if std::env::var("AWS_ENDPOINT_URL").is_ok_and(|url| url.starts_with("http://")) => {
            TrustStore::empty().with_pem_certificate(crate::client::AMAZON_ROOTS)
        }
        None => TrustStore::default(),
    };
    let context =
        TlsContext::builder().with_trust_store(trusted).build().map_err(|error| error.to_string())?;
    let connector = Connector::builder()
        .proxy_config(ProxyConfig::from_env())
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .tls_context(context)
        .build();
    let connector = aws_smithy_runtime_api::client::http::SharedHttpConnector::new(connector);
    Ok(SharedHttpClient::new(http_client_fn(move |_, _| connector.clone())))
}

/// What a member holds, empty where it is missing.
fn text(value: Option<&str>) -> String {
    value.unwrap_or_default().to_owned()
}

/// Seconds since 1970.
fn seconds(time: Option<&aws_smithy_types::DateTime>) -> i64 {
    time.map_or(0, aws_smithy_types::DateTime::secs)
}
