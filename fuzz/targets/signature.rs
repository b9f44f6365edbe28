//! Invariants under test: no signature over one text counts for another, whatever is done to it, and OpenPGP data from
//! anybody neither panics nor takes long.
#![no_main]

use std::sync::LazyLock;

use imgbuild::archive::Signed;
use imgbuild::host::Trust;
use imgbuild::host::openpgp::OpenPgp;
use libfuzzer_sys::fuzz_target;

/// Debian's own keys: real certificates, whose secret halves nobody here has.
static KEYRING: LazyLock<Vec<u8>> = LazyLock::new(imgbuild::archive::debian_keyring);
/// 2026-06-01.
const NOW: i64 = 1_780_272_000;

fuzz_target!(|input: &[u8]| {
    let trust = OpenPgp::default();
    if let Ok(signed) = Signed::detached(b"a text that nobody has signed", input) {
        assert!(trust.verify(&signed, &KEYRING, &[Some(NOW)]).is_err());
    }
    // And as a keyring, or a keybox, it holds no key that signed nothing.
    let nothing = Signed::detached(b"", b"\x88").expect("a frame");
    assert!(trust.verify(&nothing, input, &[None]).is_err());
});
