//! The function: its state, its settings, who may call it, what it reads from.
//!
//! Reads, and calls. What any of it means for tagging is decided by the caller.

use super::{Account, Kind, Trouble, text, trouble::told};
use aws_sdk_lambda::{Client, primitives::Blob};
use serde_json::Value;
use std::collections::BTreeMap;

/// A Lambda function as it is configured.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Function {
    /// Its ARN.
    pub arn: String,
    /// Its description; ours holds the version in brackets.
    pub description: String,
    /// `Pending`, `Active`, `Inactive` or `Failed`.
    pub state: String,
    /// Why it is in that state.
    pub state_reason: String,
    /// `Successful`, `Failed` or `InProgress`.
    pub last_update: String,
    /// Why.
    pub last_update_reason: String,
    /// `arm64` or `x86_64`.
    pub architecture: String,
    /// Its code's SHA-256, base64.
    pub code_sha256: String,
    /// When it was changed last, as Lambda writes it.
    pub modified: String,
    /// The ARN of its role.
    pub role: String,
    /// Its variables; none where Lambda does not tell them, for example since the caller may not use their KMS key.
    pub variables: Option<BTreeMap<String, String>>,
    /// Why it does not tell them.
    pub variables_error: String,
}

/// What a function reads from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mapping {
    /// Its id.
    pub uuid: String,
    /// The ARN of the queue.
    pub source: String,
    /// `Enabled`, `Disabled`, `Enabling`, …
    pub state: String,
    /// How many calls at a time it may make; none where it has no maximum of its own.
    pub most: Option<i32>,
}

/// How many calls at a time Lambda takes for an account in a region.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limit {
    /// For all functions together.
    pub all: i32,
    /// For those that have none reserved, which share it.
    pub shared: i32,
}

/// Lambda in one region.
pub struct Functions {
    client: Client,
    region: String,
}

impl Account {
    /// Lambda in a region.
    pub fn functions(&self, region: &str) -> Functions {
        Functions { client: Client::new(&self.at(region)), region: region.to_owned() }
    }
}

impl Functions {
    /// A function, if there is one of that name.
    ///
    /// # Errors
    /// Lambda could not be asked.
    pub async fn find(&self, name: &str) -> Result<Option<Function>, Trouble> {
        let asked = self.client.get_function_configuration().function_name(name).send().await;
        let Some(found) = there(asked.map_err(told("lambda:GetFunctionConfiguration", &self.region)))? else {
            return Ok(None);
        };
        let environment = found.environment();
        let error = environment.and_then(|environment| environment.error());
        let error = error.map(|error| format!("{}: {}", text(error.error_code()), text(error.message())));
        let variables = environment.and_then(|environment| environment.variables()).into_iter().flatten();
        let variables = variables.map(|(name, value)| (name.clone(), value.clone())).collect();
        Ok(Some(Function {
            arn: text(found.function_arn()),
            description: text(found.description()),
            state: text(found.state().map(|state| state.as_str())),
            state_reason: text(found.state_reason()),
            last_update: text(found.last_update_status().map(|status| status.as_str())),
            last_update_reason: text(found.last_update_status_reason()),
            architecture: text(found.architectures().first().map(|architecture| architecture.as_str())),
            code_sha256: text(found.code_sha256()),
            modified: text(found.last_modified()),
            role: text(found.role()),
            variables: error.is_none().then_some(variables),
            variables_error: error.unwrap_or_default(),
        }))
    }

    /// How many calls at a time are reserved for a function; none means that it shares the account's.
    /// 0 stops it: <https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html>
    ///
    /// # Errors
    /// Lambda could not be asked.
    pub async fn reserved(&self, name: &str) -> Result<Option<i32>, Trouble> {
        let asked = self.client.get_function_concurrency().function_name(name).send().await;
        let found = there(asked.map_err(told("lambda:GetFunctionConcurrency", &self.region)))?;
        Ok(found.and_then(|found| found.reserved_concurrent_executions()))
    }

