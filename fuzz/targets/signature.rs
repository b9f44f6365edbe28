//! Invariants under test: no signature over one text counts for another, whatever is done to it, and OpenPGP data from
//! anybody neither panics nor takes long.
#![no_main]

use std::sync::LazyLock;

use imgbuild::host::Trust;
use imgbuild::host::openpgp::OpenPgp;
use libfuzzer_sys::fuzz_target;

/// Debian's own keys: real certificates, whose secret halves nobody here has.
static KEYRING: LazyLock<Vec<u8>> = LazyLock::new(imgbuild::archive::debian_keyring);
/// 2026-06-01.
const NOW: i64 = 1_780_272_000;

fuzz_target!(|input: &[u8]| {
    let trust = OpenPgp::default();
    assert!(trust.verify(b"a text that nobody has signed", input, &KEYRING, NOW).is_err());
    // And as a keyring it holds no key that signed nothing.
    assert!(trust.verify(b"", b"", input, NOW).is_err());
});
