//! People of IAM Identity Center, by their id in its identity store. Reads only.

use super::{Account, Trouble};
use crate::history::json_call;
use serde_json::json;
use tagger_catalog::{
    ec2::describe,
    operation::{Call, Operation, Protocol, Takes, Variant},
};

/// A user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// `UserName`, with which he signs in.
    pub name: String,
    /// `ENABLED`, `DISABLED`, or nothing where the store does not say.
    pub status: String,
}

const CALL: &str = "identitystore:DescribeUser";

/// Where the identity store is and how its calls are signed; nothing in it is tagged.
/// <https://docs.aws.amazon.com/singlesignon/latest/IdentityStoreAPIReference/API_DescribeUser.html>
static STORE: Operation = Operation {
    name: CALL,
    actions: &[CALL],
    reads: &[CALL],
    protocol: Protocol::Json { minor: "1.1", target: "AWSIdentityStore" },
    endpoint: "identitystore",
    signing: "identitystore",
    host: "",
    host_prefix: "",
    global: &[],
    takes: Takes::Given,
    variant: Variant::Regular,
    write: Call { many: false, ..describe("DescribeUser", "UserId") },
    read: None,
    refused_in_keys: "",
    refused_in_values: "",
    max_tags: 0,
};

impl Account {
    /// The user of an id. It works where the store is, in the region of Identity Center, and from member accounts where the
    /// organization allows it; here the configured region is asked.
    ///
    /// # Errors
    /// The store is not to be asked, or knows no such user.
    pub async fn person(&self, store: &str, id: &str) -> Result<Person, Trouble> {
        let request = json_call(&STORE, "DescribeUser", &json!({ "IdentityStoreId": store, "UserId": id }));
        let asked = self.tagging()?.send(&STORE, CALL, &self.region, &self.id, request).await;
        let answer = asked
            .map_err(|failure| Trouble::new(&failure.call, &self.region, &failure.code, failure.message))?;
        let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
        let name = text("UserName");
        if name.is_empty() {
            return Err(Trouble::new(CALL, &self.region, "UnreadableAnswer", "it names nobody"));
        }
        Ok(Person { name, status: text("UserStatus") })
    }
}
