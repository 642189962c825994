//! Whoever calls in the story: a user, root, or a role session with an e-mail address for its name.

use super::samples::ACCOUNT;
use serde_json::json;

/// `userIdentity` of somebody.
pub fn who(name: &str) -> String {
    let identity = if name == "root" {
        json!({ "type": "Root", "principalId": ACCOUNT, "arn": format!("arn:aws:iam::{ACCOUNT}:root"), "accountId": ACCOUNT })
    } else if name.contains('@') {
        json!({
            "type": "AssumedRole", "principalId": format!("AROAEXAMPLE:{name}"), "accountId": ACCOUNT,
            "arn": format!("arn:aws:sts::{ACCOUNT}:assumed-role/Developer/{name}"),
            "sessionContext": { "sessionIssuer": { "type": "Role", "userName": "Developer", "accountId": ACCOUNT,
                "arn": format!("arn:aws:iam::{ACCOUNT}:role/Developer"), "principalId": "AROAEXAMPLE" } },
        })
    } else {
        json!({ "type": "IAMUser", "principalId": "AIDAEXAMPLE", "accountId": ACCOUNT, "userName": name,
            "arn": format!("arn:aws:iam::{ACCOUNT}:user/{name}") })
    };
    identity.to_string()
}
