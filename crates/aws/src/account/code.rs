//! Buckets: the one that the function's zip and large templates are put into, and whether another is there.

use super::{Account, Kind, Trouble, trouble::told};
use aws_sdk_s3::{
    Client, config,
    primitives::ByteStream,
    types::{
        BucketLocationConstraint, BucketVersioningStatus, CreateBucketConfiguration, Delete,
        ObjectIdentifier, PublicAccessBlockConfiguration, VersioningConfiguration,
    },
};
use std::time::Duration;
use tagger_catalog::partition;

/// How often, and after which time, a bucket is asked for again whose name was given up lately
/// (`OperationAborted`, <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>).
const TRIES: u32 = 30;
const PAUSE: Duration = Duration::from_secs(10);

/// How often, and after which time, S3 is asked again that does not know a bucket yet which was just made: a bucket's
/// settings become consistent after a while (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/Welcome.html#ConsistencyModel>).
const EARLY_TRIES: u32 = 15;
const EARLY_PAUSE: Duration = Duration::from_secs(2);

/// S3 in one region.
pub struct Buckets {
    client: Client,
    region: String,
    account: String,
    early_pause: Duration,
}

/// Whose a bucket's name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// Nobody's.
    Nobody,
    /// This account's.
    Us,
    /// Another account's, or it may not be looked at.
    Others,
}

impl Account {
    /// S3 in a region.
    pub fn buckets(&self, region: &str) -> Buckets {
        let configuration =
            config::Builder::from(&self.at(region)).force_path_style(self.is_emulated()).build();
        Buckets {
            client: Client::from_conf(configuration),
            region: region.to_owned(),
            account: self.id.clone(),
            // Nobody's quota is used up by asking the sandbox.
            early_pause: if self.is_emulated() { Duration::from_millis(50) } else { EARLY_PAUSE },
        }
    }
}

impl Buckets {
    /// Whose a bucket's name is.
    ///
    /// # Errors
    /// S3 could not be asked.
    pub async fn owner(&self, bucket: &str) -> Result<Owner, Trouble> {
        let asked =
            self.client.head_bucket().bucket(bucket).expected_bucket_owner(&self.account).send().await;
        // HEAD has no body, so no code of AWS's either: the status must do.
        let status =
            asked.as_ref().err().and_then(|error| error.raw_response()).map(|raw| raw.status().as_u16());
        match (asked.map_err(told("s3:HeadBucket", &self.region)), status) {
            (Ok(_), _) => Ok(Owner::Us),
            (_, Some(404)) => Ok(Owner::Nobody),
            (_, Some(403 | 301)) => Ok(Owner::Others),
            (Err(trouble), _) if trouble.kind() == Kind::NotFound => Ok(Owner::Nobody),
            (Err(trouble), _) => Err(trouble),
        }
    }

