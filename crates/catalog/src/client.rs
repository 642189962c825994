//! What a call was made with, from the words of its user agent: `catalog/clients.toml`. Data and one matcher.

/// How a word of a user agent begins, and what it stands for.
#[derive(Debug)]
pub struct Client {
    /// `console`, `cli`, `terraform`, `cdk`, `cloudformation` or `sdk`.
    pub via: &'static str,
    /// How the word begins.
    pub agent: &'static str,
    /// Whether the console itself uses it as well.
    pub after_console: bool,
}

/// What it is where nothing else is known.
pub const OTHER: &str = "other";
/// What the console's calls are.
pub const CONSOLE: &str = "console";

/// What a call was made with. `from_console` is what the record says of the session's credentials.
///
/// ```
/// use tagger_catalog::client::via;
/// assert_eq!(via("aws-cli/2.32.10 md/awscrt#0.28", false), "cli");
/// assert_eq!(via("[S3Console/0.4, aws-internal/3 aws-sdk-java/1.12]", true), "console");
/// assert_eq!(via("curl/8.5.0", false), "other");
/// ```
pub fn via(user_agent: &str, from_console: bool) -> &'static str {
    let words =
        || user_agent.split_ascii_whitespace().map(|word| word.trim_start_matches(['[', '(', '"', '+']));
    let begins = |word: &str, agent: &str| {
        word.get(..agent.len()).is_some_and(|start| start.eq_ignore_ascii_case(agent))
    };
    let found =
        crate::generated::CLIENTS.iter().find(|client| words().any(|word| begins(word, client.agent)));
    match found {
        Some(client) if !(client.after_console && from_console) => client.via,
        _ if from_console => CONSOLE,
        _ => OTHER,
    }
}

#[cfg(test)]
mod tests {
    use super::via;

    /// The forms are those of public records; versions and systems are made up.
    #[test]
    fn what_a_call_was_made_with() {
        let provider = "APN/1.0 HashiCorp/1.0 Terraform/1.9.5 (+https://www.terraform.io) terraform-provider-aws/5.60.0 aws-sdk-go-v2/1.30.1";
        for (agent, from_console, expected) in [
            (provider, false, "terraform"),
            (
                "aws-sdk-go/1.20.4 (go1.12.5; linux; amd64) APN/1.0 HashiCorp/1.0 Terraform/0.12.2",
                false,
                "terraform",
            ),
            ("APN/1.0 OpenTofu/1.8.0", false, "terraform"),
            ("aws-cdk/2.1000.0 aws-sdk-js/3.741.0 ua/2.1 os/linux", false, "cdk"),
            ("cloudformation.amazonaws.com", false, "cloudformation"),
            ("aws-cli/2.32.10 md/awscrt#0.28 exec-env/CloudShell", true, "cli"),
            ("[aws-cli/1.11.76 Python/3.6 Linux/4.14 botocore/1.5.39]", false, "cli"),
            ("Boto3/1.34.69 md/Botocore#1.34.69 ua/2.0", false, "sdk"),
            ("aws-sdk-java/2.20.162 Linux/5.15.0", false, "sdk"),
            ("aws-internal/3 aws-sdk-java/1.12.590", true, "console"),
            ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", false, "console"),
            ("AWS Internal", true, "console"),
            ("AWS Internal", false, "other"),
            ("console.ec2.amazonaws.com", false, "console"),
            ("ec2.amazonaws.com", false, "other"),
            ("", true, "console"),
            ("", false, "other"),
        ] {
            assert_eq!(via(agent, from_console), expected, "{agent:?}, from the console: {from_console}");
        }
    }
}
