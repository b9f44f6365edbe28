//! Invariants under test: a frame that is accepted holds one text and its signatures and nothing else: written out again
//! from these two it is the same frame, and no line of the text comes from outside.
#![no_main]

use imgbuild::archive::Signed;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Ok(signed) = Signed::inline(input) else { return };
    let (text, signature) = (signed.unverified_text(), signed.signature());
    assert!(input.starts_with(b"-----BEGIN PGP SIGNED MESSAGE-----"));
    assert!(text.len() <= input.len());
    let mut again = b"-----BEGIN PGP SIGNED MESSAGE-----\n\n".to_vec();
    for line in text.split_inclusive(|&byte| byte == b'\n') {
        assert!(!line.ends_with(b" \n") && !line.ends_with(b"\t\n") && !line.ends_with(b"\r\n"));
        if line.starts_with(b"-") {
            again.extend_from_slice(b"- ");
        }
        again.extend_from_slice(line);
    }
    again.extend_from_slice(signature);
    assert_eq!(Signed::inline(&again).as_ref(), Ok(&signed));
    // Whatever is added at either end is noticed.
    assert!(Signed::inline(&[b"x", input].concat()).is_err());
    assert!(Signed::inline(&[input, b"\nx"].concat()).is_err());
});
