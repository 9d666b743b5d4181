//! The one thread that writes and fsyncs. It takes jobs in order, never the interpreter lock, and
//! stops for good at the first failure: after a failed fsync nobody knows what the disk holds.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{Error, Result};
use std::mem::ManuallyDrop;
use std::os::fd::{FromRawFd, RawFd};
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;

/// Durations kept between two readings; older ones are dropped, as a histogram needs no more.
const DURATIONS_MAX: usize = 4096;

/// Between two waits the thread runs for some ten microseconds. Where processors are busy it runs the
/// sooner for asking for no longer slices, and gets no more of them.
const SLICE_NS: u64 = 100_000;

struct Job {
    fd: RawFd,
    offset: u64,
    data: Vec<u8>,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Job>,
    issued: u64,
    done: u64,
    /// Text and errno of the failure that stopped the thread.
    failure: Option<(String, i32)>,
    closing: bool,
    fsync_us: Vec<u64>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    wake: Condvar,
}

impl Shared {
    /// Nothing here can panic while it holds the lock, so a poisoned lock is still in order.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pyclass(frozen, module = "raftkeeper._engine")]
pub struct DiskThread {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[pymethods]
impl DiskThread {
    #[new]
    fn new(notify_fd: RawFd) -> PyResult<Self> {
        let shared = Arc::new(Shared::default());
        let for_thread = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("raftkeeper-disk".into())
            .spawn(move || run(&for_thread, notify_fd))?;
        Ok(Self { shared, thread: Mutex::new(Some(thread)) })
    }

    fn write_sync(&self, fd: RawFd, offset: u64, data: &[u8]) -> PyResult<u64> {
        let mut state = self.shared.lock();
        if state.closing {
            return Err(PyOSError::new_err("the disk thread is closed"));
        }
        state.issued += 1;
        let number = state.issued;
        if state.failure.is_none() {
            state.queue.push_back(Job { fd, offset, data: data.to_vec() });
        }
        // Unlocked first: the thread that is woken would only run into the lock and sleep again.
        drop(state);
        self.shared.wake.notify_one();
        Ok(number)
    }

    fn done(&self) -> (u64, String, i32) {
        let state = self.shared.lock();
        let (text, errno) = state.failure.clone().unwrap_or_default();
        (state.done, text, errno)
    }

    fn fsync_us(&self) -> Vec<u64> {
        std::mem::take(&mut self.shared.lock().fsync_us)
    }

    fn close(&self, py: Python<'_>) {
        self.shared.lock().closing = true;
        self.shared.wake.notify_one();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // A thread that panicked has nothing left to say; `done` tells how far it came.
            py.detach(|| drop(thread.join()));
        }
    }
}

fn run(shared: &Shared, notify_fd: RawFd) {
    ask_for_slices(SLICE_NS);
    while let Some(job) = next_job(shared) {
        let outcome = write_and_sync(&job);
        let mut state = shared.lock();
        match outcome {
            Ok(micros) => {
                state.done += 1;
                if state.fsync_us.len() == DURATIONS_MAX {
                    state.fsync_us.clear();
                }
                state.fsync_us.push(micros);
            }
            Err(error) => {
                state.failure = Some((error.to_string(), error.raw_os_error().unwrap_or(0)));
                state.queue.clear();
            }
        }
        let failed = state.failure.is_some();
        drop(state);
        notify(notify_fd);
        if failed {
            return;
        }
    }
}

/// Of the calling thread. It is a wish: kernels before 6.12 do not know it, and a process that was
/// given another policy than the normal one keeps that and has no slices.
fn ask_for_slices(slice_ns: u64) {
    // SAFETY: the calls change nothing but the calling thread's scheduling, and read a structure that
    // outlives them and says its own length.
    unsafe {
        let attributes = libc::sched_attr {
            size: size_of::<libc::sched_attr>() as u32,
            sched_policy: libc::SCHED_OTHER as u32,
            sched_flags: libc::SCHED_FLAG_KEEP_POLICY as u64,
            sched_nice: libc::getpriority(libc::PRIO_PROCESS, 0),
            sched_priority: 0,
            sched_runtime: slice_ns,
            sched_deadline: 0,
            sched_period: 0,
        };
        libc::syscall(libc::SYS_sched_setattr, 0, &raw const attributes, 0);
    }
}

/// Waits for a job; `None` when the thread is to end and nothing is left to do.
fn next_job(shared: &Shared) -> Option<Job> {
    let mut state = shared.lock();
    loop {
        if let Some(job) = state.queue.pop_front() {
            return Some(job);
        }
        if state.closing {
            return None;
        }
        state = shared.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
    }
}

fn write_and_sync(job: &Job) -> Result<u64> {
    if job.fd < 0 {
        return Err(Error::from_raw_os_error(libc::EBADF));
    }
    // SAFETY: the descriptor is borrowed from the caller, who keeps it open until the job is done;
    // ManuallyDrop leaves the closing to him.
    let file = ManuallyDrop::new(unsafe { File::from_raw_fd(job.fd) });
    file.write_all_at(&job.data, job.offset)?;
    let started = Instant::now();
    file.sync_data()?;
    Ok(u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX))
}

/// Wakes whoever watches the eventfd. It can only fail when its counter is full, and then the
/// watcher is awake anyway.
fn notify(fd: RawFd) {
    let one = 1u64.to_ne_bytes();
    // SAFETY: eight bytes that outlive the call.
    unsafe {
        libc::write(fd, one.as_ptr().cast(), one.len());
    }
}
