//! What the user or the system sends: the first signal ends the build in good order, the second at once.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use signal_hook::consts::SIGINT;
use signal_hook::consts::SIGTERM;
use signal_hook::flag;

use crate::cancel::Cancel;

/// Remembers the signal that came.
#[derive(Debug, Clone, Default)]
pub(super) struct Signals {
    number: Arc<AtomicUsize>,
}

impl Signals {
    /// Listens from now on.
    pub(super) fn install() -> Self {
        let signals = Self::default();
        let again = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // The order counts: on a second signal the first line sees the flag that the second line has set.
            // Without a handler the signal kills at once, which is right too.
            let _ = flag::register_conditional_default(signal, Arc::clone(&again));
            let _ = flag::register(signal, Arc::clone(&again));
            let number = usize::try_from(signal).unwrap_or_default();
            let _ = flag::register_usize(signal, Arc::clone(&signals.number), number);
        }
        signals
    }

    /// Ends the work once a signal has come.
    pub(super) fn cancel(&self) -> Cancel {
        let number = Arc::clone(&self.number);
        Cancel::when(move || number.load(Ordering::Relaxed) != 0)
    }

    /// The number of the signal that came; 0 when none did.
    pub(super) fn number(&self) -> u8 {
        u8::try_from(self.number.load(Ordering::Relaxed)).unwrap_or_default()
    }
}