    /// How many calls at a time the account may have in this region. 1,000 by default; new accounts begin with fewer:
    /// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
    ///
    /// # Errors
    /// Lambda could not be asked, or answered without numbers.
    pub async fn limit(&self) -> Result<Limit, Trouble> {
        let call = "lambda:GetAccountSettings";
        let asked = self.client.get_account_settings().send().await;
        let answer = asked.map_err(told(call, &self.region))?;
        let found = answer.account_limit().map(|limit| Limit {
            all: limit.concurrent_executions(),
            shared: limit.unreserved_concurrent_executions().unwrap_or(limit.concurrent_executions()),
        });
        found.filter(|limit| limit.all > 0).ok_or_else(|| {
            Trouble::new(call, &self.region, "UnreadableAnswer", "no limit of concurrent executions")
        })
    }

    /// A function's own policy, as JSON; none when nobody else may do anything with it.
    ///
    /// # Errors
    /// Lambda could not be asked.
    pub async fn policy(&self, name: &str) -> Result<Option<String>, Trouble> {
        let asked = self.client.get_policy().function_name(name).send().await;
        Ok(there(asked.map_err(told("lambda:GetPolicy", &self.region)))?.and_then(|found| found.policy))
    }

    /// A function's tags, by its ARN; none when there is no such function.
    ///
    /// # Errors
    /// Lambda could not be asked.
    pub async fn tags(&self, arn: &str) -> Result<Option<BTreeMap<String, String>>, Trouble> {
        let asked = self.client.list_tags().resource(arn).send().await;
        let found = there(asked.map_err(told("lambda:ListTags", &self.region)))?;
        Ok(found.map(|found| found.tags.into_iter().flatten().collect()))
    }

    /// Calls a function and waits for its answer.
    ///
    /// # Errors
    /// Lambda could not be asked; or `FunctionError`, with what the function says.
    pub async fn invoke(&self, name: &str, event: &Value) -> Result<Value, Trouble> {
        let call = "lambda:InvokeFunction";
        let payload = Blob::new(event.to_string());
        let asked = self.client.invoke().function_name(name).payload(payload).send().await;
        let answer = asked.map_err(told(call, &self.region))?;
        let bytes = answer.payload().map(Blob::as_ref).unwrap_or_default();
        let unreadable = |error| Trouble::new(call, &self.region, "UnreadableAnswer", format!("{error}"));
        let found: Value = serde_json::from_slice(bytes).map_err(unreadable)?;
        match answer.function_error() {
            None => Ok(found),
            Some(_) => {
                let message = found["errorMessage"].as_str().map_or_else(|| found.to_string(), str::to_owned);
                Err(Trouble::new(call, &self.region, "FunctionError", message))
            }
        }
    }

    /// What a function reads from.
    ///
    /// # Errors
    /// Lambda could not be asked.
    pub async fn mappings(&self, name: &str) -> Result<Vec<Mapping>, Trouble> {
        let (mut mappings, mut page) = (Vec::new(), None);
        loop {
            let ask = self.client.list_event_source_mappings().function_name(name).set_marker(page);
            let answer = ask.send().await.map_err(told("lambda:ListEventSourceMappings", &self.region))?;
            mappings.extend(answer.event_source_mappings().iter().map(|found| Mapping {
                uuid: text(found.uuid()),
                source: text(found.event_source_arn()),
                state: text(found.state()),
                most: found.scaling_config().and_then(|config| config.maximum_concurrency()),
            }));
            page = answer.next_marker().filter(|marker| !marker.is_empty()).map(str::to_owned);
            if page.is_none() {
                return Ok(mappings);
            }
        }
    }
}

/// What is not found is not there.
fn there<T>(asked: Result<T, Trouble>) -> Result<Option<T>, Trouble> {
    match asked {
        Ok(answer) => Ok(Some(answer)),
        Err(trouble) if trouble.kind() == Kind::NotFound => Ok(None),
        Err(trouble) => Err(trouble),
    }
}
