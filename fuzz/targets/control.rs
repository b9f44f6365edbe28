//! Invariants under test: a stanza's own text is the same stanza; its fields written out are; no field is there twice; text
//! brought into the strict form is in it, and reads as before where it was in it already.
#![no_main]

use imgbuild::deb::ControlError;
use imgbuild::deb::Stanza;
use imgbuild::deb::plain;
use imgbuild::deb::stanzas;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let all: Result<Vec<Stanza<'_>>, ControlError> = stanzas(input).collect();
    let plain_input = plain(input);
    assert_eq!(plain(&plain_input), plain_input);
    let Ok(all) = all else { return };
    assert_eq!(plain_input, input, "what is strict has neither comments nor blank lines");
    for stanza in all {
        assert_eq!(Stanza::parse(stanza.text().as_bytes()).as_ref(), Ok(&stanza));
        let written: String =
            stanza.fields().iter().map(|field| format!("{}: {}\n", field.name, field.value)).collect();
        let again = Stanza::parse(written.as_bytes()).expect("fields that were read");
        assert_eq!(again.fields(), stanza.fields());
        for field in stanza.fields() {
            assert_eq!(stanza.get(&field.name.to_ascii_lowercase()), Some(field.value));
        }
    }
});
