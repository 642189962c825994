//! The catalog's only mini-language: `arn:{partition}:sqs:{region}:{account}:{requestParameters.queueName}`.
//!
//! This file parses it (for `cargo xtask codegen`, which writes the parsed form into the static
//! tables). `tagger-core` fills it in from a record. `catalog/README.md` explains it to contributors.

/// A parsed template.
pub type Template = &'static [Part<'static>];

/// One piece of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part<'a> {
    /// Text that stands for itself.
    Text(&'a str),
    /// `{partition}`: `aws`, `aws-cn`, … of the record's region.
    Partition,
    /// `{region}`: the record's `awsRegion`.
    Region,
    /// `{account}`: the account of the record.
    Account,
    /// `{dns-suffix}`: `amazonaws.com`, `amazonaws.com.cn`, …
    DnsSuffix,
    /// `{child}`: the id that a describing call tells, which is in no record.
    Child,
    /// `{requestParameters.name}`: a path in the record; a step that ends in `[]` walks a list.
    Path {
        /// The steps, joined by dots.
        path: &'a str,
        /// What is done to the text that was found.
        filter: Filter,
    },
}

/// What is done to the text that a path found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    /// Nothing.
    None,
    /// `|name`: the name, also where it stands there as an ARN or a path; not where that leaves a `/` or `:` in it.
    Name,
    /// `|slash`: a `/` before it unless there is one already (names of SSM parameters).
    Slash,
}

/// Parses a template. The error is a sentence about the text, without the file or the entry.
///
/// # Errors
/// A brace that is not closed, an unknown variable or filter, more than one path with `[]`.
pub fn parse(text: &str) -> Result<Vec<Part<'_>>, String> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        let close = rest[open..].find('}').ok_or_else(|| format!("`{{` without `}}` in `{text}`"))? + open;
        if open > 0 {
            parts.push(Part::Text(&rest[..open]));
        }
        parts.push(part(&rest[open + 1..close]).map_err(|why| format!("{why} in `{text}`"))?);
        rest = &rest[close + 1..];
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest));
    }
    let walks =
        parts.iter().filter(|part| matches!(part, Part::Path { path, .. } if path.contains("[]"))).count();
    if walks > 1 {
        return Err(format!("more than one path with `[]` in `{text}`"));
    }
    Ok(parts)
}

fn part(inner: &str) -> Result<Part<'_>, String> {
    Ok(match inner {
        "partition" => Part::Partition,
        "region" => Part::Region,
        "account" => Part::Account,
        "dns-suffix" => Part::DnsSuffix,
        "child" => Part::Child,
        _ => {
            let (path, filter) = match inner.split_once('|') {
                None => (inner, Filter::None),
                Some((path, "name")) => (path, Filter::Name),
                Some((path, "slash")) => (path, Filter::Slash),
                Some((_, other)) => {
                    return Err(format!("unknown filter `{other}`, known are `name` and `slash`,"));
                }
            };
            let root = path.split('.').next().unwrap_or_default();
            if !["requestParameters", "responseElements", "additionalEventData", "userIdentity"]
                .contains(&root)
            {
                return Err(format!(
                    "`{inner}` is neither a variable (partition, region, account, dns-suffix) nor a path that begins \
                     with requestParameters, responseElements or additionalEventData"
                ));
            }
            Part::Path { path, filter }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses() {
        assert_eq!(
            parse("arn:{partition}:x:{requestParameters.a[].b|name}/z").unwrap(),
            [
                Part::Text("arn:"),
                Part::Partition,
                Part::Text(":x:"),
                Part::Path { path: "requestParameters.a[].b", filter: Filter::Name },
                Part::Text("/z"),
            ]
        );
    }

    #[test]
    fn refuses_with_the_reason() {
        for (text, reason) in [
            ("arn:{partition", "without"),
            ("{requestParameters.a|first}", "unknown filter `first`"),
            ("{regoin}", "neither a variable"),
            ("{requestParameters.a[].b}{responseElements.c[].d}", "more than one path"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(reason) && error.contains(text), "{text}: {error}");
        }
    }
}
