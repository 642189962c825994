//! Several futures at once, on one thread. Nothing is spawned, so they may borrow.

use std::{collections::VecDeque, future::Future, pin::Pin, task::Poll};

/// Waits for all of them; the outputs are in their order.
pub async fn join_all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    join_some(usize::MAX, futures).await
}

/// Waits for all of them, of which no more than so many run at a time; the outputs are in their order. Each that
/// runs is asked again whenever one of them wakes, which is nothing for some thirty.
pub async fn join_some<F: Future>(most: usize, futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut waiting: VecDeque<(usize, F)> = futures.into_iter().enumerate().collect();
    let mut outputs: Vec<Option<F::Output>> = waiting.iter().map(|_| None).collect();
    let mut running: Vec<(usize, Pin<Box<F>>)> = Vec::new();
    while !(running.is_empty() && waiting.is_empty()) {
        while running.len() < most.max(1)
            && let Some((place, future)) = waiting.pop_front()
        {
            running.push((place, Box::pin(future)));
        }
        // Until one of them is done, which makes room for the next.
        let done = std::future::poll_fn(|context| {
            let mut done = Vec::new();
            running.retain_mut(|(place, future)| match future.as_mut().poll(context) {
                Poll::Ready(output) => {
                    done.push((*place, output));
                    false
                }
                Poll::Pending => true,
            });
            if done.is_empty() { Poll::Pending } else { Poll::Ready(done) }
        });
        for (place, output) in done.await {
            outputs[place] = Some(output);
        }
    }
    outputs.into_iter().flatten().collect()
}

/// Waits for two that are not alike.
pub async fn both<A: Future, B: Future>(one: A, other: B) -> (A::Output, B::Output) {
    let (mut one, mut other) = (std::pin::pin!(one), std::pin::pin!(other));
    let (mut first, mut second) = (None, None);
    std::future::poll_fn(|context| {
        if first.is_none()
            && let Poll::Ready(output) = one.as_mut().poll(context)
        {
            first = Some(output);
        }
        if second.is_none()
            && let Poll::Ready(output) = other.as_mut().poll(context)
        {
            second = Some(output);
        }
        match (first.take(), second.take()) {
            (Some(first), Some(second)) => Poll::Ready((first, second)),
            (one, other) => {
                (first, second) = (one, other);
                Poll::Pending
            }
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::{join_all, join_some};
    use std::{cell::Cell, time::Duration};

    #[test]
    fn no_more_run_than_may_and_the_order_stays() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        for (most, expected) in [(1, 1), (3, 3), (usize::MAX, 10)] {
            let (now, peak) = (Cell::new(0), Cell::new(0));
            let one = async |number: u64| {
                now.set(now.get() + 1);
                peak.set(peak.get().max(now.get()));
                // The first ones take longest.
                tokio::time::sleep(Duration::from_millis(10 - number)).await;
                now.set(now.get() - 1);
                number
            };
            let outputs = runtime.block_on(join_some(most, (0..10).map(one)));
            assert_eq!(outputs, (0..10).collect::<Vec<_>>(), "{most} at a time");
            assert_eq!(peak.get(), expected, "{most} at a time");
        }
        assert!(runtime.block_on(join_all(Vec::<std::future::Ready<u8>>::new())).is_empty());
    }
}
