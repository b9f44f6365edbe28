//! What the user or the system sends: the first signal ends the work in good order, the second at once.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use signal_hook::consts::SIGINT;
use signal_hook::consts::SIGTERM;
use signal_hook::flag;

use crate::cancel::Cancel;

/// Exit codes of programs that a signal ends begin here, as shells count them.
const BY_SIGNAL: i32 = 128;

/// Remembers the signal that came.
#[derive(Debug, Clone)]
pub(super) struct Signals {
    number: Arc<AtomicUsize>,
    /// Nobody asks yet, and so nothing is begun that had to be put in order.
    at_once: Arc<AtomicBool>,
}

impl Signals {
    /// Listens from now on. Until somebody asks for [`Self::cancel`] a signal ends the program at once, and so it does
    /// all the time in commands that only read or are over in a moment.
    pub(super) fn install() -> Self {
        let signals = Self { number: Arc::default(), at_once: Arc::new(AtomicBool::new(true)) };
        let again = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // The order counts: on a second signal the second line sees the flag that the third line has set.
            // Without a handler the signal kills at once, which is right too.
            let _ = flag::register_conditional_shutdown(signal, BY_SIGNAL + signal, Arc::clone(&signals.at_once));
            let _ = flag::register_conditional_default(signal, Arc::clone(&again));
            let _ = flag::register(signal, Arc::clone(&again));
            let number = usize::try_from(signal).unwrap_or_default();
            let _ = flag::register_usize(signal, Arc::clone(&signals.number), number);
        }
        signals
    }

    /// Ends the work once a signal has come.
    pub(super) fn cancel(&self) -> Cancel {
        self.at_once.store(false, Ordering::Relaxed);
        let number = Arc::clone(&self.number);
        Cancel::when(move || number.load(Ordering::Relaxed) != 0)
    }

    /// The number of the signal that came; 0 when none did.
    pub(super) fn number(&self) -> u8 {
        u8::try_from(self.number.load(Ordering::Relaxed)).unwrap_or_default()
    }
}
