//! The emulator's process: started, asked, ended.
//!
//! It ends with this process in any case: in order when this value is dropped, and by itself when
//! its parent is gone (`sandbox/lifetime.py`).

use super::files;
use crate::exit_code::Error;
use serde_json::Value;
use std::{
    fs,
    io::{BufRead, BufReader, Read},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

/// How long the emulator may take to answer.
const START: Duration = Duration::from_secs(60);

/// Says how late things show where no option does.
const CONSISTENCY: &str = "SANDBOX_CONSISTENCY";

/// Says how long the name of a deleted queue is taken, where it is not SQS's 60 seconds: for tests that deploy often.
const QUEUE_PAUSE: &str = "SANDBOX_QUEUE_PAUSE";

/// A running emulator.
pub struct Cloud {
    child: Child,
    /// Where it listens.
    pub endpoint: String,
    /// The account in which everything happens.
    pub account: String,
    /// The region in which everything happens.
    pub region: String,
    /// Its files; removed at the end.
    pub folder: PathBuf,
    python: PathBuf,
}

/// What was installed into it.
pub struct Installed {
    /// The people who can act in it.
    pub identities: Vec<Identity>,
    /// The bucket that the trail writes to.
    pub trail_bucket: String,
}

/// Somebody who can act in it.
pub struct Identity {
    /// What it is, for people.
    pub label: String,
    /// The name that its resources must carry.
    pub expected: String,
    /// Whether it creates only a few things in the demo.
    pub brief: bool,
    /// Its credentials, as environment variables.
    pub environment: Vec<(String, String)>,
}

impl Cloud {
    /// Starts it and waits until it answers.
    ///
    /// # Errors
    /// Why it did not start.
    pub fn start(
        python: &Path,
        port: Option<u16>,
        consistency: Option<f64>,
        stop: &AtomicBool,
    ) -> Result<Self, Error> {
        let folder = std::env::temp_dir().join(format!("tagger-sandbox-{}", std::process::id()));
        files::write(&folder.join("sandbox"))
            .map_err(|error| Error::Failure(format!("{}: {error}", folder.display())))?;
        let mut command = command(&python.join("venv/bin/python"), python, &folder);
        command
            .arg(folder.join("sandbox/cloud.py"))
            .arg("--port")
            .arg(port.unwrap_or(0).to_string())
            .arg("--state")
            .arg(&folder);
        let late = consistency.map(|seconds| seconds.to_string()).or_else(|| std::env::var(CONSISTENCY).ok());
        if let Some(seconds) = late {
            command.arg("--consistency").arg(seconds);
        }
        if let Some(seconds) = std::env::var_os(QUEUE_PAUSE) {
            command.env(QUEUE_PAUSE, seconds);
        }
        // Its own process group: Ctrl-C comes to us, and we end it in order.
        command.process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child =
            command.spawn().map_err(|error| Error::Failure(format!("the sandbox did not start: {error}")))?;
        let (sender, lines) = mpsc::channel();
        if let Some(stdout) = child.stdout.take() {
            // Reads on to the end, so that the child never blocks on a full pipe.
            std::thread::spawn(move || {
                for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                    let _ = sender.send(line);
                }
            });
        }
        let python = python.to_owned();
        let mut cloud = Self {
            child,
            endpoint: String::new(),
            account: String::new(),
            region: String::new(),
            folder,
            python,
        };
        let started = Instant::now();
        let ready: Value = loop {
            match lines.recv_timeout(Duration::from_millis(100)) {
                Ok(line) => match serde_json::from_str(&line) {
                    Ok(ready) => break ready,
                    Err(_) => continue,
                },
                Err(_) if stop.load(Ordering::Relaxed) => return Err(Error::Failure("stopped".to_owned())),
                Err(mpsc::RecvTimeoutError::Disconnected) => return Err(cloud.did_not_start("it ended")),
                Err(_) if started.elapsed() > START => return Err(cloud.did_not_start("it does not answer")),
                Err(_) => {}
            }
        };
        let text = |name: &str| ready[name].as_str().unwrap_or_default().to_owned();
        (cloud.endpoint, cloud.account, cloud.region) = (text("endpoint"), text("account"), text("region"));
        Ok(cloud)
    }

    fn did_not_start(&mut self, what: &str) -> Error {
        let _ = self.child.kill();
        let mut said = String::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            let _ = stderr.read_to_string(&mut said);
        }
        let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("nothing more is known");
        Error::Failure(format!("the sandbox did not start: {what}: {last}"))
    }

    /// Puts the product into it as into any account, by `tagger deploy`, and then the people.
    pub fn install(&self, bootstrap: &Path, config: Option<&Path>) -> Result<Installed, Error> {
        let absolute = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let program = std::env::current_exe()
            .map_err(|error| Error::Failure(format!("this program does not find itself: {error}")))?;
        let mut deploy = command(&program, &self.python, &self.folder);
        deploy
            .args(["deploy", "--yes", "--json", "--trail", "new", "--any-glibc", "--zip"])
            .arg(absolute(bootstrap));
        if let Some(config) = config {
            deploy.arg("--config").arg(absolute(config));
        }
        // The emulator takes a key that is an account's number as that account's root, whatever the secret.
        deploy
            .env("AWS_ENDPOINT_URL", &self.endpoint)
            .env("AWS_REGION", &self.region)
            .env("AWS_ACCESS_KEY_ID", &self.account)
            .env("AWS_SECRET_ACCESS_KEY", "test");
        let deployed = answers(deploy, "the product could not be put into the sandbox")?;
        let end = deployed.last().ok_or_else(|| Error::Failure("tagger deploy said nothing".to_owned()))?;
        let mut people = self.command("python");
        people.arg(self.folder.join("sandbox/people.py"));
        people.args(["--endpoint", &self.endpoint, "--account", &self.account, "--region", &self.region]);
        let people = answers(people, "the people could not be put into the sandbox")?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let listed = people.first().and_then(|answer| answer["identities"].as_array());
        let identities = listed.into_iter().flatten().map(|identity| Identity {
            label: text(&identity["label"]),
            expected: text(&identity["expected"]),
            brief: identity["brief"] == true,
            environment: identity["environment"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(name, value)| (name.clone(), text(value)))
                .collect(),
        });
        Ok(Installed {
            identities: identities.collect(),
            trail_bucket: text(&end["outputs"]["TrailBucketName"]),
        })
    }

    /// A program of the sandbox's environment, with a clean environment.
    pub fn command(&self, program: &str) -> Command {
        command(&self.python.join("venv/bin").join(program), &self.python, &self.folder)
    }

    /// The folder of the sandbox's programs, the AWS CLI among them.
    pub fn programs(&self) -> PathBuf {
        self.python.join("venv/bin")
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

/// Runs a program to its end; the lines of JSON that it prints.
fn answers(mut program: Command, failed: &str) -> Result<Vec<Value>, Error> {
    let output = program.output().map_err(|error| Error::Failure(format!("{failed}: {error}")))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(Error::Failure(format!("{failed}: {}", said.trim().trim_start_matches("tagger: "))));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let lines = text.lines().filter(|line| !line.trim().is_empty()).map(serde_json::from_str);
    lines.collect::<Result<_, _>>().map_err(|error| Error::Failure(format!("{failed}: not JSON: {error}")))
}

/// Nothing of the user's environment is inherited: no credentials, no profile, no proxy.
fn command(program: &Path, python: &Path, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", python.join("venv/bin").display()))
        .env("HOME", folder)
        .env("LANG", "C.UTF-8")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .current_dir(folder)
        .stdin(Stdio::null());
    command
}

impl Drop for Cloud {
    fn drop(&mut self) {
        if let Some(process) = rustix::process::Pid::from_raw(self.child.id() as i32) {
            let _ = rustix::process::kill_process(process, rustix::process::Signal::TERM);
        }
        let asked = Instant::now();
        while self.is_running() && asked.elapsed() < Duration::from_secs(10) {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}
