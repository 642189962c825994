//! An AWS of a few answers, for what the emulator does not do: other partitions, and what AWS refuses at first.

use std::{
    path::Path,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

/// A request, as far as an answer depends on it.
#[derive(Debug, Clone)]
pub struct Request {
    /// The operation: `DescribeStacks`, `PUT /bucket`.
    pub call: String,
    /// The region that it was signed for.
    pub region: String,
    /// Its body.
    pub body: String,
}

/// A server that runs until the test ends, and what it was asked.
pub struct Fake {
    pub endpoint: String,
    pub seen: Arc<Mutex<Vec<Request>>>,
}

impl Fake {
    /// `answers` gives a status and a body; none is what an account has in which there is nothing.
    pub fn start(
        regions: &'static [&'static str],
        answers: impl Fn(&Request) -> Option<(u16, String)> + Send + 'static,
    ) -> Self {
        let server = tiny_http::Server::http("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", server.server_addr());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let list = Arc::clone(&seen);
        thread::spawn(move || {
            while let Ok(Some(mut request)) = server.recv_timeout(Duration::from_secs(120)) {
                let mut body = Vec::new();
                request.as_reader().read_to_end(&mut body).unwrap();
                let header = |name: &'static str| {
                    let found = request.headers().iter().find(|header| header.field.equiv(name));
                    found.map(|header| header.value.as_str().to_owned()).unwrap_or_default()
                };
                let body = String::from_utf8_lossy(&body).into_owned();
                let action = body.split('&').find_map(|pair| pair.strip_prefix("Action=")).map(str::to_owned);
                let target = header("X-Amz-Target").rsplit('.').next().map(str::to_owned);
                let path = request.url().split('?').next().unwrap_or_default();
                let rest = format!("{} {path}", request.method());
                let call = action.or(target.filter(|target| !target.is_empty())).unwrap_or(rest);
                let region = header("Authorization").split('/').nth(2).unwrap_or_default().to_owned();
                let asked = Request { call, region, body };
                let (status, text) = answers(&asked).unwrap_or_else(|| nothing(&asked, regions));
                list.lock().unwrap().push(asked);
                request.respond(tiny_http::Response::from_string(text).with_status_code(status)).unwrap();
            }
        });
        Self { endpoint, seen }
    }

    /// `tagger` in it, as root.
    pub fn tagger(&self, region: &str, words: &[&str]) -> Command {
        let mut command = alone(words);
        command
            .env("AWS_ENDPOINT_URL", &self.endpoint)
            .env("AWS_REGION", region)
            .env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", "x");
        command
    }
}

/// `tagger` with nothing of this computer's AWS settings.
pub fn alone(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tagger"));
    command
        .env_clear()
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .args(words)
        .stdin(Stdio::null());
    command
}

/// A program that `tagger deploy` takes.
pub fn program(folder: &Path) -> String {
    let path = folder.join("bootstrap");
    std::fs::write(&path, tagger_elf::sample::Sample::default().bytes()).unwrap();
    path.to_str().unwrap().to_owned()
}

/// An error in XML.
pub fn refused(code: &str, message: &str) -> String {
    format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
    )
}

fn nothing(request: &Request, regions: &[&str]) -> (u16, String) {
    let partition = if request.region.starts_with("cn-") { "aws-cn" } else { "aws-us-gov" };
    let text = match request.call.as_str() {
        "GetCallerIdentity" => format!(
            "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:{partition}:iam::111122223333:root</Arn>\
             <UserId>111122223333</UserId><Account>111122223333</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
        ),
        "DescribeRegions" => {
            let items = regions.iter().map(|region| format!("<item><regionName>{region}</regionName></item>"));
            let items = items.collect::<String>();
            format!("<DescribeRegionsResponse><regionInfo>{items}</regionInfo></DescribeRegionsResponse>")
        }
        "DescribeStacks" if request.body.contains("StackName=") => {
            return (400, refused("ValidationError", "Stack with id x does not exist"));
        }
        "DescribeStacks" => {
            "<DescribeStacksResponse><DescribeStacksResult><Stacks/></DescribeStacksResult></DescribeStacksResponse>".to_owned()
        }
        "DescribeTrails" => "{\"trailList\":[]}".to_owned(),
        "LookupEvents" => "{\"Events\":[]}".to_owned(),
        call if call.starts_with("HEAD /") => return (404, String::new()),
        call => return (400, refused("NotHere", &format!("nothing is known of {call}"))),
    };
    (200, text)
}
