//! Numbered jobs on all cores, whose results are taken in the order of their numbers.
//!
//! What must hold: no more results wait than a few for each thread, however slow the first one is: so memory does
//! not grow with the number of jobs.

use std::{
    collections::BTreeMap,
    num::NonZero,
    sync::{Condvar, Mutex, MutexGuard, PoisonError, mpsc},
    thread,
};

use anyhow::{Context as _, Result};

/// How far threads may run ahead of what was taken, for each of them.
const AHEAD: u64 = 2;

/// What one thread does.
pub(super) trait Worker {
    /// What comes of a job.
    type Done: Send;

    /// Does one job.
    fn work(&mut self, number: u64) -> Result<Self::Done>;

    /// Ends, when there are no more jobs.
    fn end(self) -> Result<()>;
}

#[derive(Default)]
struct Progress {
    begun: u64,
    taken: u64,
    is_stopped: bool,
}

struct Gate {
    progress: Mutex<Progress>,
    changed: Condvar,
    jobs: u64,
    ahead: u64,
}

impl Gate {
    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next job, when it is not too far ahead; none after the last one.
    fn next(&self) -> Option<u64> {
        let mut progress = self.lock();
        loop {
            if progress.is_stopped || progress.begun == self.jobs {
                return None;
            }
            if progress.begun < progress.taken + self.ahead {
                progress.begun += 1;
                return Some(progress.begun - 1);
            }
            progress = self.changed.wait(progress).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn take(&self) {
        self.lock().taken += 1;
        self.changed.notify_all();
    }

    fn stop(&self) {
        self.lock().is_stopped = true;
        self.changed.notify_all();
    }
}

/// Lets nobody wait for a thread that has ended otherwise than it should.
struct StopOnPanic<'a>(&'a Gate);

impl Drop for StopOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.stop();
        }
    }
}

/// Does so many jobs on so many threads, each with a worker of its own, and takes what comes of them in order.
pub(super) fn in_order<W: Worker>(
    (jobs, threads): (u64, NonZero<usize>),
    worker: impl Fn() -> W + Sync,
    mut take: impl FnMut(u64, W::Done) -> Result<()>,
) -> Result<()> {
    let ahead = u64::try_from(threads.get())?.saturating_mul(AHEAD);
    let gate = Gate { progress: Mutex::default(), changed: Condvar::new(), jobs, ahead };
    let (sender, results) = mpsc::channel();
    let run = |sender: mpsc::Sender<(u64, Result<W::Done>)>| -> Result<()> {
        let _stop = StopOnPanic(&gate);
        let mut worker = worker();
        while let Some(number) = gate.next() {
            if sender.send((number, worker.work(number))).is_err() {
                break;
            }
        }
        worker.end()
    };
    let run = &run;
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.get())
            .map(|_| {
                let sender = sender.clone();
                scope.spawn(move || run(sender))
            })
            .collect();
        drop(sender);
        let _stop = StopOnPanic(&gate);
        let taken = take_all(&gate, &results, &mut take);
        gate.stop();
        // Nobody sends to whom nobody listens.
        drop(results);
        for worker in workers {
            worker.join().ok().context("a thread of the check has panicked")??;
        }
        taken
    })
}

fn take_all<D>(
    gate: &Gate,
    results: &mpsc::Receiver<(u64, Result<D>)>,
    take: &mut impl FnMut(u64, D) -> Result<()>,
) -> Result<()> {
    let mut waiting = BTreeMap::new();
    let mut next = 0;
    for (number, done) in results {
        waiting.insert(number, done?);
        while let Some(done) = waiting.remove(&next) {
            take(next, done)?;
            gate.take();
            next += 1;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Doubler;

    impl Worker for Doubler {
        type Done = u64;

        fn work(&mut self, number: u64) -> Result<u64> {
            anyhow::ensure!(number != 700, "seven hundred");
            Ok(number * 2)
        }

        fn end(self) -> Result<()> {
            Ok(())
        }
    }

    fn taken(jobs: u64, threads: usize) -> (Vec<u64>, Result<()>) {
        let mut all = Vec::new();
        let threads = NonZero::new(threads).unwrap();
        let ended = in_order(
            (jobs, threads),
            || Doubler,
            |number, done| {
                assert_eq!(done, number * 2);
                all.push(number);
                Ok(())
            },
        );
        (all, ended)
    }

    #[test]
    fn results_come_in_order_on_any_number_of_threads() {
        for threads in [1, 2, 7] {
            for jobs in [0, 1, 500] {
                let (all, ended) = taken(jobs, threads);
                assert!(ended.is_ok());
                assert_eq!(all, (0..jobs).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn an_error_ends_it_and_nobody_waits() {
        let (all, ended) = taken(100_000, 3);
        assert_eq!(ended.unwrap_err().to_string(), "seven hundred");
        assert!(all.len() <= 700);
    }
}
