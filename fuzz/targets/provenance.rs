//! Invariants under test: nothing but our own signature over our own statement counts, whatever an envelope says; a
//! manifest that is accepted is written and read back as itself.
#![no_main]

use imgbuild::digest::Sha256;
use imgbuild::host::Verifier;
use imgbuild::manifest::Manifest;
use imgbuild::manifest::provenance::check_provenance;
use libfuzzer_sys::fuzz_target;

/// A key of the seeds' signer that takes every signature, or none.
struct Key(bool);

impl Verifier for Key {
    fn key_id(&self) -> String {
        "nobody".to_owned()
    }

    fn verifies(&self, _: &[u8], _: &[u8]) -> bool {
        self.0
    }
}

fuzz_target!(|input: &str| {
    let manifest =
        Manifest::new("seed".into(), "amd64".into(), "trixie".into(), Sha256::of(b""), 0, Sha256::of(b"lock"));
    let own = Sha256::of(manifest.to_json().as_bytes());
    assert!(check_provenance(input, &manifest, own, &[&Key(false)]).is_err(), "nobody has signed it");
    // Signed by the right key, it counts for the one output that it names, and for no other.
    let other = Sha256::of(b"another manifest");
    let counts = |own| check_provenance(input, &manifest, own, &[&Key(true)]).is_ok();
    assert!(!(counts(own) && counts(other)));
    if let Ok(read) = Manifest::parse(input) {
        let text = read.to_json();
        assert_eq!(Manifest::parse(&text).expect("our own text").to_json(), text);
    }
});
