//! Where jobs are left while every permit is held: submitters and workers meet once per batch in a lock of their own, and
//! not once per job in the pool's. An unbounded queue only: whether a bounded one has room is for the state to say.
//! `pool/core.rs` 10 says when it is open.

// Needs: sync.rs.

use std::collections::VecDeque;
use std::mem;

use crossbeam_utils::CachePadded;

use super::super::sync::Lock;

/// Jobs `J` that the pool has accepted and not seen yet.
pub(super) struct Inbox<J>(CachePadded<Lock<Content<J>>>);

struct Content<J> {
    jobs: VecDeque<J>,
    /// False: it is empty, and stays so.
    open: bool,
}

impl<J> Inbox<J> {
    /// With memory for so many jobs.
    pub(super) fn new(reserve: usize) -> Self {
        Self(CachePadded::new(Lock::new(Content { jobs: VecDeque::with_capacity(reserve), open: false })))
    }

    /// Leaves a job, if it is open.
    #[inline]
    pub(super) fn post<K: Into<J>>(&self, job: K) -> Result<(), K> {
        self.0.with(|content| content.post(job))
    }

    /// Moves what has been left to the end of `queue`; says how many that were. Sets whether it is open.
    pub(super) fn empty_into(&self, queue: &mut VecDeque<J>, open: bool) -> usize {
        self.0.with(|content| content.empty_into(queue, open))
    }
}

impl<J> Content<J> {
    fn post<K: Into<J>>(&mut self, job: K) -> Result<(), K> {
        if !self.open {
            return Err(job);
        }
        self.jobs.push_back(job.into());
        Ok(())
    }

    fn empty_into(&mut self, queue: &mut VecDeque<J>, open: bool) -> usize {
        self.open = open;
        let count = self.jobs.len();
        if queue.is_empty() {
            mem::swap(queue, &mut self.jobs);
        } else {
            queue.append(&mut self.jobs);
        }
        count
    }
}
