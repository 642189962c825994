//! Is what runs what was deployed? The function's code against the zip that the stack names. Pure.
//!
//! The version in the function's description is only a text; `CodeSha256` is what Lambda computed of the code that it runs:
//! <https://docs.aws.amazon.com/lambda/latest/api/API_FunctionConfiguration.html>

use super::report::{Check, Verdict};
use crate::{deployment::FUNCTION, held_settings::Held};
use tagger_aws::account::{function::Function, stacks::Stack};

const NAME: &str = "function-code";

/// Whether both are the same; none where either is not known.
pub fn is_deployed(function: &Function, held: &Held) -> Option<bool> {
    let code = held.code.as_deref()?;
    (!function.code_sha256.is_empty()).then(|| code == function.code_sha256)
}

/// What it is worth.
pub fn judge(function: &Function, held: &Held, stack: Option<&Stack>) -> Check {
    let told = |name: &str| stack.and_then(|stack| stack.parameters.get(name)).map_or("?", String::as_str);
    let zip = format!("s3://{}/{}", told("CodeBucket"), told("CodeKey"));
    match is_deployed(function, held) {
        Some(true) => Check::ok(NAME, format!("the function runs the code of {zip}, which the stack names")),
        Some(false) => {
            let message = format!(
                "the function runs other code than the stack's zip {zip}: somebody changed one of them, and the description's \
                 version says nothing of it"
            );
            let fix = format!(
                "find out who: `aws cloudtrail lookup-events --lookup-attributes AttributeKey=ResourceName,AttributeValue={FUNCTION}`; \
                 then deploy a zip that you trust: `tagger deploy --zip FILE`"
            );
            Check::new(NAME, Verdict::Bad, message)
                .fix(fix)
                .detail("codeSha256", function.code_sha256.as_str())
                .detail("zipSha256", held.code.as_deref().unwrap_or_default())
        }
        None => {
            let why = held
                .unread
                .as_deref()
                .unwrap_or("the stack names no zip that is there, or Lambda tells no digest");
            let message = format!("whether the function runs the stack's zip is not known: {why}");
            Check::new(NAME, Verdict::Unknown, message)
                .fix("let this principal read the zip (s3:GetObject); a bucket that was emptied: `tagger deploy` fills it")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_compared_and_not_the_description() {
        let function = |sha: &str| Function {
            code_sha256: sha.to_owned(),
            description: "Tags every new resource with its creator (9.9.9).".to_owned(),
            ..Function::default()
        };
        let held = |sha: Option<&str>| Held { code: sha.map(str::to_owned), ..Held::default() };
        for (what, function, held, verdict) in [
            ("the same", function("abc="), held(Some("abc=")), Verdict::Ok),
            ("changed in Lambda or in the bucket", function("xyz="), held(Some("abc=")), Verdict::Bad),
            ("the zip was not read", function("abc="), held(None), Verdict::Unknown),
            ("Lambda tells nothing", function(""), held(Some("abc=")), Verdict::Unknown),
        ] {
            let check = judge(&function, &held, None);
            assert_eq!(check.verdict, verdict, "{what}: {check:?}");
        }
    }
}
