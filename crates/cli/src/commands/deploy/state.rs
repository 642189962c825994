//! What a stack's status means for the next deployment. Pure.

/// What has to be done before a change set can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// There is nothing: a change set that creates.
    Create,
    /// There is a stack: a change set that updates.
    Update,
    /// Something is under way, of an earlier deployment or of somebody else: wait, then look again.
    Wait,
    /// It never came to life, or was half deleted: it can only be deleted, then made anew.
    Remove,
    /// The way back from a failed update failed too: go on with it.
    ContinueRollback,
}

/// Reads a status; none means that there is no stack
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html>).
pub fn next(status: Option<&str>) -> Next {
    match status {
        // A stack in review is empty: it waits for a change set that creates it, of whichever run.
        None | Some("DELETE_COMPLETE" | "REVIEW_IN_PROGRESS") => Next::Create,
        Some("ROLLBACK_COMPLETE" | "ROLLBACK_FAILED" | "CREATE_FAILED" | "DELETE_FAILED") => Next::Remove,
        Some("UPDATE_ROLLBACK_FAILED") => Next::ContinueRollback,
        Some(status) if status.ends_with("_IN_PROGRESS") => Next::Wait,
        Some(_) => Next::Update,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_its_next_step() {
        let cases = [
            (None, Next::Create),
            (Some("CREATE_COMPLETE"), Next::Update),
            (Some("UPDATE_COMPLETE"), Next::Update),
            (Some("UPDATE_ROLLBACK_COMPLETE"), Next::Update),
            (Some("UPDATE_FAILED"), Next::Update),
            (Some("IMPORT_COMPLETE"), Next::Update),
            (Some("CREATE_IN_PROGRESS"), Next::Wait),
            (Some("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"), Next::Wait),
            (Some("ROLLBACK_IN_PROGRESS"), Next::Wait),
            (Some("DELETE_IN_PROGRESS"), Next::Wait),
            (Some("REVIEW_IN_PROGRESS"), Next::Create),
            (Some("ROLLBACK_COMPLETE"), Next::Remove),
            (Some("ROLLBACK_FAILED"), Next::Remove),
            (Some("CREATE_FAILED"), Next::Remove),
            (Some("DELETE_FAILED"), Next::Remove),
            (Some("UPDATE_ROLLBACK_FAILED"), Next::ContinueRollback),
        ];
        for (status, expected) in cases {
            assert_eq!(next(status), expected, "{status:?}");
        }
    }
}
