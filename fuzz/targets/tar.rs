//! Invariants under test: what dpkg's dialect accepts, ours accepts with the same entries; what is accepted and can be
//! written reads back as the same entries; single bytes make no difference.
#![no_main]

use std::io::Read;

use imgbuild::format::tar::Dialect;
use imgbuild::format::tar::Error;
use imgbuild::format::tar::Header;
use imgbuild::format::tar::Reader;
use imgbuild::format::tar::Writer;
use imgbuild_fuzz::OneByte;
use imgbuild_fuzz::with_checksums;
use libfuzzer_sys::fuzz_target;

type Entries = Vec<(Header, Vec<u8>)>;

fn read(input: impl Read, dialect: Dialect) -> Result<Entries, Error> {
    let mut reader = Reader::new(input, dialect, 1000);
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
    let input = with_checksums(input);
    let entries = read(input.as_slice(), Dialect::Pax).ok();
    assert_eq!(read(OneByte(&input), Dialect::Pax).ok(), entries);
    if let Ok(deb) = read(input.as_slice(), Dialect::Deb) {
        assert_eq!(Some(&deb), entries.as_ref(), "two dialects, two archives");
    }
    let Some(entries) = entries else { return };
    match write(&entries) {
        Ok(bytes) => assert_eq!(read(bytes.as_slice(), Dialect::Pax).expect("our own archive"), entries),
        Err(error) => panic!("what was read cannot be written: {error}"),
    }
});
