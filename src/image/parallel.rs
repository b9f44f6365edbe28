//! The same work on many pieces, on several threads, with the results in the order of the pieces.

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use crate::cancel::Cancel;
use crate::cancel::Cancelled;

/// Does `work` on each of `pieces` on up to `jobs` threads. The number of threads shows in nothing but the time.
///
/// # Errors
/// It was cancelled.
pub(super) fn map<T: Sync, R: Send>(
    jobs: usize,
    cancel: &Cancel,
    pieces: &[T],
    work: &(dyn Fn(&T) -> R + Sync),
) -> Result<Vec<R>, Cancelled> {
    let work = |piece: &T| cancel.check().map(|()| work(piece));
    let jobs = jobs.min(pieces.len());
    if jobs <= 1 {
        return pieces.iter().map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut done = Vec::new();
        loop {
            let position = next.fetch_add(1, Ordering::Relaxed);
            let Some(piece) = pieces.get(position) else { return done };
            done.push((position, work(piece)));
        }
    };
    let mut results: Vec<(usize, Result<R, Cancelled>)> = std::thread::scope(|scope| {
        // A thread that the system does not give is one less: this one works in any case.
        let spawn = |_| std::thread::Builder::new().spawn_scoped(scope, worker).ok();
        let workers: Vec<_> = (1..jobs).filter_map(spawn).collect();
        let mut results = worker();
        for worker in workers {
            results.extend(worker.join().expect("the work does not panic"));
        }
        results
    });
    results.sort_unstable_by_key(|(position, _)| *position);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_order() {
        let pieces: Vec<u64> = (0..1000).collect();
        let cancel = Cancel::default();
        for jobs in [0, 1, 3, 2000] {
            assert_eq!(
                map(jobs, &cancel, &pieces, &|piece| piece * piece).expect("not cancelled")[999],
                998_001,
                "{jobs}"
            );
            assert!(map(jobs, &cancel, &pieces, &|piece| *piece).expect("not cancelled").is_sorted(), "{jobs}");
        }
        let now = Cancel::when(|| true);
        assert_eq!(map(2, &now, &pieces, &|piece| *piece), Err(Cancelled));
    }
}
