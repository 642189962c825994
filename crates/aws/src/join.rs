//! Several futures at once, on one thread. Nothing is spawned, so they may borrow.

use std::{future::Future, pin::Pin, task::Poll};

/// A future, then what it came to.
enum Part<F: Future> {
    Runs(Pin<Box<F>>),
    Done(Option<F::Output>),
}

/// Waits for all of them; the outputs are in their order. Each is asked again whenever one of them wakes,
/// which is nothing for some thirty regions.
pub async fn join_all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output>
where
    F::Output: Unpin,
{
    let mut parts: Vec<Part<F>> = futures.into_iter().map(|future| Part::Runs(Box::pin(future))).collect();
    std::future::poll_fn(|context| {
        let mut pending = false;
        for part in &mut parts {
            if let Part::Runs(future) = part {
                match future.as_mut().poll(context) {
                    Poll::Ready(output) => *part = Part::Done(Some(output)),
                    Poll::Pending => pending = true,
                }
            }
        }
        if pending { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    let outputs = parts.into_iter().filter_map(|part| match part {
        Part::Done(output) => output,
        Part::Runs(_) => None,
    });
    outputs.collect()
}