    /// A bucket's policy, as JSON.
    ///
    /// # Errors
    /// S3 could not be asked.
    pub async fn policy(&self, bucket: &str) -> Result<Option<String>, Trouble> {
        let asked =
            self.client.get_bucket_policy().bucket(bucket).expected_bucket_owner(&self.account).send().await;
        match asked.map_err(told("s3:GetBucketPolicy", &self.region)) {
            Ok(answer) => Ok(answer.policy),
            Err(trouble) if trouble.code == "NoSuchBucketPolicy" => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    /// Makes a bucket that nobody outside can read. S3 encrypts every object by itself.
    ///
    /// # Errors
    /// S3 refused it.
    pub async fn make(&self, bucket: &str) -> Result<(), Trouble> {
        // S3 may need minutes until a name that was just given up can be used again.
        for tries in 0..=TRIES {
            let mut ask = self.client.create_bucket().bucket(bucket);
            if self.region != "us-east-1" {
                let place = BucketLocationConstraint::from(self.region.as_str());
                let place = CreateBucketConfiguration::builder().location_constraint(place).build();
                ask = ask.create_bucket_configuration(place);
            }
            match ask.send().await.map_err(told("s3:CreateBucket", &self.region)) {
                Ok(_) => break,
                Err(trouble) if trouble.code == "BucketAlreadyOwnedByYou" => break,
                Err(trouble) if trouble.code == "OperationAborted" && tries < TRIES => {
                    tokio::time::sleep(PAUSE).await;
                }
                Err(trouble) => return Err(trouble),
            }
        }
        let nothing_public = PublicAccessBlockConfiguration::builder()
            .block_public_acls(true)
            .ignore_public_acls(true)
            .block_public_policy(true)
            .restrict_public_buckets(true)
            .build();
        self.until_known(async || {
            let ask = self.client.put_public_access_block().bucket(bucket);
            let asked = ask.public_access_block_configuration(nothing_public.clone()).send().await;
            asked.map(drop).map_err(told("s3:PutBucketPublicAccessBlock", &self.region))
        })
        .await?;
        self.harden(bucket).await
    }

    /// Keeps what is overwritten in a bucket, and refuses everybody who comes without TLS. A bucket that has a policy keeps it.
    ///
    /// # Errors
    /// S3 refused it.
    pub async fn harden(&self, bucket: &str) -> Result<(), Trouble> {
        let versions = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
        self.until_known(async || {
            let ask = self.client.put_bucket_versioning().bucket(bucket).expected_bucket_owner(&self.account);
            let asked = ask.versioning_configuration(versions.clone()).send().await;
            asked.map(drop).map_err(told("s3:PutBucketVersioning", &self.region))
        })
        .await?;
        if self.policy(bucket).await?.is_some() {
            return Ok(());
        }
        let partition = partition::of_region(&self.region).name;
        let only_tls = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Sid":"OnlyWithTls","Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["arn:{partition}:s3:::{bucket}","arn:{partition}:s3:::{bucket}/*"],"Condition":{{"Bool":{{"aws:SecureTransport":"false"}}}}}}]}}"#
        );
        self.until_known(async || {
            let ask = self.client.put_bucket_policy().bucket(bucket).expected_bucket_owner(&self.account);
            let asked = ask.policy(only_tls.clone()).send().await;
            asked.map(drop).map_err(told("s3:PutBucketPolicy", &self.region))
        })
        .await
    }

    /// Asks again as long as S3 does not know the bucket yet.
    async fn until_known(&self, ask: impl AsyncFn() -> Result<(), Trouble>) -> Result<(), Trouble> {
        for _ in 0..EARLY_TRIES {
            match ask().await {
                Err(trouble) if ["NoSuchBucket", "OperationAborted"].contains(&trouble.code.as_str()) => {
                    tokio::time::sleep(self.early_pause).await;
                }
                result => return result,
            }
        }
        ask().await
    }

    /// Puts an object into a bucket of this account.
    ///
    /// # Errors
    /// S3 refused it.
    pub async fn put(&self, bucket: &str, key: &str, bytes: Vec<u8>) -> Result<(), Trouble> {
        self.until_known(async || {
            let ask = self.client.put_object().bucket(bucket).key(key).expected_bucket_owner(&self.account);
            let asked = ask.body(ByteStream::from(bytes.clone())).send().await;
            asked.map(drop).map_err(told("s3:PutObject", &self.region))
        })
        .await
    }

    /// An object, whole. Its bucket may be the organization's, which another account owns and lets this one read.
    ///
    /// # Errors
    /// S3 refused it, or the answer ended too early.
    pub async fn get(&self, bucket: &str, key: &str) -> Result<Vec<u8>, Trouble> {
        let ask = self.client.get_object().bucket(bucket).key(key);
        let answer = ask.send().await.map_err(told("s3:GetObject", &self.region))?;
        let content = answer.body.collect().await.map_err(|error| {
            Trouble::new("s3:GetObject", &self.region, "UnreadableAnswer", error.to_string())
        })?;
        Ok(content.to_vec())
    }

    /// Removes a bucket with all that is in it.
    ///
    /// # Errors
    /// S3 refused it.
    pub async fn remove(&self, bucket: &str) -> Result<(), Trouble> {
        loop {
            let ask = self.client.list_object_versions().bucket(bucket).expected_bucket_owner(&self.account);
            let found = ask.send().await.map_err(told("s3:ListBucketVersions", &self.region))?;
            let versions = found.versions().iter().map(|version| (version.key(), version.version_id()));
            let markers = found.delete_markers().iter().map(|marker| (marker.key(), marker.version_id()));
            let mut objects = Vec::new();
            for (key, version) in versions.chain(markers) {
                let object = ObjectIdentifier::builder()
                    .key(key.unwrap_or_default())
                    .set_version_id(version.map(str::to_owned));
                objects.extend(object.build());
            }
            if objects.is_empty() {
                break;
            }
            let doomed = Delete::builder().set_objects(Some(objects)).quiet(true).build();
            let doomed = doomed.map_err(|error| {
                Trouble::new("s3:DeleteObjects", &self.region, "InvalidRequest", error.to_string())
            })?;
            let ask = self
                .client
                .delete_objects()
                .bucket(bucket)
                .expected_bucket_owner(&self.account)
                .delete(doomed);
            let answer = ask.send().await.map_err(told("s3:DeleteObject", &self.region))?;
            if let Some(error) = answer.errors().first() {
                let (code, message) = (error.code().unwrap_or_default(), error.message().unwrap_or_default());
                return Err(Trouble::new("s3:DeleteObject", &self.region, code, message));
            }
        }
        let asked =
            self.client.delete_bucket().bucket(bucket).expected_bucket_owner(&self.account).send().await;
        asked.map(drop).map_err(told("s3:DeleteBucket", &self.region))
    }
}
