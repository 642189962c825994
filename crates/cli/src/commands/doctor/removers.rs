//! Tools that take away tags which they did not set, how CloudTrail shows each, and which setting makes it leave a key
//! alone. Data, each row with its source; and one question to it.

/// One such tool.
#[derive(Debug, PartialEq, Eq)]
pub struct Remover {
    /// Its name.
    pub name: &'static str,
    /// What stands in its user agent, in small letters.
    pub agents: &'static [&'static str],
    /// Keys of tags, or the beginnings of keys, that it alone sets: a call that sets them is its own.
    pub sets: &'static [&'static str],
    /// The setting that leaves the key alone, or what there is instead. `KEY` stands for the key.
    pub fix: &'static str,
    /// Where the setting, or that there is none, can be read.
    pub source: &'static str,
}

/// The first that fits is taken: Pulumi's and Crossplane's providers are built on Terraform's.
pub static REMOVERS: [Remover; 8] = [
    Remover {
        name: "Pulumi",
        agents: &["pulumi/", "pulumi-aws/"],
        sets: &[],
        fix: "`pulumi config set --path 'aws:ignoreTags.keys[0]' KEY` in each stack, or `ignoreTags: { keys: [\"KEY\"] }` of an \
              explicit provider",
        source: "https://www.pulumi.com/registry/packages/aws/api-docs/provider/",
    },
    Remover {
        name: "Crossplane",
        // No document names its user agent; its own tags are in the issue.
        agents: &["crossplane", "upjet"],
        sets: &["crossplane-kind", "crossplane-name", "crossplane-providerconfig"],
        fix: "Crossplane has no setting for a key. Either its tags stand in `spec.initProvider` instead of `spec.forProvider`, \
              with `managementPolicies` without `LateInitialize`, so that it sets them once and leaves them; or \
              `tagger deploy --set TagChanges=restore` puts KEY back",
        source: "https://github.com/crossplane-contrib/provider-upjet-aws/issues/1177",
    },
    Remover {
        name: "Terraform or OpenTofu",
        agents: &["terraform", "opentofu"],
        sets: &[],
        fix: "`ignore_tags { keys = [\"KEY\"] }` in each `provider \"aws\"`: docs/deployment.md#terraform",
        source: "https://registry.terraform.io/providers/hashicorp/aws/latest/docs#ignore_tags-configuration-block",
    },
    Remover {
        name: "Ansible",
        agents: &["ansible/"],
        sets: &[],
        fix: "`purge_tags: false` in the task, or in `module_defaults` of the play for `group/aws`",
        source: "https://docs.ansible.com/ansible/latest/collections/amazon/aws/s3_bucket_module.html#parameter-purge_tags",
    },
    Remover {
        name: "chalice",
        agents: &["aws-chalice/"],
        sets: &[],
        fix: "chalice removes each tag of a function that does not stand in `tags` of `.chalice/config.json`, and has no setting \
              against it: `tagger deploy --set TagChanges=restore` puts KEY back",
        source: "https://aws.github.io/chalice/topics/configfile.html#tags",
    },
    Remover {
        name: "the AWS Load Balancer Controller",
        agents: &["elbv2.k8s.aws/"],
        sets: &["elbv2.k8s.aws/"],
        fix: "the flag `--external-managed-tags=KEY` of the controller, `externalManagedTags: [KEY]` in its Helm chart",
        source: "https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/deploy/configurations/",
    },
    Remover {
        name: "an AWS Controller for Kubernetes (ACK)",
        agents: &["aws-controllers-k8s/"],
        sets: &["services.k8s.aws/"],
        fix: "ACK leaves only keys alone that begin with `aws:` or `services.k8s.aws/`, and has no setting for others: \
              `tagger deploy --set TagChanges=restore` puts KEY back",
        source: "https://github.com/aws-controllers-k8s/runtime/pull/170",
    },
    Remover {
        name: "CloudFormation (CDK, SAM and Serverless deploy with it)",
        agents: &["cloudformation.amazonaws.com"],
        sets: &["aws:cloudformation:"],
        fix: "for some types CloudFormation writes all tags anew when the stack's tags change, and has no setting against it: \
              `tagger deploy --set TagChanges=restore` puts KEY back",
        source: "https://github.com/data-dot-all/dataall/issues/194",
    },
];

/// The tool that made a call, by its user agent, by the service that called in its name, or by the tags that it sets.
pub fn of(agent: &str, invoked_by: &str, request: &str) -> Option<&'static Remover> {
    let (agent, invoked_by) = (agent.to_lowercase(), invoked_by.to_lowercase());
    let by_agent = |remover: &&Remover| {
        remover
            .agents
            .iter()
            .any(|word| agent.contains(word) || (!invoked_by.is_empty() && invoked_by == *word))
    };
    let by_tags = |remover: &&Remover| remover.sets.iter().any(|key| request.contains(&format!("\"{key}")));
    REMOVERS.iter().find(by_agent).or_else(|| REMOVERS.iter().find(by_tags))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tool_is_recognised() {
        for (agent, invoked_by, request, name) in [
            (
                "APN/1.0 HashiCorp/1.0 Terraform/1.9.0 (+https://www.terraform.io) terraform-provider-aws/5.60.0",
                "",
                "",
                "Terraform or OpenTofu",
            ),
            ("APN/1.0 Pulumi/1.0 Pulumi/1.0 Pulumi-Aws/v6.0 (+https://www.pulumi.com)", "", "", "Pulumi"),
            ("Boto3/1.35 APN/1.0 Ansible/2.17.0 amazon.aws/8.1.0", "", "", "Ansible"),
            ("aws-chalice/1.31.2 md/Botocore#1.35.0 ua/2.0", "", "", "chalice"),
            ("aws-sdk-go-v2/1.30 elbv2.k8s.aws/v2.9.0", "", "", "the AWS Load Balancer Controller"),
            (
                "aws-controllers-k8s/s3.services.k8s.aws-v1.0.0 (GitCommit/1; BuildDate/2) aws-sdk-go/1",
                "",
                "",
                "an AWS Controller for Kubernetes (ACK)",
            ),
            ("aws-sdk-go-v2/1.30", "", r#"{"Key":"crossplane-kind","Value":"bucket"}"#, "Crossplane"),
            (
                "cloudformation.amazonaws.com",
                "",
                "",
                "CloudFormation (CDK, SAM and Serverless deploy with it)",
            ),
            (
                "x",
                "cloudformation.amazonaws.com",
                "",
                "CloudFormation (CDK, SAM and Serverless deploy with it)",
            ),
        ] {
            assert_eq!(of(agent, invoked_by, request).map(|remover| remover.name), Some(name), "{agent}");
        }
        for agent in ["aws-cli/2.17 md/awscrt", "console.amazonaws.com", "Boto3/1.35", ""] {
            assert_eq!(of(agent, "", r#"{"Key":"Team"}"#), None, "{agent}");
        }
    }

    #[test]
    fn each_row_is_whole() {
        for remover in &REMOVERS {
            assert!(
                remover.source.starts_with("https://") && remover.fix.contains("KEY")
                    || remover.fix.contains("purge_tags")
            );
            assert!(remover.agents.iter().all(|word| *word == word.to_lowercase()), "{remover:?}");
        }
    }
}
