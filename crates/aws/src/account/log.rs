//! A log group of CloudWatch Logs: the lines of a time that match a pattern. Reads only.

use super::{Account, Kind, Trouble, text, trouble::told};
use aws_sdk_cloudwatchlogs::Client;
use serde_json::Value;
use std::time::{Duration, SystemTime};

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// When, as the log says; milliseconds since 1970.
    pub at: i64,
    /// The line.
    pub message: String,
}

impl Line {
    /// The line as JSON, with a `timestamp` in any case: the log's own, where the line has none. None for other text.
    pub fn json(&self) -> Option<Value> {
        let mut line: Value = serde_json::from_str(&self.message).ok()?;
        let members = line.as_object_mut()?;
        if !members.contains_key("timestamp") {
            let at = SystemTime::UNIX_EPOCH + Duration::from_millis(self.at.max(0).unsigned_abs());
            members.insert("timestamp".to_owned(), crate::time::format(at).into());
        }
        Some(line)
    }
}

/// The lines that were found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lines {
    /// Oldest first.
    pub lines: Vec<Line>,
    /// Whether these are all of them.
    pub complete: bool,
}

impl Account {
    /// The lines since a time that match a pattern, in so many pages of 10,000 lines or 1 MB at most; none when there
    /// is no such log group. A page may be empty and not the last:
    /// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html>
    ///
    /// # Errors
    /// CloudWatch Logs could not be asked.
    pub async fn log(
        &self,
        region: &str,
        group: &str,
        pattern: &str,
        since: SystemTime,
        pages: usize,
    ) -> Result<Option<Lines>, Trouble> {
        let client = Client::new(&self.at(region));
        let since = since.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_millis();
        let since = i64::try_from(since).unwrap_or(i64::MAX);
        let mut found = Lines { lines: Vec::new(), complete: false };
        let mut page: Option<String> = None;
        for _ in 0..pages {
            let ask = client.filter_log_events().log_group_name(group).filter_pattern(pattern);
            let asked = ask.start_time(since).set_next_token(page).send().await;
            let answer = match asked.map_err(told("logs:FilterLogEvents", region)) {
                Ok(answer) => answer,
                Err(trouble) if trouble.kind() == Kind::NotFound => return Ok(None),
                Err(trouble) => return Err(trouble),
            };
            found.lines.extend(
                answer
                    .events()
                    .iter()
                    .map(|event| Line { at: event.timestamp().unwrap_or(0), message: text(event.message()) }),
            );
            page = answer.next_token().map(str::to_owned);
            if page.is_none() {
                found.complete = true;
                break;
            }
        }
        // Streams are searched one after another, so that pages need not be in order.
        found.lines.sort_by_key(|line| line.at);
        Ok(Some(found))
    }
}
