//! Invariants under test: what is accepted and can be written reads back as the same entries.
#![no_main]

use std::io::Read;

use imgbuild::format::newc::Error;
use imgbuild::format::newc::Header;
use imgbuild::format::newc::Reader;
use imgbuild::format::newc::Writer;
use imgbuild_fuzz::OneByte;
use libfuzzer_sys::fuzz_target;

type Entries = Vec<(Header, Vec<u8>)>;

fn read(input: impl Read) -> Result<Entries, Error> {
    let mut reader = Reader::new(input);
    let mut entries = Vec::new();
    while let Some(header) = reader.next_entry()? {
        let mut body = Vec::new();
        reader.read_to_end(&mut body)?;
        entries.push((header, body));
    }
    Ok(entries)
}

fn write(entries: &Entries) -> Result<Vec<u8>, Error> {
    let mut writer = Writer::new(Vec::new());
    for (header, body) in entries {
        writer.append(header, &mut body.as_slice())?;
    }
    writer.finish()
}

fuzz_target!(|input: &[u8]| {
    let entries = read(input).ok();
    assert_eq!(read(OneByte(input)).ok(), entries);
    let Some(entries) = entries else { return };
    // A link's target may be read longer than the kernel would take it, and is not written so.
    if let Ok(bytes) = write(&entries) {
        assert_eq!(read(bytes.as_slice()).expect("our own archive"), entries);
    }
});
